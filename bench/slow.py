"""Filters that are slow, or that work on wide surroundings: what a small copy is run through instead of the image.

Each takes a uint8 image, ``(H, W, C)``, and by how much the image is smaller than the one the numbers are for: lengths
are divided by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import filters

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]


def iterated_bilateral(image: Bytes, scale: float) -> Bytes:
    """OpenCV's bilateral filter, five times: radius 6, sigma 30 of brightness and a third of the window in space."""
    radius = max(round(6 / scale), 1)
    for _ in range(5):
        image = cv2.bilateralFilter(image, 2 * radius + 1, 30, 13 / 3 / scale)
    return image.reshape(*image.shape[:2], -1)


def l0_smoothing(image: Bytes, scale: float) -> Bytes:
    """L. Xu et al., "Image smoothing via L0 gradient minimization" (2011), lambda 0.02, kappa 2.

    Lambda weighs the length of edges, in pixels, against errors over an area: it is itself a length.
    """
    observed = image / 255.0
    height, width, _ = observed.shape
    across, along = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    laplacian = 4 - 2 * np.cos(2 * np.pi * across) - 2 * np.cos(2 * np.pi * along)
    transform = np.fft.rfft2(observed, axes=(0, 1))
    smooth, lam = observed, 0.02 / scale
    beta = 2 * lam
    while beta < 1e5:
        right, down = np.roll(smooth, -1, 1) - smooth, np.roll(smooth, -1, 0) - smooth
        flat = (right**2 + down**2).sum(axis=2) < lam / beta
        right[flat] = down[flat] = 0
        divergence = np.roll(right, 1, 1) - right + np.roll(down, 1, 0) - down
        spectrum = transform + beta * np.fft.rfft2(divergence, axes=(0, 1))
        smooth = np.fft.irfft2(spectrum / (1 + beta * laplacian)[..., None], s=(height, width), axes=(0, 1))
        beta *= 2
    return _bytes(255 * smooth)


def local_laplacian(image: Bytes, scale: float) -> Bytes:
    """Detail up to 30 doubled; levels are as many as the image has."""
    return np.asarray(filters.local_laplacian(image, 30, 1.0))


def haze_removal(image: Bytes, scale: float) -> Bytes:
    """K. He, J. Sun and X. Tang, "Single image haze removal using dark channel prior", refined by a guided filter."""
    scene = image / 255.0
    patch = np.ones((2 * max(round(7 / scale), 1) + 1,) * 2, np.uint8)
    dark = cv2.erode(scene.min(axis=2), patch)
    brightest = np.argsort(dark, axis=None)[-max(dark.size // 1000, 1) :]
    airlight = scene.reshape(-1, scene.shape[2])[brightest].mean(axis=0)
    transmission = 1 - 0.95 * cv2.erode((scene / np.maximum(airlight, 0.05)).min(axis=2), patch)
    guide = np.asarray(scene.mean(axis=2), np.float32)
    radius = max(round(30 / scale), 1)
    refined = filters.guided(transmission.astype(np.float32), guide, radius=radius, eps=1e-3)
    return _bytes(255 * ((scene - airlight) / np.maximum(refined, 0.1)[..., None] + airlight))


def _bytes(image: Any) -> Bytes:
    found: Bytes = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    return found


SLOW: dict[str, Callable[[Bytes, float], Bytes]] = {
    "iterated bilateral": iterated_bilateral,
    "L0 smoothing": l0_smoothing,
    "local Laplacian": local_laplacian,
    "haze removal": haze_removal,
}
