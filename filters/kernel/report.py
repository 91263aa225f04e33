"""What the command prints and writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsl import fitting
from filters.kernel import figure
from filters.kernel.fits import MOST_TERMS, Row, marked, rows
from filters.kernel.reading import Array, RefusedError, read


def run(
    text: str,
    output: Path | None = None,
    *,
    terms: int | None = None,
    accuracy: float | None = None,
    type: int = 5,
    radius: int | None = None,
) -> None:
    """Print the table of a kernel, after writing its figure if ``output`` names one.

    Parameters
    ----------
    text : str
        The kernel, as for :func:`filters.kernel.reading.read`.
    output : Path, optional
        PNG or SVG file.
    terms, accuracy : optional
        Which line is marked and drawn: so many terms (3), or the fewest that guarantee so many dB.
    type : int
        Of the transform: 1, 3, 5 or 7.
    radius : int, optional
        Where a function ends.
    """
    if terms is not None and not 1 <= terms <= MOST_TERMS:
        raise RefusedError(f"--terms must be from 1 to {MOST_TERMS}, not {terms}")
    if output is not None:
        figure.check_drawable(output)
    kernel = read(text, radius=radius)
    table = rows(kernel, type)
    chosen = marked(text, kernel, table, terms, accuracy, type)
    if chosen.fit.terms == 0:  # only ever chosen for a box
        table.insert(0, chosen)
    if output is not None:
        figure.write(output, text, kernel, chosen)
    _print(text, kernel, table, chosen)
    if output is not None:
        print(f"\nThe figure is in {output.resolve()}")


def _print(text: str, kernel: Array, table: list[Row], chosen: Row) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("")
    for title in ("terms", "window radius", "relative L2 error", "least PSNR, one axis"):
        shown.add_column(title, justify="right")
    for row in table:
        is_chosen = row.fit.terms == chosen.fit.terms
        numbers = (str(row.fit.terms), str(row.fit.radius), *row.texts)
        shown.add_row(">" if is_chosen else "", *numbers, style="bold" if is_chosen else None)
    print(_described(text, kernel, chosen.fit))
    Console().print(shown)


def _described(text: str, kernel: Array, fit: fitting.Fit) -> str:
    total, size = float(kernel.sum()), float(np.abs(kernel).sum())
    total = 0.0 if abs(total) < 1e-9 * size else total
    parity = {"both": "neither even nor odd"}.get(fit.parity, fit.parity)
    return f"{text}: {kernel.size} weights, {parity}, sum {total:.5g}; type {fit.type}"
