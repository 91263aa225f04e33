"""Gaussian blur by radius: sliding sums of cosines, direct sums, recursive filters, boxes in a row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2

import filters
from bench.peers import box_radii, odd
from bench.suites.contenders import contests_of, numba, opencv, ours, peer, pillow, torch, vips, works, zignal
from bench.suites.contest import Array, Contender, Contest, Entry, Scale, Work
from filters import reference


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep sigma."""
    steps = works("gaussian", scale, "sigma", (1, 3, 10, 30), 10, quick=True)
    return contests_of(
        steps,
        scale,
        lambda work: _contenders(work, work.parameters["sigma"]),
        lambda work: lambda image: reference.gaussian(image, work.parameters["sigma"]),
        lambda work: math.ceil(4.5 * work.parameters["sigma"]),
    )


def test_gaussian(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _contenders(work: Work, sigma: float) -> Iterator[Contender]:
    for terms in (2, 3, 5):
        yield ours(f"terms={terms}", filters.gaussian, sigma, terms=terms)
    yield ours("auto", filters.gaussian, sigma)
    if sigma <= 3:
        yield ours("fir", filters.gaussian, sigma, method="fir")
    for width in (4, 6, 8):
        yield _gaussian_blur(sigma, odd(width * sigma + 1))
    if work.dtype != "float32":
        yield opencv("GaussianBlur, its own size", lambda image, out: cv2.GaussianBlur(image, (0, 0), sigma, dst=out))
    taps = 2 * max(round(math.sqrt(1 + 6 * sigma**2)) - 1, 1) + 1  # the triangle of the same variance
    yield opencv("stackBlur", lambda image, out: cv2.stackBlur(image, (taps, taps), dst=out))
    yield opencv("3 box filters", lambda image, out: _boxes(image, box_radii(sigma, 3), out))
    for precision, amplitude in (("integer", 0.2), ("float", 0.01), ("approximate", 0.1)):
        yield vips(f"gaussblur {precision} {amplitude:g}", _gaussblur(sigma, precision, amplitude), most=1)
    yield peer("scipy", "gaussian_filter", lambda image, out: _by_scipy(image, sigma, out), needs="scipy", most=1)
    yield numba("rows and columns", "gaussian", sigma, most=1)
    if sigma <= 10:
        yield torch("kornia", "gaussian_blur2d", lambda planes: _by_kornia(planes, sigma), needs="kornia", most=1)
    if work.dtype == "uint8":
        yield pillow("GaussianBlur", "GaussianBlur", sigma)
        yield _zignal(sigma, "FIR")
        yield _zignal(sigma, "IIR")
    if work.dtype == "uint8" and sigma <= 3:  # it adds up all taps of the square
        yield torch("torchvision", "gaussian_blur", lambda p: _by_torchvision(p, sigma), needs="torchvision", most=1)


def _gaussian_blur(sigma: float, taps: int) -> Contender:
    return opencv(
        f"GaussianBlur {taps} taps", lambda image, out: cv2.GaussianBlur(image, (taps, taps), sigma, dst=out), most=4
    )


def _boxes(image: Array, radii: list[int], out: Array) -> Array:
    for radius in radii:
        image = cv2.boxFilter(image, -1, (2 * radius + 1, 2 * radius + 1), dst=out)
    return image


def _gaussblur(sigma: float, precision: str, amplitude: float) -> Any:
    return lambda image: image.gaussblur(sigma, min_ampl=amplitude, precision=precision)


def _by_scipy(image: Array, sigma: float, out: Array) -> Array:
    from scipy import ndimage

    ndimage.gaussian_filter(image, sigma, mode="mirror", output=out, axes=(0, 1))
    return out


def _by_kornia(planes: Any, sigma: float) -> Any:
    from kornia.filters import gaussian_blur2d

    taps = odd(8 * sigma + 1)
    return gaussian_blur2d(planes, (taps, taps), (float(sigma), float(sigma)), "reflect")


def _by_torchvision(planes: Any, sigma: float) -> Any:
    from bench.loading_peers import torchvision_v2

    taps = odd(8 * sigma + 1)
    return torchvision_v2().functional.gaussian_blur(planes, [taps, taps], [sigma, sigma])


def _zignal(sigma: float, method: str) -> Contender:
    def blur(image: Any) -> Any:
        import zignal as library

        return image.gaussian_blur(sigma, method=getattr(library.GaussianMethod, method))

    return zignal(f"gaussian_blur {method}", blur, most=1)
