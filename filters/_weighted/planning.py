"""What a call runs: the form of its weights, chosen by the accuracy that is wanted."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

import dsl
from dsl.arguments import whole
from filters._weighted import constant_time, costs, forms, prediction
from filters._weighted.constant_time import ConstantTime
from filters._weighted.functions import Float64, RangeFunction
from filters._weighted.prediction import Rings
from schedules import options, targets

Method = Literal["auto", "register_lut", "exact", "constant_time"]

#: PSNR in dB that is expected where a call says nothing: of bytes as much as rounding leaves, and of others.
_BYTES, _FLOATS = 62.0, 80.0
#: And of constant time with windows so large that others take long.
CONSTANT_TIME, _LARGE = 50.0, 20
#: There, up to so many dB more are taken at their price: so many of them for twice the time.
_MORE, _DECIBELS_FOR_TWICE = 12.0, 30.0
#: More taps than this could overflow the sums of whole numbers.
_MOST_TAPS = 60000


@dataclass(frozen=True)
class Kernel:
    """A spatial kernel as programs take it."""

    taps: Any  # ndarray of float32
    radius: int
    count: int
    rings: Rings
    weights: Float64

    @staticmethod
    def of(weights: Float64) -> Kernel:
        """Make it of a 2-D array of odd sides."""
        count = int(np.count_nonzero(weights))
        return Kernel(dsl.tap_table(weights), max(weights.shape) // 2, count, Rings.of(weights), weights)

    @property
    def suits_bytes(self) -> bool:
        """Whether eight bits hold its weights: none below zero, and the pixel itself among the heaviest."""
        weights = self.taps[2::3]
        return bool(weights.min() >= 0 and weights[0] >= 0.25 * weights.max()) and self.count <= _MOST_TAPS


@dataclass(frozen=True)
class Plan:
    """What a program is run with."""

    table: Any
    scale: float
    formula: bool
    choices: forms.Choices
    cost: float  # nanoseconds a pixel for a thousand taps


#: Of discs and other windows.
MAX_RADIUS = 200


def reach_of(space: float, radius: Any) -> int:
    """Give the radius of a disc: a given one, or OpenCV's default for a Gaussian of so many pixels; or raise."""
    reach = max(round(1.5 * space), 1) if radius is None else whole(radius, "radius", 0, MAX_RADIUS)
    if reach > MAX_RADIUS:
        raise ValueError(f"sigma_space {space:g} makes a radius of {reach}; at most {MAX_RADIUS} is accepted")
    return reach


@functools.lru_cache(maxsize=64)
def disc(radius: int, sigma: float) -> Kernel:
    """Give the Gaussian in a disc, as OpenCV has it."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    square = (y * y + x * x).astype(np.float64)
    return Kernel.of(np.where(square <= radius * radius, np.exp(-square / (2 * sigma * sigma)), 0.0))


@dataclass(frozen=True)
class Wanted:
    """What decides about the form of the weights.

    Parameters
    ----------
    is_bytes : bool
        Whether image and guide are uint8, and so is what lies outside.
    channels : int
        Of the guide.
    norm : str
        Distance of colours.
    accuracy : float, optional
        PSNR in dB; None: what is usual.
    peak : float, optional
        Width of the range of values; None where it is not known and need not be.
    target : str, optional
        What the code is compiled for.
    """

    is_bytes: bool
    channels: int
    norm: str
    accuracy: float | None
    peak: float | None
    target: str | None

    @property
    def distance(self) -> str:
        """Between values of the guide, as predictions name it."""
        return "gray" if self.channels == 1 else self.norm


def exact(function: RangeFunction, wanted: Wanted) -> Plan:
    """Give the plan with the weights as they are, to the precision of float32."""
    if function.name == "gaussian" and function.exponent == 2:
        return Plan(_NONE, 1 / function.sigma, True, (), costs.of(resolved(wanted.target), "formula"))
    form = forms.dense(function, wanted.peak, resolved(wanted.target), wanted.distance)
    return Plan(np.array(form.table, np.float32), form.scale, False, form.choices, form.cost)


def by_table(function: RangeFunction, kernel: Kernel, wanted: Wanted) -> Plan:
    """Give the plan with the cheapest table that is accurate enough, or the most accurate there is."""
    return _by_table(function, kernel.rings, kernel.suits_bytes, wanted)


_NONE = np.zeros(1, np.float32)


def in_constant_time(
    function: RangeFunction, kernel: Kernel, values: tuple[float, float], accuracy: float | None
) -> ConstantTime | None:
    """Give the plan in constant time for values of a range, or None where it is not accurate enough."""
    if accuracy is None:
        least = CONSTANT_TIME if kernel.radius >= _LARGE else _FLOATS
    else:
        least = accuracy
    return constant_time.plan(function, kernel.weights, kernel.rings, *values, least)


def cost(plan: Plan | ConstantTime, kernel: Kernel, target: str | None) -> float:
    """Give the nanoseconds a pixel of a plan for one channel."""
    if isinstance(plan, ConstantTime):
        return costs.constant_time(resolved(target), plan.terms, plan.levels, plan.taps.size // 3)
    return plan.cost * kernel.count / 1000


@functools.lru_cache(maxsize=256)
def _by_table(function: RangeFunction, rings: Rings, suits_bytes: bool, wanted: Wanted) -> Plan:
    target = resolved(wanted.target)
    found: list[forms.Form] = []
    if wanted.is_bytes and suits_bytes and function.is_positive and (wanted.channels == 1 or wanted.norm == "l1"):
        found += forms.for_bytes(function, target)
    registers = targets.tables_in_registers(target)
    is_gaussian = function.name == "gaussian" and function.exponent == 2
    if registers is not None or not is_gaussian:
        found += forms.for_floats(function, rings, wanted.peak, target, wanted.distance)
    usual = _BYTES if wanted.is_bytes else _FLOATS
    accuracy = usual if wanted.accuracy is None else wanted.accuracy
    peak = forms.TYPICAL * function.sigma if wanted.peak is None else wanted.peak
    expected = {form: prediction.psnr(function, form.weights, rings, peak, wanted.distance) for form in found}
    enough = [form for form in found if expected[form] >= accuracy]
    if not enough:
        return exact(function, wanted)
    more = _MORE if wanted.accuracy is None else 0.0

    def worth(form: forms.Form) -> float:
        return min(expected[form], accuracy + more) - _DECIBELS_FOR_TWICE * math.log2(form.cost)

    best = max(enough, key=lambda form: (worth(form), expected[form]))
    plan = Plan(np.array(best.table, np.float32), best.scale, False, best.choices, best.cost)
    # A formula may cost less than a table so large that it is read from memory.
    return min(plan, exact(function, wanted), key=lambda each: each.cost)


def resolved(target: str | None) -> str:
    """Spell out the target that a call compiles for."""
    return targets.resolve(options.current().target if target is None else target)
