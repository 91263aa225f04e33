"""Directional cubic convolution interpolation: twice the size, along edges instead of across them."""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import dsl
from dsl import arguments, arrays
from filters._filter import public
from filters._gaussian import Border

#: Differences count as in images of bytes: a step of one does not make an edge.
_LEVELS = 255.0
#: A direction that changes this much less than the other one is taken alone.
_THRESHOLD = 1.15
#: Between two alike, shares fall with this power of the change along each.
_POWER = 5
#: Cubic convolution halfway between the inner two of four samples.
_CUBIC = (-1 / 16, 9 / 16, 9 / 16, -1 / 16)


def _total(images: list[Any]) -> Any:
    return functools.reduce(operator.add, images)


def _power(value: Any) -> Any:
    """Write the fifth power; float32's range is what keeps it from more than 2e7 levels."""
    square = value * value
    return square * square * value


def _directed(one: Any, other: Any, along_one: Any, along_other: Any) -> Any:
    """Choose between two interpolations by how much the image changes along each, or mix them."""
    less, more = 1 + along_one, 1 + along_other
    far_one, far_other = 1 + _power(along_one), 1 + _power(along_other)
    mixed = (one * far_other + other * far_one) / (far_one + far_other)
    return dsl.select(less > _THRESHOLD * more, other, dsl.select(more > _THRESHOLD * less, one, mixed))


def _cubic(samples: list[Any]) -> Any:
    return _total([weight * sample for weight, sample in zip(_CUBIC, samples, strict=True)])


def _changes(pairs: list[tuple[Any, Any]], unit: Any) -> Any:
    return unit * _total([abs(a - b) for a, b in pairs])


@dsl.filter
def gaps(src: dsl.Image, unit: dsl.Scalar) -> tuple[dsl.Image, ...]:
    """Fill the gaps between the pixels of an image: right of them, below, and diagonally.

    Coordinates below are those of the image, rows first; a diagonal pixel ``[i, j]`` lies half a pixel down and right
    of it. ``unit`` brings differences to 255ths of the range of values.
    """
    near = [(i, j) for i in range(-1, 2) for j in range(-1, 2)]
    up_right = _changes([(src[i, j + 1], src[i + 1, j]) for i, j in near], unit)
    down_right = _changes([(src[i, j], src[i + 1, j + 1]) for i, j in near], unit)
    steps = range(-1, 3)
    diagonal = _directed(
        _cubic([src[1 - k, k] for k in steps]), _cubic([src[k, k] for k in steps]), up_right, down_right
    )

    def between(y: int, x: int) -> Any:
        """Read what is known around a pixel of the gaps, from a pixel of the image, in halves of its steps."""
        return src[y // 2, x // 2] if y % 2 == 0 else diagonal[(y - 1) // 2, (x - 1) // 2]

    def filled(right: bool) -> Any:
        """Write the gap to the right of a pixel, or below it."""

        def at(y: int, x: int) -> Any:
            return between(y, 1 + x) if right else between(1 + y, x)

        diamond = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if abs(y) + abs(x) <= 2 and (y + x) % 2 == 0]
        along_row = _changes([(at(y, x - 1), at(y, x + 1)) for y, x in diamond], unit)
        down_column = _changes([(at(y - 1, x), at(y + 1, x)) for y, x in diamond], unit)
        odd = range(-3, 4, 2)
        return _directed(
            _cubic([at(0, x) for x in odd]), _cubic([at(y, 0) for y in odd]), along_row, down_column
        )  # fmt: skip

    return filled(True), filled(False), diagonal


@public(gaps)
def dcci_upscale(
    image: ArrayLike,
    *,
    value_range: tuple[float, float] | None = None,
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Double an image by directional cubic convolution interpolation, which keeps edges smooth along their direction.

    Pixels of the image stay as they are, at even rows and columns. Between four of them a pixel is interpolated along
    the diagonal on which the image changes least (or, where both are alike, along both by shares); what remains along
    its row or its column in the same way.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    value_range : (float, float), optional
        Smallest and largest value; differences count in 255ths of what lies between. Default: what the dtype of
        integers holds, the range of a float32 image.
    border : str
        What lies outside: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap ``image``.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    array
        Twice the rows and columns, dtype and channels of the image. The last row and column lie beyond its last pixels.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    References
    ----------
    D. Zhou, X. Shen, W. Dong: Image zooming using directional cubic convolution interpolation. IET Image Processing
    6(6), 2012. Schedules for it: Y. Ishikawa, N. Fukushima et al., IWAIT 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import dcci_upscale
    >>> dcci_upscale(np.float32([[0, 8], [8, 16]])).shape
    (4, 4)
    """
    array = arrays.check(image)
    axis = arrays.rows_axis(array)
    like = np.empty_like(array, shape=tuple(n * (2 if axis <= i < axis + 2 else 1) for i, n in enumerate(array.shape)))
    result = like if out is None else arrays.check_out(out, like, [array])
    if not array.size:
        return result
    unit = _LEVELS / _width(array, value_range)
    parts = [_part(result, axis, down, right) for down, right in ((0, 1), (1, 0), (1, 1))]
    common = {"border": border, "border_value": border_value, "target": target, "schedule": schedule}
    gaps.run([array], [unit], out=tuple(parts), threads=threads, **common)
    _part(result, axis, 0, 0)[...] = array
    return result


def _part(array: np.ndarray[Any, Any], axis: int, down: int, right: int) -> np.ndarray[Any, Any]:
    """Give every second pixel of an array along rows and columns."""
    return array[(slice(None),) * axis + (slice(down, None, 2), slice(right, None, 2))]


def _width(array: np.ndarray[Any, Any], value_range: tuple[float, float] | None) -> float:
    if value_range is not None:
        low, high = arguments.value_range(value_range)
        return high - low
    if array.dtype != np.float32:
        return float(np.iinfo(array.dtype).max)
    finite = array[np.isfinite(array)]
    width = float(np.ptp(finite)) if finite.size else 0.0
    return width if width > 0 and math.isfinite(width) else _LEVELS
