"""The images that are timed and those on which results are compared: bundled photographs, continued by mirrors."""

from __future__ import annotations

import functools
import math
from typing import Any

import imageio.v3 as iio
import numpy as np

import data

Array = np.ndarray[Any, Any]
#: Of the sample: a photograph of the package with something around it, for kernels that reach far.
SAMPLE = (448, 640)
#: Rows over columns of what is timed, and what divides both.
_ASPECT, _MULTIPLE = 3 / 4, 16


@functools.cache
def photograph(dtype: str, channels: int, shape: tuple[int, int] = SAMPLE) -> Array:
    """Give a photograph of a shape, dtype and one or three channels; ``(H, W)`` where there is one."""
    found = iio.imread(data.sample("coffee"))
    margins = [(0, max(wanted - there, 0)) for wanted, there in zip(shape, found.shape, strict=False)]
    padded = np.pad(found, [*margins, (0, 0)], mode="symmetric")[: shape[0], : shape[1]]
    image = padded if channels == 3 else np.rint(padded @ (0.299, 0.587, 0.114))
    return np.ascontiguousarray(image.astype(dtype) * np.asarray(257 if dtype == "uint16" else 1, dtype))


def of_size(megapixels: float, dtype: str, channels: int) -> Array:
    """Give an image of about so many megapixels; scales of resampling divide its sides."""
    width = math.sqrt(1e6 * megapixels / _ASPECT)
    height, width = (_MULTIPLE * max(round(side / _MULTIPLE), 1) for side in (_ASPECT * width, width))
    return photograph(dtype, channels, (height, width))


def guide_of(image: Array) -> Array:
    """Give a gray guide for an image: its negative, so that edges are where they are."""
    gray = image if image.ndim == 2 else np.rint(image @ (0.299, 0.587, 0.114))
    top = 65535 if image.dtype == np.uint16 else 255
    return np.ascontiguousarray((top - gray).astype(image.dtype))
