"""
convolve: any kernel
====================

Weights as an array, one array for each axis, or a function of the distance; wide ones are made of sliding cosines where
that is faster.
"""

import math

import numpy as np
from drawing import gray, photo, show

from filters import convolve, gaussian

rocket = photo("rocket", np.s_[230:430, 160:460])


def disc(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    inside = (y**2 + x**2 <= radius**2).astype(np.float32)
    return inside / inside.sum()


def flat_top(r: int) -> float:
    return math.exp(-(abs(r / 9) ** 3)) / 16.07


diagonal = np.eye(25, dtype=np.float32)[::-1] / 25
show(
    {
        "the photograph": rocket,
        "a disc: out of focus": convolve(rocket, disc(7)),
        "a line: moved": convolve(rocket, diagonal),
        "a function of the distance": convolve(rocket, flat_top),
    },
    zoom=np.s_[120:176, 176:260],
)

# %%
# Kernels of both signs give both signs: of a float32 image nothing is cut off at zero.

coffee = gaussian(gray(photo("coffee")), 1.5)
slope = np.float32([1, 0, -1]) / 2
smooth = np.float32([1, 2, 1]) / 4
panels = {
    "down: Sobel": convolve(coffee, (slope, smooth)),
    "across: Sobel": convolve(coffee, (smooth, slope)),
    "Laplacian, times 2": convolve(coffee, np.float32([[0, 2, 0], [2, -8, 2], [0, 2, 0]])),
}
show(panels, limits=(-12, 12), colors="RdBu_r")
