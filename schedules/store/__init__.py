"""Known schedules: those that this package ships, found by searches; a file each, beside this module.

A file is found by the digest of what was searched for: the program and how its images lie in memory, the family of
targets, the autoscheduler with its parameters, the version of Halide. It is good for the stages it was found for, whose
digest it holds: the worker that applies it looks.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schedules.schedule import Schedule

SHIPPED = Path(__file__).parent
_DIGITS = 16


def key(wanted: Mapping[str, Any]) -> str:
    """Give the digest of a search: see :func:`schedules.automatic.search_request`."""
    program = {name: wanted["program"][name] for name in wanted["program"] if name != "names"}
    searched = {
        "program": program,
        "target": wanted["target"],
        "autoscheduler": wanted["autoscheduler"],
        "halide": importlib.metadata.version("halide"),
    }
    return hashlib.sha256(json.dumps(searched, sort_keys=True).encode()).hexdigest()[:_DIGITS]


@functools.cache
def _shipped() -> dict[str, Path]:
    return {file.stem.rpartition("-")[2]: file for file in SHIPPED.glob("*.json")}


def find(wanted: Mapping[str, Any]) -> Schedule | None:
    """Give the schedule that is known for a search, None if none is."""
    file = _shipped().get(key(wanted))
    return None if file is None else Schedule.load(file)


def file_name(wanted: Mapping[str, Any], label: str) -> str:
    """Name the file of a search's schedule: for people by the program's label, for :func:`find` by its key."""
    words = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:80]
    return f"{wanted['autoscheduler']['name']}-{words}-{key(wanted)}.json"
