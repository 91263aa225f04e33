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


def floats(values: Any, name: str) -> NDArray[np.float32]:
    """Give numbers as float32 without a copy where they are; tensors of torch are taken, too."""
    detached = values.detach() if hasattr(values, "detach") else values
    array = np.asarray(detached)
    if array.dtype != np.float32:
        raise TypeError(f"{name} must be float32, not {array.dtype}")
    return array
