"""Pictures for a browser: 8 bits and three channels, as BMP files.

Nothing is lost, and a browser decodes them beside its main thread. At two megapixels compressing to PNG or WebP takes
longer than most filters do; JPEG would save little, and change pixels.
"""

from __future__ import annotations

import io

import numpy as np

from filters.images import Array

MEDIA_TYPE = "image/bmp"


def encoded(image: Array, values: tuple[float, float]) -> bytes:
    """Give the file of an image.

    Parameters
    ----------
    image : array
        (H, W) or (H, W, C); of two channels the first is shown, of more than three the first three.
    values : (float, float)
        What is black and what is white.
    """
    import PIL.Image

    if image.ndim == 3:
        image = image[..., 0] if image.shape[2] < 3 else image[..., :3]
    with io.BytesIO() as file:
        PIL.Image.fromarray(np.ascontiguousarray(bytes_of(image, values))).save(file, "BMP")
        return file.getvalue()


def bytes_of(image: Array, values: tuple[float, float]) -> Array:
    """Give an image in 8 bits."""
    if image.dtype == np.uint8:
        return image
    low, high = values
    with np.errstate(invalid="ignore"):
        scaled = np.nan_to_num((image.astype(np.float32) - low) * np.float32(255 / (high - low)))
    result: Array = np.rint(scaled.clip(0, 255)).astype(np.uint8)
    return result
