"""Radii of Gaussians. Plain numbers and functions: known without Halide."""

from __future__ import annotations

import math

#: Radius of a direct Gaussian with as much accuracy as a sliding one of K cosines: ceil(a * sigma - b), at least 1.
#: Where sigma is large, a sigma is cut off; where it is small, the next sample is a whole pixel further, hence b.
DIRECT = {1: (2.4, 0.5), 2: (3.0, 0.7), 3: (3.6, 0.8), 4: (4.2, 0.8), 5: (4.8, 0.6), 6: (5.3, 0.6)}

#: Radius of a sliding Gaussian with K cosines is floor(this * sigma - 1/2), at least K: the minimum, over radii,
#: of the whole L2 error of the kernel (tail outside plus fit inside), to 0.9 dB for every sigma from 1 up.
SLIDING = {1: 2.40, 2: 2.97, 3: 3.47, 4: 3.89, 5: 4.29, 6: 4.63}

MAX = 1 << 14


def direct_radius(sigma: float, terms: int) -> int:
    """Give the radius of a direct Gaussian."""
    slope, less = DIRECT[terms]
    return min(max(math.ceil(slope * sigma - less), 1), MAX)


def sliding_radius(sigma: float, terms: int) -> int:
    """Give the radius of a sliding Gaussian's window, without its outer taps."""
    return min(max(math.floor(SLIDING[terms] * max(sigma, 1e-3) - 0.5), terms), MAX)
