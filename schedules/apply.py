"""Applies the ops of a schedule to a freshly lowered pipeline.

The only module of this package that sees Halide objects; it imports Halide lazily, so that loading cached
code never does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schedules.errors import ScheduleError
from schedules.schedule import DIRECTIVES, Argument, Op

if TYPE_CHECKING:
    import halide as hl

_UPDATE = re.compile(r"(?P<stage>.+)\.update\((?P<index>\d+)\)")


@dataclass
class Stages:
    """The named stages of a lowered pipeline, and the names its loops and numbers go by.

    Parameters
    ----------
    funcs : dict of str to halide.Func
        In order of computation.
    loops : dict of str to dict of str to halide.Var or halide.RVar
        For each stage the loops it starts with.
    symbols : dict of str to halide.Expr
        Run-time numbers an op may use, for instance a strip height that depends on the image.
    """

    funcs: dict[str, hl.Func] = field(default_factory=dict)
    loops: dict[str, dict[str, Any]] = field(default_factory=dict)
    symbols: dict[str, Any] = field(default_factory=dict)

    def signature(self) -> list[tuple[str, tuple[str, ...]]]:
        """Give what must match for ops to apply: the stages and their first loops."""
        return [(name, tuple(loops)) for name, loops in self.loops.items()]

    def all_loops(self) -> dict[str, dict[str, Any]]:
        """Give the loops of every stage; those of its updates that nobody named go by the names Halide has for them."""
        found = {}
        for name, func in self.funcs.items():
            loops = found[name] = dict(self.loops.get(name, {}))
            known = {loop.name() for loop in loops.values()}
            for i in range(func.num_update_definitions()):
                loops.update({loop.name(): loop for loop in func.rvars(i) if loop.name() not in known})
        return found

    def digest(self) -> str:
        """Hash the signature: what a stored schedule is for."""
        return hashlib.sha256(json.dumps(self.signature()).encode()).hexdigest()[:16]


def apply(ops: Iterable[Op], stages: Stages) -> None:
    """Apply ops in order.

    Raises
    ------
    ScheduleError
        If an op names a stage, loop or symbol that the pipeline lacks, or if Halide refuses it.
    """
    import halide as hl

    loops, funcs = stages.all_loops(), dict(stages.funcs)
    for op in ops:
        match = _UPDATE.fullmatch(op.stage)
        name = match["stage"] if match else op.stage
        func = _named(op, "stage", name, funcs)
        try:
            receiver = func.update(int(match["index"])) if match else func
            if not hasattr(receiver, op.directive):
                raise ScheduleError(f"{op}: {op.directive} is for {'updates' if not match else 'whole stages'} alone")
            made = getattr(receiver, op.directive)(*_Reader(op, name, loops, funcs, stages.symbols).arguments())
            if "f" in DIRECTIVES[op.directive]:
                partial = str(op.arguments[-1])
                funcs[partial] = made
                loops[partial] = {**loops[name], **{loop.name(): loop for loop in made.args()}}
        except (hl.HalideError, TypeError) as error:  # TypeError: an argument of the wrong kind
            raise ScheduleError(f"{op}: {str(error).strip()}") from error


def _named(op: Op, kind: str, name: Argument, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise ScheduleError(f"{op}: no {kind} {name!r}; there is {', '.join(known) or 'none'}")
    return known[str(name)]


class _Reader:
    """Turns the arguments of one op into Halide's objects, by the kinds that DIRECTIVES lists."""

    def __init__(
        self,
        op: Op,
        name: str,
        loops: dict[str, dict[str, Any]],
        funcs: Mapping[str, Any],
        symbols: Mapping[str, Any],
    ) -> None:
        self.op, self.name, self.loops, self.funcs, self.symbols = op, name, loops, funcs, symbols
        self.of = name  # whose loops are meant: after a stage argument, that stage's
        self.split_of: Any = None  # the loop that new ones are made of

    def arguments(self) -> list[Any]:
        kinds = DIRECTIVES[self.op.directive]
        if kinds == "v*":
            found = [self._v(value) for value in self.op.arguments]
            return [found] if self.op.directive == "never_partition" else found  # the binding takes a list there
        given = zip(kinds, self.op.arguments, strict=False)
        return [getattr(self, f"_{kind}")(value) for kind, value in given if kind != "f"]

    def _v(self, value: Argument) -> Any:
        self.split_of = _named(self.op, f"loop of {self.of}", value, self.loops.get(self.of, {}))
        return self.split_of

    def _n(self, value: Argument) -> Any:
        """Make a loop, a reduction's if it comes from one."""
        import halide as hl

        reduces = isinstance(self.split_of, hl.RVar) and self.op.directive != "rfactor"
        kind = hl.RVar if reduces else hl.Var
        loop = self.loops.setdefault(self.name, {})[str(value)] = kind(str(value))
        return loop

    def _s(self, value: Argument) -> Any:
        self.of = str(value)
        return _named(self.op, "stage", value, self.funcs)

    def _e(self, value: Argument) -> Any:
        return _named(self.op, "symbol", value, self.symbols) if isinstance(value, str) else value

    def _t(self, value: Argument) -> Any:
        return self._member("TailStrategy", value)

    def _m(self, value: Argument) -> Any:
        return self._member("MemoryType", value)

    def _member(self, enumeration: str, value: Argument) -> Any:
        import halide as hl

        return _named(self.op, enumeration, value, getattr(hl, enumeration).__members__)
