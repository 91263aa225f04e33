"""How far an average with other weights is from the true one, on photographs: predicted before anything is filtered.

From ``surroundings.npz``: of a thousand pixels of photographs, how the colours in all directions at growing distances
differ (``python -m bench.surroundings`` measures them). Averaged with the true weights and with those of a shrunken
table, they tell the error of the table. Differences are whole numbers, so weights are computed once for each.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filters._weighted.functions import Float64, RangeFunction

FILE = Path(__file__).parent / "surroundings.npz"
#: Distances and directions in which surroundings were measured, in 8-bit units.
RADII = np.array([1, 1.5, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45])
DIRECTIONS = 16
_PEAK = 255
_GRAY = (0.299, 0.587, 0.114)
#: Distances between gray values, and between colours; and the largest there is, in widths of the range of values.
LARGEST = {"gray": 1.0, "l1": 3.0, "l2": math.sqrt(3.0)}

#: Weights instead of the true ones: (differences, weights by place) -> theirs, of the shape to which these broadcast.
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

    @property
    def used(self) -> int:
        """How many of the rings there are, from the innermost on."""
        return max((i + 1 for i, count in enumerate(self.count) if count), default=0)


@dataclass(frozen=True)
class _Surroundings:
    """Pixels around pixels of photographs.

    Parameters
    ----------
    photographs : int
        How many there are, as many pixels of each, one after the other; all of them at each contrast.
    values : ndarray
        (rings, directions, pixels, channels): differences to the pixel in the middle.
    squares : ndarray
        (rings, directions, pixels): the sums over channels of their squares.
    place : ndarray of intp
        (rings, directions, pixels): where in a table of weights by ring and distance theirs is.
    distances : int
        How many distances that table is for: 0, 1, 2, ...
    """

    photographs: int
    values: Float64
    squares: Float64
    place: NDArray[np.intp]
    distances: int


#: Photographs differ in contrast: those measured count as they are, and with their differences so many times as large.
_CONTRASTS = (1, 2)


@functools.lru_cache(maxsize=3)
def _surroundings(norm: str) -> _Surroundings:
    """Give them with distances between colours, or between gray values if ``norm`` is ``"gray"``."""
    by_photograph = np.load(FILE)["differences"].astype(np.float64)
    measured = np.concatenate(by_photograph).transpose(1, 2, 0, 3)
    if norm == "gray":
        measured = np.rint(measured @ _GRAY)[..., None]
    values = np.concatenate([np.clip(measured * times, -_PEAK, _PEAK) for times in _CONTRASTS], axis=2)
    squares = np.square(values).sum(-1)
    distance = np.sqrt(squares) if norm == "l2" else np.abs(values).sum(-1)
    whole = np.rint(distance).astype(np.intp)
    distances = values.shape[-1] * _PEAK + 1
    place = whole + np.arange(len(RADII))[:, None, None] * distances
    return _Surroundings(len(by_photograph), values, squares, place, distances)


def psnr(function: RangeFunction, weights: Weights, rings: Rings, peak: float, norm: str = "gray") -> float:
    """Predict the PSNR, in decibels, of an average with other weights, before rounding: of the worst photograph.

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
    norm : str
        One of the distances of :data:`LARGEST`.
    """
    other = _means(weights, rings, peak, norm)
    square = np.square(_true_means(function, rings, peak, norm) - other)
    error = float(square.reshape(len(_CONTRASTS), _surroundings(norm).photographs, -1).mean(axis=(0, 2)).max())
    return float(10 * np.log10(_PEAK**2 / max(error, 1e-14 * _PEAK**2)))


@functools.lru_cache(maxsize=8)
def _true_means(function: RangeFunction, rings: Rings, peak: float, norm: str) -> Float64:
    return _means(lambda distance, spatial: function(distance) * spatial, rings, peak, norm)


def _means(weights: Weights, rings: Rings, peak: float, norm: str) -> Float64:
    """Average the differences to each pixel: in 8-bit units, (pixels, channels)."""
    around, used = _surroundings(norm), rings.used
    distance: Float64 = np.arange(around.distances) * np.float64(peak / _PEAK)
    share = np.array(rings.count[:used])[:, None] / DIRECTIONS
    table = weights(distance, np.array(rings.weight[:used], np.float64)[:, None]) * share
    taps = table.take(around.place[:used])
    own = weights(np.zeros(1), np.array([rings.own]))
    total: Float64 = np.einsum("rdp,rdpc->pc", taps, around.values[:used])
    mean: Float64 = total / (np.einsum("rdp->p", taps) + own)[:, None]
    return mean


def importance(function: RangeFunction, rings: Rings, peak: float, norm: str, bins: int, end: float) -> Float64:
    """Tell how much an error of the weight counts, by distance: for ``bins`` equal steps up to ``end``."""
    counts = _counts(function, rings, peak, norm)
    distance = np.arange(len(counts)) * (peak / _PEAK)
    inside = distance < end
    found = np.bincount((distance[inside] / end * bins).astype(np.intp), counts[inside], bins)
    return found.astype(np.float64)


def likely_error(function: RangeFunction, weights: Weights, rings: Rings, peak: float, norm: str) -> float:
    """Give the mean square error of averages, quickly: as if errors of the weights of one pixel had nothing in common.

    In 8-bit units. It serves to compare; :func:`psnr` tells what comes out.
    """
    counts = _counts(function, rings, peak, norm)
    distance: Float64 = np.arange(len(counts)) * np.float64(peak / _PEAK)
    wrong = weights(distance, np.ones(1)) - function(distance)
    found: float = np.sum(counts * np.square(wrong)) / _surroundings(norm).place.shape[-1]
    return found


@functools.lru_cache(maxsize=16)
def _counts(function: RangeFunction, rings: Rings, peak: float, norm: str) -> Float64:
    """Tell it for every distance that is a whole number, in 8-bit units."""
    around, used = _surroundings(norm), rings.used
    distance = np.arange(around.distances) * (peak / _PEAK)
    share = np.array(rings.weight[:used]) * np.array(rings.count[:used]) / DIRECTIONS
    taps = (function(distance) * share[:, None]).take(around.place[:used])
    total = np.einsum("rdp->p", taps) + rings.own * function(0.0)
    squares = np.square(share[:, None, None] / total) * around.squares[:used]
    found = np.bincount((around.place[:used] % around.distances).ravel(), squares.ravel(), around.distances)
    return found.astype(np.float64)
