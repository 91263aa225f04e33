"""Smaller copies by their scale, and results brought back to full size by what the source shows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

import filters
from bench.suites.contenders import contests_of, opencv, ours, peer, torch, vips, works
from bench.suites.contest import Array, Contender, Contest, Entry, Scale, Work
from filters import reference

_KINDS = (("uint8", 1), ("float32", 3))


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the scale of making smaller, and of making larger."""
    yield from contests_of(
        works("downsample", scale, "scale", (2, 4, 8), 4, others=_KINDS, quick=True),
        scale,
        lambda work: _averaged(work, work.parameters["scale"]),
        lambda work: lambda image: reference.downsample(image, smaller(image, work.parameters["scale"]).shape[:2]),
    )
    # Of the filter whose result is upsampled: a tone curve that varies over the image.
    for name, contenders in (("local_lut_upsample", _by_tables), ("upsample", _by_others)):
        yield from contests_of(
            works(name, scale, "scale", (2, 4, 8), 4, swept=(("uint8", 3),), others=(("float32", 3),)),
            scale,
            functools.partial(_at_scale, contenders),
            lambda work: _toned,
        )


def test_resampling(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _at_scale(contenders: Callable[[int], Iterator[Contender]], work: Work) -> Iterator[Contender]:
    return contenders(work.parameters["scale"])


def smaller(image: Array, scale: int) -> Array:
    """Give a place for a copy that is so many times smaller."""
    height, width = (max(round(side / scale), 1) for side in image.shape[:2])
    return np.empty((height, width, *image.shape[2:]), image.dtype)


def _averaged(work: Work, scale: int) -> Iterator[Contender]:
    yield ours("downsample", filters.downsample, scale=scale, into=lambda image: smaller(image, scale))

    def resized(image: Array, out: Array) -> Any:
        return cv2.resize(image, out.shape[1::-1], dst=out, interpolation=cv2.INTER_AREA)

    yield opencv("resize INTER_AREA", resized, into=lambda image: smaller(image, scale))
    yield vips(f"shrink {scale}", lambda image: image.shrink(scale, scale), into=lambda image: smaller(image, scale))
    yield torch("torch", "interpolate area", lambda planes: _by_torch(planes, scale), most=4)
    if work.dtype == "uint8":
        yield peer("Pillow", "reduce", lambda picture, out: picture.reduce(scale), needs="PIL", make=_picture)


def _by_torch(planes: Any, scale: int) -> Any:
    import torch as framework

    size = [max(round(side / scale), 1) for side in planes.shape[2:]]
    return framework.nn.functional.interpolate(planes, size, mode="area")


def _picture(image: Array) -> Any:
    from PIL import Image

    return Image.fromarray(image)


def _toned(image: Array) -> Array:
    """Brighten dark surroundings more than bright ones: what is done at full size, in float64."""
    plane = image.astype(np.float64) / 255
    around = reference.gaussian(plane, 24.0)
    result: Array = 255 * plane ** (0.5 + around)
    return result


def _given(scale: int) -> Any:
    def given(image: Array) -> tuple[Array, Array, Array]:
        low = np.asarray(filters.downsample(image, scale=scale))
        toned = _toned_small(image, scale)
        return image, low, toned if image.dtype == np.float32 else np.rint(toned).astype(image.dtype)

    return given


def _toned_small(image: Array, scale: int) -> Array:
    """Do the same to the small copy, with lengths of its own."""
    low = np.asarray(filters.downsample(image.astype(np.float32), scale=scale)) / 255
    around = filters.gaussian(low, 24.0 / scale)
    result: Array = (255 * low ** (0.5 + around)).astype(np.float32)
    return result


def _by_tables(scale: int) -> Iterator[Contender]:
    for interpolation in ("gauss16", "linear"):
        yield ours(interpolation, filters.local_lut_upsample, make=_given(scale), interpolation=interpolation)
    yield from _resized(scale)


def _by_others(scale: int) -> Iterator[Contender]:
    for method in ("cubic", "joint_bilateral", "guided", "bilateral_guided"):
        yield ours(method, filters.upsample, make=_given(scale), method=method)
    yield from _resized(scale)


def _resized(scale: int) -> Iterator[Contender]:
    """Resample the small result alone: fast, and without the edges of the source."""
    for name in ("LINEAR", "CUBIC", "LANCZOS4"):
        how = getattr(cv2, f"INTER_{name}")
        yield opencv(
            f"resize INTER_{name}",
            lambda given, out, how=how: cv2.resize(given[2], out.shape[1::-1], dst=out, interpolation=how),
            make=_given(scale),
        )
