"""Schedules as data: how a program runs, kept apart from what it computes.

A :class:`Schedule` has *choices* (which lowering a node takes, with its parameters) and *ops* (loop
transformations on the stages that lowering yields). Both are frozen, print as code, compare, and go to JSON
and back; hand-written schedules and the output of an autoscheduler are the same type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schedules.errors import ScheduleError

Argument = str | int

#: Methods of a Halide Func or Stage that an op may name, and for each argument what it is: a loop ("v"),
#: loops ("v*"), a new loop ("n"), a number or a symbol of the lowering ("e"), a stage ("s"), a new stage ("f"), a
#: tail strategy ("t", may be left out), a memory type ("m"). ``rfactor(r, v, partial)`` makes a stage of partial sums.
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
    "bound": "vee",
    "bound_extent": "ve",
    "never_partition": "v*",
    "allow_race_conditions": "",
    "atomic": "",
    "gpu": "vv",
    "gpu_tile": "vvnneet",
    "gpu_blocks": "v*",
    "gpu_threads": "v*",
    "gpu_single_thread": "",
    "rfactor": "vnf",
    "specialize": "e",
}
#: Those that place a stage in loops of another, which must be there by then.
PLACEMENTS = ("compute_at", "store_at", "hoist_storage")


_CODE = re.compile(r"(?P<stage>.+)\.(?P<directive>\w+)\((?P<arguments>[^()]*)\)")
_NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True, order=True)
class Op:
    """One loop transformation.

    Parameters
    ----------
    stage : str
        Name of a stage, ``"blur"`` for its pure definition, ``"blur.update(0)"`` for an update.
    directive : str
        What Halide's schedules call it, such as ``"split"`` or ``"compute_at"``.
    arguments : tuple
        What the directive takes; loops, stages and symbols by name.
    """

    stage: str
    directive: str
    arguments: tuple[Argument, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no pipeline could take."""
        if self.directive not in DIRECTIVES:
            known = ", ".join(sorted(DIRECTIVES))
            raise ScheduleError(f"{self.stage}.{self.directive}: no such directive; known: {known}")
        object.__setattr__(self, "arguments", tuple(self.arguments))
        kinds = DIRECTIVES[self.directive]
        count = len(self.arguments)
        if kinds == "v*":
            kinds = "v" * max(count, 1)
        least = len(kinds.rstrip("t"))
        if not least <= count <= len(kinds):
            raise ScheduleError(f"{self}: {_count(least, len(kinds))} expected, {count} came")
        for kind, argument in zip(kinds, self.arguments, strict=False):
            accepted = (str, int) if kind == "e" else (str,)
            if type(argument) not in accepted:
                names = " or ".join(t.__name__ for t in accepted)
                raise ScheduleError(f"{self}: {argument!r} must be {names}, not {type(argument).__name__}")

    def __str__(self) -> str:
        """Print the op as code."""
        return f"{self.stage}.{self.directive}({', '.join(str(a) for a in self.arguments)})"

    @staticmethod
    def parse(text: str) -> Op:
        """Read what ``str`` gave."""
        match = _CODE.fullmatch(text.strip())
        if not match:
            raise ScheduleError(f"{text!r} is no op; one looks like 'blur.split(x, xo, xi, 64)'")
        words = [word.strip() for word in match["arguments"].split(",")] if match["arguments"].strip() else []
        return Op(match["stage"], match["directive"], tuple(int(w) if _NUMBER.fullmatch(w) else w for w in words))


def _count(least: int, most: int) -> str:
    numbers = str(most) if least == most else f"{least} or {most}"
    return f"{numbers} argument{'' if most == 1 else 's'}"


