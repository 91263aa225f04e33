"""The guided filter in the language: local lines from a guide to the image, averaged."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import dsl
from dsl.kinds import declare, kind_of, word

#: Takes an image, gives one of the same channels.
Base = Callable[[dsl.Image], dsl.Image]
#: Means of images over windows.
Means = Callable[[Sequence[dsl.Image]], Sequence[dsl.Image]]
#: Gives the slopes and the offset of an image of one channel.
Fit = Callable[[dsl.Image], list[dsl.Image]]


def means_over(window: str, size: dsl.Scalar, together: bool) -> Means:
    """Give the means over a window: a box of a radius, or a Gaussian of a sigma.

    Boxes of one size are computed in one pass; what is not is better taken ``together``, which keeps programs short.
    """
    kernel = dsl.box(size) if window == "box" else dsl.gaussian(size)
    if not together:
        return lambda images: [dsl.convolve(image, kernel) for image in images]
    return lambda images: dsl.convolve(stacked(images), kernel).channels


def guided_by(guide: dsl.Image, eps: dsl.Scalar, means: Means, levels: int = 0) -> Base:
    """Make the guided filter by a guide, whose statistics are computed once for all images it is given.

    With ``levels`` lines are fitted to images that were halved so often.
    """
    fit = lines_by(halved(guide, levels), eps, means)

    def base(image: dsl.Image) -> dsl.Image:
        return stacked([alone(channel) for channel in image.channels])

    def alone(channel: dsl.Image) -> dsl.Image:
        # The lines of each channel by themselves: of all channels they would be stages that take minutes to compile.
        lines = means(fit(halved(channel, levels)))
        return along(doubled(stacked(lines), guide, levels).channels if levels else lines, guide)

    return base


def lines_by(guide: dsl.Image, eps: dsl.Scalar, means: Means) -> Fit:
    """Fit lines by a guide, within what is averaged."""
    return (_lines_by_gray if len(guide.channels) == 1 else _lines_by_color)(guide, eps, means)


def along(lines: Sequence[dsl.Image], guide: dsl.Image) -> dsl.Image:
    """Follow lines, of slopes and an offset, to where the guide is."""
    *slopes, offset = lines
    return functools.reduce(operator.add, map(operator.mul, slopes, guide.channels), offset)


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


def _lines_by_gray(guide: dsl.Image, eps: dsl.Scalar, means: Means) -> Fit:
    center, square = means([guide, guide * guide])
    inverse = 1 / (dsl.maximum(square - center * center, 0.0) + eps)

    def fit(image: dsl.Image) -> list[dsl.Image]:
        level, product = means([image, guide * image])
        slope = (product - center * level) * inverse
        return [slope, level - slope * center]

    return fit


def _lines_by_color(guide: dsl.Image, eps: dsl.Scalar, means: Means) -> Fit:
    """Fit by three channels: the covariances are parted into L D L', whose pivots are at least ``eps``."""
    red, green, blue = guide.channels
    products = [red * red, red * green, red * blue, green * green, green * blue, blue * blue]
    mr, mg, mb, rr, rg, rb, gg, gb, bb = means([red, green, blue, *products])
    rr, rg, rb = rr - mr * mr + eps, rg - mr * mg, rb - mr * mb
    gg, gb, bb = gg - mg * mg + eps, gb - mg * mb, bb - mb * mb + eps
    d1 = 1 / dsl.maximum(rr, eps)
    l21, l31 = rg * d1, rb * d1
    d2 = 1 / dsl.maximum(gg - l21 * rg, eps)
    rest = gb - l31 * rg
    l32 = rest * d2
    d3 = 1 / dsl.maximum(bb - l31 * rb - l32 * rest, eps)

    def fit(image: dsl.Image) -> list[dsl.Image]:
        level, cr, cg, cb = means([image, red * image, green * image, blue * image])
        c1 = cr - mr * level
        c2 = cg - mg * level - l21 * c1
        c3 = cb - mb * level - l31 * c1 - l32 * c2
        a3 = c3 * d3
        a2 = c2 * d2 - l32 * a3
        a1 = c1 * d1 - l21 * a2 - l31 * a3
        return [a1, a2, a3, level - a1 * mr - a2 * mg - a3 * mb]

    return fit


@functools.cache
def program(image: int, guide: int) -> dsl.Filter:
    """Give the program for an image of one or three channels and a guide of one or three; 0: the image itself.

    Its parameters are ``image``, ``guide``; ``size``, of the window's kernel; ``eps``; ``middle`` and ``guide_middle``,
    which are subtracted first; and ``window``, ``together`` (see :func:`means_over`), ``levels``.
    """
    kinds: dict[str, Any] = {"image": kind_of(image), "guide": kind_of(guide or image)}
    kinds |= dict.fromkeys(("size", "eps", "middle", "guide_middle"), dsl.Scalar)
    kinds |= {"window": str, "together": bool, "levels": int}
    if not guide:
        del kinds["guide"], kinds["guide_middle"]

    def guided(**given: Any) -> dsl.Image:
        moved = given["image"] - given["middle"]
        by = given["guide"] - given["guide_middle"] if guide else moved
        means = means_over(given["window"], given["size"], given["together"])
        return given["middle"] + guided_by(by, given["eps"], means, given["levels"])(moved)  # type: ignore[no-any-return]

    name = f"guided_{word(image)}" + (f"_by_{word(guide)}" if guide else "")
    defaults = {"window": "box", "together": False, "levels": 0}
    return declare(guided, name, "Lines from a guide to the image, averaged.", kinds, defaults)


def __getattr__(name: str) -> dsl.Filter:
    """Find a program by its name, as pickles do."""
    for image, guide in itertools.product((1, 3), (0, 1, 3)):
        found = program(image, guide)
        if found.__name__ == name:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
