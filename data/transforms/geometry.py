"""Steps that move pixels; parameters and their meaning are torchvision's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.transforms.base import Geometric, between, probability
from data.transforms.views import Views
from dsl.arguments import interval, number, whole

Drawn = NDArray[np.float64]
Size = tuple[int, int]

#: Tries of a random part before the middle is taken, as in torchvision.
_TRIES = 10


class Resize(Geometric):
    """Resample to a size.

    Parameters
    ----------
    size : int or (int, int)
        Height and width; of one number the shorter side, and the other one in proportion, rounded down.
    interpolation : str
        ``"bilinear"`` or ``"nearest"``; torchvision's enumeration is understood.
    max_size : int, optional
        The longer side at most, if ``size`` is one number.
    antialias : bool
        Whether images that shrink are averaged over what a pixel covers, as Pillow does. Without it, and with
        ``"nearest"``, they are sampled.

    Notes
    -----
    Pillow's bilinear resampling to 5e-5 of white, before rounding. ``"nearest"`` is torchvision's ``NEAREST_EXACT``.
    """

    resizes = True
    _shown = ("shape", "interpolation", "max_size")

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Any = "bilinear",
        max_size: int | None = None,
        antialias: bool = True,
    ) -> None:
        self.shape: tuple[int, ...] = _size(size)
        self.max_size = None if max_size is None else whole(max_size, "max_size")
        if self.max_size is not None and len(self.shape) == 2:
            raise ValueError("max_size is for a size of one number")
        if self.max_size is not None and self.max_size <= self.shape[0]:
            raise ValueError(f"max_size must be larger than size {self.shape[0]}, not {max_size}")
        self.interpolation = _kernel(interpolation, antialias)

    def size(self, size: Size | None) -> Size | None:
        """Tell the size behind the step."""
        if len(self.shape) == 2:
            return self.shape[0], self.shape[1]
        if size is None:
            return None
        height, width = self._sides(*(np.array([side]) for side in size))
        return int(height[0]), int(width[0])

    def _sides(self, heights: NDArray[np.int64], widths: NDArray[np.int64]) -> tuple[Any, Any]:
        if len(self.shape) == 2:
            return self.shape[0], self.shape[1]
        short, long = np.minimum(heights, widths), np.maximum(heights, widths)
        new_short, new_long = np.full_like(short, self.shape[0]), self.shape[0] * long // short
        if self.max_size is not None:
            over = new_long > self.max_size
            new_short = np.where(over, self.max_size * new_short // new_long, new_short)
            new_long = np.where(over, self.max_size, new_long)
        new_short = np.maximum(new_short, 1)
        upright = heights > widths
        return np.where(upright, new_long, new_short), np.where(upright, new_short, new_long)

    def move(self, views: Views, drawn: Drawn) -> None:
        """Set the size."""
        views.resize(*self._sides(views.height, views.width))


class _Part(Geometric):
    """A step that takes a part of a given size."""

    crops = True
    _shown = ("shape",)

    def __init__(self, size: int | Sequence[int]) -> None:
        self.shape: Size = _square(size)

    def size(self, size: Size | None) -> Size | None:
        """Tell the size behind the step."""
        return self.shape

    def _room(self, views: Views) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tell how much larger images are than the part, along each axis."""
        down, right = views.height - self.shape[0], views.width - self.shape[1]
        if (small := np.flatnonzero((down < 0) | (right < 0))).size:
            i, sample = small[0], views.samples[small[0]]
            raise ValueError(
                f"{self!r}: sample {sample} has height {views.height[i]} and width {views.width[i]} there; "
                "put a Resize before"
            )
        return down, right


class CenterCrop(_Part):
    """Take the middle.

    Parameters
    ----------
    size : int or (int, int)
        Height and width; of one number a square. Images must be as large.
    """

    def move(self, views: Views, drawn: Drawn) -> None:
        """Take the middle."""
        down, right = self._room(views)
        views.crop(_half(down), _half(right), *self.shape)


class RandomCrop(_Part):
    """Take a part from anywhere, each place equally likely.

    Parameters
    ----------
    size : int or (int, int)
        Height and width; of one number a square. Images must be as large.
    """

    draws = 2

    def move(self, views: Views, drawn: Drawn) -> None:
        """Take a part."""
        down, right = self._room(views)
        views.crop(_place(drawn[0], down), _place(drawn[1], right), *self.shape)


