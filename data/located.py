"""Where the images of a batch lie in memory, as the native calls are told."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl import arrays

#: Dtype and channels of an image.
Kind = tuple[str, int]


class Located:
    """Images of any sizes: their addresses, sizes and kinds.

    Parameters
    ----------
    kept : sequence of ndarray
        What :func:`addressable` gave.

    Attributes
    ----------
    address, stride, height, width : ndarray
        Of each image: where its first pixel lies, elements from row to row, its size.
    kinds : list
        Dtype and channels: those that there are.
    kind : ndarray of int
        Which of them each image has.
    kept : sequence of ndarray
        The memory that they are in.
    """

    def __init__(self, kept: Sequence[NDArray[Any]]) -> None:
        self.kept = kept
        self.kinds: list[Kind] = []
        rows = []
        for image in self.kept:
            kind = arrays.DTYPES[image.dtype], 1 if image.ndim == 2 else image.shape[2]
            if kind not in self.kinds:
                self.kinds.append(kind)
            stride = image.strides[0] // image.itemsize
            rows.append((image.ctypes.data, stride, *image.shape[:2], self.kinds.index(kind)))
        columns = np.array(rows, np.int64).reshape(-1, 5).T
        self.address, self.stride, self.height, self.width, self.kind = columns

    def __len__(self) -> int:
        return len(self.address)

    @classmethod
    def of(cls, images: Iterable[Any]) -> Located:
        """Locate images, or raise if one is none."""
        return cls([addressable(image, i) for i, image in enumerate(images)])

    @classmethod
    def all_of(cls, images: NDArray[Any] | Sequence[NDArray[Any]]) -> Located | None:
        """Locate images of a source, or a stack of them; None if some would have to be copied."""
        if len(images) == 0:
            return None
        if not isinstance(images, np.ndarray):
            found = cls.of(images)
            return found if all(a is b for a, b in zip(found.kept, images, strict=True)) else None
        found = cls.of([images[0]])
        if found.kept[0].ctypes.data != images.ctypes.data:
            return None
        every = np.arange(len(images))
        found = found.take(np.zeros_like(every))
        found.address = images.ctypes.data + every * images.strides[0]
        return found

    def take(self, indices: NDArray[np.int64]) -> Located:
        """Give some of the images."""
        found = copy.copy(self)
        for name in ("address", "stride", "height", "width", "kind"):
            setattr(found, name, getattr(self, name)[indices])
        return found


def addressable(image: Any, index: int = 0) -> NDArray[Any]:
    """Give an image whose pixels lie side by side in a row, or raise; ``index`` is for the message."""
    array = arrays.check(image, f"image {index}")
    channels = 1 if array.ndim == 2 else array.shape[-1]
    if array.ndim > 3 or channels not in (1, 3):
        raise ValueError(f"image {index} has shape {array.shape}; (H, W), (H, W, 1) and (H, W, 3) are accepted")
    dense = (channels * array.itemsize, array.itemsize)[: array.ndim - 1]
    packed = array.strides[1:] == dense and array.strides[0] > 0 and array.strides[0] % array.itemsize == 0
    return array if packed and array.flags.aligned else array.copy()
