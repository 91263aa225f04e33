"""Unsharp masking by the sigma of the blur in it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import cv2

import filters
from bench.peers import odd
from bench.suites.contenders import contests_of, opencv, ours, peer, works
from bench.suites.contest import Array, Contender, Contest, Entry, Scale
from filters import reference

_AMOUNT = 0.8


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep sigma."""
    return contests_of(
        works("unsharp", scale, "sigma", (1, 5, 20), 5, quick=True, amount=_AMOUNT),
        scale,
        lambda work: _contenders(work.parameters["sigma"]),
        lambda work: lambda image: reference.unsharp(image, work.parameters["sigma"], _AMOUNT),
        lambda work: math.ceil(4.5 * work.parameters["sigma"]),
    )


def test_unsharp(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _contenders(sigma: float) -> Iterator[Contender]:
    yield ours("unsharp", filters.unsharp, sigma, _AMOUNT)
    for width in (4, 6, 8):
        taps = odd(width * sigma + 1)
        yield opencv(f"GaussianBlur {taps} taps, addWeighted", functools.partial(_by_opencv, sigma, taps), most=4)
    yield peer("scikit-image", "unsharp_mask", functools.partial(_by_skimage, sigma), needs="skimage", most=1)


def _by_opencv(sigma: float, taps: int, image: Array, out: Array) -> Array:
    blurred = cv2.GaussianBlur(image, (taps, taps), sigma)
    return cv2.addWeighted(image, 1 + _AMOUNT, blurred, -_AMOUNT, 0, dst=out)


def _by_skimage(sigma: float, image: Array, out: Array) -> Array:
    from skimage.filters import unsharp_mask

    axis = 2 if image.ndim == 3 else None
    result: Array = unsharp_mask(image, sigma, _AMOUNT, preserve_range=True, channel_axis=axis)
    return result
