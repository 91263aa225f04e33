"""Means over squares by radius."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2

import filters
from bench.suites.contenders import contests_of, numba, opencv, ours, peer, pillow, torch, works, zignal
from bench.suites.contest import Array, Contender, Contest, Entry, Scale, Work
from filters import reference


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the radius."""
    return contests_of(
        works("box", scale, "radius", (1, 4, 15, 60), 15, quick=True),
        scale,
        lambda work: _contenders(work, work.parameters["radius"]),
        lambda work: lambda image: reference.box(image, work.parameters["radius"]),
        lambda work: work.parameters["radius"],
    )


def test_box(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _contenders(work: Work, radius: int) -> Iterator[Contender]:
    taps = 2 * radius + 1
    yield ours("box", filters.box, radius)
    yield opencv("boxFilter", lambda image, out: cv2.boxFilter(image, -1, (taps, taps), dst=out))
    yield peer("scipy", "uniform_filter", lambda image, out: _by_scipy(image, taps, out), needs="scipy", most=4)
    yield numba("running sums", "box", radius, most=4)
    yield torch("kornia", "box_blur", lambda planes: _by_kornia(planes, taps), needs="kornia", most=1)
    if work.dtype == "uint8":
        yield pillow("BoxBlur", "BoxBlur", radius)
        yield zignal("box_blur", lambda image: image.box_blur(radius))


def _by_scipy(image: Array, taps: int, out: Array) -> Array:
    from scipy import ndimage

    ndimage.uniform_filter(image, taps, mode="mirror", output=out, axes=(0, 1))
    return out


def _by_kornia(planes: Any, taps: int) -> Any:
    from kornia.filters import box_blur

    return box_blur(planes, (taps, taps), "reflect", separable=True)
