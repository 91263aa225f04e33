"""Loads objects into this process beside ONE shared Halide runtime.

llvmlite's LLJIT does it: no compiler and no linker is needed. The runtime owns the thread pool, so a second
one would mean a second pool. Nothing is ever unloaded: pool threads may be running in it. A forked child gets
a runtime of its own, because the pool's threads did not survive the fork.
"""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

from schedules import options
from schedules.native import cache, compile

#: Held while LLVM works, and by whoever forks: a child whose lock belongs to a thread it has not would wait
#: for ever.
_linking = threading.RLock()


class Runtime:
    """The shared runtime of one process."""

    def __init__(self, target: str) -> None:
        entry = compile.obtain_runtime(target)
        self._lock = threading.Lock()
        self._loaded: dict[str, Any] = {}
        with _linking:
            self._jit = _start_jit()
            constructors = entry.meta["constructors"]
            exports = ("hf_install", "hf_release", "halide_set_num_threads", *constructors)
            self._library = self._link("runtime", entry, exports, ())
        for name in constructors:  # of the interfaces to devices; the loader calls none
            ctypes.CFUNCTYPE(None)(self._library[name])()
        ctypes.CFUNCTYPE(None)(self._library["hf_install"])()
        self.release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._library["hf_release"])
        self._set_pool = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(self._library["halide_set_num_threads"])
        self._pool = 0
        self.reserve(options.threads())

    def reserve(self, threads: int) -> None:
        """Make sure that the pool has so many threads; it grows and never shrinks."""
        if threads > self._pool:
            with self._lock:
                if threads > self._pool:
                    self._set_pool(threads)
                    self._pool = threads

    def load(self, key: str, entry: cache.Entry, function: str = "call") -> int:
        """Load an entry's objects, once, and give the address of its ``NAME_call``, or of another such function."""
        name = f"{entry.meta['name']}_{function}"
        with _linking:
            if key not in self._loaded:
                self._loaded[key] = self._link(key, entry, (name,), ("runtime",))
            return int(self._loaded[key][name])

    def _link(self, name: str, entry: cache.Entry, exports: tuple[str, ...], needs: tuple[str, ...]) -> Any:
        import llvmlite.binding as llvm

        builder = llvm.JITLibraryBuilder()
        for data in entry.objects:
            builder.add_object_img(data)
        builder.add_current_process()
        for library in needs:
            builder.add_jit_library(library)
        for symbol in exports:
            builder.export_symbol(symbol)
        return builder.link(self._jit, name)


def _start_jit() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # JITLink lays out an object as a whole. The other linker maps its sections one by one, and aborts the process where
    # these lie more than 2 GB apart: in a process that maps much, such as Ray's.
    return llvm.create_lljit_compiler(use_jit_link=True)


_runtime: Runtime | None = None
_guard = threading.Lock()


def shared(target: str) -> Runtime:
    """Give this process's runtime, started at the first call."""
    global _runtime
    if _runtime is None:
        with _guard:
            if _runtime is None:
                _runtime = Runtime(target)
    return _runtime


_abandoned: list[Runtime] = []


def _after_fork() -> None:
    global _runtime, _guard
    if _runtime is not None:
        _abandoned.append(_runtime)  # never torn down: its locks may be held by threads that are gone
    _runtime = None
    _guard = threading.Lock()
    _linking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_linking.acquire, after_in_parent=_linking.release, after_in_child=_after_fork)
