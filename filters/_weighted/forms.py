"""Forms of a weight's table: which there are on a machine, what each costs, and which is the cheapest that will do."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filters._weighted import costs, prediction
from filters._weighted.functions import Float64, RangeFunction
from filters._weighted.prediction import LARGEST, Rings
from schedules import targets

Choices = tuple[tuple[str, str | int], ...]
#: The largest weight that trees of selects have: see dsl/lowering/selects.py.
_MOST_OF_SELECTS = 127
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
        Nanoseconds a pixel for a thousand taps, on one thread of the machine where it was measured.
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
    """List the forms for images of bytes."""
    table = tuple(function(np.arange(256.0)).tolist())
    unit = targets.tables_in_registers(target)
    method, most = ("selects", _MOST_OF_SELECTS) if unit is None else ("bytes", unit.weight)
    found = []
    for entries, span in _byte_tables(unit):
        choices: Choices = (("entries", entries), ("mean", method), ("span", span))
        found.append(Bytes(choices, costs.of(target, f"bytes {entries}"), table, 1.0, entries, span, most))
    return found


def _byte_tables(unit: targets.Registers | None) -> list[tuple[int, int]]:
    """List the byte tables of a machine: entries, and the differences that they are for."""
    if unit is not None and unit.whole:
        return [(entries, entries) for entries in unit.bytes]
    sizes = (8, 16) if unit is None else unit.bytes
    return [(entries, span) for entries in sizes for span in (16, 32, 64, 128, 256) if entries <= span]


def for_floats(
    function: RangeFunction, rings: Rings, peak: float | None, target: str, norm: str = "gray"
) -> list[Form]:
    """List the forms for any image; ``peak`` is the width of the values' range, if it is known."""
    unit = targets.tables_in_registers(target)
    found = []
    if unit is not None:
        for lines in unit.floats:
            table, scale = shrunken(function, rings, peak, norm, lines)
            choices: Choices = (("entries", lines), ("mean", "floats"))
            found.append(Form(choices, costs.of(target, f"floats {lines}"), table, scale))
    return [*found, dense(function, peak, target, norm)]


def dense(function: RangeFunction, peak: float | None, target: str, norm: str = "gray") -> Form:
    """Give the form whose error is that of float32: a long table, from memory."""
    end = _end(function, peak, norm)
    if function.name == "table":
        table, scale = function.entries, 1 / function.sigma
    else:
        table, scale = tuple(function(np.linspace(0.0, end, _DENSE + 1)).tolist()), _DENSE / end
    method = "floats" if targets.tables_in_registers(target) else "loop"
    return Form((("mean", method),), costs.of(target, "memory"), table, scale)


def _end(function: RangeFunction, peak: float | None, norm: str) -> float:
    """Give the distance where a table may end."""
    largest = TYPICAL * function.sigma if peak is None else peak * LARGEST[norm]
    return min(function.reach, largest) if function.name != "table" else function.reach


@functools.lru_cache(maxsize=256)
def shrunken(function: RangeFunction, rings: Rings, peak: float | None, norm: str, lines: int) -> Shrunken:
    """Shrink a table to so many lines: where it ends, and its nodes, such that averages err least on photographs.

    Returns
    -------
    (tuple of float, float)
        The nodes, and how many there are a unit of difference.
    """
    if function.name == "table" and len(function.entries) <= lines + 1:
        return function.entries, 1 / function.sigma
    far = _end(function, peak, norm)
    ranges = [function.sigma * times for times in _RANGES] if peak is None else [peak]

    def ending(end: float) -> Form:
        nothing_beyond = peak is not None and end >= peak * LARGEST[norm]
        last = float(function(end)) if nothing_beyond or function.name not in _FALLING else 0.0
        return Form((), 0.0, _nodes(function, rings, ranges, norm, lines, end, last), lines / end)

    def likely_error(form: Form) -> float:
        return max(prediction.likely_error(function, form.weights, rings, width, norm) for width in ranges)

    def psnr(form: Form) -> float:
        return min(prediction.psnr(function, form.weights, rings, width, norm) for width in ranges)

    parts = _PARTS if function.name == "gaussian" else (1.0,)
    likeliest = sorted((ending(far * part) for part in parts), key=likely_error)[:_LOOKED_AT]
    best = max(likeliest, key=psnr)
    return best.table, best.scale


#: Where the range of values is not known: those that tables are made for, in sigmas. And parts of the reach at which
#: a table may end: what is beyond weighs nothing.
_RANGES = (2.5, 8.5, 25.0, 50.0)
_PARTS = (1.0, 0.92, 0.85, 0.78, 0.71, 0.64)
#: How many of those that are likely the best are looked at closely.
_LOOKED_AT = 3
#: What falls to nothing; and is nothing where its table ends, for larger differences have the weight that it ends with.
_FALLING = ("gaussian", "tukey")


def _nodes(
    function: RangeFunction, rings: Rings, ranges: Sequence[float], norm: str, lines: int, end: float, last: float
) -> tuple[float, ...]:
    """Fit nodes by least squares, by a difference's share of the error of averages; the last one is given."""
    at = (np.arange(_POINTS) + 0.5) * (end / _POINTS)
    share = sum(_relative(prediction.importance(function, rings, width, norm, 128, end)) for width in ranges)
    weight = np.sqrt(np.repeat(share, _POINTS // 128))
    nodes = fitted(function(at), weight, lines, last)
    return tuple(np.maximum(nodes, 0.0).tolist() if function.is_positive else nodes.tolist())


def fitted(wanted: Float64, weight: Float64, lines: int, last: float) -> Float64:
    """Fit nodes between which lines run, the last one given: what is wanted is in the middles of equal steps."""
    count = len(wanted)
    place = (np.arange(count) + 0.5) * (lines / count)
    first, rows = place.astype(np.int64), np.arange(count)
    hats = np.zeros((count, lines + 1))
    hats[rows, first], hats[rows, first + 1] = 1 - (place - first), place - first
    rest: Any = (wanted - last * hats[:, -1]) * weight
    found: Float64 = np.append(np.linalg.lstsq(hats[:, :-1] * weight[:, None], rest, rcond=None)[0], last)
    return found


def _relative(share: Float64) -> Float64:
    """Give shares that add up to one, and none that is nothing: no node may be left free."""
    return share / share.sum() + 1e-3 / len(share) if share.any() else np.full(len(share), 1 / len(share))
