"""Range functions: the weight of a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Name = Literal["gaussian", "tukey", "huber"]
NAMES: tuple[Name, ...] = ("gaussian", "tukey", "huber")
Float64 = NDArray[np.float64]

#: A weight that is less than this is as good as none.
_NOTHING = 1e-6


@dataclass(frozen=True)
class RangeFunction:
    """A weight by difference.

    Parameters
    ----------
    name : str
        ``"gaussian"``, ``"tukey"``, ``"huber"`` or ``"table"``.
    sigma : float
        Where it falls off, in the image's units; of a table the difference from entry to entry.
    exponent : float
        Of ``"gaussian"``.
    entries : tuple of float
        Of ``"table"``.
    """

    name: str
    sigma: float
    exponent: float = 2.0
    entries: tuple[float, ...] = ()

    def __call__(self, difference: ArrayLike) -> Float64:
        """Give the weights of differences."""
        relative = np.abs(np.asarray(difference, np.float64)) / self.sigma
        found: Float64
        if self.name == "gaussian":
            found = np.exp(-(relative**self.exponent) / 2)
        elif self.name == "tukey":
            found = np.square(1 - np.square(np.minimum(relative, 1.0)))
        elif self.name == "huber":
            found = 1 / np.maximum(relative, 1.0)
        else:
            found = np.interp(relative, np.arange(len(self.entries)), self.entries)
        return found

    @property
    def reach(self) -> float:
        """Beyond which differences weigh nothing, or all alike; infinite if there is no such."""
        if self.name == "gaussian":
            return float(self.sigma * (-2 * math.log(_NOTHING)) ** (1 / self.exponent))
        if self.name == "tukey":
            return self.sigma
        if self.name == "huber":
            return math.inf
        return self.sigma * (len(self.entries) - 1)

    @property
    def is_positive(self) -> bool:
        """Whether no weight is below zero, and that of no difference is none."""
        return self.name != "table" or (min(self.entries) >= 0 and self.entries[0] > 0)


def table(entries: Any, name: str, sigma: float) -> RangeFunction:
    """Make one of a user's numbers, or raise."""
    array = np.asarray(entries, np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name} must be one row of numbers, an array of shape {array.shape} came")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    if not array.any():
        raise ValueError(f"{name} must not be zero everywhere")
    return RangeFunction("table", sigma, entries=tuple(array.tolist()))
