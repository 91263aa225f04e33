"""The cache of compiled kernels on disk.

A cache directory holds native code that this process will run, so it is a way in. The directory must belong
to the user and be writable by nobody else; every entry is verified by its digest before it is used, written
under a temporary name and renamed, and rebuilt and replaced when anything is wrong with it. A second,
read-only layer inside the package has the same format and keys, so that a release can ship kernels.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import stat
import tempfile
import time
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
#: Temporary files older than this many seconds belong to nobody: whoever wrote them was killed.
_STALE = 3600.0


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
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("halide-filters"))


_complained: set[Path] = set()


def _complain_once(path: Path, message: str) -> None:
    """Warn about a directory or file once per process, however many ways the trouble shows."""
    if path not in _complained:
        _complained.add(path)
        log.warning(message)


def _complain_of_directory(path: Path, error: Exception) -> None:
    reason = getattr(error, "strerror", None) or error
    _complain_once(path, f"cannot write to the cache {path} ({reason}): new kernels are not kept")


def usable_directory() -> Path | None:
    """Give the cache directory, made and checked; None if there is none or it cannot be made.

    Links are resolved before the check, so that what was checked is what is used.

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
        path = path.resolve()
        status = path.stat()
    except OSError as error:
        _complain_of_directory(path, error)
        return None
    _check_private(path, status)
    return path


def _check_private(path: Path, status: os.stat_result) -> None:
    if not hasattr(os, "getuid"):
        return
    variable = "HALIDE_FILTERS_CACHE"
    advice = f"choose another directory with {variable}, or switch the cache off with {variable}=off"
    if status.st_uid != os.getuid():
        raise CacheError(f"the cache {path} belongs to another user: {advice}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheError(f"others can write to the cache {path}, and may have: remove it, {advice}")


def read(key: str) -> Entry | None:
    """Find an entry, in the user's directory or the shipped layer; None if there is none that is whole."""
    path = usable_directory()
    found = None
    if path is not None:
        file = path / (key + _SUFFIX)
        found = _read_whole(file)
        if found is not None:
            with contextlib.suppress(OSError):
                os.utime(file)  # what eviction goes by
    return found or _read_whole(SHIPPED / (key + _SUFFIX))


def _read_whole(file: Path) -> Entry | None:
    try:
        return unpack(file.read_bytes())
    except OSError:  # not there, or not to be read: as good as not there
        return None
    except (ValueError, KeyError, TypeError) as error:
        _complain_once(file, f"rebuilding {file}: {error}")  # and replaced, not removed: it may be whole by now
        return None


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
        _complain_of_directory(path, error)
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    sweep(path, "*.tmp")
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
    except (OSError, NotImplementedError) as error:
        _complain_of_directory(path, error)
        yield
        return
    try:
        yield
    finally:
        held.release()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder for what a compiler writes; those that killed processes left behind go too."""
    prefix, suffix = "halide-filters-", ".tmp"
    with tempfile.TemporaryDirectory(prefix=prefix, suffix=suffix) as folder:
        sweep(Path(folder).parent, f"{prefix}*{suffix}")
        yield Path(folder)


def sweep(folder: Path, pattern: str) -> None:
    """Remove our own files and folders of a pattern that nobody has written for an hour."""
    before = time.time() - _STALE
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if status.st_mtime >= before or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
                continue
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def limit_bytes() -> int:
    """Give the size the cache is kept under, from ``HALIDE_FILTERS_CACHE_MB``."""
    text = os.environ.get("HALIDE_FILTERS_CACHE_MB", str(_DEFAULT_LIMIT_MB))
    if not (text.isascii() and text.isdigit()):
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
    """Remove the entries not used for longest until the cache is under its limit; the newest stays."""
    kept = entries(path)
    total, limit = sum(size for _, size, _ in kept), limit_bytes()
    for _, size, file in kept[:-1]:
        if total <= limit:
            break
        with contextlib.suppress(OSError):
            file.unlink()
            _remove_lock(file.with_suffix(".lock"))
        total -= size


def _remove_lock(file: Path) -> None:
    """Remove a lock unless somebody holds it."""
    import filelock

    free = filelock.FileLock(file, timeout=0, mode=0o600)
    with contextlib.suppress(filelock.Timeout, NotImplementedError), free:
        file.unlink(missing_ok=True)
