"""A picture to time and compare schedules on: edges, slopes and noise of any size, the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np


def picture(height: int, width: int, channels: int, dtype: str) -> np.ndarray[Any, Any]:
    """Draw a picture of ``(height, width)``, or with more than one channel ``(height, width, channels)``.

    Values cover 0 to 255, of uint16 0 to 65535.
    """
    rng = np.random.default_rng(0)
    y, x, c = np.ogrid[:height, :width, :channels]
    slopes = 90 + 60 * np.sin(x / 37 + c) + 50 * np.cos(y / 23 - c)
    blocks = 40 * ((x // 64 + y // 48 + c) % 2)
    drawn = np.clip(slopes + blocks + rng.normal(0, 6, (height, width, channels)), 0, 255)
    drawn = drawn * 257 if dtype == "uint16" else drawn
    found: np.ndarray[Any, Any] = (drawn if dtype == "float32" else np.rint(drawn)).astype(dtype)
    return found if channels > 1 else found[..., 0]
