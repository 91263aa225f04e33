"""What experiments come to: rows of figures, one of each seed, as plain data for JSON and as text for tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compress.experiments.experiment import Experiment, Plan, Trained

Row = dict[str, Any]


@dataclass(frozen=True)
class Results:
    """A table.

    Attributes
    ----------
    title : str
        What was done.
    notes : tuple of str
        What a reader has to know.
    whole : dict
        What the whole network came to, as a row.
    rows : tuple of dict
        By column: a text or a number, or a list with a figure of each seed.
    """

    title: str
    notes: tuple[str, ...]
    whole: Row
    rows: tuple[Row, ...]

    def data(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return asdict(self)


def add(row: Row, found: Mapping[str, float]) -> None:
    """Put a seed's figures into a row."""
    for name, value in found.items():
        row.setdefault(name, []).append(value)


def by_rate(
    plan: Plan, rates: Sequence[float], compared: Callable[[Experiment, Trained, float], Mapping[str, float]]
) -> tuple[Row, tuple[Row, ...]]:
    """Give the figures of the whole network, and those of each rate, which a function gives for each seed."""
    whole: Row = {}
    rows: tuple[Row, ...] = tuple({} for _ in rates)
    for experiment in plan.experiments():
        dense = experiment.dense()
        add(whole, figures(dense))
        for row, share in zip(rows, rates, strict=True):
            add(row, compared(experiment, dense, share))
    return whole, rows


def figures(trained: Trained) -> dict[str, float]:
    """Give the figures of a network."""
    return {"top-1 %": 100 * trained.top1, "top-5 %": 100 * trained.top5, "seconds": trained.seconds}


def beside(trained: Mapping[str, Trained]) -> dict[str, float]:
    """Give the figures of networks, those of one kind side by side."""
    each = {name: figures(found) for name, found in trained.items()}
    kinds = list(next(iter(each.values())))
    return {f"{kind}: {name}": each[name][kind] for kind in kinds for name in each}


def cell(value: Any) -> str:
    """Write what stands in a row: of figures the mean and how much seeds differ."""
    if not isinstance(value, list):
        return str(value)
    mean = f"{statistics.mean(value):.2f}"
    return f"{mean} ± {spread(value):.2f}" if len(value) > 1 else mean


def spread(values: Sequence[float]) -> float:
    """Give the standard deviation of what seeds came to; of one there is none."""
    return statistics.stdev(values) if len(values) > 1 else 0.0
