"""The compiled variants of this process: which there are, and why."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schedules.errors import ScheduleError


@dataclass(frozen=True)
class CompiledVariant:
    """A kernel that this process loaded.

    Attributes
    ----------
    filter : str
        Name of the filter.
    why : str
        The structural parameters that make it a variant of its own.
    target : str
        What it was compiled for.
    from_cache : bool
        Whether it was found in the cache on disk.
    key : str
        Its key there.
    notes : tuple of str
        How nodes were lowered, where there is a choice.
    schedule : str
        Which it has: ``"manual"``, ``"tuned"``, the name of an autoscheduler or the path of a file, or ``"given"``.
    """

    filter: str
    why: str
    target: str
    from_cache: bool
    key: str
    notes: tuple[str, ...] = ()
    schedule: str = "manual"


_lock = threading.Lock()
_making: dict[str, threading.Lock] = {}
_kernels: dict[str, Any] = {}
_variants: dict[str, CompiledVariant] = {}


def _after_fork() -> None:
    """Forget locks that a thread held which is not in the child."""
    global _lock
    _lock = threading.Lock()
    _making.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def kernel(request: Mapping[str, Any], name: str, why: str, schedule: str) -> Any:
    """Give the kernel for a request, made once per process; different ones are compiled side by side."""
    from schedules.native.arrays import ArrayKernel
    from schedules.native.compile import key_of
    from schedules.native.kernel import BatchKernel, Kernel

    key = key_of(request)
    with _lock:
        if key in _kernels:
            return _kernels[key]
        making = _making.setdefault(key, threading.Lock())
    with making:
        if key not in _kernels:
            made = {"batch": BatchKernel, "arrays": ArrayKernel}.get(request["kind"], Kernel)(request, why)
            found = CompiledVariant(name, why, request["target"], not made.compiled, made.key, made.notes, schedule)
            with _lock:
                _variants[key] = found
                _kernels[key] = made
        return _kernels[key]


def best_kernel(tuned: Mapping[str, Any], by_hand: Mapping[str, Any], name: str, why: str) -> Any:
    """Give the kernel that tuning found, if it found one that still fits, or the one by hand."""
    if tuned != by_hand:
        try:
            return kernel(tuned, name, why, "tuned")
        except ScheduleError as error:
            import logging

            log = logging.getLogger("halide_filters")
            log.warning("%s: what tuning found is passed over, tune again: %s", why, error)
    return kernel(by_hand, name, why, "manual")


def compiled() -> list[CompiledVariant]:
    """List the variants this process loaded, in order."""
    return list(_variants.values())
