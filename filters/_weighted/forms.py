"""Forms of a weight's table: which there are on a machine, what each costs, and which is the cheapest that will do."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filters._weighted import prediction
from filters._weighted.functions import Float64, RangeFunction
from filters._weighted.prediction import Rings
from schedules import targets

Choices = tuple[tuple[str, str | int], ...]
#: Differences that lines are fitted at.
_POINTS = 1024
#: Nodes, and how many there are a unit of difference.
Shrunken = tuple[tuple[float, ...], float]
#: Width of the range of values, in sigmas, where nothing is known of it.
TYPICAL = 8.5
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
        if self.span < len(self.table):
            means[-1] = self.table[(self.span + len(self.table) - 1) // 2]
        index = np.minimum(distance, self.span - 1).astype(np.int64) // step
        found: Float64 = np.round(np.clip(means[index] * spatial / means.max() * self.most, 0, self.most))
        return found


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
        return [("selects", 127, [(e, s, 40.0 if e == 8 else 50.0) for e in (8, 16) for s in spans if e <= s])]
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
    typical = TYPICAL * function.sigma if peak is None else peak
    return min(function.reach, typical) if function.name != "table" else function.reach


@functools.lru_cache(maxsize=256)
def shrunken(function: RangeFunction, rings: Rings, peak: float | None, lines: int) -> Shrunken:
    """Shrink a table to so many lines: where it ends, and its nodes, such that averages err least on photographs.

    Returns
    -------
    (tuple of float, float)
        The nodes, and how many there are a unit of difference.
    """
    if function.name == "table" and len(function.entries) <= lines + 1:
        return function.entries, 1 / function.sigma
    far = _end(function, peak)
    ranges = [function.sigma * times for times in _RANGES] if peak is None else [peak]
    best: tuple[float, tuple[float, ...], float] | None = None
    for part in _PARTS if function.name == "gaussian" else (1.0,):
        end = far * part
        nodes, scale = _nodes(function, rings, ranges, lines, end), lines / end
        form = Form((), 0.0, nodes, scale)
        found = min(prediction.psnr(function, form.weights, rings, width) for width in ranges)
        if best is None or found > best[0]:
            best = (found, nodes, scale)
    assert best is not None
    return best[1], best[2]


#: Where the range of values is not known: those that tables are made for, in sigmas. And parts of the reach at which
#: a table may end: what is beyond weighs nothing.
_RANGES = (2.5, 8.5, 25.0, 50.0)
_PARTS = (1.0, 0.92, 0.85, 0.78, 0.71, 0.64)


def _nodes(function: RangeFunction, rings: Rings, ranges: Sequence[float], lines: int, end: float) -> tuple[float, ...]:
    """Fit nodes by least squares, by a difference's share of the error of averages; the last one is given."""
    at = (np.arange(_POINTS) + 0.5) * (end / _POINTS)
    place = at * (lines / end)
    first = place.astype(np.int64)
    hats = np.zeros((_POINTS, lines + 1))
    rows = np.arange(_POINTS)
    hats[rows, first], hats[rows, first + 1] = 1 - (place - first), place - first
    share = sum(_relative(prediction.importance(function, rings, width, 128, end)) for width in ranges)
    weight = np.sqrt(np.repeat(share, _POINTS // 128))
    last = 0.0 if function.name in ("gaussian", "tukey") else float(function(end))
    wanted = function(at) - last * hats[:, -1]
    fitted = np.linalg.lstsq(hats[:, :-1] * weight[:, None], wanted * weight, rcond=None)[0]
    nodes = np.append(fitted, last)
    return tuple(np.maximum(nodes, 0.0).tolist() if function.is_positive else nodes.tolist())


def _relative(share: Float64) -> Float64:
    """Give shares that add up to one, and none that is nothing: no node may be left free."""
    return share / share.sum() + 1e-3 / len(share) if share.any() else np.full(len(share), 1 / len(share))
