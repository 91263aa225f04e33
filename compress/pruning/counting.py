"""How many channels are needed: as many principal components as a share of the variance takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Variance that float32 makes, as a part of all: components of less are none.
_ROUNDING = 1e-7


def spectrum(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the variances along principal components, the largest first."""
    return np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0)


def shares(variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what share of the variance so many components have together; of none any have all."""
    total = variances.sum()
    return np.cumsum(variances) / total if total > 0 else np.ones(len(variances))


def count(variances: NDArray[np.float64], ratio: float) -> int:
    """Give how many components have a share of the variance together; at 1 all that have some."""
    return int(np.searchsorted(shares(variances), min(ratio, 1.0) - _ROUNDING) + 1)


def rounded(wanted: int, channels: int, blocks: int, round_to: int | None, least: int) -> int:
    """Give how many channels stay: as many as are wanted, at least some, and a multiple of what is asked for."""
    step = int(np.lcm(round_to or 1, blocks))
    found = -(-max(wanted, min(least, channels)) // step) * step
    return min(found, channels)
