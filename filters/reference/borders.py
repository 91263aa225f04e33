"""Borders: where a filter reads when its window reaches past the edge of the image."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")


def border_index(index: ArrayLike, size: int, border: str) -> NDArray[np.intp]:
    """Map positions on a line, inside or outside, to the samples that stand for them.

    ==============  ========================  ===========================
    border          a line ``abcdef`` reads   period of the extended line
    ==============  ========================  ===========================
    ``reflect101``  ``fedcb|abcdef|edcba``    ``2 size - 2``
    ``reflect``     ``edcba|abcdef|fedcb``    ``2 size``
    ``replicate``   ``aaaaa|abcdef|fffff``    none
    ``wrap``        ``bcdef|abcdef|abcde``    ``size``
    ``constant``    ``-----|abcdef|-----``    none
    ==============  ========================  ===========================

    The meanings are those of OpenCV's ``borderInterpolate``. They hold at any distance from the line, over
    many periods too, and on a line of one sample, which is all that there is to read.

    Parameters
    ----------
    index : array_like of int
        Positions, the line being ``0 <= index < size``.
    size : int
        Length of the line, at least one.
    border : str
        One of the names above.

    Returns
    -------
    ndarray of intp
        For each position the sample to read; -1 for a position outside when `border` is ``"constant"``.

    Examples
    --------
    >>> border_index([-2, -1, 0, 2, 3, 4], 3, "reflect101")
    array([2, 1, 0, 2, 1, 0])
    """
    position = np.asarray(index)
    if position.dtype.kind not in "iu":
        raise TypeError(f"index must hold integers, got dtype {position.dtype}")
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    position = position.astype(np.intp)
    source: NDArray[np.intp]
    if border == "reflect101":
        last = size - 1
        source = last - np.abs(position % max(2 * last, 1) - last)
    elif border == "reflect":
        phase = position % (2 * size)
        source = np.minimum(phase, 2 * size - 1 - phase)
    elif border == "replicate":
        source = np.clip(position, 0, size - 1)
    elif border == "wrap":
        source = position % size
    elif border == "constant":
        source = np.where((position >= 0) & (position < size), position, -1)
    else:
        raise ValueError(f"border must be one of {', '.join(BORDERS)}; got {border!r}")
    return source


def pad(
    image: ArrayLike,
    before: Sequence[int],
    after: Sequence[int],
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    """Write an image's border out, as far as asked for.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype.
    before : (int, int)
        Rows to add above and columns to add on the left.
    after : (int, int)
        Rows to add below and columns to add on the right.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The image of ``before + (H, W) + after`` pixels.

    Examples
    --------
    >>> pad([[1, 2, 3]], before=(0, 2), after=(0, 1))
    array([[3., 2., 1., 2., 3., 2.]])
    """
    array = as_image(image)
    if min(*before, *after) < 0:
        raise ValueError(f"before and after must not be negative, got {tuple(before)} and {tuple(after)}")
    rows, columns = (
        border_index(np.arange(-first, size + last), size, border)
        for first, size, last in zip(before, array.shape[:2], after, strict=True)
    )
    padded = array[rows[:, None], columns]
    padded[rows < 0] = border_value
    padded[:, columns < 0] = border_value
    return padded


def as_image(image: ArrayLike) -> FloatArray:
    """Return an image as float64; refuse what is not an image.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype, with at least one pixel.

    Returns
    -------
    ndarray of float64
        The same values; the array itself where it already is of float64.
    """
    array = np.asarray(image)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"image must be of a real dtype, got {array.dtype}")
    if array.ndim not in (2, 3):
        raise ValueError(f"image must be (H, W) or (H, W, C), got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"image must have at least one pixel, got shape {array.shape}")
    return array.astype(np.float64, copy=False)
