"""The programs of local Laplacian filtering by Gaussian Fourier pyramid.

Every Laplacian coefficient is the one of an image remapped around its own gray value g:

    r(i) = g + beta (i - g) + f(i - g)

With a sine series of f, the pyramids of sin(k w I) and cos(k w I) serve all gray values:

    L[r] = beta L[I] + sum_k b_k (cos(k w G) L[sin k w I] - sin(k w G) L[cos k w I])

What is collapsed is the difference to ``beta`` times the image's own pyramid. At the finest level G is I, and the
unblurred waves cancel. Levels from ``active`` on are left as they are.

The waves lie between -1 and 1 and differ little from pixel to pixel, so memory holds them in half precision: what that
costs is far below the error of a series (see series.py), and the time goes with the memory.

The first two programs hold the series of d exp(-d^2 / 2 sigma^2) themselves. The others are for whatever else there is:
all of the above is linear in f, so a series of any length comes a few terms at a time, added up in a float32 plane.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import dsl
from filters._laplacian import series

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

#: Terms of a series that one call adds, prepares or puts together.
FOUR = 4

#: From an image to the cosines and the sines of it.
Waves = Callable[[dsl.Image], tuple[dsl.Image, dsl.Image]]


def luminance(src: dsl.Color) -> dsl.Image:
    """Write the luminance of colours."""
    r, g, b = src.channels
    result: dsl.Image = _LUMA[0] * r + _LUMA[1] * g + _LUMA[2] * b
    return result


def collapsed(image: Sequence[dsl.Image], change: Callable[[int], Any], beta: dsl.Scalar, active: dsl.Scalar) -> Any:
    """Write what is added to ``beta`` times an image: from its pyramid, and how coefficients of a level change."""
    *finer, residual = image
    added = (1 - beta) * residual
    for level, here in reversed(list(enumerate(finer))):
        added = dsl.select(active > level, change(level) + dsl.up(added, here), (1 - beta) * here)
    return added


def weighted(weights: Sequence[Any], images: Sequence[Any]) -> Any:
    """Write a weighted sum."""
    return functools.reduce(lambda a, b: a + b, (w * i for w, i in zip(weights, images, strict=True)))


def by_series(
    gray: dsl.Image,
    waves: Waves,
    weights: Callable[[int], Sequence[Any]],
    beta: dsl.Scalar,
    active: dsl.Scalar,
    levels: int,
) -> Any:
    """Write what :func:`collapsed` does of a series; ``weights`` gives those of its terms at a level."""
    image = dsl.gaussian_pyramid(gray, levels)
    pyramid = dsl.gaussian_pyramid(dsl.stack(*waves(gray)), levels, stored="float16")

    def change(level: int) -> Any:
        return weighted(weights(level), _terms(image, pyramid, waves, level).channels)

    return collapsed(image, change, beta, active)


def _terms(image: Sequence[dsl.Image], pyramid: Sequence[dsl.Image], waves: Waves, level: int) -> dsl.Image:
    """Give the terms of the series at a level, without their weights; ``pyramid`` is that of the waves."""
    blurred = dsl.up(pyramid[level + 1], image[level])
    cos, sin = waves(image[level])
    cosines, sines = dsl.split(-blurred if level == 0 else pyramid[level] - blurred, len(cos.channels))
    result: dsl.Image = cos * sines - sin * cosines
    return result


# ------------------------------------------------------------------------------------ with a series of their own


def _gaussian_detail(
    gray: dsl.Image,
    sigma: dsl.Scalar,
    detail: dsl.Scalar,
    beta: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    active: dsl.Scalar,
    levels: int,
    terms: int,
) -> Any:
    size = high - low
    s = sigma / size
    where = series.position(dsl.log(s))
    period, *coefficients = (dsl.lookup(dsl.table(t), where) for t in series.tables(terms))
    fading = dsl.minimum(s / series.SMALLEST, 1.0)  # below the table, f shrinks as s^3
    scale = detail * size * fading * fading * fading
    weights = [scale * b for b in coefficients]
    omega = 2 * math.pi / (period * size)
    middle = 0.5 * (low + high)

    def waves(image: dsl.Image) -> tuple[dsl.Image, dsl.Image]:
        return dsl.harmonics(omega * (image - middle), terms)

    return beta * gray + by_series(gray, waves, lambda level: weights, beta, active, levels)


@dsl.filter
def gray_program(
    src: dsl.Image,
    sigma: dsl.Scalar,
    detail: dsl.Scalar,
    beta: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    terms: int = 4,
) -> dsl.Image:
    """Local Laplacian filter of each channel."""
    result: dsl.Image = _gaussian_detail(src, sigma, detail, beta, low, high, active, levels, terms)
    return result


@dsl.filter
def color_program(
    src: dsl.Color,
    sigma: dsl.Scalar,
    detail: dsl.Scalar,
    beta: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    terms: int = 4,
) -> dsl.Image:
    """Local Laplacian filter of the luminance; what it changes is added to all three channels."""
    luma = luminance(src)
    result: dsl.Image = src + (_gaussian_detail(luma, sigma, detail, beta, low, high, active, levels, terms) - luma)
    return result


# ------------------------------------------------------------------------------------------- a few terms at a time


def _later_waves(omega: dsl.Scalar, first: dsl.Scalar, middle: dsl.Scalar, terms: int) -> Waves:
    """Give the harmonics first + 1 .. first + terms: those from 1 on, turned by the angle of ``first``."""

    def waves(image: dsl.Image) -> tuple[dsl.Image, dsl.Image]:
        angle = omega * (image - middle)
        cos, sin = dsl.harmonics(angle, terms)
        (turned_cos,), (turned_sin,) = (wave.channels for wave in dsl.harmonics(first * angle, 1))
        return turned_cos * cos - turned_sin * sin, turned_sin * cos + turned_cos * sin

    return waves


@dsl.filter
def luminance_program(total: dsl.Image, src: dsl.Color) -> dsl.Image:
    """Add the luminance to a plane."""
    result: dsl.Image = total + luminance(src)
    return result


@dsl.filter
def log_program(total: dsl.Image, src: dsl.Image, floor: dsl.Scalar) -> dsl.Image:
    """Add the logarithm of each channel to a plane."""
    result: dsl.Image = total + dsl.log(dsl.maximum(src, floor))
    return result


@dsl.filter
def gray_gain(src: dsl.Image, before: dsl.Image, after: dsl.Image) -> dsl.Image:
    """Multiply each channel by what its logarithm changed."""
    result: dsl.Image = src * dsl.exp(after - before)
    return result


@dsl.filter
def color_gain(src: dsl.Color, before: dsl.Image, after: dsl.Image) -> dsl.Image:
    """Multiply all colours by what the logarithm of their luminance changed."""
    result: dsl.Image = src * dsl.exp(after - before)
    return result


@dsl.filter
def table_part(
    total: dsl.Image,
    gray: dsl.Image,
    coefficients: dsl.Table,
    omega: dsl.Scalar,
    first: dsl.Scalar,
    middle: dsl.Scalar,
    beta: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    terms: int = 4,
) -> dsl.Image:
    """Add what some terms of a series change of each channel."""
    weights = [coefficients[k] for k in range(terms)]
    waves = _later_waves(omega, first, middle, terms)
    added = by_series(gray, waves, lambda level: weights, beta, active, levels)
    result: dsl.Image = total + ((beta - 1) * gray + added)
    return result


@dsl.filter
def map_part(
    total: dsl.Image,
    gray: dsl.Image,
    sigma: dsl.Image,
    detail: dsl.Image,
    omega: dsl.Scalar,
    first: dsl.Scalar,
    middle: dsl.Scalar,
    beta: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    terms: int = 4,
) -> dsl.Image:
    """Add what some terms change of each channel, in closed form at the sigma and detail of every pixel of every level.

    b_k = sqrt(2 / pi) sigma^3 w^2 k q^(k^2) with q = exp(-(sigma w)^2 / 2); powers of q follow by recurrence, and are
    kept from numbers so small that processors are slow with them.
    """
    sigmas, details = dsl.gaussian_pyramid(sigma, levels), dsl.gaussian_pyramid(detail, levels)

    def weights(level: int) -> list[Any]:
        turns = sigmas[level] * omega
        square = turns * turns
        scale = math.sqrt(2 / math.pi) * details[level] * sigmas[level] * square
        power = dsl.exp(-0.5 * (first + 1) * (first + 1) * square)
        ratio, step = dsl.exp(-(first + 1.5) * square), dsl.exp(-square)
        found = []
        for k in range(1, terms + 1):
            found.append(scale * (first + k) * power)
            power, ratio = dsl.maximum(power * ratio, 1e-30), dsl.maximum(ratio * step, 1e-30)
        return found

    waves = _later_waves(omega, first, middle, terms)
    added = by_series(gray, waves, weights, beta, active, levels)
    result: dsl.Image = total + ((beta - 1) * gray + added)
    return result


@dsl.filter
def gray_sum(src: dsl.Image, total: dsl.Image) -> dsl.Image:
    """Add to each channel what was summed."""
    result: dsl.Image = src + total
    return result


@dsl.filter
def color_sum(src: dsl.Color, total: dsl.Image) -> dsl.Image:
    """Add to all colours what was summed."""
    result: dsl.Image = src + total
    return result


# ------------------------------------------------------------------------------------------------- interactive use


@dsl.filter
def kept_program(
    gray: dsl.Image,
    omega: dsl.Scalar,
    first: dsl.Scalar,
    middle: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
) -> tuple[dsl.Image, ...]:
    """Collapse each of four terms of the series alone, as the result is linear in them, and the residual."""
    terms, waves = FOUR, _later_waves(omega, first, middle, FOUR)
    image = dsl.gaussian_pyramid(gray, levels)
    pyramid = dsl.gaussian_pyramid(dsl.stack(*waves(gray)), levels, stored="float16")

    def uncollapsed(level: int) -> dsl.Image:
        return dsl.stack(*[0 * image[level]] * terms, image[level])

    added = uncollapsed(levels)
    for level in reversed(range(levels)):
        change = dsl.stack(*_terms(image, pyramid, waves, level).channels, 0 * image[level])
        added = dsl.select(active > level, change + dsl.up(added, image[level]), uncollapsed(level))
    return added.channels


def _four(total: Any, kept: Sequence[dsl.Image], weights: dsl.Table, scale: dsl.Scalar) -> Any:
    return weighted([scale, *(weights[k] for k in range(len(kept)))], [total, *kept])


@dsl.filter
def sum_program(
    total: dsl.Image,
    c0: dsl.Image,
    c1: dsl.Image,
    c2: dsl.Image,
    c3: dsl.Image,
    weights: dsl.Table,
    scale: dsl.Scalar,
) -> dsl.Image:
    """Add four terms."""
    result: dsl.Image = _four(total, (c0, c1, c2, c3), weights, scale)
    return result


@dsl.filter
def gray_render(
    src: dsl.Image,
    total: dsl.Image,
    c0: dsl.Image,
    c1: dsl.Image,
    c2: dsl.Image,
    c3: dsl.Image,
    weights: dsl.Table,
    scale: dsl.Scalar,
    beta: dsl.Scalar,
) -> dsl.Image:
    """Add the last four terms, and the image."""
    result: dsl.Image = beta * src + _four(total, (c0, c1, c2, c3), weights, scale)
    return result


@dsl.filter
def color_render(
    src: dsl.Color,
    total: dsl.Image,
    c0: dsl.Image,
    c1: dsl.Image,
    c2: dsl.Image,
    c3: dsl.Image,
    weights: dsl.Table,
    scale: dsl.Scalar,
    beta: dsl.Scalar,
) -> dsl.Image:
    """Add the last four terms, and what they and ``beta`` change, to all colours."""
    change = (beta - 1) * luminance(src) + _four(total, (c0, c1, c2, c3), weights, scale)
    result: dsl.Image = src + change
    return result
