"""The programs: averages over taps, whose weight is by the distance to a guide's colour. One per kind of image."""

from __future__ import annotations

from typing import Any

import dsl
from dsl.kinds import declare, kind_of


def _average(
    image: dsl.Image,
    guide: dsl.Image,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    norm: str,
    formula: bool,
) -> dsl.Image:
    near = dsl.taps(taps, radius)
    distance = scale * dsl.distance(guide[near], guide, norm)
    weight = dsl.exp(-0.5 * distance * distance) if formula else dsl.lookup(weights, distance)
    return dsl.weighted_mean(image[near], weight)


def _smooth(
    image: dsl.Image, guide: dsl.Image, taps: dsl.Table, radius: dsl.Scalar, series: dsl.Table, terms: int, levels: int
) -> dsl.Image:
    """Average by a series of cosines, each of which splits into functions of one pixel: so convolutions do.

    ``cos(k w (a - b)) = cos(k w a) cos(k w b) + sin(k w a) sin(k w b)``. Blurred images are kept at a fraction of the
    size, where the kernel is small.
    """
    frequency, middle, constant, *weights = (series[i] for i in range(3 + terms))
    cosines, sines = dsl.harmonics(frequency * guide, terms)
    value = image - middle
    blurred = [dsl.stack(value, cosines, sines, value * cosines, value * sines)]
    for _ in range(levels):
        blurred.append(dsl.down(blurred[-1], "float16"))
    low = dsl.weighted_mean(blurred[-1][dsl.taps(taps, radius)])
    for finer in reversed(blurred[:-1]):
        low = dsl.up(low, finer)
    mean, *others = low.channels
    waves = [*cosines.channels, *sines.channels]
    weights = [*weights, *weights]
    total: dsl.Image = constant * mean
    weight: dsl.Image = constant + dsl.dot(weights, dsl.stack(*(a * b for a, b in zip(waves, others, strict=False))))
    total = total + dsl.dot(weights, dsl.stack(*(a * b for a, b in zip(waves, others[2 * terms :], strict=True))))
    result: dsl.Image = middle + total / weight
    return result


@dsl.filter
def smooth_gray(
    image: dsl.Image, taps: dsl.Table, radius: dsl.Scalar, series: dsl.Table, terms: int = 6, levels: int = 3
) -> dsl.Image:
    """Average of similar gray values near by, at a cost that does not grow with the radius."""
    return _smooth(image, image, taps, radius, series, terms, levels)


@dsl.filter
def smooth_gray_by_gray(
    image: dsl.Image,
    guide: dsl.Image,
    taps: dsl.Table,
    radius: dsl.Scalar,
    series: dsl.Table,
    terms: int = 6,
    levels: int = 3,
) -> dsl.Image:
    """Average where a gray guide is similar, at a cost that does not grow with the radius."""
    return _smooth(image, guide, taps, radius, series, terms, levels)


def _program(name: str, doc: str, image: int, guide: int | None = None) -> dsl.Filter:
    """Make the program for an image and a guide of 1 or 3 channels each; without one the image is its own.

    With ``formula`` the weight is a Gaussian of ``scale`` times the difference; else the entry of ``weights`` at it.
    """
    kinds: dict[str, Any] = {"image": kind_of(image)} | ({"guide": kind_of(guide)} if guide is not None else {})
    kinds |= {"taps": dsl.Table, "radius": dsl.Scalar, "weights": dsl.Table, "scale": dsl.Scalar}
    kinds |= {"norm": str, "formula": bool}

    def average(**given: Any) -> dsl.Image:
        return _average(**{"guide": given["image"], **given})

    return declare(average, name, doc, kinds, {"norm": "l1", "formula": False})


gray_program = _program("gray_program", "Average of similar gray values near by.", 1)
color_program = _program("color_program", "Average of similar colours near by.", 3)
gray_by_gray = _program("gray_by_gray", "Average where a gray guide is similar.", 1, 1)
gray_by_color = _program("gray_by_color", "Average of gray values where a colour guide is similar.", 1, 3)
color_by_gray = _program("color_by_gray", "Average of colours where a gray guide is similar.", 3, 1)
color_by_color = _program("color_by_color", "Average of colours where a colour guide is similar.", 3, 3)
