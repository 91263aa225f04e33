"""What can be tuned, by name: packages above this one say what they have, by entry points ``halide_filters.subjects``.

An entry point is a function of a name and :class:`Wanted`. It gives the calls that the name stands for, or None if it
knows none.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

GROUP = "halide_filters.subjects"


@dataclass(frozen=True)
class Wanted:
    """What a call to be tuned is like.

    Attributes
    ----------
    dtype : str
        Of its images.
    channels : int
        Of its images.
    height, width : int
        Of its images.
    target : str
        What it is compiled for.
    parameters : mapping
        Values by parameter, as text; for the others examples are taken.
    """

    dtype: str = "uint8"
    channels: int = 1
    height: int = 1024
    width: int = 1024
    target: str = "host"
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call that runs one or more programs by the schedules that are known."""

    label: str
    run: Callable[[], Any]


def find(name: str, wanted: Wanted) -> list[Call]:
    """Give the calls that a name stands for.

    Raises
    ------
    ValueError
        If no package knows the name.
    """
    points = sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name)
    for point in points:
        calls: list[Call] | None = point.load()(name, wanted)
        if calls is not None:
            return calls
    known = ", ".join(point.name for point in points) or "none; is this package installed?"
    raise ValueError(f"{name!r} is neither a filter nor SCRIPT.py[:FILTER]; asked: {known}")
