"""A photograph to filter."""

from __future__ import annotations

import numpy as np
import pytest

import data
from filters import images


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """A gray crop of a bundled photograph at its own resolution, float32."""
    color = images.read(data.sample("coffee")).array[..., :3].astype(np.float64)
    gray = color @ (0.299, 0.587, 0.114)
    return np.ascontiguousarray(gray[60:256, 150:390]).astype(np.float32)
