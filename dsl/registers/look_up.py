"""Look-ups in a table, a pixel at a time: linear between entries, the end entries beyond them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import F32, I32, PTR, Buffer, Code, splat, vector
from dsl.registers.lines import Lines
from dsl.registers.machine import Machine
from dsl.registers.rows import RowWriter

#: Vectors of a block.
_VECTORS = 4


@dataclass(frozen=True)
class LookUp:
    """What is structural of it.

    Parameters
    ----------
    machine : Machine
        The instruction set.
    entries : int
        Lines that are kept in registers.
    """

    machine: Machine
    entries: int

    def write(self, name: str) -> str:
        """Write the function ``name(indices, tables, numbers, lines, out)`` as LLVM IR."""
        return _Writer(self, name).write()


class _Writer(RowWriter):
    def __init__(self, spec: LookUp, name: str) -> None:
        self.machine, self.vector = spec.machine, vector(F32, spec.machine.lanes)
        code = Code(name, [PTR] * 3 + [I32] + [PTR])
        indices, tables, numbers, count, out = code.function.args
        super().__init__(code, Buffer(code, out), F32, _VECTORS * spec.machine.lanes)
        self.indices = Buffer(code, indices)
        buffers = [Buffer(code, each) for each in (tables, numbers)]
        self.lines = Lines(code, spec.machine, buffers[0], buffers[1], count, spec.entries)

    def write(self) -> str:
        code, build, out = self.code, self.code.build, self.out
        asked = [each.unknown() for each in (out, self.indices, self.lines.tables, self.lines.numbers)]
        with code.otherwise_return(build.or_(build.or_(asked[0], asked[1]), build.or_(asked[2], asked[3]))):
            self.indices.ask(0, out.minimum(0), code.most(out.extent(0), I32(self.block)))
            self.indices.ask(1, out.minimum(1), out.extent(1))
            self.lines.ask()
        self.lines.prepare()
        self.lines.either(self._rows)
        build.ret(I32(0))
        return code.text

    def _rows(self) -> None:
        code, build = self.code, self.code.build
        zero = splat(F32, self.machine.lanes, 0.0)
        left, top = self.out.minimum(0), self.out.minimum(1)
        with code.loop(I32(0), self.out.extent(1), 1) as row:
            y = build.add(top, row.index)
            (out,) = self.places(self.out, self.out.host(), left, y, 1, F32)
            (source,) = self.places(self.indices, self.indices.host(), left, y, 1, F32)
            with self.blocks() as x:
                found = []
                for i in range(_VECTORS):
                    place = code.at(source, build.add(x, I32(i * self.machine.lanes)), F32)
                    index = code.load(place, self.vector)
                    index = build.select(build.fcmp_ordered(">", index, zero), index, zero)
                    found.append(self.lines.look_up(index))
                self.store(out, x, found)

    def put(self, vectors: Sequence[ir.Value], to: ir.Value) -> None:
        self.code.store_row(vectors, to)
