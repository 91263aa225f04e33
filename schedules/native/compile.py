"""Gets native code for a request: from the cache, or from a worker process, never twice for the same thing."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schedules.errors import CompileError
from schedules.native import cache

log = logging.getLogger("halide_filters")

#: A compilation that takes longer than this many seconds is announced.
_PATIENCE = 0.5
_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from schedules.native.worker import main; main()"


def key_of(request: Mapping[str, Any]) -> str:
    """Hash everything that the code depends on: the request, the versions, and our own lowering and shim."""
    package = request.get("lowering", "schedules:").split(":")[0]
    stamp = {"request": dict(request), "versions": _versions(), "sources": _sources(package)}
    text = json.dumps(stamp, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("halide", "llvmlite")}


@functools.cache
def _sources(package: str) -> str:
    """Digest the sources of this package and of the package that lowers."""
    folders = {Path(__file__).parents[1]}
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.origin:
        folders.add(Path(spec.origin).parent)
    digest = hashlib.sha256()
    for folder in sorted(folders):
        for file in sorted([*folder.rglob("*.py"), *folder.rglob("*.ll")]):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


_local_locks: dict[str, threading.Lock] = {}
_local_guard = threading.Lock()
_memory: dict[str, cache.Entry] = {}


def _after_fork() -> None:
    global _local_guard
    _local_guard = threading.Lock()
    _local_locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def obtain(request: Mapping[str, Any], label: str, *, keep: bool = True) -> tuple[str, cache.Entry, bool]:
    """Give the key and the code for a request, and whether it had to be compiled.

    Parameters
    ----------
    request : mapping
        ``kind``, ``lowering``, ``program``, ``schedule``, ``target``; see :mod:`schedules.native.worker`.
    label : str
        What to call it in messages.
    keep : bool
        False for what is looked at once: nothing is read from or written to the cache.

    Raises
    ------
    CompileError
        With the reason the worker gave.
    """
    key = key_of(request)
    named = {**request, "name": request.get("name") or f"k_{key[:16]}"}
    if not keep:
        return key, _run(named, label), True
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
                    found = _run(named, label)
                    cache.write(key, cache.pack(found))
        _memory[key] = found
    return key, found, compiled


def _run(request: Mapping[str, Any], label: str) -> cache.Entry:
    with _announced(label):
        entry = _run_worker(request)
    if "error" in entry.meta:
        raise CompileError(f"{label}: {entry.meta['error']}")
    return entry


def _run_worker(request: Mapping[str, Any]) -> cache.Entry:
    command = [sys.executable, "-c", _BOOT, json.dumps([p or os.getcwd() for p in sys.path])]
    try:
        done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, check=False)
    except OSError as error:
        log.warning("no worker process can be started (%s): compiling in this one", error)
        return _run_here(request)
    try:
        return cache.unpack(done.stdout)
    except (ValueError, KeyError):
        tail = "\n".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[-20:])
        raise CompileError(f"the compiler ended with status {done.returncode}\n{tail}") from None


_here = threading.Lock()


def _run_here(request: Mapping[str, Any]) -> cache.Entry:
    from schedules.native.worker import compile_request

    with _here:
        try:
            return compile_request(request)
        except Exception as error:  # as the worker does: one piece of news, whatever went wrong
            return cache.Entry({"error": str(error), "type": type(error).__name__}, ())


@contextmanager
def _announced(label: str) -> Iterator[None]:
    start = time.perf_counter()
    timer = threading.Timer(_PATIENCE, log.info, args=("compiling %s ...", label))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        took = time.perf_counter() - start
        if took > _PATIENCE:
            log.info("compiled %s in %.1f s", label, took)
