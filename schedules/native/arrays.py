"""Kernels of arrays with any number of dimensions: what networks are computed by, as filters are of images.

Their pipelines are called as Halide has it: with a ``halide_buffer_t`` for every array, written here.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from schedules.native.kernel import Kernel

#: dtype -> Halide's code of the kind of number, and its bits.
TYPES = {
    "uint8": (1, 8),
    "int32": (0, 32),
    "uint32": (1, 32),
    "float32": (2, 32),
    "float64": (2, 64),
}
_SCALARS = {"int32": ctypes.c_int32, "float32": ctypes.c_float}
_DTYPES = {name: np.dtype(name) for name in TYPES}
#: A ``halide_buffer_t``: device and its interface, address, flags, type, dimensions and where they are, padding.
_BUFFER = struct.Struct("=QQQQBBHiQQ")


@dataclass(frozen=True)
class Array:
    """An array argument; of Halide's dimensions the first is the last one here."""

    name: str
    dtype: str
    dimensions: int
    output: bool = False


@dataclass(frozen=True)
class Arrays:
    """All arguments of a pipeline, in the order that it takes them: inputs, numbers, outputs."""

    arrays: tuple[Array, ...]
    scalars: tuple[tuple[str, str], ...]  # names and dtypes

    def to_json(self) -> dict[str, Any]:
        """Give plain data, for ``json.dumps``."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Arrays:
        """Read what :meth:`to_json` gave."""
        arrays = tuple(Array(**each) for each in data["arrays"])
        return Arrays(arrays, tuple((name, dtype) for name, dtype in data["scalars"]))

    @property
    def inputs(self) -> list[Array]:
        """The arrays that are read."""
        return [array for array in self.arrays if not array.output]

    @property
    def outputs(self) -> list[Array]:
        """The arrays that are written."""
        return [array for array in self.arrays if array.output]


class ArrayKernel(Kernel):
    """Native code that takes arrays: call :meth:`run`."""

    _called = "pipeline"
    _signature_type: ClassVar[Any] = Arrays

    def _arguments(self) -> list[Any]:
        pointers = ctypes.c_void_p
        numbers = [_SCALARS[dtype] for _, dtype in self.signature.scalars]
        return [pointers] * len(self.signature.inputs) + numbers + [pointers] * len(self.signature.outputs)

    def run(self, arrays: Mapping[str, NDArray[Any]], scalars: Mapping[str, float], threads: int) -> None:
        """Run with arrays and numbers by name; the GIL is released meanwhile.

        Raises
        ------
        TypeError, ValueError
            If an array has another dtype or number of dimensions, or more than 2**31 elements between two.
        NativeError
            With Halide's text.
        """
        described = {each.name: _described(each, arrays[each.name]) for each in self.signature.arrays}
        inputs, outputs = (
            [ctypes.addressof(described[each.name][0]) for each in some]
            for some in (self.signature.inputs, self.signature.outputs)
        )
        self(threads, *inputs, *(scalars[name] for name, _ in self.signature.scalars), *outputs)


def _described(expected: Array, array: NDArray[Any]) -> tuple[Any, Any]:
    """Give the ``halide_buffer_t`` of an array, and the dimensions that it points to."""
    if array.dtype != _DTYPES[expected.dtype] or array.ndim != expected.dimensions:
        wanted = f"{expected.dtype} of {expected.dimensions} dimensions"
        raise TypeError(f"{expected.name} must be {wanted}, not {array.dtype} of {array.ndim}")
    numbers = list[int]()  # of each dimension: its first index, extent, stride, flags
    for size, stride in zip(array.shape[::-1], _strides(array)[::-1], strict=True):
        if abs(stride) * max(size - 1, 0) >= 1 << 31:
            raise ValueError(f"{expected.name} has shape {array.shape}; an axis has less than 2**31 elements")
        numbers += (0, size, stride, 0)
    dimensions = (ctypes.c_int32 * len(numbers))(*numbers)
    where = ctypes.addressof(dimensions)
    fields = (0, 0, array.ctypes.data, 0, *TYPES[expected.dtype], 1, array.ndim, where, 0)
    return ctypes.create_string_buffer(_BUFFER.pack(*fields), _BUFFER.size), dimensions


def _strides(array: NDArray[Any]) -> list[int]:
    """Give strides in elements; along an axis of one element, where numpy's may be anything, those of a dense array."""
    dense, found = 1, list[int]()
    for size, stride in zip(array.shape[::-1], array.strides[::-1], strict=True):
        found.append(stride // array.itemsize if size > 1 else dense)
        dense = found[-1] * max(size, 1)
    return found[::-1]
