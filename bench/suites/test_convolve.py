"""Convolution with a kernel that is no product of two: by its size."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

import filters
from bench.suites import onnx_models
from bench.suites.contenders import contests_of, opencv, ours, peer, torch, vips, works
from bench.suites.contest import Array, Contender, Contest, Entry, Scale, Work
from filters import reference


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the side of the kernel."""
    return contests_of(
        works("convolve", scale, "taps", (3, 7, 15, 31), 7, sample_shape=(256, 320), quick=True),
        scale,
        lambda work: _contenders(work, kernel(work.parameters["taps"])),
        lambda work: lambda image: reference.convolve(image, kernel(work.parameters["taps"])),
        lambda work: work.parameters["taps"] // 2,
    )


def test_convolve(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


@functools.cache
def kernel(taps: int) -> Array:
    """Give positive weights with a sum of one that are no product of a column and a row, and not symmetric."""
    weights = np.random.default_rng(taps).uniform(0.5, 1.5, (taps, taps))
    return (weights / weights.sum()).astype(np.float32)


def _contenders(work: Work, weights: Array) -> Iterator[Contender]:
    turned = np.ascontiguousarray(weights[::-1, ::-1])  # theirs are correlations
    yield ours("convolve", filters.convolve, weights)
    yield opencv("filter2D", lambda image, out: cv2.filter2D(image, -1, turned, dst=out))
    most = 1 if weights.shape[0] <= 15 else 0.3  # seconds beside milliseconds
    yield peer("scipy", "ndimage.convolve", functools.partial(_by_scipy, weights), needs="scipy", most=most)
    yield peer("scipy", "signal.oaconvolve", functools.partial(_by_fourier, weights), needs="scipy", most=4)
    yield onnx_models.convolving(turned, most=1)
    yield torch("torch", "conv2d", functools.partial(_by_torch, turned), most=1)
    yield vips("conv float", functools.partial(_by_vips, turned), most=most)


def _by_scipy(weights: Array, image: Array, out: Array) -> Array:
    from scipy import ndimage

    ndimage.convolve(image, weights if image.ndim == 2 else weights[..., None], mode="mirror", output=out)
    return out


def _by_fourier(weights: Array, image: Array, out: Array) -> Array:
    from scipy import signal

    taps = weights if image.ndim == 2 else weights[..., None]
    result = signal.oaconvolve(image.astype(np.float32), taps, mode="same", axes=(0, 1))
    out[:] = result if out.dtype == np.float32 else np.clip(np.rint(result), 0, np.iinfo(out.dtype).max)
    return out


def _by_torch(turned: Array, planes: Any) -> Any:
    import torch as framework

    half = turned.shape[0] // 2
    padded = framework.nn.functional.pad(planes, (half,) * 4, mode="reflect")
    weights = framework.from_numpy(turned).expand(planes.shape[1], 1, -1, -1)
    return framework.nn.functional.conv2d(padded, weights, groups=planes.shape[1])


def _by_vips(turned: Array, image: Any) -> Any:
    import pyvips

    return image.conv(pyvips.Image.new_from_array(turned.tolist()), precision="float")
