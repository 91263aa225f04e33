"""Which levels a coordinate of the guides gets, and whether the decomposition is worth it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters._weighted import constant_time, costs
from filters._weighted.planning import resolved

Float64 = NDArray[np.float64]

#: PSNR in dB that interpolation between levels leaves on photographs, of whose steps are one standard deviation, and
#: what each halving of the steps adds: the error of lines between points is of second order.
_AT_ONE, _A_HALVING = 56.0, 12.0
DEFAULT_LEVELS = 8
#: Nanoseconds of a tap of the base that averages over a disc, for each pixel of a halved image.
_EACH_TAP = 0.05
MOST_LEVELS = 256
#: More combinations of levels than this take minutes.
MOST_COMBINATIONS = 4096
#: Bins of the histogram that levels are spread by, and the least density in any: values that are rare count, too.
_BINS, _RARE = 256, 0.02
#: Levels follow the histogram where that is expected to make the error so much smaller, in dB.
_WORTH = 1.0
#: PSNR in dB of cosines, where a call says nothing; how much better averages over halved images are than levels.
COSINES, _MARGIN = 58.0, 3.0


def equal_levels(low: float, high: float, count: int) -> Float64:
    """Spread levels equally; one, where there is one value."""
    return np.linspace(low, high, count) if high > low and count > 1 else np.array([(low + high) / 2])


def count_for(accuracy: float, sigma: float, width: float, coordinates: int) -> int:
    """Give the fewest levels that are expected to leave a PSNR in dB, of so many coordinates together."""
    each = accuracy + 10 * math.log10(coordinates)
    step = sigma * 2 ** ((_AT_ONE - each) / _A_HALVING)
    return min(max(math.ceil(width / step) + 1, 2), MOST_LEVELS)


def expected(levels: Sequence[Any], widths: Sequence[float]) -> float:
    """Give the PSNR in dB that levels are expected to leave, of coordinates with a sigma each."""
    steps = [float(np.diff(each).max()) / width for each, width in zip(levels, widths, strict=True) if len(each) > 1]
    errors = sum(10 ** ((_A_HALVING * math.log2(step) - _AT_ONE) / 10) for step in steps if step > 0)
    return -10 * math.log10(errors) if errors else _AT_ONE + 2 * _A_HALVING


def spread(values: Any, low: float, high: float, count: int, sigma: float) -> Float64:
    """Spread levels by a guide's histogram: closer where there are many pixels, if that is better by some dB.

    Between levels a step apart the error is as the step's square. Its sum over all pixels is least where levels are
    as dense as the fifth root of the histogram.
    """
    equal = equal_levels(low, high, count)
    if count < 4 or not high > low:
        return equal
    histogram = np.histogram(values, bins=_BINS, range=(low, high))[0].astype(np.float64)
    histogram = _blurred(histogram / histogram.sum(), sigma * _BINS / (high - low))
    density = np.maximum(histogram, _RARE * histogram.max()) ** 0.2
    place = np.concatenate([[0.0], np.cumsum(density)])
    bins = np.linspace(low, high, _BINS + 1)
    found: Float64 = np.interp(np.linspace(0, place[-1], count), place, bins)
    gain = 10 * math.log10(_error(histogram, bins, equal) / _error(histogram, bins, found))
    return found if gain >= _WORTH else equal


def _blurred(histogram: Float64, sigma: float) -> Float64:
    """Blur by as much as a level is wide: a level serves all values near by."""
    reach = min(max(round(2 * sigma), 1), _BINS)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    full = np.convolve(histogram, kernel / kernel.sum())
    return full[reach : reach + _BINS]


def _error(histogram: Float64, bins: Float64, levels: Float64) -> float:
    """Give the sum over pixels of the fourth powers of steps."""
    steps = np.diff(levels)
    at = np.clip(np.searchsorted(levels, (bins[:-1] + bins[1:]) / 2) - 1, 0, len(steps) - 1)
    return float(np.sum(histogram * steps[at] ** 4))


# ------------------------------------------------------------------------------------------------------------- costs


def exact_cost(taps: int, channels: int, guides: Sequence[int], target: str | None, *, is_bytes: bool) -> float:
    """Give the nanoseconds a pixel of the exact form, of the guides' channels, on one thread."""
    form = "gaussians of bytes" if is_bytes else "gaussians of floats"
    each = costs.of(resolved(target), form) + sum(guides) * costs.of(resolved(target), f"{form}, each channel")
    return taps * channels * each / 1000


def decomposed_cost(base: str, calls: int, taps: int, accuracy: float, target: str | None) -> float:
    """Give the nanoseconds a pixel of so many calls of a base, whose cost depends on taps, or little."""
    known = resolved(target)
    if base == "joint_bilateral":
        return calls * taps * costs.of(known, "formula") / 1000
    halvings = halvings_for(math.isqrt(round(taps / math.pi)), accuracy)
    return calls * (costs.of(known, "level of a Gaussian") + _EACH_TAP * taps / 16.0**halvings)


def halvings_for(radius: int, accuracy: float) -> int:
    """Say how often images are halved for the base that averages over a disc: as often as an accuracy allows."""
    least = accuracy + _MARGIN
    return next(levels for levels in range(4, -1, -1) if not levels or constant_time.psnr(radius, levels) >= least)
