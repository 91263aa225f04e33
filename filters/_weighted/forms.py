"""Forms of a weight's table: which there are on a machine, what each costs, and which is the cheapest that will do."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from filters._weighted import prediction
from filters._weighted.functions import Float64, RangeFunction
from filters._weighted.prediction import Rings
from schedules import targets

Choices = tuple[tuple[str, str | int], ...]
#: Differences that lines are fitted at.
_POINTS = 1024
#: Of lines in memory: so many that what is left of the error is that of float32.
_DENSE = 4096


@dataclass(frozen=True)
class Form:
    """A way to have the weights.

    Parameters
    ----------
    choices : tuple
        Of the schedule.
    cost : float
        Operations for a vector of taps; only their order counts.
    table : tuple of float
        What the program looks up.
    scale : float
        Entries a unit of difference.
    """

    choices: Choices
    cost: float
    table: tuple[float, ...]
    scale: float

    def weights(self, distance: Float64, spatial: Float64) -> Float64:
        """Give the weights it has instead of the true ones."""
        return np.interp(distance * self.scale, np.arange(len(self.table)), self.table) * spatial


@dataclass(frozen=True)
class Bytes(Form):
    """Weights in eight bits: a table of ``entries`` for differences below ``span``, up to ``most``."""

    entries: int = 128
    span: int = 128
    most: int = 255

    def weights(self, distance: Float64, spatial: Float64) -> Float64:
        """Give the weights it has instead of the true ones, in units of its own."""
        step = self.span // self.entries
        values = np.interp(np.arange(self.span), np.arange(len(self.table)), self.table)
        means = values.reshape(self.entries, step).mean(axis=1)
        index = np.minimum(distance, self.span - 1).astype(np.int64) // step
        return np.round(np.clip(means[index] * spatial / means.max() * self.most, 0, self.most))


def for_bytes(function: RangeFunction, target: str) -> list[Bytes]:
    """List the forms for images of bytes, the cheapest first."""
    table = tuple(function(np.arange(256.0)).tolist())
    found = []
    for method, most, sizes in byte_tables(target):
        for entries, span, cost in sizes:
            choices: Choices = (("entries", entries), ("mean", method), ("span", span))
            found.append(Bytes(choices, cost, table, 1.0, entries, span, most))
    return sorted(found, key=lambda form: form.cost)


def byte_tables(target: str) -> list[tuple[str, int, list[tuple[int, int, float]]]]:
    """Give for each method on a target its largest weight, and its tables: entries, differences, operations."""
    spans = (16, 32, 64, 128, 256)
    unit = targets.tables_in_registers(target)
    if unit is None:
        return [("selects", 127, [(8, 128, 40.0), (16, 128, 50.0)])]
    if unit.whole:
        return [("bytes", unit.weight, [(128, 128, 9.0), (256, 256, 11.0)])]
    fitting = [(entries, span) for entries in unit.bytes for span in spans if entries <= span]
    return [("bytes", unit.weight, [(e, s, 13.0 + 3.0 * (e > 16) + (s == 256)) for e, s in fitting])]


def for_floats(function: RangeFunction, rings: Rings, peak: float | None, target: str) -> list[Form]:
    """List the forms for any image, the cheapest first; ``peak`` is the width of the values' range, if it is known."""
    unit = targets.tables_in_registers(target)
    found = []
    if unit is not None:
        for lines in unit.floats:
            table, scale = shrunken(function, rings, peak, lines)
            found.append(Form((("entries", lines), ("mean", "floats")), 30.0 + lines / 16, table, scale))
    return [*found, dense(function, peak, target)]


def dense(function: RangeFunction, peak: float | None, target: str) -> Form:
    """Give the form whose error is that of float32: a long table, from memory."""
    end = _end(function, peak)
    if function.name == "table":
        table, scale = function.entries, 1 / function.sigma
    else:
        table, scale = tuple(function(np.linspace(0.0, end, _DENSE + 1)).tolist()), _DENSE / end
    method = "floats" if targets.tables_in_registers(target) else "loop"
    return Form((("mean", method),), 300.0, table, scale)


def _end(function: RangeFunction, peak: float | None) -> float:
    """Give the difference where a table may end."""
    typical = 8.5 * function.sigma if peak is None else peak
    return min(function.reach, typical) if function.name != "table" else function.reach


@functools.lru_cache(maxsize=256)
def shrunken(function: RangeFunction, rings: Rings, peak: float | None, lines: int) -> tuple[tuple[float, ...], float]:
    """Shrink a table to so many lines: where it ends, and its nodes, such that averages err least on photographs.

    Returns
    -------
    (tuple of float, float)
        The nodes, and how many there are a unit of difference.
    """
    if function.name == "table" and len(function.entries) <= lines + 1:
        return function.entries, 1 / function.sigma
    typical = 8.5 * function.sigma if peak is None else peak
    far = _end(function, peak)
    best: tuple[float, tuple[float, ...], float] | None = None
    for part in (1.0,) if function.name == "table" else (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        end = far * part
        nodes, scale = _nodes(function, rings, typical, lines, end), lines / end
        form = Form((), 0.0, nodes, scale)
        found = prediction.psnr(function, form.weights, rings, typical)
        if best is None or found > best[0]:
            best = (found, nodes, scale)
    assert best is not None
    return best[1], best[2]


def _nodes(function: RangeFunction, rings: Rings, peak: float, lines: int, end: float) -> tuple[float, ...]:
    """Fit nodes by least squares, each difference with its share of the error of averages."""
    at = (np.arange(_POINTS) + 0.5) * (end / _POINTS)
    place = at * (lines / end)
    first = place.astype(np.int64)
    hats = np.zeros((_POINTS, lines + 1))
    rows = np.arange(_POINTS)
    hats[rows, first], hats[rows, first + 1] = 1 - (place - first), place - first
    share = prediction.importance(function, rings, peak, 128, end)
    weight = np.sqrt(np.repeat(share, _POINTS // 128) + 1e-3 * share.mean())
    fitted = np.linalg.lstsq(hats * weight[:, None], function(at) * weight, rcond=None)[0]
    return tuple(np.maximum(fitted, 0.0).tolist() if function.is_positive else fitted.tolist())