class RandomResizedCrop(Geometric):
    """Take a part of random area, shape and place, and resample it.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the result; of one number a square.
    scale : (float, float)
        The part's area, of the image's.
    ratio : (float, float)
        The part's width over its height; its logarithm is drawn uniformly.
    interpolation, antialias
        As of :class:`Resize`.
    """

    resizes = crops = True
    draws = 2 * _TRIES + 2
    _shown = ("shape", "scale", "ratio", "interpolation")

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: Any = "bilinear",
        antialias: bool = True,
    ) -> None:
        self.shape: Size = _square(size)
        self.scale = interval(scale, "scale", 1e-9)
        self.ratio = interval(ratio, "ratio", 1e-9)
        self.interpolation = _kernel(interpolation, antialias)

    def size(self, size: Size | None) -> Size | None:
        """Tell the size behind the step."""
        return self.shape

    def move(self, views: Views, drawn: Drawn) -> None:
        """Take the part and set the size."""
        height, width = self._parts(views.height, views.width, drawn[: 2 * _TRIES])
        top, left = drawn[2 * _TRIES :]
        given = width > 0
        middle_height, middle_width = self._middle(views.height, views.width)
        height, width = np.where(given, height, middle_height), np.where(given, width, middle_width)
        down, right = views.height - height, views.width - width
        views.crop(
            np.where(given, _place(top, down), down // 2),
            np.where(given, _place(left, right), right // 2),
            height,
            width,
        )
        views.resize(*self.shape)

    def _parts(self, heights: Any, widths: Any, drawn: Drawn) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the first part that is tried and fits, of each sample; 0 if none does."""
        area = heights * widths * between(self.scale, drawn[:_TRIES])
        ratio = np.exp(between((math.log(self.ratio[0]), math.log(self.ratio[1])), drawn[_TRIES:]))
        tall, wide = np.rint(np.sqrt(area / ratio)), np.rint(np.sqrt(area * ratio))
        fits = (tall > 0) & (wide > 0) & (tall <= heights) & (wide <= widths)
        first = fits.argmax(axis=0), np.arange(len(heights))
        found = fits[first]
        return (tall[first] * found).astype(np.int64), (wide[first] * found).astype(np.int64)

    def _middle(self, heights: Any, widths: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the largest part in the middle whose shape is allowed."""
        low, high = self.ratio
        shape = np.clip(widths / heights, low, high)
        narrow, flat = widths / heights < low, widths / heights > high
        tall = np.where(narrow, np.rint(widths / shape), heights)
        wide = np.where(flat, np.rint(heights * shape), widths)
        return np.maximum(tall, 1).astype(np.int64), np.maximum(wide, 1).astype(np.int64)


class RandomHorizontalFlip(Geometric):
    """Swap left and right of some samples.

    Parameters
    ----------
    p : float
        Probability.
    """

    mirrors = True
    draws = 1
    _shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability(p)

    def move(self, views: Views, drawn: Drawn) -> None:
        """Mirror columns."""
        views.mirror_columns(drawn[0] < self.p)


class RandomVerticalFlip(RandomHorizontalFlip):
    """Turn some samples upside down.

    Parameters
    ----------
    p : float
        Probability.
    """

    def move(self, views: Views, drawn: Drawn) -> None:
        """Mirror rows."""
        views.mirror_rows(drawn[0] < self.p)


class RandomAffine(Geometric):
    """Turn, move, scale and shear around the middle.

    Parameters
    ----------
    degrees : float or (float, float)
        Range of the angle, clockwise; of one number d from -d to d.
    translate : (float, float), optional
        How far it is moved at most, to either side, across and down, of the width and height.
    scale : (float, float), optional
        Range of the magnification.
    shear : float, (float, float) or four floats, optional
        Range of the angle of shear along rows in degrees, of four numbers also along columns; of one number s from -s
        to s.
    interpolation : str
        ``"nearest"`` or ``"bilinear"``.
    fill : float
        What is seen from outside, in units of the image; of all channels.
    """

    warps = True
    draws = 6
    _shown = ("degrees", "translate", "scale", "shear", "interpolation", "fill")

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Any = "nearest",
        fill: float = 0.0,
    ) -> None:
        self.degrees = _angles(degrees, "degrees")
        self.translate = _both(translate)
        self.scale = (1.0, 1.0) if scale is None else interval(scale, "scale", 1e-9)
        self.shear = _shears(shear)
        self.interpolation = {"nearest": "nearest", "bilinear": "linear"}[_name(interpolation)]
        self.fill = number(fill, "fill")

    def move(self, views: Views, drawn: Drawn) -> None:
        """Set the map."""
        angle = np.deg2rad(between(self.degrees, drawn[0]))
        across = np.rint(self.translate[0] * views.width * (2 * drawn[1] - 1))
        down = np.rint(self.translate[1] * views.height * (2 * drawn[2] - 1))
        scale = between(self.scale, drawn[3])
        shear_x, shear_y = (np.deg2rad(between(s, drawn[4 + i])) for i, s in enumerate(self.shear))
        views.warp(inverse_affine(angle, across, down, scale, shear_x, shear_y, views.height, views.width))


def inverse_affine(
    angle: Drawn,
    across: Drawn,
    down: Drawn,
    scale: Drawn,
    shear_x: Drawn,
    shear_y: Drawn,
    height: NDArray[np.int64],
    width: NDArray[np.int64],
) -> Drawn:
    """Give the maps from results back to images, (3, 3, samples): rotation, shear, scale about the middle, shift.

    Angles are in radians. The middle is half the size, for pixels whose first one has its centre at 0.5.
    """
    a = np.cos(angle - shear_y) / np.cos(shear_y)
    b = -np.cos(angle - shear_y) * np.tan(shear_x) / np.cos(shear_y) - np.sin(angle)
    c = np.sin(angle - shear_y) / np.cos(shear_y)
    d = -np.sin(angle - shear_y) * np.tan(shear_x) / np.cos(shear_y) + np.cos(angle)
    matrix = np.zeros((3, 3, len(angle)))
    matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1] = d / scale, -b / scale, -c / scale, a / scale
    matrix[2, 2] = 1
    middle = np.stack([width / 2, height / 2])
    shift = middle + np.stack([across, down])
    matrix[:2, 2] = middle - np.einsum("ijn,jn->in", matrix[:2, :2], shift)
    return matrix


