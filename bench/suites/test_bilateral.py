"""The bilateral filter by the diameter of its window."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

import filters
from bench.suites.contenders import contests_of, numba, opencv, ours, peer, torch, works
from bench.suites.contest import Array, Contender, Contest, Entry, Scale, Work
from filters import reference

_SIGMA = 30.0


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the radius."""
    radii = (3, 6, 12, 24) if scale.name == "full" else (3, 6, 12)  # others take seconds for a window of 49
    return contests_of(
        works("bilateral", scale, "radius", radii, 6, sample_shape=(192, 256), sigma_range=_SIGMA),
        scale,
        lambda work: _contenders(work, work.parameters["radius"]),
        lambda work: lambda image: reference.bilateral(image, **_options(work)),
        lambda work: work.parameters["radius"],
    )


def test_bilateral(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _options(work: Work) -> dict[str, Any]:
    radius = work.parameters["radius"]
    sigma_range = _SIGMA * work.peak / 255
    return {"radius": radius, "sigma_space": radius / 1.5, "sigma_range": sigma_range}


def _contenders(work: Work, radius: int) -> Iterator[Contender]:
    options = _options(work)
    space, most = options["sigma_space"], 1 if radius > 6 else 4
    for accuracy in (None, 45, 55, 75):
        yield ours(f"accuracy={accuracy}" if accuracy else "auto", filters.bilateral, accuracy=accuracy, **options)
    yield ours("exact", filters.bilateral, method="exact", **options)
    if work.channels == 1 and radius >= 6:  # smaller windows are refused
        yield ours("constant_time", filters.bilateral, method="constant_time", **options)
    if work.dtype != "uint16":
        run = functools.partial(_by_opencv, 2 * radius + 1, options["sigma_range"], space)
        yield opencv("bilateralFilter", run, most=most)
    if radius <= 6:
        yield numba("by definition", "bilateral", space, options["sigma_range"], radius, most=1)
        blur = functools.partial(_by_kornia, 2 * radius + 1, options["sigma_range"], space)
        yield torch("kornia", "bilateral_blur", blur, needs="kornia", most=0.3)
        by_skimage = functools.partial(_by_skimage, 2 * radius + 1, options["sigma_range"], space)
        yield peer("scikit-image", "denoise_bilateral", by_skimage, needs="skimage", most=0.3)


def _by_opencv(diameter: int, sigma_range: float, space: float, image: Array, out: Array) -> Array:
    return cv2.bilateralFilter(image, diameter, sigma_range, space, dst=out)


def _by_kornia(diameter: int, sigma_range: float, space: float, planes: Any) -> Any:
    from kornia.filters import bilateral_blur

    return bilateral_blur(planes, (diameter, diameter), sigma_range, (space, space), "reflect", "l1")


def _by_skimage(diameter: int, sigma_range: float, space: float, image: Array, out: Array) -> Array:
    from skimage.restoration import denoise_bilateral

    peak = 255.0 if image.dtype != np.uint16 else 65535.0
    axis = 2 if image.ndim == 3 else None
    scaled = image.astype(np.float64) / peak
    found = denoise_bilateral(scaled, diameter, sigma_range / peak, space, channel_axis=axis, mode="reflect")
    result: Array = found * peak
    return result
