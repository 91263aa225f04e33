"""How far an average with other weights is from the true one, on photographs: predicted before anything is filtered.

From ``surroundings.npy``: of some hundred pixels of photographs, the differences to others in all directions at growing
distances (``python -m bench.surroundings`` measures them). Averaged with the true weights and with those of a shrunken
table, they tell the error of the table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from filters._weighted.functions import Float64, RangeFunction

FILE = Path(__file__).parent / "surroundings.npy"
#: Distances and directions in which surroundings were measured, in 8-bit units.
RADII = np.array([1, 1.5, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45])
DIRECTIONS = 16
_PEAK = 255.0

#: Weights instead of the true ones: (differences, weights by place) -> theirs, of one shape.
Weights = Callable[[Float64, Float64], Float64]


@dataclass(frozen=True)
class Rings:
    """A spatial kernel by distance.

    Parameters
    ----------
    own : float
        The weight of the pixel itself.
    weight, count : tuple of float
        For each of :data:`RADII` the mean weight of the taps about there, and how many they are.
    """

    own: float
    weight: tuple[float, ...]
    count: tuple[float, ...]

    @staticmethod
    def of(kernel: Float64) -> Rings:
        """Sort the taps of a kernel by distance."""
        y, x = (np.arange(side) - side // 2 for side in kernel.shape)
        distance = np.hypot(y[:, None], x[None, :])
        is_tap = (kernel != 0) & (distance > 0)
        ring = np.argmin(np.abs(np.log(distance[is_tap][:, None] / RADII)), axis=1)
        count = np.bincount(ring, minlength=len(RADII)).astype(np.float64)
        total = np.bincount(ring, np.abs(kernel[is_tap]), len(RADII))
        mean = total / np.maximum(count, 1)
        return Rings(float(kernel[kernel.shape[0] // 2, kernel.shape[1] // 2]), tuple(mean), tuple(count))


#: Photographs differ in contrast: those measured count as they are, and with their differences so many times as large.
_CONTRASTS = (1.0, 2.0)


@functools.cache
def _surroundings() -> Float64:
    measured = np.load(FILE).astype(np.float64)
    return np.concatenate([np.clip(measured * contrast, -_PEAK, _PEAK) for contrast in _CONTRASTS])


def psnr(function: RangeFunction, weights: Weights, rings: Rings, peak: float, channels: int = 1) -> float:
    """Predict the PSNR, in decibels, of an average with other weights, before rounding.

    Parameters
    ----------
    function : RangeFunction
        The true weights.
    weights : function
        Those instead.
    rings : Rings
        The spatial kernel.
    peak : float
        Width of the range of values, of image and guide alike.
    channels : int
        Of the guide: differences of several are added up.
    """
    values = _surroundings() * (peak / _PEAK)
    distance = np.abs(values) * channels
    spatial = np.broadcast_to(np.array(rings.weight)[:, None], values.shape[1:])
    share = np.broadcast_to(np.array(rings.count)[:, None] / DIRECTIONS, values.shape[1:])

    def mean(found: Float64, own: Float64) -> Float64:
        taps = found * share
        total: Float64 = (taps * values).sum((1, 2)) / (taps.sum((1, 2)) + own)
        return total

    zero, middle = np.zeros(1), np.array([rings.own])
    true = mean(function(distance) * spatial, function(zero) * middle)
    other = mean(weights(distance, np.broadcast_to(spatial, values.shape)), weights(zero, middle))
    error = float(np.mean(np.square(true - other)))
    return float(10 * np.log10(peak * peak / max(error, 1e-14 * peak * peak)))


def importance(function: RangeFunction, rings: Rings, peak: float, bins: int, end: float) -> Float64:
    """Tell how much an error of the weight counts, by difference: for ``bins`` equal steps up to ``end``."""
    values = _surroundings() * (peak / _PEAK)
    distance = np.abs(values)
    taps = np.broadcast_to((np.array(rings.weight) * np.array(rings.count))[:, None] / DIRECTIONS, values.shape)
    total = (function(distance) * taps).sum((1, 2), keepdims=True) + rings.own * function(0.0)
    share = np.square(taps * values / total)
    inside = distance < end
    return np.bincount((distance[inside] / end * bins).astype(np.int64), share[inside], bins).astype(np.float64)