@dataclass(frozen=True)
class Schedule:
    """Choices of lowering and loop transformations, for one program.

    Parameters
    ----------
    choices : mapping of str to str or int
        For instance ``{"convolve": "sliding"}`` for every node of a kind, ``{"convolve3": ...}`` for one, or
        a parameter of a lowering such as ``{"strip": 32}``. Stored as a sorted tuple of pairs.
    ops : sequence of Op, optional
        Replaces the lowering's own loop schedule; None keeps it.
    stages : str, optional
        Digest of the stages that the ops are for (``schedules.apply.Stages.digest``); they are not applied to
        others. None: to any that have what they name.
    """

    choices: tuple[tuple[str, str | int], ...] = ()
    ops: tuple[Op, ...] | None = field(default=None)
    stages: str | None = None

    def __init__(
        self,
        choices: Mapping[str, str | int] | Iterable[tuple[str, str | int]] = (),
        ops: Iterable[Op] | None = None,
        stages: str | None = None,
    ) -> None:
        """Take a mapping or pairs, and any iterable of ops."""
        chosen = dict(choices)
        for name, value in chosen.items():
            if type(name) is not str or type(value) not in (str, int):
                raise ScheduleError(f"choice {name!r} = {value!r}: the name must be str, the value str or int")
        object.__setattr__(self, "choices", tuple(sorted(chosen.items())))
        object.__setattr__(self, "ops", None if ops is None else tuple(ops))
        object.__setattr__(self, "stages", stages)

    def choice(self, *names: str, default: Any) -> Any:
        """Look up a choice by several names, the most particular first."""
        mine = dict(self.choices)
        return next((mine[name] for name in names if name in mine), default)

    def __str__(self) -> str:
        """Print the choices, then the ops, one a line."""
        lines = [f"{name} = {value!r}" for name, value in self.choices]
        return "\n".join(lines + [str(op) for op in self.ops or ()])

    def to_json(self) -> dict[str, Any]:
        """Give plain lists and dictionaries, for ``json.dumps``."""
        found: dict[str, Any] = {"choices": dict(self.choices), "ops": None}
        if self.ops is not None:
            found["ops"] = [str(op) for op in self.ops]
        return found if self.stages is None else {**found, "stages": self.stages}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Schedule:
        """Read what :meth:`to_json` gave."""
        ops = data.get("ops")
        return Schedule(data.get("choices", {}), None if ops is None else map(Op.parse, ops), data.get("stages"))

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


@dataclass(frozen=True)
class Tunable:
    """A choice that a tuner may take otherwise: what it is by hand (None: no number), and values worth trying."""

    default: int | str | None
    values: tuple[int | str, ...]

    def to_json(self) -> list[int | str | None]:
        """Give a plain list, for ``json.dumps``: what it is by hand first."""
        return [self.default, *self.values]

    @staticmethod
    def from_json(data: Iterable[Any]) -> Tunable:
        """Read what :meth:`to_json` gave."""
        default, *values = data
        return Tunable(default, tuple(values))


class Recorder:
    """Writes ops in Halide's own notation: ``record["blur"].split("x", "xo", "xi", 64).vectorize("xi")``."""

    def __init__(self) -> None:
        self._ops: list[Op] = []

    @property
    def ops(self) -> list[Op]:
        """What was recorded, in order, but for the placement of stages in loops of others: last."""
        return sorted(self._ops, key=lambda op: op.directive in PLACEMENTS)

    def add(self, op: Op) -> None:
        """Record an op."""
        self._ops.append(op)

    def __getitem__(self, stage: str) -> _StageRecorder:
        """Give what records ops on a stage."""
        return _StageRecorder(self, stage)


class _StageRecorder:
    def __init__(self, recorder: Recorder, stage: str) -> None:
        self._recorder, self._stage = recorder, stage

    def update(self, index: int = 0) -> _StageRecorder:
        return _StageRecorder(self._recorder, f"{self._stage}.update({index})")

    def __getattr__(self, directive: str) -> Any:
        if directive.startswith("_"):  # Python asking, not a schedule
            raise AttributeError(directive)

        def record(*arguments: Argument) -> _StageRecorder:
            self._recorder.add(Op(self._stage, directive, arguments))
            return self

        return record
