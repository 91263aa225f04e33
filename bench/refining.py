"""OpenCV filters that refine a map by a photo, for docs/examples/stereo.py: only bench and tests import OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of 5 by 5 pixels."""
    return np.asarray(cv2.medianBlur(values, 5), np.float32)


def joint_bilateral(
    photo: NDArray[np.uint8], values: NDArray[np.float32], pair: tuple[float, float]
) -> NDArray[np.float32]:
    """The pair: sigma in space and in colour. OpenCV wants the guide in the dtype of what it filters."""
    space, color = pair
    diameter = 2 * round(1.5 * space) + 1
    found = cv2.ximgproc.jointBilateralFilter(photo.astype(np.float32), values, diameter, color, space)
    return np.asarray(found, np.float32)


def guided(photo: NDArray[np.uint8], values: NDArray[np.float32], pair: tuple[float, float]) -> NDArray[np.float32]:
    """The pair: radius, and the root of eps."""
    radius, deviation = pair
    return np.asarray(cv2.ximgproc.guidedFilter(photo, values, int(radius), deviation**2), np.float32)
