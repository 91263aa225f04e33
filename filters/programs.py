"""Filters as parts of programs of one's own: what a script, or a data loader's pipeline, calls while it is traced.

Their numbers are run-time numbers of the program, so they may differ from call to call, or from sample to sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsl
from filters._gaussian import MAX_SIGMA as MAX_SIGMA
from filters._laplacian import planning as laplacian_planning
from filters._laplacian import programs as laplacian
from filters._weighted import planning

Number = dsl.Scalar | float


def unsharp(image: dsl.Image, sigma: Number, amount: Number) -> Any:
    """Write :func:`filters.unsharp`."""
    return image + amount * (image - dsl.convolve(image, dsl.gaussian(sigma)))


def bilateral(image: dsl.Image, taps: dsl.Table, radius: Number, sigma_range: Number) -> Any:
    """Write :func:`filters.bilateral` with exact Gaussian weights; taps and radius are those of :func:`disc`."""
    near = dsl.taps(taps, radius)
    relative = dsl.distance(image[near], image) / sigma_range
    return dsl.weighted_mean(image[near], dsl.exp(-0.5 * relative * relative))


def disc(sigma_space: float, radius: int | None = None) -> tuple[NDArray[np.float32], int]:
    """Give the spatial kernel of :func:`filters.bilateral` as a table of taps, and its radius."""
    reach = planning.reach_of(sigma_space, radius)
    return planning.disc(reach, sigma_space).taps, reach


def levels_of(side: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the levels of :func:`filters.local_laplacian` by default, for the shorter sides of images."""
    return np.asarray(np.maximum(np.frexp(side)[1] - 2, 0), np.int64)


def terms_of(s: float, accuracy: float) -> int:
    """Give the terms of :func:`local_laplacian` for an accuracy in dB: of detail 1, at a sigma of ``s`` ranges."""
    return laplacian_planning.fewest_terms(s, accuracy) or laplacian_planning.MAX_TERMS


def local_laplacian(
    image: dsl.Image,
    sigma: Number,
    detail: Number,
    beta: Number,
    value_range: tuple[Number, Number],
    active: Number,
    *,
    levels: int,
    terms: int = 4,
) -> Any:
    """Write :func:`filters.local_laplacian` of ``active`` levels, at most ``levels``, which are part of the program.

    Of colours the luminance is filtered.
    """
    function = laplacian.color_program if len(image.channels) > 1 else laplacian.gray_program
    low, high = value_range
    return function.function(image, sigma, detail, beta, low, high, active, levels=levels, terms=terms)
