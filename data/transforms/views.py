"""Where the samples of a batch are read: all that moves pixels, as a few numbers for each sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Matrix = NDArray[np.float64]  # (3, 3, samples)


class Views:
    """Parts of images, resampled, mirrored and read by an affine map: numbers for every sample.

    A part of the source is one by its address. What is resampled is resampled to a size, of which a window is taken.
    Other parts and mirrors are taken where pixels were read last.

    Attributes
    ----------
    source_top, source_left, source_height, source_width : ndarray
        The part of the source that is read.
    tall, wide : ndarray
        The size that it is resampled to.
    top, left : ndarray
        Where the window in that begins.
    rows, columns : ndarray of bool
        Whether the result is mirrored.
    matrix : ndarray or None
        The affine map, from pixels of its result to where they are read.
    height, width : ndarray
        The size behind all steps so far.
    samples : ndarray
        Which they are, for messages.
    """

    def __init__(self, heights: Whole, widths: Whole, samples: Whole) -> None:
        self.count = len(heights)
        self.samples = samples
        self.source_top, self.source_left = self._zeros(), self._zeros()
        self.source_height, self.source_width = heights, widths
        self.height, self.width = heights, widths
        self.tall, self.wide = self._zeros(), self._zeros()
        self.top, self.left = self._zeros(), self._zeros()
        self.rows, self.columns = np.zeros(self.count, bool), np.zeros(self.count, bool)
        self.resized = False
        self.matrix: Matrix | None = None
        self._warped_last = False  # whether the affine map is what read pixels last

    def _zeros(self) -> Whole:
        return np.zeros(self.count, np.int64)

    def numbers(self) -> dict[str, NDArray[Any]]:
        """Give the numbers that programs read by."""
        matrix = _identity(self.count) if self.matrix is None else self.matrix
        whole = not self.resized
        return {
            "tall": self.source_height if whole else self.tall,
            "wide": self.source_width if whole else self.wide,
            "top": self.top,
            "left": self.left,
            "rows": self.rows,
            "columns": self.columns,
            **dict(zip("abcdef", matrix[:2].reshape(6, -1), strict=True)),
        }

    def crop(self, top: Whole, left: Whole, height: Whole | int, width: Whole | int) -> None:
        """Take a part of the size that there is by now."""
        height, width = np.broadcast_to(height, self.count), np.broadcast_to(width, self.count)
        if self._warped_last:
            self._after(_moved(left, top))
        else:
            top = np.where(self.rows, self.height - top - height, top)
            left = np.where(self.columns, self.width - left - width, left)
            if self.resized:
                self.top, self.left = self.top + top, self.left + left
            else:
                self.source_top, self.source_left = self.source_top + top, self.source_left + left
                self.source_height, self.source_width = height, width
        self.height, self.width = height, width

    def resize(self, height: Whole | int, width: Whole | int) -> None:
        """Resample to a size."""
        self.tall, self.wide = np.broadcast_to(height, self.count), np.broadcast_to(width, self.count)
        self.height, self.width = self.tall, self.wide
        self.resized, self._warped_last = True, False

    def mirror_rows(self, which: NDArray[np.bool_]) -> None:
        """Turn images upside down."""
        if self._warped_last:
            self._after(_mirrored(which, self.height, axis=1))
        else:
            self.rows = self.rows ^ which

    def mirror_columns(self, which: NDArray[np.bool_]) -> None:
        """Swap left and right."""
        if self._warped_last:
            self._after(_mirrored(which, self.width, axis=0))
        else:
            self.columns = self.columns ^ which

    def warp(self, matrix: Matrix) -> None:
        """Read by an affine map, whose result has the size that there is by now."""
        if not self.resized:  # nothing else mirrors what is read as it is
            matrix = _product(_mirrored(self.rows, self.height, axis=1), matrix)
            matrix = _product(_mirrored(self.columns, self.width, axis=0), matrix)
            self.rows, self.columns = np.zeros(self.count, bool), np.zeros(self.count, bool)
        self.matrix, self._warped_last = matrix, True

    def _after(self, matrix: Matrix) -> None:
        if self.matrix is None:
            raise AssertionError("there is a map")
        self.matrix = _product(self.matrix, matrix)


def _product(first: Matrix, second: Matrix) -> Matrix:
    product: Matrix = np.einsum("ijn,jkn->ikn", first, second)
    return product


def _identity(count: int) -> Matrix:
    return np.repeat(np.eye(3)[:, :, None], count, axis=2)


def _moved(right: Whole, down: Whole) -> Matrix:
    matrix = _identity(len(right))
    matrix[0, 2], matrix[1, 2] = right, down
    return matrix


def _mirrored(which: NDArray[np.bool_], size: Whole, axis: int) -> Matrix:
    matrix = _identity(len(which))
    matrix[axis, axis] = np.where(which, -1, 1)
    matrix[axis, 2] = np.where(which, size, 0)
    return matrix
