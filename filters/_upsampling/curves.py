"""What lies beyond the known entries of tables: how a small pair changes, on average, by how much its source does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsl import arrays

#: Small pixels that are looked at, along an axis.
LOOKED_AT = 64
#: Pairs of pixels that count as much as the line through all pairs does.
_PRIOR = 20
#: Differences, of 255, from which on a table's own slope says as much as at this one.
_KNEE = 8
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

Floats = NDArray[np.float64]


def beyond(
    low_source: arrays.Array, low_result: arrays.Array, entries: int, extent: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Give how results change by a difference of so many entries, and how many entries of a table's slope add to that.

    The slope counts by how far it is from that of the line through all differences.
    """
    found = list(_neighbours(*_alike(low_source, low_result)))
    step, change = (np.concatenate(each) for each in zip(*found, strict=True))
    step *= (entries - 1) / (extent[1] - extent[0])
    known = np.isfinite(step) & np.isfinite(change)
    step, change = np.rint(step[known]), change[known]
    at = np.minimum(np.abs(step), entries - 1).astype(np.intp)
    counts = np.bincount(at, minlength=entries)
    totals = np.bincount(at, np.sign(step) * change, entries)
    steps = np.arange(entries, dtype=np.float64)
    slope = (totals * steps).sum() / max((counts * steps * steps).sum(), 1.0)
    line = slope * steps
    share = steps / (1 + steps * 255 / (_KNEE * (entries - 1)))
    return line + (totals - line * counts) / (counts + _PRIOR) - slope * share, share


def _alike(low_source: arrays.Array, low_result: arrays.Array) -> tuple[arrays.Array, arrays.Array]:
    """Give planes that belong together: a result of other channels than the source goes with its luminance."""
    source, result = (image.reshape(*image.shape[:2], -1) for image in (low_source, low_result))
    if source.shape[2] != result.shape[2]:
        weights = (0.25, 0.5, 0.25)[: source.shape[2]] if source.shape[2] > 1 else (1.0,)
        source = np.repeat((source[..., : len(weights)] @ weights)[..., None], result.shape[2], axis=2)
    return source, result


def _neighbours(source: arrays.Array, result: arrays.Array) -> Iterator[list[Floats]]:
    """Give by how much neighbours differ, and what became of them: some pairs from all over."""
    height, width = source.shape[:2]
    steps = max(height // LOOKED_AT, 1), max(width // LOOKED_AT, 1)
    for down, right in _NEIGHBOURS:
        columns = max(-right, 0), width - max(right, 0)
        here = np.s_[: height - down : steps[0], columns[0] : columns[1] : steps[1]]
        there = np.s_[down :: steps[0], columns[0] + right : columns[1] + right : steps[1]]
        with np.errstate(invalid="ignore"):
            yield [(image[there].astype(np.float64) - image[here]).ravel() for image in (source, result)]