# ------------------------------------------------------------------------------------------------- arguments


def _place(drawn: Drawn, room: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw a place from 0 to ``room``."""
    return np.minimum((drawn * (room + 1)).astype(np.int64), room)


def _half(room: NDArray[np.int64]) -> NDArray[np.int64]:
    """Halve as torchvision does, to the nearest even number."""
    return np.rint(room / 2).astype(np.int64)


def _size(size: int | Sequence[int]) -> Any:
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size,)
    if not 1 <= len(sides) <= 2:
        raise ValueError(f"size must be an int or two, {len(sides)} came")
    return tuple(whole(side, "size") for side in sides)


def _square(size: int | Sequence[int]) -> Size:
    sides = _size(size)
    return (sides[0], sides[-1])


def _name(interpolation: Any) -> str:
    """Give the name of an interpolation, or of a member of torchvision's enumeration."""
    name = getattr(interpolation, "value", interpolation)
    name = "nearest" if name == "nearest-exact" else name
    if name not in ("nearest", "bilinear"):
        raise ValueError(f"interpolation must be 'bilinear' or 'nearest', not {name!r}")
    return str(name)


def _kernel(interpolation: Any, antialias: Any) -> str:
    """Name the kernel of :func:`dsl.resize`."""
    if not isinstance(antialias, bool):
        raise TypeError(f"antialias must be a bool, not {type(antialias).__name__}")
    if _name(interpolation) == "nearest":
        return "nearest"
    return "triangle" if antialias else "linear"


def _angles(value: Any, name: str) -> tuple[float, float]:
    if isinstance(value, (tuple, list)):
        return interval(value, name)
    limit = number(value, name, 0)
    return -limit, limit


def _both(translate: Sequence[float] | None) -> tuple[float, float]:
    if translate is None:
        return 0.0, 0.0
    if not isinstance(translate, (tuple, list)) or len(translate) != 2:
        raise ValueError(f"translate must be two numbers from 0 to 1, not {translate!r}")
    return number(translate[0], "translate", 0, 1), number(translate[1], "translate", 0, 1)


def _shears(shear: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    if shear is None:
        return (0.0, 0.0), (0.0, 0.0)
    if isinstance(shear, (tuple, list)) and len(shear) == 4:
        return interval(shear[:2], "shear"), interval(shear[2:], "shear")
    return _angles(shear, "shear"), (0.0, 0.0)
