"""The guided filter in the language: local lines from a guide to the image, averaged."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import dsl

#: Takes an image, gives one of the same channels.
Base = Callable[[dsl.Image], dsl.Image]


def mean_over(window: str, size: dsl.Scalar) -> Base:
    """Give the mean over a window: a box of a radius, or a Gaussian of a sigma."""
    kernel = dsl.box(size) if window == "box" else dsl.gaussian(size)
    return lambda image: dsl.convolve(image, kernel)


def guided_by(guide: dsl.Image, eps: dsl.Scalar, mean: Base, levels: int = 0) -> Base:
    """Make the guided filter by a guide, whose statistics are computed once for all images it is given.

    With ``levels`` lines are fitted to images that were halved so often.
    """
    low = halved(guide, levels)
    fit = _lines_by_gray(low, eps, mean) if len(guide.channels) == 1 else _lines_by_color(low, eps, mean)

    def base(image: dsl.Image) -> dsl.Image:
        return stacked([one(channel) for channel in image.channels]) if len(image.channels) > 1 else one(image)

    def one(image: dsl.Image) -> dsl.Image:
        *slopes, offset = (doubled(mean(each), guide, levels) for each in fit(halved(image, levels)))
        return functools.reduce(lambda total, term: total + term, map(_times, slopes, guide.channels), offset)

    return base


def _times(a: dsl.Image, b: dsl.Image) -> dsl.Image:
    return a * b  # type: ignore[no-any-return]


def stacked(images: Sequence[dsl.Image]) -> dsl.Image:
    """Put channels side by side, if there are several."""
    return images[0] if len(images) == 1 else dsl.stack(*images)


def halved(image: dsl.Image, levels: int) -> dsl.Image:
    """Halve an image so often."""
    return dsl.gaussian_pyramid(image, levels)[-1]


def doubled(image: dsl.Image, like: dsl.Image, levels: int) -> dsl.Image:
    """Double an image so often, to the size of another one."""
    for finer in reversed(dsl.gaussian_pyramid(like, levels)[:-1]):
        image = dsl.up(image, finer)
    return image


def _lines_by_gray(guide: dsl.Image, eps: dsl.Scalar, mean: Base) -> Callable[[dsl.Image], list[dsl.Image]]:
    center = mean(guide)
    inverse = 1 / (dsl.maximum(mean(guide * guide) - center * center, 0.0) + eps)

    def fit(image: dsl.Image) -> list[dsl.Image]:
        level = mean(image)
        slope = (mean(guide * image) - center * level) * inverse
        return [slope, level - slope * center]

    return fit


def _lines_by_color(guide: dsl.Image, eps: dsl.Scalar, mean: Base) -> Callable[[dsl.Image], list[dsl.Image]]:
    """Fit by three channels: the covariances are parted into L D L', whose pivots are at least ``eps``."""
    red, green, blue = guide.channels
    centers = mr, mg, mb = mean(red), mean(green), mean(blue)

    def pivot(value: dsl.Image) -> dsl.Image:
        return 1 / dsl.maximum(value, eps)  # type: ignore[no-any-return]

    rr, rg, rb = mean(red * red) - mr * mr + eps, mean(red * green) - mr * mg, mean(red * blue) - mr * mb
    gg, gb, bb = mean(green * green) - mg * mg + eps, mean(green * blue) - mg * mb, mean(blue * blue) - mb * mb + eps
    d1 = pivot(rr)
    l21, l31 = rg * d1, rb * d1
    d2 = pivot(gg - l21 * rg)
    l32 = (gb - l31 * rg) * d2
    d3 = pivot(bb - l31 * rb - l32 * (gb - l31 * rg))

    def fit(image: dsl.Image) -> list[dsl.Image]:
        level = mean(image)
        c1, c2, c3 = (mean(c * image) - m * level for c, m in zip((red, green, blue), centers, strict=True))
        c2 = c2 - l21 * c1
        c3 = c3 - l31 * c1 - l32 * c2
        a3 = c3 * d3
        a2 = c2 * d2 - l32 * a3
        a1 = c1 * d1 - l21 * a2 - l31 * a3
        return [a1, a2, a3, level - a1 * mr - a2 * mg - a3 * mb]

    return fit


@functools.cache
def program(image: int, guide: int) -> dsl.Filter:
    """Give the program for an image of one or three channels and a guide of one or three; 0: the image itself."""

    def guided(
        image: dsl.Image,
        guide: dsl.Image,
        size: dsl.Scalar,
        eps: dsl.Scalar,
        middle: dsl.Scalar,
        guide_middle: dsl.Scalar,
        window: str = "box",
        levels: int = 0,
    ) -> dsl.Image:
        base = guided_by(guide - guide_middle, eps, mean_over(window, size), levels)
        return middle + base(image - middle)  # type: ignore[no-any-return]

    def smoothed(
        image: dsl.Image,
        size: dsl.Scalar,
        eps: dsl.Scalar,
        middle: dsl.Scalar,
        window: str = "box",
        levels: int = 0,
    ) -> dsl.Image:
        moved = image - middle
        return middle + guided_by(moved, eps, mean_over(window, size), levels)(moved)  # type: ignore[no-any-return]

    function = guided if guide else smoothed
    named = {1: "gray", 3: "color"}
    name = f"guided_{named[image]}" + (f"_by_{named[guide]}" if guide else "")
    return with_kinds(function, name, {"image": image, "guide": guide})


def with_kinds(function: Callable[..., Any], name: str, kinds: dict[str, int]) -> dsl.Filter:
    """Make a filter of a function some of whose images are colours."""
    annotations = dict(function.__annotations__)
    for parameter, channels in kinds.items():
        if parameter in annotations:
            annotations[parameter] = dsl.Color if channels == 3 else dsl.Image
    function.__annotations__ = annotations
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return dsl.filter(function)
