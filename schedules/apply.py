"""Applies the ops of a schedule to a freshly lowered pipeline. The only module of this package that sees Halide
objects; it imports Halide lazily, so that loading cached code never does.
"""

from __future__ import annotations

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


def apply(ops: Iterable[Op], stages: Stages) -> None:
    """Apply ops in order.

    Raises
    ------
    ScheduleError
        If an op names a stage, loop or symbol that the pipeline lacks, or if Halide refuses it.
    """
    import halide as hl

    loops = {name: dict(start) for name, start in stages.loops.items()}
    for op in ops:
        match = _UPDATE.fullmatch(op.stage)
        name = match["stage"] if match else op.stage
        if name not in stages.funcs:
            raise ScheduleError(f"{op}: no stage {name!r}; the pipeline has {', '.join(stages.funcs)}")
        func = stages.funcs[name]
        receiver = func.update(int(match["index"])) if match else func
        try:
            getattr(receiver, op.directive)(*_arguments(op, name, loops, stages))
        except hl.HalideError as error:
            raise ScheduleError(f"{op}: {error}") from error


def _arguments(op: Op, name: str, loops: Mapping[str, dict[str, Any]], stages: Stages) -> list[Any]:
    import halide as hl

    def loop(of: str, label: Argument) -> Any:
        if label not in loops[of]:
            raise ScheduleError(f"{op}: stage {of!r} has no loop {label!r}; it has {', '.join(loops[of])}")
        return loops[of][str(label)]

    def new(label: Argument) -> Any:
        var = hl.RVar(str(label)) if str(label).startswith("r") else hl.Var(str(label))
        return loops[name].setdefault(str(label), var)

    kinds = DIRECTIVES[op.directive]
    if kinds == "v*":
        return [loop(name, label) for label in op.arguments]
    values: list[Any] = []
    target_stage = name
    for kind, value in zip(kinds, op.arguments, strict=False):
        if kind == "s":
            target_stage = str(value)
            if target_stage not in stages.funcs:
                raise ScheduleError(f"{op}: no stage {value!r}; the pipeline has {', '.join(stages.funcs)}")
            values.append(stages.funcs[target_stage])
        elif kind == "v":
            values.append(loop(target_stage, value))
        elif kind == "n":
            values.append(new(value))
        elif kind == "t":
            values.append(getattr(hl.TailStrategy, str(value)))
        elif kind == "m":
            values.append(getattr(hl.MemoryType, str(value)))
        elif isinstance(value, str):
            if value not in stages.symbols:
                raise ScheduleError(f"{op}: no symbol {value!r}; the pipeline has {', '.join(stages.symbols)}")
            values.append(stages.symbols[value])
        else:
            values.append(value)
    return values
