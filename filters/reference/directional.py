"""Directional cubic convolution interpolation, after Zhou, Shen and Dong (2012)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .borders import pad

_THRESHOLD, _POWER = 1.15, 5


def dcci_upscale(
    image: Any, *, width: float = 255.0, border: str = "reflect101", border_value: float = 0.0
) -> np.ndarray[Any, Any]:
    """Double an image; ``width`` is that of its range of values. Even rows and columns are the image's own."""
    image = np.asarray(image, dtype=np.float64)
    if image.ndim == 3:
        channels = [
            dcci_upscale(image[..., c], width=width, border=border, border_value=border_value)
            for c in range(image.shape[-1])
        ]
        return np.stack(channels, axis=-1)
    source = pad(image, (3, 3), (3, 3), border=border, border_value=border_value)

    def low(i: int, j: int, dy: int, dx: int) -> float:
        return float(source[i + dy + 3, j + dx + 3])

    height, across = image.shape
    diagonal = np.zeros((height, across))
    for i, j in np.ndindex(height, across):
        near = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        up_right = sum(abs(low(i, j, a, b + 1) - low(i, j, a + 1, b)) for a, b in near)
        down_right = sum(abs(low(i, j, a, b) - low(i, j, a + 1, b + 1)) for a, b in near)
        one = _cubic([low(i, j, 1 - k, k) for k in (-1, 0, 1, 2)])
        other = _cubic([low(i, j, k, k) for k in (-1, 0, 1, 2)])
        diagonal[i, j] = _directed(one, other, up_right * 255 / width, down_right * 255 / width)

    between = pad(
        diagonal, (3, 3), (3, 3), border=border, border_value=border_value
    )  # between constants lies the constant
    doubled = np.zeros((2 * height, 2 * across))
    doubled[::2, ::2], doubled[1::2, 1::2] = image, diagonal

    def known(y: int, x: int) -> float:
        """Read a pixel of the doubled image whose row and column are both even, or both odd."""
        if y % 2 == 0:
            return float(source[y // 2 + 3, x // 2 + 3])
        return float(between[(y - 1) // 2 + 3, (x - 1) // 2 + 3])

    diamond = [(a, b) for a in range(-2, 3) for b in range(-2, 3) if abs(a) + abs(b) <= 2 and (a + b) % 2 == 0]
    for y, x in np.ndindex(2 * height, 2 * across):
        if y % 2 == x % 2:
            continue
        along_row = sum(abs(known(y + a, x + b - 1) - known(y + a, x + b + 1)) for a, b in diamond)
        down_column = sum(abs(known(y + a - 1, x + b) - known(y + a + 1, x + b)) for a, b in diamond)
        one = _cubic([known(y, x + k) for k in (-3, -1, 1, 3)])
        other = _cubic([known(y + k, x) for k in (-3, -1, 1, 3)])
        doubled[y, x] = _directed(one, other, along_row * 255 / width, down_column * 255 / width)
    return doubled


def _cubic(samples: list[float]) -> float:
    return (-samples[0] + 9 * samples[1] + 9 * samples[2] - samples[3]) / 16


def _directed(one: float, other: float, along_one: float, along_other: float) -> float:
    if 1 + along_one > _THRESHOLD * (1 + along_other):
        return other
    if 1 + along_other > _THRESHOLD * (1 + along_one):
        return one
    share_one, share_other = 1 / (1 + along_one**_POWER), 1 / (1 + along_other**_POWER)
    return (share_one * one + share_other * other) / (share_one + share_other)
