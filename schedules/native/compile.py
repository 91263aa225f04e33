"""Gets native code for a request, from the cache or a worker process, never twice for the same thing."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schedules import targets
from schedules.errors import CompileError, ScheduleError, TargetError
from schedules.native import cache

log = logging.getLogger("halide_filters")

#: A compilation that takes longer than this many seconds is announced.
_PATIENCE = 0.5
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from schedules.native.worker import main; main()"


def key_of(request: Mapping[str, Any]) -> str:
    """Hash everything that the code depends on: the request, the versions, and our own lowering and shim."""
    module = request.get("lowering", "schedules:").split(":")[0]
    stamp = {"request": dict(request), "versions": _versions(), "sources": _sources(module)}
    text = json.dumps(stamp, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("halide", "llvmlite")}


@functools.cache
def _sources(module: str) -> str:
    """Digest the sources of this package and those a lowering can use: its top package, or its one file."""
    digest = hashlib.sha256()
    for root in dict.fromkeys([Path(__file__).parents[1], *_roots(module)]):
        files = [root] if root.is_file() else sorted([*root.rglob("*.py"), *root.rglob("*.ll")])
        for file in files:
            digest.update(file.relative_to(root.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _roots(module: str) -> list[Path]:
    spec = importlib.util.find_spec(module.split(".")[0])
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin and spec.has_location else []


_local_locks: dict[str, threading.Lock] = {}
_local_guard = threading.Lock()
_memory: dict[str, cache.Entry] = {}


def _after_fork() -> None:
    global _local_guard, _here
    _local_guard, _here = threading.Lock(), threading.Lock()
    _local_locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def obtain(
    request: Mapping[str, Any], label: str, *, keep: bool = True, seconds: float | None = None
) -> tuple[str, cache.Entry, bool]:
    """Give the key and the code for a request, and whether it had to be compiled.

    Parameters
    ----------
    request : mapping
        ``kind``, ``lowering``, ``program``, ``schedule``, ``target``; see :mod:`schedules.native.worker`.
    label : str
        What to call it in messages.
    keep : bool
        False for what is looked at once: nothing is read from or written to the cache.
    seconds : float, optional
        How long the worker may take; None: as long as it needs.

    Raises
    ------
    CompileError
        With the reason the worker gave.
    ScheduleError
        If the request's schedule does not fit its pipeline.
    """
    key = key_of(request)
    named = {**request, "name": request.get("name") or f"k_{key[:16]}"}
    if not keep:
        return key, _run(named, label, seconds), True
    with _local_guard:
        lock = _local_locks.setdefault(key, threading.Lock())
    with lock:
        if key in _memory:
            return key, _memory[key], False
        found = cache.read(key)
        compiled = found is None
        if found is None:
            with cache.lock(key):
                found = cache.read(key)
                compiled = found is None
                if found is None:
                    if request["kind"] == "kernel":
                        _prefetch_runtime(request["target"])
                    found = _run(named, label, seconds)
                    cache.write(key, cache.pack(found))
        _memory[key] = found
    return key, found, compiled


def runtime_request(target: str, *, shared: bool = True) -> dict[str, Any]:
    """Describe the Halide runtime that code for a target needs: with all interfaces to devices, or its own alone."""
    machine, own = "-".join(target.split("-")[:3]), targets.device(target)
    interfaces = targets.interfaces(machine) if shared else (own,) if own else ()
    return {"kind": "runtime", "target": "-".join([machine, *interfaces])}


def obtain_runtime(target: str, *, shared: bool = True) -> cache.Entry:
    """Give the Halide runtime that code for a target needs: ``shared`` by a process, or a library's own."""
    return obtain(runtime_request(target, shared=shared), "the Halide runtime")[1]


def _prefetch_runtime(target: str) -> None:
    """Compile the runtime beside the first kernel; what goes wrong shows again where it is needed."""
    if key_of(runtime_request(target)) in _memory:
        return

    def work() -> None:
        with contextlib.suppress(Exception):
            obtain_runtime(target)

    run = contextvars.copy_context().run  # the cache this call uses
    with contextlib.suppress(RuntimeError):  # no thread can be started: then one after the other
        threading.Thread(target=run, args=(work,), name="halide-filters-runtime", daemon=True).start()


def _run(request: Mapping[str, Any], label: str, seconds: float | None) -> cache.Entry:
    start = time.perf_counter()
    entry = _run_worker(request, label, seconds)
    took = time.perf_counter() - start
    if took > _PATIENCE:
        log.info("compiled %s in %.1f s", label, took)
    if "error" in entry.meta:
        kinds = {"ScheduleError": ScheduleError, "TargetError": TargetError}
        raise kinds.get(entry.meta["type"], CompileError)(f"{label}: {entry.meta['error']}")
    return entry


def _run_worker(request: Mapping[str, Any], label: str, seconds: float | None) -> cache.Entry:
    try:
        worker = _start_worker(request)
    except OSError as error:
        log.warning("no worker process can be started (%s): compiling %s in this one", error, label)
        return _run_here(request)
    with worker:
        try:
            output, errors = _listen(worker, label, seconds)
        except subprocess.TimeoutExpired:
            worker.kill()
            raise CompileError(f"{label}: the compiler was stopped after {seconds:g} s") from None
        except BaseException:  # an interrupt, say
            worker.kill()
            raise
    try:
        return cache.unpack(output)
    except (ValueError, KeyError):
        tail = "\n".join(errors.decode("utf-8", "replace").strip().splitlines()[-20:])
        raise CompileError(f"{label}: the compiler ended with status {worker.returncode}\n{tail}") from None


def _start_worker(request: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    paths = [str(path) or os.getcwd() for path in sys.path]
    command = [sys.executable or "", "-c", _BOOT, *paths]
    with tempfile.TemporaryFile() as text:  # a pipe would have to be written while the worker is listened to
        text.write(json.dumps(request).encode())
        text.seek(0)
        return subprocess.Popen(command, stdin=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _listen(worker: subprocess.Popen[bytes], label: str, seconds: float | None) -> tuple[bytes, bytes]:
    try:
        return worker.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        log.info("compiling %s ...", label)
        return worker.communicate(timeout=seconds)


_here = threading.Lock()


def _run_here(request: Mapping[str, Any]) -> cache.Entry:
    from schedules.native import worker

    with _here:
        try:
            return worker.compile_request(request)
        except Exception as error:
            return worker.failure(error)
