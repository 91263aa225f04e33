"""How far one image is from another."""

import math

import numpy as np
from numpy.typing import ArrayLike


def psnr(a: ArrayLike, b: ArrayLike, peak: float) -> float:
    r"""Peak signal-to-noise ratio of two images, in decibels.

    .. math:: 10 \log_{10} \frac{peak^2}{\frac{1}{N} \sum_n (a_n - b_n)^2}

    Parameters
    ----------
    a, b : array_like
        Images of one shape, of any real dtype.
    peak : float
        Width of the range that the values come from: 255, 65535, ...

    Returns
    -------
    float
        The ratio; infinite for equal images.

    Raises
    ------
    ValueError
        Where the shapes differ, where there is nothing to compare, and where a value is not finite: a ratio
        computed from it would say nothing.

    Examples
    --------
    >>> psnr([[10.0, 20.0]], [[11.0, 19.0]], peak=10.0)
    20.0
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"a and b must be of one shape, got {first.shape} and {second.shape}")
    if first.size == 0:
        raise ValueError(f"a and b must not be empty, got shape {first.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("a and b must be finite")
    if not 0 < peak < math.inf:
        raise ValueError(f"peak must be finite and positive, got {peak}")
    error = float(np.abs(first - second).max())
    if error == 0:
        return math.inf
    # Scaled by the largest error, so that no square leaves the range of float64.
    relative = float(np.mean(np.square((first - second) / error)))
    return 20 * (math.log10(peak) - math.log10(error)) - 10 * math.log10(relative)
