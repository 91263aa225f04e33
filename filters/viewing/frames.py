"""Pictures for a browser: bytes of red, green, blue and opacity, pixel by pixel, as its canvases hold them.

Nothing is lost, and nothing is to be decoded: at two megapixels Chromium takes 47 ms for a BMP file, more than most
filters do, and compressing to PNG or WebP takes longer yet.
"""

from __future__ import annotations

import numpy as np

from filters.images import Array

MEDIA_TYPE = "application/octet-stream"


def encoded(image: Array, values: tuple[float, float]) -> bytes:
    """Give the bytes of an image.

    Parameters
    ----------
    image : array
        (H, W) or (H, W, C); of two channels the first is shown, of more than three the first three.
    values : (float, float)
        What is black and what is white.
    """
    planes = image[..., None] if image.ndim == 2 else image
    shown = planes[..., :3] if planes.shape[2] >= 3 else planes[..., :1]
    whole = bytes_of(shown, values)
    pixels = np.empty((*image.shape[:2], 4), np.uint8)
    for channel in range(3):  # one by one: numpy is slow at going through three
        pixels[..., channel] = whole[..., min(channel, whole.shape[2] - 1)]
    pixels[..., 3] = 255
    return pixels.tobytes()


def bytes_of(image: Array, values: tuple[float, float]) -> Array:
    """Give an image in 8 bits."""
    if image.dtype == np.uint8:
        return image
    low, high = values
    with np.errstate(invalid="ignore"):
        scaled = np.nan_to_num((image.astype(np.float32) - low) * np.float32(255 / (high - low)))
    result: Array = np.rint(scaled.clip(0, 255)).astype(np.uint8)
    return result
