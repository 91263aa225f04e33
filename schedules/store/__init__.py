"""Known schedules, a file each: those that searches found and this package ships, and the user's own.

A file is found by the digest of what it is for: a program and how its images lie in memory, a target, and the search
whose answer it is (an autoscheduler with its parameters, or tuning), with the version of Halide. It says which stages
its ops are for, by a digest of these; the worker that applies them looks.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schedules.errors import ScheduleError
from schedules.schedule import Schedule

SHIPPED = Path(__file__).parent
_DIGITS = 16


def key(request: Mapping[str, Any], search: Mapping[str, Any]) -> str:
    """Give the digest that a schedule is found by.

    Parameters
    ----------
    request : mapping
        A request for a kernel or a search; of it count the program and the target.
    search : mapping
        Whose answer it is.
    """
    import importlib.metadata  # slow, and nothing that a program without stored schedules needs

    program = {name: request["program"][name] for name in request["program"] if name != "names"}
    found = {"program": program, "target": request["target"], "search": dict(search)}
    text = json.dumps({**found, "halide": importlib.metadata.version("halide")}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def file_name(name: str, label: str, key: str) -> str:
    """Name a file: for people by the search and the program, for :func:`find` by its key."""
    words = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:80]
    return f"{name}-{words}-{key}.json"


def own() -> Path | None:
    """Give the directory of the user's own schedules, ``HALIDE_FILTERS_SCHEDULES``; None if that is ``off``."""
    chosen = os.environ.get("HALIDE_FILTERS_SCHEDULES", "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("halide-filters")) / "schedules"


@functools.cache
def _files(directory: Path) -> dict[str, Path]:
    return {file.stem.rpartition("-")[2]: file for file in sorted(directory.glob("*.json"))}


def find(key: str, directory: Path | None = SHIPPED) -> Schedule | None:
    """Give the schedule of a key, None if there is none; one that is damaged counts as none, and is told."""
    file = None if directory is None else _files(directory).get(key)
    if file is None:
        return None
    try:
        return Schedule.load(file)
    except (ScheduleError, OSError) as error:
        import logging

        logging.getLogger("halide_filters").warning("a stored schedule is passed over: %s", error)
        return None


def keep(directory: Path, name: str, schedule: Schedule, made: Mapping[str, Any]) -> Path:
    """Write a schedule into a directory, whole or not at all, and say beside it how it was made."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**schedule.to_json(), "made": dict(made)}, indent=1) + "\n"
    file = directory / name
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, file)
    _forget()
    return file


# ------------------------------------------------------------------------- what stands in for hand-written schedules


@dataclass
class _InUse:
    """The schedules that this process tries in place of hand-written ones, and who watches what is compiled."""

    tried: dict[str, Schedule] = field(default_factory=dict)
    watching: list[list[dict[str, Any]]] = field(default_factory=list)
    states: dict[frozenset[tuple[str, Schedule]], int] = field(default_factory=dict)
    state: int = 0


_in_use = _InUse()
_states = itertools.count(1)


def state() -> int:
    """Give a number that is another one whenever other schedules are in use."""
    return _in_use.state


def _changed(*, anew: bool = False) -> None:
    """Give what is in use its number: the one it had before, unless something else may be found now."""
    if anew:
        _in_use.states.clear()
    tried = frozenset(_in_use.tried.items())
    if anew or tried not in _in_use.states:
        _in_use.states[tried] = next(_states)
    _in_use.state = _in_use.states[tried]


def _forget() -> None:
    _files.cache_clear()
    _changed(anew=True)


def tuned_key(request: Mapping[str, Any], default: Schedule) -> str:
    """Give the key of what tuning found in place of a default schedule."""
    return key(request, {"name": "tuned", "choices": dict(default.choices)})


def in_place_of(default: Schedule, request: Mapping[str, Any], label: str) -> Schedule:
    """Give the schedule to use where the hand-written one is asked for: that, or what the user's own tuning found."""
    if not _in_use.watching and not _in_use.tried and _nothing_tuned():
        return default
    wanted = tuned_key(request, default)
    for seen in _in_use.watching:
        seen.append({**request, "schedule": default.to_json(), "key": wanted, "label": label})
    if wanted in _in_use.tried:
        return _in_use.tried[wanted]
    found = find(wanted, own())
    return default if found is None else found


def _nothing_tuned() -> bool:
    directory = own()
    return directory is None or not _files(directory)


@contextlib.contextmanager
def watching() -> Iterator[list[dict[str, Any]]]:
    """List the requests for hand-written schedules that are made meanwhile, each with its key and a label."""
    seen: list[dict[str, Any]] = []
    _in_use.watching.append(seen)
    _changed(anew=True)
    try:
        yield seen
    finally:
        _in_use.watching.remove(seen)
        _changed(anew=True)


@contextlib.contextmanager
def trying(schedules: Mapping[str, Schedule]) -> Iterator[None]:
    """Use schedules, by their keys, in place of hand-written and tuned ones."""
    before = _in_use.tried
    _in_use.tried = {**before, **schedules}
    _changed()
    try:
        yield
    finally:
        _in_use.tried = before
        _changed()
