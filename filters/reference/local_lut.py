r"""Local look-up-table upsampling: for every small pixel a table from what went into a filter to what came out.

Tsubokawa, Tajima, Maeda, Fukushima, "Local look-up table upsampling for accelerating image processing", Multimedia
Tools and Applications 83 (2023) 26131-26158.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .borders import FloatArray, pad
from .guided import as_planes
from .resampling import neighbours

CRITERIA = ("l1", "l2", "linf", "frequency", "dp")
EXTRAPOLATIONS = ("replicate", "minmax", "range", "linear", "curve", "none")
#: The steepest slope of linear extrapolation, in widths of the result's range for one of the source's.
STEEPEST = 2.0
#: Of ``"curve"``: pixels along an axis that are looked at, pairs of them that count as the line through all does, and
#: the difference of 255 from which on a slope says no more.
LOOKED_AT, PRIOR, KNEE = 64, 20, 8

Range = tuple[float, float]


class Tables(NamedTuple):
    """Of every small pixel."""

    values: FloatArray  # (h, w, entries)
    first: NDArray[np.intp]  # (h, w): the least entry that was observed
    last: NDArray[np.intp]


def local_lut_upsample(
    source: ArrayLike,
    low_source: ArrayLike,
    low_result: ArrayLike,
    *,
    radius: int = 1,
    entries: int = 256,
    lut_radius: int = 3,
    criterion: str = "l2",
    extrapolation: str = "linear",
    interpolation: str = "gauss16",
    offset: bool = True,
    source_range: Range = (0.0, 255.0),
    result_range: Range = (0.0, 255.0),
    clip: bool = True,
    border: str = "reflect101",
    border_value: float = 0.0,
    confidence: bool = False,
) -> FloatArray:
    r"""Read a large image through tables that small images have made.

    Value :math:`v` of the source lies at the place :math:`(v - a) / (b - a) \, (n - 1)` of :math:`n` entries,
    :math:`[a, b]` being `source_range`. The table of a small pixel is made from all small pixels in a window about it:
    the low result of each belongs to the entry nearest to the place of its low source. Where several meet at an entry,

    ===============  =====================================================================================
    criterion        which one counts
    ===============  =====================================================================================
    ``"l1"``         the nearest in the window, by :math:`|x| + |y|`; of equal ones the last, row by row
    ``"l2"``         by :math:`x^2 + y^2`
    ``"linf"``       by :math:`\max(|x|, |y|)`
    ``"frequency"``  that for which most weight speaks: of all pixels whose low source falls to the same entry and
                     whose low result to the same of :math:`n` bins of `result_range`
    ``"dp"``         of all chains of such bins in which neither entries nor bins fall, the one is taken for which
                     most speaks: the weights of its bins, less :math:`|\Delta entry - \Delta bin|` from one to the
                     next
    ===============  =====================================================================================

    Weights of places are 1 2 1, 2 4 2, 1 2 1 for a radius of 1; for 2 they are 16 and half of that for each step to
    the side; beyond :math:`2r + 1 - |x| - |y|`.

    Between known entries tables are linear. Beyond they go on with the nearest entry (``"replicate"``), on lines to
    the least and greatest low result (``"minmax"``) or to the ends of `result_range` (``"range"``) at the first and the
    last entry, or with the slope from the first to the last known entry, brought between nought and `STEEPEST`, or
    less that if the small pair's covariance is negative (``"linear"``); or they are not read (``"none"``), unless no
    other one is. Or (``"curve"``) they go on from there by :math:`D(d) + (s - g) \, d / (1 + d / k)`, :math:`d` entries
    away, where :math:`s` is the slope of ``"linear"``, :math:`D(d)` the mean change of the low result between
    neighbouring pixels whose low sources differ by :math:`d` entries, brought nearer to :math:`g d` by 20 pairs of that
    change, :math:`g` the slope of the line through all such changes, and :math:`k` 8 entries of 256. Of large images 64
    to 127 rows and columns are looked at.

    Tables are clipped to `result_range` if ``clip``; averaged over up to `lut_radius` entries on each side, equally
    many; and, if ``offset``, moved so that each gives its own pixel's low result for its low source.

    The result is the average of what the tables of the small pixels around give for the source, linearly between
    entries, by a kernel's weights (see `resize`). Beyond the rim the tables of the outermost pixels are read.

    Parameters
    ----------
    source : array_like
        ``(H, W)`` or ``(H, W, C)``.
    low_source, low_result : array_like
        ``(h, w)`` or ``(h, w, C)``; channels are taken alone. Where the two have not as many, the first three of the
        source are weighed 1 2 1 and serve all of the result.
    radius : int
        Of the window, in small pixels.
    entries : int
        Entries of a table, two and more.
    lut_radius : int
        Entries on each side that are averaged.
    criterion, extrapolation : str
        See above.
    interpolation : str
        A kernel of `resize`.
    offset, clip : bool
        See above.
    source_range, result_range : pair of float
        See above.
    border, border_value
        What lies outside of the small images, for the windows.
    confidence : bool
        Give instead the share of the kernel's weight that belongs to tables which have observed such values.

    Returns
    -------
    ndarray of float64
        Of the source's height and width, and the low result's channels.

    Examples
    --------
    >>> local_lut_upsample([[10, 20, 30, 40]], [[15, 35]], [[30, 70]], offset=False).round()
    array([[20., 40., 60., 80.]])
    """
    full, low, filtered = map(as_planes, (source, low_source, low_result))
    if full.shape[2] != filtered.shape[2]:
        full, low = (np.repeat(_luminance(image), filtered.shape[2], axis=2) for image in (full, low))
    taps, weights = window(radius, criterion)
    result = np.empty_like(full)
    slopes = _slopes(low, filtered, result_range)
    ends = (filtered.min(), filtered.max()) if extrapolation == "minmax" else result_range
    beyond = (
        curve(_place(low, entries, source_range, clip=False), filtered, entries) if extrapolation == "curve" else None
    )
    around = radius, radius
    for c in range(full.shape[2]):
        planes = (
            pad(image[..., c], around, around, border=border, border_value=border_value) for image in (low, filtered)
        )
        pairs = [_windows(plane, taps, radius) for plane in planes]
        places = _place(pairs[0], entries, source_range)
        made = _tables(
            places, pairs[1], weights, criterion, extrapolation, entries, slopes, ends, result_range, clip, beyond
        )
        made = made._replace(values=_averaged(made.values, lut_radius))
        if offset:
            found = _read(made.values, _place(low[..., c], entries, source_range))
            values = made.values + (filtered[..., c] - found)[..., None]
            made = made._replace(values=np.clip(values, *result_range) if clip else values)
        place = _place(full[..., c], entries, source_range)
        result[..., c] = _interpolated(made, place, interpolation, extrapolation == "none", confidence)
    return result if np.ndim(low_result) == 3 else result[..., 0]


def _luminance(image: FloatArray) -> FloatArray:
    return image if image.shape[2] == 1 else np.asarray(image[..., :3] @ [[0.25], [0.5], [0.25]])


def _slopes(low: FloatArray, filtered: FloatArray, result_range: Range) -> Range:
    """Give the least and the greatest slope, from one end of a table to the other."""
    falls = ((low - low.mean()) * (filtered - filtered.mean())).sum() < 0
    steepest = STEEPEST * (result_range[1] - result_range[0])
    return (-steepest, 0.0) if falls else (0.0, steepest)


def window(radius: int, criterion: str) -> tuple[list[tuple[int, int]], FloatArray]:
    """Give the pixels of a window, the one that counts least first, and the weight of each by its place."""
    if criterion not in CRITERIA:
        raise ValueError(f"criterion must be one of {', '.join(CRITERIA)}; got {criterion!r}")
    norms: dict[str, Callable[[int, int], int]] = {
        "l1": lambda y, x: abs(y) + abs(x),
        "linf": lambda y, x: max(abs(y), abs(x)),
    }
    norms |= dict.fromkeys(("l2", "frequency", "dp"), lambda y, x: y * y + x * x)
    norm = norms[criterion]
    across = range(-radius, radius + 1)
    taps = sorted(((y, x) for y in across for x in across), key=lambda at: -norm(*at))
    steps = np.abs(np.array(taps))
    if radius == 1:
        return taps, np.asarray((2 - steps).prod(axis=1), np.float64)
    if radius == 2:
        return taps, 16 * 0.5 ** steps.sum(axis=1)
    return taps, np.asarray(np.maximum(2 * radius + 1 - steps.sum(axis=1), 1), np.float64)


def _windows(plane: FloatArray, taps: list[tuple[int, int]], radius: int) -> FloatArray:
    """Give the pixels of each window, ``(h, w, taps)``."""
    h, w = (side - 2 * radius for side in plane.shape)
    return np.stack([plane[radius + y : radius + y + h, radius + x : radius + x + w] for y, x in taps], axis=-1)


def _place(values: FloatArray, entries: int, extent: Range, *, clip: bool = True) -> FloatArray:
    low, high = extent
    place: FloatArray = (values - low) / (high - low) * (entries - 1)
    return np.clip(place, 0, entries - 1) if clip else place


def _tables(
    places: FloatArray, outputs: FloatArray, weights: FloatArray, criterion: str, extrapolation: str, entries: int,
    slopes: Range, ends: Range, result_range: Range, clip: bool, curve: FloatArray | None,
) -> Tables:  # fmt: skip
    """Make tables of (h, w, taps) places among the entries and outputs."""
    index = np.rint(places).astype(np.intp)
    known = np.full((*index.shape[:2], entries), np.nan)
    bins = np.rint((outputs - result_range[0]) / (result_range[1] - result_range[0]) * (entries - 1))
    order = _chain(index, bins, weights) if criterion == "dp" else None
    if order is not None:
        for step in order:
            _put(known, index, outputs, np.maximum(step, 0), step >= 0)
    elif criterion == "frequency":
        scores, best = _scores(index, bins, weights), np.zeros(known.shape)
        for t in range(index.shape[2]):
            at = index[..., t, None]
            better = scores[..., t] >= np.take_along_axis(best, at, 2)[..., 0]
            tap = np.full(index.shape[:2], t)
            _put(known, index, outputs, tap, better)
            _put(best, index, scores, tap, better)
    else:
        for t in range(index.shape[2]):
            _put(known, index, outputs, np.full(index.shape[:2], t), np.True_)
    values = _filled(known, extrapolation, ends, [slope / (entries - 1) for slope in slopes], curve)
    values = np.clip(values, *result_range) if clip else values
    return Tables(values, index.min(axis=2), index.max(axis=2))


def _put(
    table: FloatArray, index: NDArray[np.intp], values: FloatArray, tap: NDArray[np.intp], where: ArrayLike
) -> None:
    """Write what a tap holds to the entry it belongs to, of those tables where a condition holds."""
    at = np.take_along_axis(index, tap[..., None], 2)
    value = np.take_along_axis(values, tap[..., None], 2)
    before = np.take_along_axis(table, at, 2)
    np.put_along_axis(table, at, np.where(np.asarray(where)[..., None], value, before), 2)


def _scores(index: NDArray[np.intp], bins: FloatArray, weights: FloatArray) -> FloatArray:
    """Give for each tap the weights of all with the same entry and the same bin."""
    same = (index[..., :, None] == index[..., None, :]) & (bins[..., :, None] == bins[..., None, :])
    scores: FloatArray = same @ weights
    return scores


def _chain(index: NDArray[np.intp], bins: FloatArray, weights: FloatArray) -> list[NDArray[np.intp]]:
    """Give the taps of the best rising chain, from its start on; -1 where it has fewer."""
    scores, count = _scores(index, bins, weights), index.shape[2]
    total, before = scores.copy(), np.full(index.shape, -1)
    for _, one, other in np.ndindex(count, count, count):
        steps = index[..., one] - index[..., other], bins[..., one] - bins[..., other]
        value = scores[..., one] + total[..., other] - np.abs(steps[0] - steps[1])
        better = (steps[0] >= 0) & (steps[1] >= 0) & (steps[0] + steps[1] > 0) & (value > total[..., one])
        total[..., one] = np.where(better, value, total[..., one])
        before[..., one] = np.where(better, other, before[..., one])
    chain = [total.argmax(axis=2)]
    while (chain[-1] >= 0).any():
        step = np.take_along_axis(before, np.maximum(chain[-1], 0)[..., None], 2)[..., 0]
        chain.append(np.where(chain[-1] >= 0, step, -1))
    return chain[::-1]


def curve(places: FloatArray, outputs: FloatArray, entries: int) -> FloatArray:
    """Give ``(2, entries)``: changes by how far beyond the known entries one is, and what of the slope adds to them."""
    height, width = places.shape[:2]
    counts, totals = np.zeros(entries), np.zeros(entries)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        for y in range(0, height - down, max(height // LOOKED_AT, 1)):
            for x in range(max(-right, 0), width - max(right, 0), max(width // LOOKED_AT, 1)):
                for c in range(places.shape[2]):
                    step = np.rint(places[y + down, x + right, c] - places[y, x, c])
                    at = min(abs(int(step)), entries - 1)
                    counts[at] += 1
                    totals[at] += np.sign(step) * (outputs[y + down, x + right, c] - outputs[y, x, c])
    steps = np.arange(entries)
    slope = (totals * steps).sum() / max((counts * steps**2).sum(), 1)
    means = (totals + PRIOR * slope * steps) / (counts + PRIOR)
    share = steps / (1 + steps / (KNEE * (entries - 1) / 255))
    return np.array([means - slope * share, share])


def _filled(
    known: FloatArray, extrapolation: str, ends: Range, slopes: Sequence[float], curve: FloatArray | None
) -> FloatArray:
    """Fill entries that are not known (NaN): lines between, and beyond."""
    if extrapolation not in EXTRAPOLATIONS:
        raise ValueError(f"extrapolation must be one of {', '.join(EXTRAPOLATIONS)}; got {extrapolation!r}")
    entries = np.arange(known.shape[2])
    is_known = ~np.isnan(known)
    before = np.maximum.accumulate(np.where(is_known, entries, -1), axis=2)
    behind = np.minimum.accumulate(np.where(is_known, entries, len(entries))[..., ::-1], axis=2)[..., ::-1]
    first, last = behind[..., :1], before[..., -1:]
    left, right = np.maximum(before, first), np.minimum(behind, last)
    lower, upper = (np.take_along_axis(known, at, 2) for at in (left, right))
    values = lower + (upper - lower) * (entries - left) / np.maximum(right - left, 1)
    start, end = (np.take_along_axis(known, at, 2) for at in (first, last))
    rise = fall = np.zeros_like(start)
    if extrapolation in ("linear", "curve"):
        rise = fall = np.clip((end - start) / np.maximum(last - first, 1), slopes[0], slopes[1])
    elif extrapolation in ("minmax", "range"):
        rise, fall = (start - ends[0]) / np.maximum(first, 1), (ends[1] - end) / np.maximum(entries[-1] - last, 1)
    if curve is not None:
        below, above = (np.clip(each, 0, len(entries) - 1) for each in (first - entries, entries - last))
        changes, shares = curve
        values = values + changes[above] + rise * shares[above] - changes[below] - rise * shares[below]
        return np.asarray(values)
    filled: FloatArray = values + rise * np.minimum(entries - first, 0) + fall * np.maximum(entries - last, 0)
    return filled


def _averaged(values: FloatArray, radius: int) -> FloatArray:
    entries = np.arange(values.shape[2])
    reach = np.minimum(radius, np.minimum(entries, entries[-1] - entries))
    sums = np.concatenate([np.zeros_like(values[..., :1]), values.cumsum(axis=2)], axis=2)
    averages: FloatArray = (sums[..., entries + reach + 1] - sums[..., entries - reach]) / (2 * reach + 1)
    return averages


def _read(values: FloatArray, place: FloatArray) -> FloatArray:
    """Read tables, each at a place between its entries."""
    first = np.minimum(place.astype(np.intp), values.shape[2] - 2)[..., None]
    lower, upper = (np.take_along_axis(values, first + k, 2)[..., 0] for k in (0, 1))
    found: FloatArray = lower + (place - first[..., 0]) * (upper - lower)
    return found


def _interpolated(tables: Tables, place: FloatArray, kernel: str, only_observed: bool, confidence: bool) -> FloatArray:
    h, w = tables.first.shape
    (rows, down), (columns, across) = (neighbours(n, m, kernel) for n, m in zip((h, w), place.shape, strict=True))
    total, observed, share = (np.zeros(place.shape) for _ in range(3))
    for i, j in np.ndindex(down.shape[1], across.shape[1]):
        cell = np.ix_(np.clip(rows[:, i], 0, h - 1), np.clip(columns[:, j], 0, w - 1))
        weight = down[:, i, None] * across[:, j]
        value = weight * _read(tables.values[cell], place)
        seen = (tables.first[cell] <= np.rint(place)) & (np.rint(place) <= tables.last[cell])
        total, observed, share = total + value, observed + value * seen, share + weight * seen
    if confidence:
        return share
    return np.where(share > 0, observed / np.maximum(share, 1e-30), total) if only_observed else total
