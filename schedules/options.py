"""Options that hold for a stretch of code instead of one call: threads, target, cache."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

MAX_THREADS = 256  # of Halide's pool


@dataclass(frozen=True)
class Options:
    """What :func:`config` sets; None leaves the default."""

    threads: int | None = None
    target: str = "host"
    cache: str | None = None


_DEFAULTS = Options()
_current: ContextVar[Options] = ContextVar("halide_filters_options")


def current() -> Options:
    """Give the options that hold here."""
    return _current.get(_DEFAULTS)


@contextlib.contextmanager
def config(
    *,
    threads: int | None = None,
    target: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    reproducible: bool | None = None,
) -> Iterator[None]:
    """Set options for the calls inside a ``with`` block, in this thread or task.

    Parameters
    ----------
    threads : int, optional
        Most threads a call may use.
    target : str, optional
        The machine to compile for, as in the option ``target`` of every filter.
    cache : path, optional
        Directory of compiled kernels, or ``"off"`` to keep none.
    reproducible : bool, optional
        Whether calls give the same pixels on every machine, bit for bit, at some cost in speed. It is the feature
        ``reproducible`` of the target, such as ``"host-reproducible"``, and counts for calls that name no target.

    Examples
    --------
    >>> import schedules
    >>> with schedules.config(threads=1):
    ...     schedules.threads()
    1
    """
    options = current()
    if threads is not None:
        options = replace(options, threads=checked_threads(threads))
    if target is not None or reproducible is not None:
        from schedules import targets

        named = options.target if target is None else target
        targets.resolve(named)
        if reproducible is not None:
            named = targets.for_halide(named) + (f"-{targets.REPRODUCIBLE}" if reproducible else "")
        options = replace(options, target=named)
    if cache is not None:
        options = replace(options, cache=os.fspath(cache))
    token = _current.set(options)
    try:
        yield
    finally:
        _current.reset(token)


def checked_threads(threads: int) -> int:
    """Return a number of threads as given, or raise."""
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise TypeError(f"threads must be an int, not {type(threads).__name__}")
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError(f"threads must be from 1 to {MAX_THREADS}, not {threads}")
    return int(threads)


def threads() -> int:
    """Give the threads a call uses when it names none: ``config``, else the machine's limits."""
    return current().threads or _default_threads()


@functools.cache
def _default_threads() -> int:
    """Read the environment, the affinity of the process and the quota of its control group."""
    text = os.environ.get("HALIDE_FILTERS_THREADS", "")
    if text:
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MAX_THREADS:
            raise ValueError(f"HALIDE_FILTERS_THREADS must be from 1 to {MAX_THREADS}, not {text!r}")
        return int(text)
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
    return max(1, min(count, quota() or count, MAX_THREADS))


def quota(root: Path = Path("/")) -> int | None:
    """Give the processors that the quotas of the control group and those around it amount to, rounded up."""
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    own = next((line[3:] for line in groups if line.startswith("0::/")), "/")
    group = root / "sys/fs/cgroup" / own.lstrip("/")
    found = [_group_quota(folder) for folder in (group, *group.parents) if (root / "sys") in folder.parents]
    return min((limit for limit in found if limit is not None), default=None)


def _group_quota(folder: Path) -> int | None:
    try:
        limit, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return None if limit == "max" else max(1, -(-int(limit) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return None
