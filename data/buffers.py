"""Memory of batches, used again once nobody looks at it any more."""

from __future__ import annotations

import collections
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Buffers:
    """A ring of memory: so many pieces are kept, however many are given out.

    Parameters
    ----------
    keep : int
        Pieces that wait to be used again, at most.
    """

    def __init__(self, keep: int) -> None:
        self._free: collections.deque[NDArray[np.uint8]] = collections.deque(maxlen=keep)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._free.maxlen,)

    def array(self, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """Give an array; its memory comes back when neither it nor a view of it, nor a tensor, lives."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        lease = _Lease(self._memory(size), self._free)
        return np.asarray(lease)[:size].view(dtype).reshape(shape)

    def _memory(self, size: int) -> NDArray[np.uint8]:
        while self._free:
            memory = self._free.pop()
            if memory.size >= size:
                return memory
        return np.empty(size, np.uint8)


class _Lease:
    """What arrays in a piece of memory are views of: when the last is gone, so is this, and gives it back."""

    def __init__(self, memory: NDArray[np.uint8], free: collections.deque[NDArray[np.uint8]]) -> None:
        self._memory, self._free = memory, free
        self.__array_interface__ = memory.__array_interface__

    def __del__(self) -> None:
        self._free.append(self._memory)
