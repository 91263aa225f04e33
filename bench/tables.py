"""Tables of what was measured beside what was asked for: as text, and as plain data for JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows with the same columns.

    Attributes
    ----------
    title : str
        What is measured.
    rows : list of dict
        Columns by name.
    notes : tuple of str
        What a reader has to know.
    """

    title: str
    rows: list[Row]
    notes: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        """Print with columns aligned."""
        lines = [f"-- {self.title}", *(f"   {note}" for note in self.notes)]
        if self.rows:
            cells = [list(self.rows[0]), *([_cell(value) for value in row.values()] for row in self.rows)]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            lines += ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
        return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def judged(value: float, must: float | None, reach: float | None, *, larger: bool = True) -> Row:
    """Give the last columns of a row: what was measured, what it must be, what it should reach, and the verdict.

    ``larger`` says that more is better. Infinity, where there was nothing to compare with, is shown as nothing.
    """
    sign = 1 if larger else -1

    def meets(goal: float | None) -> bool:
        return goal is not None and sign * value >= sign * goal

    if meets(reach):
        verdict = "ok, reach"
    elif must is None:
        verdict = "-" if reach is None else "below reach"
    else:
        verdict = "ok" if meets(must) else "SHORT"
    return {"measured": value if math.isfinite(value) else None, "must": must, "reach": reach, "verdict": verdict}
