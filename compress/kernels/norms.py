"""Norms of channels of weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.kernels import native


@dataclass(frozen=True)
class Norms:
    """Norms of each channel, (C,) float64.

    Attributes
    ----------
    l1 : ndarray
        Sums of absolute values.
    largest : ndarray
        Largest absolute values.
    squares : ndarray
        Sums of squares.
    """

    l1: NDArray[np.float64]
    largest: NDArray[np.float64]
    squares: NDArray[np.float64]


def norms(weights: Any, *, threads: int | None = None) -> Norms:
    """Compute the norms of the channels of weights, in one pass.

    Parameters
    ----------
    weights : array_like or tensor
        float32, (C, ...): channels come first, as in a convolution's weights.
    threads : int, optional
        Most threads to use.

    Examples
    --------
    >>> import numpy as np
    >>> from compress.kernels import norms
    >>> norms(np.float32([[1, -2], [3, 0]]))
    Norms(l1=array([3., 3.]), largest=array([2., 3.]), squares=array([5., 9.]))
    """
    array = native.floats(weights, "weights")
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"weights has shape {array.shape}; (channels, ...) with some numbers each is accepted")
    rows = np.ascontiguousarray(array).reshape(len(array), -1)
    result = np.empty((len(rows), 3))
    native.run("norms:rows", {"weights": rows, "result": result}, threads=threads)
    return Norms(*np.ascontiguousarray(result.T))
