"""How far a blur is from a Gaussian on photographs, and how far float32 sliding sums drift from their own kernel.

PSNR with peak 255, the worst over the photographs of the package at their native resolution, gray. The reference is
the direct convolution in float64, to 9 sigma (less than 1e-11 lies beyond 7), with the reflect101 border, not rounded:
a filter that returns uint8 cannot come nearer to it than the 58.9 dB that rounding leaves.
"""

from __future__ import annotations

import functools
import math

import imageio.v3 as iio
import numpy as np

import data
import filters
from bench.peers import Array, Peer, Setting
from dsl.fitting import TYPES
from filters import reference
from filters.reference import psnr

#: What rounding to integers leaves: 255 over the standard deviation of a uniform error.
ROUNDING = 20 * math.log10(255 * math.sqrt(12))
#: Kernels wider than this are cut where accuracy is measured on a padded image: below 1e-5 of the sum lies beyond.
PADDING = 4.5


@functools.cache
def photographs(dtype: str) -> tuple[Array, ...]:
    """Give the photographs of the package, gray, at native resolution."""
    colours = (iio.imread(data.sample(name)).astype(np.float64) for name in data.samples())
    grays = [colour @ (0.299, 0.587, 0.114) for colour in colours]
    return tuple((np.rint(gray) if dtype == "uint8" else gray).astype(dtype) for gray in grays)


@functools.cache
def references(sigma: float, dtype: str) -> tuple[Array, ...]:
    """Convolve the photographs by definition."""
    return tuple(reference.gaussian(image, sigma) for image in photographs(dtype))


@functools.cache
def of_photograph(peer: Peer, label: str, sigma: float, dtype: str, index: int) -> float:
    """Give the PSNR of a peer's setting on one photograph, in dB."""
    setting = next(setting for setting in peer.settings(sigma) if setting.label == label)
    image = photographs(dtype)[index]
    pad = 0 if peer.border == "reflect101" else math.ceil(PADDING * sigma)
    padded = np.pad(image, pad, mode="reflect")
    result = setting.bind(padded, np.empty_like(padded), 2)()
    inside = result[pad : pad + image.shape[0], pad : pad + image.shape[1]]
    return psnr(inside, references(sigma, dtype)[index], 255)


def accuracy(peer: Peer, label: str, sigma: float, dtype: str) -> float:
    """Give the PSNR of a peer's setting, in dB."""
    return min(of_photograph(peer, label, sigma, dtype, index) for index in range(len(photographs(dtype))))


def reaching(peer: Peer, sigma: float, dtype: str, decibels: float) -> list[Setting]:
    """Give the first setting of each family that reaches an accuracy."""
    every = range(len(photographs(dtype)))
    found: dict[str, Setting] = {}
    for setting in peer.settings(sigma):
        if setting.family not in found and all(
            of_photograph(peer, setting.label, sigma, dtype, index) >= decibels for index in every
        ):
            found[setting.family] = setting
    return list(found.values())


def most_accurate(peer: Peer, sigma: float, dtype: str) -> tuple[float, Setting]:
    """Give the setting that comes nearest to a Gaussian, and its PSNR."""
    settings = {accuracy(peer, setting.label, sigma, dtype): setting for setting in peer.settings(sigma)}
    return max(settings), settings[max(settings)]


def of_terms(sigma: float, terms: int) -> float:
    """Give the PSNR of our sliding sums, float32."""
    pairs = zip(photographs("float32"), references(sigma, "float32"), strict=True)
    return min(
        psnr(filters.gaussian(image, sigma, terms=terms, method="sliding"), exact, 255) for image, exact in pairs
    )


def drift(sigma: float, terms: int, axis: int, length: int) -> tuple[int, float]:
    """Give the radius of our sliding sums, and their PSNR against the same cosine kernel in float64.

    Lines of ``length`` pixels along ``axis``: of uniform noise and of a photograph, the worse of both.
    """
    sigmas = (sigma, 0.0) if axis == 0 else (0.0, sigma)

    def slide(lines: Array) -> Array:
        image = lines if axis == 1 else np.ascontiguousarray(lines.T)
        result: Array = filters.gaussian(image, sigmas, terms=terms, method="sliding")
        return result if axis == 1 else result.T

    impulse = np.zeros((8, 8 * math.ceil(5 * sigma) + 1), np.float32)
    middle = impulse.shape[1] // 2
    impulse[:, middle] = 1
    kernel = cosine_kernel(slide(impulse)[4].astype(np.float64), terms)
    noise = np.random.default_rng(0).uniform(0, 255, (32, length)).astype(np.float32)
    photograph = photographs("float32")[0][:32]
    lines = [noise, np.pad(photograph, ((0, 0), (0, length - photograph.shape[1])), mode="reflect")]
    worst = min(psnr(slide(line), reference.convolve(line, (np.ones(1), kernel)), 255) for line in lines)
    return kernel.size // 2 - 1, worst


def cosine_kernel(response: Array, terms: int) -> Array:
    """Find the cosines over a window that a measured impulse response is made of, and give their weights in float64.

    The last weight at each end is the free one outside the window; what is left beyond is rounding.
    """
    middle = response.size // 2
    seen = np.flatnonzero(np.abs(response) > 1e-5 * response[middle])
    radius = int(np.abs(seen - middle).max()) - 1
    r = np.arange(-radius, radius + 1)
    inside = response[middle + r]

    def fitted(extra: int, k0: float) -> Array:
        phases = 2 * math.pi * (np.arange(k0, terms + k0 + (k0 == 0))) / (2 * radius + extra)
        waves = np.cos(np.outer(r, phases))
        result: Array = waves @ np.linalg.lstsq(waves, inside, rcond=None)[0]
        return result

    candidates = [fitted(*grid) for grid in TYPES.values()]
    best = min(candidates, key=lambda candidate: float(np.abs(candidate - inside).max()))
    if np.abs(best - inside).max() > 1e-5 * response[middle]:
        raise ValueError(f"no {terms} cosines over a window of radius {radius} give this impulse response")
    outer = response[[middle - radius - 1, middle + radius + 1]]
    return np.concatenate([outer[:1], best, outer[1:]])
