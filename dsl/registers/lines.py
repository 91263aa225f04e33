"""Look-ups between the entries of a table, as lines: the weight is ``a[i] + b[i] d``, ``i = d * scale``.

A function is given the two tables (lines, then a and b), two numbers (the scale, and the largest distance that they
cover) and how many lines there are, at least those that registers hold. More than those are read from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from dsl.registers.code import F32, I1, I32, PTR, Buffer, Code, splat, vector
from dsl.registers.machine import Machine

#: Reads line ``i``: (index) -> (a, b).
_Read = Callable[[ir.Value], tuple[ir.Value, ir.Value]]


class Lines:
    """Writes such look-ups.

    Parameters
    ----------
    code : Code
        The function.
    machine : Machine
        The instruction set.
    tables, numbers : Buffer
        What the function is given.
    count : llvmlite value
        Lines that there are.
    entries : int
        Lines that are kept in registers.
    """

    def __init__(
        self, code: Code, machine: Machine, tables: Buffer, numbers: Buffer, count: ir.Value, entries: int
    ) -> None:
        self.code, self.machine, self.tables, self.numbers = code, machine, tables, numbers
        self.count, self.entries = count, entries
        self.vector = vector(F32, machine.lanes)

    def ask(self) -> None:
        """Tell what is read of the buffers."""
        self.tables.ask(0, I32(0), self.count)
        self.tables.ask(1, I32(0), I32(2))
        self.numbers.ask(0, I32(0), I32(2))

    def prepare(self) -> None:
        """Load the numbers."""
        self.scale, self.most = self.numbers.broadcast(2, self.machine.lanes)
        host = self.tables.host()
        self._memory: Sequence[ir.Value] = (host, self.code.at(host, self.tables.stride(1), F32))

    def either(self, write: Callable[[], None]) -> None:
        """Write something twice: for tables that registers hold, and for those that they do not."""
        code = self.code
        with code.otherwise_return(code.build.icmp_signed("<=", self.count, I32(self.entries))):
            self._read = self._from_registers()
            write()
        self._read = self._from_memory()
        write()

    def look_up(self, distance: ir.Value) -> ir.Value:
        """Give the weights of distances; of those below zero, those of their sizes."""
        code, build = self.code, self.code.build
        distance = self.machine.clamp_floats(code, distance, self.most)
        index = build.fptosi(build.fmul(distance, self.scale), vector(I32, self.machine.lanes))
        constant, slope = self._read(index)
        return code.multiply_add(slope, distance, constant)

    def _from_registers(self) -> _Read:
        code, lanes = self.code, self.machine.lanes
        tables = [
            [code.load(code.at(host, I32(i), F32), self.vector) for i in range(0, self.entries, lanes)]
            for host in self._memory
        ]
        return lambda index: (
            self.machine.table_floats(code, tables[0], index),
            self.machine.table_floats(code, tables[1], index),
        )

    def _from_memory(self) -> _Read:
        """Gather: each lane from its own address."""
        code, build, lanes = self.code, self.code.build, self.machine.lanes
        every, none = splat(I1, lanes, 1), ir.Constant(self.vector, ir.Undefined)

        def read(index: ir.Value) -> tuple[ir.Value, ir.Value]:
            found = []
            for host in self._memory:
                places = build.gep(host, [index], source_etype=F32)
                places.type = vector(PTR, lanes)
                name = f"llvm.masked.gather.v{lanes}f32.v{lanes}p0"
                found.append(code.call(name, self.vector, places, I32(4), every, none))
            return found[0], found[1]

        return read
