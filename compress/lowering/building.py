"""What every kernel's lowering needs: its arguments, its stages, its schedule as ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from schedules.apply import Stages
from schedules.native.arrays import TYPES, Array, Arrays
from schedules.native.worker import Lowered
from schedules.schedule import Recorder
from schedules.targets import vector_lanes

_KINDS = {0: hl.Int, 1: hl.UInt, 2: hl.Float}


class Building:
    """A pipeline that is being written.

    Attributes
    ----------
    lanes : int
        float32 numbers of a vector of the target.
    record : Recorder
        Takes the schedule.
    """

    def __init__(self, target: str) -> None:
        self.lanes = vector_lanes(target)
        self.stages, self.record = Stages(), Recorder()
        self._inputs: list[tuple[Array, Any]] = []
        self._scalars: list[tuple[str, str, Any]] = []

    def input(self, name: str, dtype: str, dimensions: int) -> Any:
        """Declare an array that is read; its first dimension, the last one of numpy's, is dense."""
        given = hl.ImageParam(hl_type(dtype), dimensions, name)
        _from_zero(given)
        self._inputs.append((Array(name, dtype, dimensions), given))
        return given

    def scalar(self, name: str, dtype: str = "int32") -> Any:
        """Declare a number."""
        given = hl.Param(hl_type(dtype), name)
        self._scalars.append((name, dtype, given))
        return given

    def stage(self, name: str, arguments: Sequence[Any], value: Any) -> hl.Func:
        """Define a stage."""
        func = hl.Func(name)
        func[tuple(arguments)] = value
        self.stages.funcs[name] = func
        self.stages.loops[name] = {argument.name(): argument for argument in arguments}
        return func

    def taps(self, stage: str, where: Callable[..., Any] | None = None, **extents: Any) -> list[Any]:
        """Make loops of a sum, which ops of a stage know by these names; where a condition of them holds."""
        domain = hl.RDom([(0, extent) for extent in extents.values()], f"{stage}_{'_'.join(extents)}")
        loops = [domain[i] for i in range(len(extents))]
        if where is not None:
            domain.where(where(*loops))
        self.stages.loops[stage] |= dict(zip(extents, loops, strict=True))
        return loops

    def lowered(self, *outputs: tuple[hl.Func, str]) -> Lowered:
        """Give the pipeline of some outputs, each with its dtype."""
        arrays = [each for each, _ in self._inputs]
        arrays += [Array(func.name(), dtype, func.dimensions(), output=True) for func, dtype in outputs]
        signature = Arrays(tuple(arrays), tuple((name, dtype) for name, dtype, _ in self._scalars))
        arguments = [*(given for _, given in self._inputs), *(given for _, _, given in self._scalars)]
        funcs = [func for func, _ in outputs]
        for func in funcs:
            _from_zero(func.output_buffer())
        return Lowered(arguments, funcs, self.stages, self.record.ops, signature)


def _from_zero(array: Any) -> None:
    """Let all indices start at zero, as numpy's do: what is asked about them is then often known beforehand."""
    for i in range(array.dimensions()):
        array.dim(i).set_min(0)


def hl_type(dtype: str) -> Any:
    """Give Halide's type."""
    code, bits = TYPES[dtype]
    return _KINDS[code](bits)
