"""The programs: averages over taps, whose weight is by the distance to a guide's colour. One per kind of image."""

from __future__ import annotations

import dsl


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


@dsl.filter
def gray_program(
    image: dsl.Image,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    norm: str = "l1",
    formula: bool = False,
) -> dsl.Image:
    """Average of similar gray values near by.

    With ``formula`` the weight is a Gaussian of ``scale`` times the difference; else the entry of ``weights`` at it.
    """
    return _average(image, image, taps, radius, weights, scale, norm, formula)


@dsl.filter
def color_program(
    image: dsl.Color,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    norm: str = "l1",
    formula: bool = False,
) -> dsl.Image:
    """Average of similar colours near by."""
    return _average(image, image, taps, radius, weights, scale, norm, formula)


@dsl.filter
def gray_by_gray(
    image: dsl.Image,
    guide: dsl.Image,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    norm: str = "l1",
    formula: bool = False,
) -> dsl.Image:
    """Average where a gray guide is similar."""
    return _average(image, guide, taps, radius, weights, scale, norm, formula)


@dsl.filter
def gray_by_color(
    image: dsl.Image,
    guide: dsl.Color,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    norm: str = "l1",
    formula: bool = False,
) -> dsl.Image:
    """Average of gray values where a colour guide is similar."""
    return _average(image, guide, taps, radius, weights, scale, norm, formula)


@dsl.filter
def color_by_gray(
    image: dsl.Color,
    guide: dsl.Image,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    norm: str = "l1",
    formula: bool = False,
) -> dsl.Image:
    """Average of colours where a gray guide is similar."""
    return _average(image, guide, taps, radius, weights, scale, norm, formula)


@dsl.filter
def color_by_color(
    image: dsl.Color,
    guide: dsl.Color,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    norm: str = "l1",
    formula: bool = False,
) -> dsl.Image:
    """Average of colours where a colour guide is similar."""
    return _average(image, guide, taps, radius, weights, scale, norm, formula)
