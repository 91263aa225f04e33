"""Calling the kernels: arrays in, arrays out, by the algorithms of :mod:`compress.lowering`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl import variants
from schedules import options, targets
from schedules.schedule import Schedule


def run(
    lowering: str,
    arrays: Mapping[str, NDArray[Any]],
    scalars: Mapping[str, float] | None = None,
    *,
    program: Mapping[str, Any] | None = None,
    strict: bool = False,
    threads: int | None = None,
) -> None:
    """Run a kernel, which is compiled at its first use.

    Parameters
    ----------
    lowering : str
        ``MODULE:FUNCTION`` of :mod:`compress.lowering`.
    arrays, scalars : mapping
        Its arguments by name, those that it writes, too.
    program : mapping
        What is structural about it.
    strict : bool
        Whether each operation is rounded as it is written: no products fused with sums, nothing reordered.
    threads : int, optional
        Most threads to use.
    """
    kernel = _kernel(lowering, strict, **(program or {}))
    limit = options.threads() if threads is None else options.checked_threads(threads)
    kernel.run(arrays, scalars or {}, limit)


@functools.cache
def _kernel(lowering: str, strict: bool, **program: Any) -> Any:
    """Give a kernel; what is structural about it is of types that a dictionary takes as keys."""
    request = {
        "kind": "arrays",
        "lowering": f"compress.lowering.{lowering}",
        "program": program,
        "schedule": Schedule().to_json(),
        "target": targets.resolve("host-strict_float" if strict else "host"),
    }
    return variants.kernel(request, f"compress.{lowering}", f"{lowering} {program}", "manual")


def lanes() -> int:
    """Give how many float32 numbers a vector of this machine has."""
    return targets.vector_lanes(targets.resolve("host"))


def floats(values: Any, name: str) -> NDArray[np.float32]:
    """Give numbers as float32 without a copy where they are; tensors of torch are taken, too."""
    detached = values.detach() if hasattr(values, "detach") else values
    array = np.asarray(detached)
    if array.dtype != np.float32:
        raise TypeError(f"{name} must be float32, not {array.dtype}")
    return array


def written(
    out: NDArray[np.float32] | None,
    shape: tuple[int, ...],
    read: NDArray[np.float32],
    name: str,
    *,
    in_place: bool = False,
) -> NDArray[np.float32]:
    """Give the array that results go to: the one that is given, if they can, or a new one.

    Parameters
    ----------
    out : ndarray, optional
        What is given.
    shape : tuple of int
        Of the results.
    read : ndarray
        Dense: what the kernel reads meanwhile.
    name : str
        Of the argument that is read.
    in_place : bool
        Whether results may replace what is read: the kernel needs each number only for the result in its place.

    Raises
    ------
    ValueError
        If ``out`` is no float32 array of that shape, dense and writeable, or shares memory with what is read.
    """
    if out is None:
        return np.empty(shape, np.float32)
    if not isinstance(out, np.ndarray) or out.dtype != np.float32 or out.shape != shape:
        came = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ValueError(f"out must be a float32 array of shape {shape}, not {came}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be dense and writeable")
    same = in_place and out.ctypes.data == read.ctypes.data
    if not same and np.shares_memory(out, read):
        raise ValueError(f"out shares memory with {name}")
    return out
