"""Filters as one would write them with numba: straight from their definitions, compiled, rows in parallel.

Lines that reach beyond the image are read by clamped indices, so results differ from others' near the border.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

Array = np.ndarray[Any, Any]
_compiled = numba.njit(parallel=True, fastmath=True)


def gaussian(image: Array, sigma: float) -> Array:
    """Convolve with a Gaussian, to four sigma, rows then columns."""
    r = np.arange(-math.ceil(4 * sigma), math.ceil(4 * sigma) + 1)
    weights = np.exp(-0.5 * (r / sigma) ** 2)
    return _rounded(_convolve(_planes(image), (weights / weights.sum()).astype(np.float32)), image)


def box(image: Array, radius: int) -> Array:
    """Give means over squares, by running sums."""
    return _rounded(_box(_planes(image), radius), image)


def bilateral(image: Array, sigma_space: float, sigma_range: float, radius: int) -> Array:
    """Average by weights of distance and difference, as cv2.bilateralFilter does."""
    return _rounded(_bilateral(_planes(image), sigma_space, sigma_range, radius), image)


def guided(image: Array, guide: Array, radius: int, eps: float) -> Array:
    """Give the guided filter with a gray guide."""
    planes, one = _planes(image), _planes(guide)
    mean, mean_guide = _box(planes, radius), _box(one, radius)
    slope = (_box(planes * one, radius) - mean * mean_guide) / (_box(one * one, radius) - mean_guide**2 + eps)
    offset = mean - slope * mean_guide
    return _rounded(_box(slope, radius) * one + _box(offset, radius), image)


def _planes(image: Array) -> Array:
    return image.reshape(*image.shape[:2], -1).astype(np.float32)


def _rounded(result: Array, image: Array) -> Array:
    if image.dtype != np.float32:
        result = np.clip(np.rint(result), 0, np.iinfo(image.dtype).max)
    return result.astype(image.dtype).reshape(image.shape)


@_compiled
def _convolve(image: Array, weights: Array) -> Array:
    height, width, channels = image.shape
    radius = weights.size // 2
    rows, result = np.empty_like(image), np.empty_like(image)
    for y in numba.prange(height):
        rows[y] = 0
        for k in range(-radius, radius + 1):
            there, weight = min(max(y + k, 0), height - 1), weights[k + radius]
            for x in range(width):
                for c in range(channels):
                    rows[y, x, c] += weight * image[there, x, c]
    for y in numba.prange(height):
        for x in range(width):
            for c in range(channels):
                total = np.float32(0)
                for k in range(-radius, radius + 1):
                    total += weights[k + radius] * rows[y, min(max(x + k, 0), width - 1), c]
                result[y, x, c] = total
    return result


@_compiled
def _box(image: Array, radius: int) -> Array:
    height, width, channels = image.shape
    along, result = np.empty_like(image), np.empty_like(image)
    scale = np.float32(1 / (2 * radius + 1))
    for y in numba.prange(height):
        for c in range(channels):
            total = 0.0
            for x in range(-radius, radius + 1):
                total += image[y, min(max(x, 0), width - 1), c]
            for x in range(width):
                along[y, x, c] = total * scale
                total += image[y, min(x + radius + 1, width - 1), c] - image[y, max(x - radius, 0), c]
    for x in numba.prange(width):
        for c in range(channels):
            total = 0.0
            for y in range(-radius, radius + 1):
                total += along[min(max(y, 0), height - 1), x, c]
            for y in range(height):
                result[y, x, c] = total * scale
                total += along[min(y + radius + 1, height - 1), x, c] - along[max(y - radius, 0), x, c]
    return result


@_compiled
def _bilateral(image: Array, sigma_space: float, sigma_range: float, radius: int) -> Array:
    height, width, channels = image.shape
    result = np.empty_like(image)
    by_space, by_range = -0.5 / sigma_space**2, -0.5 / sigma_range**2
    for y in numba.prange(height):
        for x in range(width):
            weights, totals = 0.0, np.zeros(channels)
            for i in range(-radius, radius + 1):
                for j in range(-radius, radius + 1):
                    if i * i + j * j <= radius * radius:
                        v, u = min(max(y + i, 0), height - 1), min(max(x + j, 0), width - 1)
                        distance = 0.0
                        for c in range(channels):
                            distance += abs(image[v, u, c] - image[y, x, c])
                        weight = math.exp((i * i + j * j) * by_space + distance * distance * by_range)
                        weights += weight
                        for c in range(channels):
                            totals[c] += weight * image[v, u, c]
            for c in range(channels):
                result[y, x, c] = totals[c] / weights
    return result


def multilateral(
    image: Array, first: Array, second: Array, sigma_space: float, sigma_range: float, radius: int
) -> Array:
    """Average by weights of distance and of differences in two gray guides."""
    found = _by_two_guides(_planes(image), _planes(first), _planes(second), sigma_space, sigma_range, radius)
    return _rounded(found, image)


@_compiled
def _by_two_guides(
    image: Array, first: Array, second: Array, sigma_space: float, sigma_range: float, radius: int
) -> Array:
    height, width, channels = image.shape
    result = np.empty_like(image)
    by_space, by_range = -0.5 / sigma_space**2, -0.5 / sigma_range**2
    for y in numba.prange(height):
        for x in range(width):
            weights, totals = 0.0, np.zeros(channels)
            for i in range(-radius, radius + 1):
                for j in range(-radius, radius + 1):
                    if i * i + j * j <= radius * radius:
                        v, u = min(max(y + i, 0), height - 1), min(max(x + j, 0), width - 1)
                        d, e = first[v, u, 0] - first[y, x, 0], second[v, u, 0] - second[y, x, 0]
                        weight = math.exp((i * i + j * j) * by_space + (d * d + e * e) * by_range)
                        weights += weight
                        for c in range(channels):
                            totals[c] += weight * image[v, u, c]
            for c in range(channels):
                result[y, x, c] = totals[c] / weights
    return result
