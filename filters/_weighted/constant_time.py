"""Averages whose cost does not grow with the radius: what their program is given, and how exact that is.

The range function is fitted by cosines, each of which splits into functions of one pixel; so the average is
convolutions of images of cosines and sines. Those are blurred and halved some times, convolved there with a small
kernel, and doubled again: it is fitted so that all of that is the kernel that was asked for, a disc with its edge.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import dsl
from dsl.ir import MAX_TERMS
from filters._weighted import prediction
from filters._weighted.functions import Float64, RangeFunction
from filters._weighted.prediction import Rings

#: How often images are halved at most.
_LEVELS = 4
#: PSNR in dB that a small kernel of this radius leaves on photographs, and how much more one of twice the radius.
_LEAST, _DECIBELS, _FOR_TWICE = 2.4, 56.0, 9.5
#: Programs are made for so many cosines; a call takes the smallest that holds its own.
CAPACITIES = (5, 6, 7, 9, MAX_TERMS)
_POINTS = 1024
_BLUR = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
#: Weights of the small kernel that are less than this part of its largest are left out.
_NOTHING = 1e-3


@dataclass(frozen=True)
class ConstantTime:
    """What a program is run with.

    Attributes
    ----------
    taps : ndarray of float32
        The small kernel, as taps.
    radius : int
        Its radius.
    series : ndarray of float32
        Radians a unit, the middle of the range, the constant, and a coefficient for each cosine.
    terms, levels : int
        Cosines, and how often images are halved.
    """

    taps: Any
    radius: int
    series: Any
    terms: int
    levels: int


def plan(
    function: RangeFunction, kernel: Float64, rings: Rings, low: float, high: float, accuracy: float
) -> ConstantTime | None:
    """Give the cheapest that reaches an accuracy for values from ``low`` to ``high``, or None if none does.

    The range is made somewhat wider, to few bits, so that images like one another have one plan, which is kept.
    """
    if high <= low:
        return None
    step = 2.0 ** math.floor(math.log2(high - low)) / 16
    bounds = math.floor(low / step) * step, math.ceil(high / step) * step
    return _plan(function, kernel.shape, kernel.tobytes(), rings, *bounds, accuracy)


@functools.lru_cache(maxsize=64)
def _plan(
    function: RangeFunction,
    shape: tuple[int, int],
    data: bytes,
    rings: Rings,
    low: float,
    high: float,
    accuracy: float,
) -> ConstantTime | None:
    reach = max(shape) // 2
    limits = {levels: psnr(reach, levels) for levels in range(_LEVELS, 0, -1)}
    levels = next((levels for levels, limit in limits.items() if limit >= accuracy), None)
    if levels is None:
        return None
    for terms in CAPACITIES:
        period, coefficients = _cosines(function, high - low, terms)
        weights = functools.partial(_weights, 2 * math.pi / period, coefficients)
        decibels = prediction.psnr(function, weights, rings, high - low)
        if decibels >= accuracy:
            small = _small_kernel(levels, shape, data)
            series = np.array([2 * math.pi / period, (low + high) / 2, *coefficients], np.float32)
            return ConstantTime(dsl.tap_table(small), len(small) // 2, series, terms, levels)
    return None


def psnr(reach: float, levels: int) -> float:
    """Give the PSNR that averaging images that were halved so often leaves, for a kernel of a radius."""
    radius = reach / 2**levels
    return _DECIBELS + _FOR_TWICE * math.log2(radius / _LEAST) if radius >= _LEAST else 0.0


def _weights(frequency: float, coefficients: tuple[float, ...], distance: Float64, spatial: Float64) -> Float64:
    waves = [a * np.cos(k * frequency * distance) for k, a in enumerate(coefficients)]
    total: Float64 = np.sum(waves, axis=0) * spatial
    return total


@functools.lru_cache(maxsize=128)
def _cosines(function: RangeFunction, width: float, terms: int) -> tuple[float, tuple[float, ...]]:
    """Fit a range function by cosines on ``0 .. width``: the period and coefficients whose largest error is least."""
    at = np.linspace(0.0, width, _POINTS)
    wanted = function(at)
    best: tuple[float, float, Any] | None = None
    for period in width + np.geomspace(0.02, 1.2, 40) * width:
        waves = np.cos(np.outer(at, 2 * math.pi / period * np.arange(terms + 1)))
        fitted = np.linalg.lstsq(waves, wanted, rcond=1e-7)[0]
        error = float(np.abs(waves @ fitted - wanted).max())
        if best is None or error < best[0]:
            best = (error, float(period), fitted)
    assert best is not None
    return best[1], tuple(best[2].tolist())


def small_kernel(levels: int, kernel: Float64) -> Float64:
    """Give the kernel for images that were halved so often which, with halving and doubling, is a given one."""
    return _small_kernel(levels, kernel.shape, kernel.tobytes())


@functools.lru_cache(maxsize=64)
def _small_kernel(levels: int, shape: tuple[int, int], data: bytes) -> Float64:
    """Fit a kernel for halved images, such that with what halving and doubling do it is the one that was asked for."""
    kernel = np.frombuffer(data, np.float64).reshape(shape)
    step, blur = 2**levels, _response(levels)
    reach = max(shape) // 2
    small = math.ceil(reach / step)
    side = reach + len(blur) // 2 + step
    rows = np.zeros((2 * side + 1, 2 * small + 1))
    for i in range(2 * small + 1):
        first = side + (i - small) * step - len(blur) // 2
        inside = np.clip([first, first + len(blur)], 0, len(rows))
        rows[inside[0] : inside[1], i] = blur[inside[0] - first : inside[1] - first]
    whole = np.zeros((2 * side + 1, 2 * side + 1))
    top, left = side - shape[0] // 2, side - shape[1] // 2
    whole[top : top + shape[0], left : left + shape[1]] = kernel
    inverse = np.linalg.pinv(rows)
    fitted: Float64 = inverse @ whole @ inverse.T
    fitted[np.abs(fitted) < _NOTHING * np.abs(fitted).max()] = 0
    return fitted


def _response(levels: int) -> Float64:
    """Give what halving and doubling so many times make of a pixel, on average over where it lies, along one axis."""
    blur = np.ones(1)
    for level in range(levels):
        stretched = np.zeros(4 * 2**level + 1)
        stretched[:: 2**level] = _BLUR
        blur = np.convolve(blur, stretched)
    return np.convolve(blur, blur)
