"""Local Laplacian filtering by samples of the gray value: a remapped image and its pyramid for each.

Every Laplacian coefficient is the one of an image remapped around its own gray value g. Here such pyramids are made for
a few g, evenly spaced, and a coefficient is interpolated between those next to its own: linearly in the fast filter of
Aubry et al., by cubics through four close samples where the result is to be exact. The sum over samples comes eight a
call, added up in a float32 plane.

Aubry, Paris, Hasinoff, Kautz, Durand: Fast local Laplacian filters. ACM Transactions on Graphics 33 (2014) 167.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dsl
from filters._laplacian.programs import collapsed, weighted

#: Samples that one call adds: their pyramids are as many as those of four terms of a series.
EIGHT = 8


def _weight(distance: Any, between: str) -> Any:
    """Write the weight of a sample at a distance from it, in steps."""
    if between == "linear":
        return dsl.maximum(1 - distance, 0)
    inner = (1 - distance) * (1 + distance) * (2 - distance) * (1 / 2)
    outer = (1 - distance) * (2 - distance) * (3 - distance) * (1 / 6)
    return dsl.select(distance < 1, inner, dsl.select(distance < 2, outer, 0))


def _sampled(
    gray: dsl.Image,
    remapped: Callable[[Any], Any],
    places: tuple[dsl.Scalar, dsl.Scalar, dsl.Scalar, dsl.Scalar],
    detail: dsl.Scalar,
    beta: dsl.Scalar,
    active: dsl.Scalar,
    levels: int,
    between: str,
) -> Any:
    """Write what eight samples, from the first place on in steps, change of an image; ``low``, ``high``: the ends.

    What they are remapped to is about one, so that it may be kept in half precision; ``detail`` makes up for it.
    """
    origin, step, low, high = places
    image = dsl.gaussian_pyramid(gray, levels)
    samples = dsl.stack(*(remapped(gray - (origin + k * step)) for k in range(EIGHT)))
    pyramid = dsl.gaussian_pyramid(samples, levels, stored="float16" if between == "linear" else "float32")

    def change(level: int) -> Any:
        position = (dsl.clamp(image[level], low, high) - origin) * (1 / step)
        weights = [_weight(dsl.absolute(position - k), between) for k in range(EIGHT)]
        return detail * weighted(weights, (pyramid[level] - dsl.up(pyramid[level + 1], image[level])).channels)

    return (beta - 1) * gray + collapsed(image, change, beta, active)


@dsl.filter
def sample_part(
    total: dsl.Image,
    gray: dsl.Image,
    sigma: dsl.Scalar,
    detail: dsl.Scalar,
    origin: dsl.Scalar,
    step: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    beta: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    between: str = "linear",
) -> dsl.Image:
    """Add what eight samples change of each channel."""

    def remapped(difference: dsl.Image) -> Any:
        in_sigmas = difference * (1 / sigma)
        return in_sigmas * dsl.exp(-0.5 * in_sigmas * in_sigmas)

    places = (origin, step, low, high)
    result: dsl.Image = total + _sampled(gray, remapped, places, detail * sigma, beta, active, levels, between)
    return result


@dsl.filter
def curve_part(
    total: dsl.Image,
    gray: dsl.Image,
    curve: dsl.Table,
    scale: dsl.Scalar,
    detail: dsl.Scalar,
    origin: dsl.Scalar,
    step: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    beta: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    between: str = "linear",
) -> dsl.Image:
    """Do so with an odd function of one's own: entry i of its table is that of a difference of ``i^2 / scale``."""

    def remapped(difference: dsl.Image) -> Any:
        value = dsl.lookup(curve, dsl.sqrt(scale * dsl.absolute(difference)))
        return dsl.select(difference < 0, -value, value)

    places = (origin, step, low, high)
    result: dsl.Image = total + _sampled(gray, remapped, places, detail, beta, active, levels, between)
    return result
