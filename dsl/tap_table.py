"""Neighbours of a pixel as numbers in a row: the centre, then fours of equal weight. Plain numpy.

Three numbers a tap: rows down, columns to the right, weight. Of a disc every ring has a multiple of four taps; a group
that has not is filled up with taps of weight zero. Lowering relies on the fours: they share one table of weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsl.ir import TAP_NUMBERS

#: Taps of a group.
GROUP = 4


def tap_table(weights: ArrayLike) -> NDArray[np.float32]:
    """Give the neighbours with a weight other than zero, as a table for :func:`dsl.taps`.

    Parameters
    ----------
    weights : array_like
        Of odd height and width, finite; the centre is the pixel itself. Weights of neighbours are not mirrored: the
        first row is that of the pixels above.

    Returns
    -------
    ndarray of float32
        ``3 + 12 n`` numbers.

    Raises
    ------
    ValueError
        For another shape, for numbers that are not finite, or where all are zero.
    """
    array = np.asarray(weights, dtype=np.float32)
    if array.ndim != 2 or any(side % 2 == 0 for side in array.shape):
        raise ValueError(f"weights must be 2-D with odd height and width, an array of shape {array.shape} came")
    if not np.isfinite(array).all():
        raise ValueError("weights must be finite")
    if not array.any():
        raise ValueError("weights must not all be zero")
    centre = tuple(side // 2 for side in array.shape)
    offsets = np.argwhere(array != 0) - centre
    offsets = offsets[offsets.any(axis=1)]
    values = array[tuple((offsets + centre).T)]
    rows = [np.array([[0, 0, array[centre]]], np.float32)]
    # Equal weights side by side, and among those equal distances: what is loaded together lies together.
    order = np.lexsort((offsets[:, 1], offsets[:, 0], np.abs(offsets[:, 0]), values))
    offsets, values = offsets[order], values[order]
    for part in np.split(np.arange(len(values)), np.flatnonzero(np.diff(values)) + 1) if len(values) else []:
        taps = np.column_stack([offsets[part], values[part]]).astype(np.float32)
        rows += [taps, np.zeros((-len(part) % GROUP, TAP_NUMBERS), np.float32)]
    return np.concatenate(rows).ravel()


def radius_of(table: NDArray[np.float32]) -> int:
    """Give the largest distance of a tap along an axis."""
    return int(np.abs(table.reshape(-1, TAP_NUMBERS)[:, :2]).max())
