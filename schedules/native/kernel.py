"""A compiled pipeline as Python sees it."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Mapping
from typing import Any, ClassVar

from schedules import targets
from schedules.errors import NativeError
from schedules.native import compile, runtime
from schedules.native.signature import Signature

#: Size of %context in shim.ll, and where its fields lie.
CONTEXT_SIZE = 1312
_FAILED, _STOCK_LIMIT, _ERROR = 4, 24, 288
#: Memory kept from call to call, per Python thread.
_STOCK_BYTES = 256 * 1024 * 1024
_C_TYPES = {"ptr": ctypes.c_void_p, "i64": ctypes.c_int64, "i32": ctypes.c_int32, "float": ctypes.c_float}
_HALIDE_OUT_OF_MEMORY = -11


class _Context:
    """The native context of one Python thread: thread limit, error text, reusable memory."""

    def __init__(self, shared: runtime.Runtime) -> None:
        self.memory = ctypes.create_string_buffer(CONTEXT_SIZE + 64)
        self.address = (ctypes.addressof(self.memory) + 63) & ~63
        self.threads = ctypes.c_int32.from_address(self.address)
        self._failed = ctypes.c_int32.from_address(self.address + _FAILED)
        ctypes.c_int64.from_address(self.address + _STOCK_LIMIT).value = _STOCK_BYTES
        self.owner = os.getpid()
        weakref.finalize(self, _release, shared.release, self.memory, self.address, self.owner)

    def take_error(self) -> str:
        """Give the text of the error that was recorded, and forget it."""
        text = ctypes.string_at(self.address + _ERROR) if self._failed.value else b""
        self._failed.value = 0
        return text.decode("utf-8", "replace").strip()


def _release(release: Any, memory: Any, address: int, owner: int) -> None:
    if os.getpid() == owner:
        release(address)
    del memory  # held until here: the finaliser runs after the context is gone


_local = threading.local()


def _context(shared: runtime.Runtime) -> _Context:
    context: _Context | None = getattr(_local, "context", None)
    if context is None or context.owner != os.getpid():
        context = _local.context = _Context(shared)
    return context


class Kernel:
    """Native code for one request. Call it with the arguments of its signature, the thread limit first.

    Attributes
    ----------
    signature : Signature
        What the call takes.
    key : str
        Its key in the cache.
    compiled : bool
        Whether this process had to compile it.
    notes : tuple of str
        How nodes were lowered, where there is a choice.
    """

    #: Which of an entry's functions is called, and what its arguments are described by.
    _called = "call"
    _signature_type: ClassVar[Any] = Signature

    def __init__(self, request: Mapping[str, Any], label: str) -> None:
        targets.check_runnable(request["target"])
        self.device = targets.device(request["target"])
        self.label, self.request = label, dict(request)
        self.key, self._entry, self.compiled = compile.obtain(request, label)
        self.notes = tuple(f"{node}: {note}" for node, note in self._entry.meta.get("notes", {}).items())
        self.signature = self._signature_type.from_json(self._entry.meta["signature"])
        self._prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *self._arguments())
        self._load()
        _kernels.add(self)

    def _arguments(self) -> list[Any]:
        return [_C_TYPES[llvm] for _, llvm, _ in self.signature.parameters()]

    def _load(self) -> None:
        if self.device and _devices_lost:
            raise NativeError(
                f"{self.label}: the process that this one was forked from has used a device, so this one cannot; "
                "processes that are started by 'spawn' can"
            )
        self.stale = False
        self._runtime = runtime.shared(self.request["target"])
        self._function = self._prototype(self._runtime.load(self.key, self._entry, self._called))

    def __call__(self, threads: int, *arguments: Any) -> None:
        """Run with at most ``threads`` threads; the GIL is released meanwhile.

        Raises
        ------
        NativeError
            With Halide's text.
        MemoryError
            If a temporary could not be allocated.
        """
        if self.stale:
            self._load()
        context = _context(self._runtime)
        if threads > 1:
            self._runtime.reserve(threads)
        context.threads.value = threads
        status = self._function(context.address, *arguments)
        if status:
            text = context.take_error() or f"status {status}"
            if status == _HALIDE_OUT_OF_MEMORY:
                raise MemoryError(f"{self.label}: {text}")
            if self.device:
                text = f"{text} (target {self.request['target']!r} needs a device and its driver for {self.device})"
            raise NativeError(f"{self.label}: {text}")


class BatchKernel(Kernel):
    """Native code that makes many calls at once, in parallel, each on one thread.

    Call it with the thread limit, the number of calls, and the address of a row for each: the arguments of its
    signature, each at the start of a word of its own.
    """

    _called = "batch"

    def _arguments(self) -> list[Any]:
        return [ctypes.c_int32, ctypes.c_void_p]


_kernels: weakref.WeakSet[Kernel] = weakref.WeakSet()
#: Whether a process that this one was forked from has loaded code for a device: drivers do not survive that.
_devices_lost = False


def _after_fork() -> None:
    """Make every kernel of the child load itself anew, at its next call."""
    global _devices_lost
    _devices_lost = _devices_lost or any(kernel.device for kernel in _kernels)
    for kernel in list(_kernels):
        kernel.stale = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
