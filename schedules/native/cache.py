"""The cache of compiled kernels on disk.

A cache directory holds native code that this process will run, so it is a way in. The directory must belong to
the user and be writable by nobody else; every entry is verified by its digest before it is used, written under a
temporary name and renamed, and thrown away and rebuilt when anything is wrong with it. A second, read-only layer
inside the package has the same format and keys, so that a release can ship kernels.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schedules.errors import CacheError
from schedules.options import current

log = logging.getLogger("halide_filters")

SHIPPED = Path(__file__).parent / "shipped"
_MAGIC = b"halide-filters kernel 1\n"
_SUFFIX = ".kernel"
_DEFAULT_LIMIT_MB = 1024


@dataclass(frozen=True)
class Entry:
    """What one key maps to: data about the code, and the objects, in the order they were written."""

    meta: dict[str, Any]
    objects: tuple[bytes, ...]


def pack(entry: Entry) -> bytes:
    """Turn an entry into bytes: a magic line, the digest of the rest, its description, the objects."""
    head = json.dumps({"meta": entry.meta, "sizes": [len(o) for o in entry.objects]}, sort_keys=True).encode()
    rest = len(head).to_bytes(8, "little") + head + b"".join(entry.objects)
    return _MAGIC + hashlib.sha256(rest).digest() + rest


def unpack(data: bytes) -> Entry:
    """Read what :func:`pack` gave; raise ValueError if a single bit differs."""
    start = len(_MAGIC) + 32
    digest, rest = data[len(_MAGIC) : start], data[start:]
    if not data.startswith(_MAGIC) or hashlib.sha256(rest).digest() != digest:
        raise ValueError("damaged or written by something else")
    length = int.from_bytes(rest[:8], "little")
    head = json.loads(rest[8 : 8 + length])
    objects, position = [], 8 + length
    for size in head["sizes"]:
        objects.append(rest[position : position + size])
        position += size
    return Entry(head["meta"], tuple(objects))


def directory() -> Path | None:
    """Give the cache directory that is asked for, or None if the cache is switched off."""
    chosen = current().cache or os.environ.get("HALIDE_FILTERS_CACHE", "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("halide-filters"))


_complained: set[str] = set()


def _complain_once(message: str) -> None:
    if message not in _complained:
        _complained.add(message)
        log.warning(message)


def usable_directory() -> Path | None:
    """Give the cache directory, made and checked; None if there is none or it cannot be written (said once).

    Raises
    ------
    CacheError
        If others own it or can write to it.
    """
    path = directory()
    if path is None:
        return None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        _complain_once(f"no cache at {path} ({error.strerror}): kernels are compiled anew in every process")
        return None
    _check_private(path, status)
    return path


def _check_private(path: Path, status: os.stat_result) -> None:
    if not hasattr(os, "getuid"):
        return
    advice = "choose another directory with HALIDE_FILTERS_CACHE, or switch the cache off with HALIDE_FILTERS_CACHE=off"
    if status.st_uid != os.getuid():
        raise CacheError(f"the cache {path} belongs to another user: {advice}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheError(f"others can write to the cache {path}: chmod 700 it, or {advice}")


def read(key: str) -> Entry | None:
    """Find an entry, in the user's directory or the shipped layer; a damaged one is removed and None given."""
    path = usable_directory()
    if path is not None:
        file = path / (key + _SUFFIX)
        with contextlib.suppress(OSError):  # not there, or not to be read: as good as not there
            data = file.read_bytes()
            try:
                entry = unpack(data)
            except (ValueError, KeyError) as error:
                log.warning("rebuilding %s: %s", file, error)
                with contextlib.suppress(OSError):
                    file.unlink()
            else:
                with contextlib.suppress(OSError):
                    os.utime(file)  # what eviction goes by
                return entry
    shipped = SHIPPED / (key + _SUFFIX)
    return unpack(shipped.read_bytes()) if shipped.is_file() else None


def write(key: str, data: bytes) -> None:
    """Keep packed bytes under a key. What goes wrong is said once; the caller has its code all the same."""
    path = usable_directory()
    if path is None:
        return
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path, suffix=".tmp", delete=False) as file:
            temporary = file.name
            file.write(data)
        os.replace(temporary, path / (key + _SUFFIX))
    except OSError as error:
        _complain_once(f"cannot write to the cache {path} ({error.strerror}): kernels are compiled anew")
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return
    _evict(path)


@contextlib.contextmanager
def lock(key: str) -> Iterator[None]:
    """Hold a key for compiling it, against threads and other processes; without a directory, do nothing."""
    path = usable_directory()
    if path is None:
        yield
        return
    import filelock

    held = filelock.FileLock(path / (key + ".lock"), mode=0o600)
    try:
        held.acquire()
    except OSError as error:
        _complain_once(f"cannot lock in the cache {path} ({error.strerror}): processes may compile the same twice")
        yield
        return
    try:
        yield
    finally:
        held.release()


def limit_bytes() -> int:
    """Give the size the cache is kept under, from ``HALIDE_FILTERS_CACHE_MB``."""
    text = os.environ.get("HALIDE_FILTERS_CACHE_MB", str(_DEFAULT_LIMIT_MB))
    if not text.isdigit():
        raise ValueError(f"HALIDE_FILTERS_CACHE_MB must be a whole number of megabytes, not {text!r}")
    return int(text) * 1_000_000


def entries(path: Path) -> list[tuple[float, int, Path]]:
    """List the entries of a directory as (last use, size, file), the oldest first."""
    found = []
    for file in path.glob("*" + _SUFFIX):
        with contextlib.suppress(OSError):
            status = file.stat()
            found.append((status.st_mtime, status.st_size, file))
    return sorted(found)


def _evict(path: Path) -> None:
    """Remove the entries not used for longest until the cache is under its limit, with their locks."""
    kept = entries(path)
    total = sum(size for _, size, _ in kept)
    for _, size, file in kept[:-1]:
        if total <= limit_bytes():
            break
        with contextlib.suppress(OSError):
            file.unlink()
            file.with_suffix(".lock").unlink(missing_ok=True)
        total -= size
