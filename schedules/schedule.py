"""Schedules as data: how a program runs, kept apart from what it computes.

A :class:`Schedule` has *choices* (which lowering a node takes, with its parameters) and *ops* (loop
transformations on the stages that lowering yields). Both are frozen, print as code, compare, and go to JSON and
back; hand-written schedules and the output of an autoscheduler are the same type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schedules.errors import ScheduleError

Argument = str | int | bool | tuple[str, ...]

#: Methods of a Halide Func or Stage that an op may name, and for each argument what it is: a loop ("v"), loops
#: ("v*"), a new loop ("n"), a number or a symbol of the lowering ("e"), a stage ("s"), a tail strategy ("t"),
#: a memory type ("m").
DIRECTIVES: dict[str, str] = {
    "split": "vnnet",
    "reorder": "v*",
    "reorder_storage": "v*",
    "fuse": "vvn",
    "vectorize": "v",
    "unroll": "v",
    "parallel": "v",
    "serial": "v",
    "compute_root": "",
    "compute_at": "sv",
    "store_root": "",
    "store_at": "sv",
    "hoist_storage": "sv",
    "store_in": "m",
    "fold_storage": "ve",
    "align_storage": "ve",
    "align_bounds": "ve",
    "bound_extent": "ve",
    "never_partition": "v*",
    "allow_race_conditions": "",
    "unscheduled": "",
    "gpu_tile": "vvnnee",
    "gpu_blocks": "v*",
    "gpu_threads": "v*",
}


@dataclass(frozen=True, order=True)
class Op:
    """One loop transformation.

    Parameters
    ----------
    stage : str
        Name of a stage, ``"blur"`` for its pure definition, ``"blur.update(0)"`` for an update.
    directive : str
        A key of :data:`DIRECTIVES`.
    arguments : tuple
        What the directive takes; loops, stages and symbols by name.
    """

    stage: str
    directive: str
    arguments: tuple[Argument, ...] = ()

    def __post_init__(self) -> None:
        if self.directive not in DIRECTIVES:
            known = ", ".join(sorted(DIRECTIVES))
            raise ScheduleError(f"{self.stage}.{self.directive}: no such directive; known: {known}")

    def __str__(self) -> str:
        return f"{self.stage}.{self.directive}({', '.join(str(a) for a in self.arguments)})"


@dataclass(frozen=True)
class Schedule:
    """Choices of lowering and loop transformations, for one program.

    Parameters
    ----------
    choices : mapping of str to str or int
        For instance ``{"convolve": "sliding"}`` for every node of a kind, ``{"convolve3": ...}`` for one, or a
        parameter of a lowering such as ``{"strip": 32}``. Stored as a sorted tuple of pairs.
    ops : sequence of Op, optional
        Replaces the lowering's own loop schedule; None keeps it.
    """

    choices: tuple[tuple[str, str | int], ...] = ()
    ops: tuple[Op, ...] | None = field(default=None)

    def __init__(
        self,
        choices: Mapping[str, str | int] | Iterable[tuple[str, str | int]] = (),
        ops: Iterable[Op] | None = None,
    ) -> None:
        object.__setattr__(self, "choices", tuple(sorted(dict(choices).items())))
        object.__setattr__(self, "ops", None if ops is None else tuple(ops))

    def choice(self, *names: str, default: Any) -> Any:
        """Look up a choice by several names, the most particular first."""
        mine = dict(self.choices)
        return next((mine[name] for name in names if name in mine), default)

    def __str__(self) -> str:
        lines = [f"{name} = {value!r}" for name, value in self.choices]
        return "\n".join(lines + [str(op) for op in self.ops or ()])

    def to_json(self) -> dict[str, Any]:
        """Give plain lists and dictionaries, for ``json.dumps``."""
        ops = None if self.ops is None else [[op.stage, op.directive, list(op.arguments)] for op in self.ops]
        return {"choices": dict(self.choices), "ops": ops}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Schedule:
        """Read what :meth:`to_json` gave."""

        def argument(value: Any) -> Argument:
            return tuple(value) if isinstance(value, list) else value

        ops = data.get("ops")
        return Schedule(
            data.get("choices", {}),
            None if ops is None else [Op(s, d, tuple(argument(a) for a in args)) for s, d, args in ops],
        )

    def save(self, path: str | Path) -> None:
        """Write the schedule to a JSON file."""
        Path(path).write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> Schedule:
        """Read a schedule from a JSON file."""
        try:
            return Schedule.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ScheduleError(f"{path} holds no schedule: {error}") from error


class Recorder:
    """Writes ops in Halide's own notation: ``record["blur"].split("x", "xo", "xi", 64).vectorize("xi")``."""

    def __init__(self) -> None:
        self._ops: list[Op] = []

    @property
    def ops(self) -> list[Op]:
        """What was recorded, in order, but for the placement of stages in loops of others: once those exist."""
        return sorted(self._ops, key=lambda op: op.directive in ("compute_at", "store_at", "hoist_storage"))

    def add(self, op: Op) -> None:
        """Record an op."""
        self._ops.append(op)

    def __getitem__(self, stage: str) -> _StageRecorder:
        return _StageRecorder(self, stage)


class _StageRecorder:
    def __init__(self, recorder: Recorder, stage: str) -> None:
        self._recorder, self._stage = recorder, stage

    def update(self, index: int = 0) -> _StageRecorder:
        return _StageRecorder(self._recorder, f"{self._stage}.update({index})")

    def __getattr__(self, directive: str) -> Any:
        def record(*arguments: Argument) -> _StageRecorder:
            self._recorder.add(Op(self._stage, directive, arguments))
            return self

        return record
