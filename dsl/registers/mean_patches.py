"""The weighted mean of floats, by how much the surroundings of pixels differ: non-local means.

Tap by tap, a block of columns at a time: squared differences are added up down the columns, row after row, by adding
the row that comes and taking off the one that leaves; then along the row; the weight is a look-up of that sum, or its
exponential. Besides, it is given the weight of each tap, room for sums, and what :mod:`dsl.registers.lines` or
:mod:`dsl.registers.exponential` needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import F32, I32, splat, vector
from dsl.registers.exponential import Exponential
from dsl.registers.lines import Lines
from dsl.registers.machine import Machine
from dsl.registers.window import WindowWriter

#: Columns of a block.
_BLOCK = 64


@dataclass(frozen=True)
class MeanOfPatches:
    """What is structural of it.

    Parameters
    ----------
    machine : Machine
        The instruction set.
    channels : int
        Of the image, whose squared differences are added up.
    radius_y, radius_x : int
        Of the patches.
    entries : int
        Lines that are kept in registers; none: weights are an exponential.
    """

    machine: Machine
    channels: int
    radius_y: int
    radius_x: int
    entries: int

    def write(self, name: str) -> str:
        """Write the function ``name`` as LLVM IR."""
        return _Writer(self, name).write()


class _Writer(WindowWriter):
    def __init__(self, spec: MeanOfPatches, name: str) -> None:
        self.spec, self.machine = spec, spec.machine
        lanes = self.machine.lanes
        self.vector = vector(F32, lanes)
        self.inner = _BLOCK // lanes  # vectors of a block
        self.outer = -(-(_BLOCK + 2 * spec.radius_x) // lanes)  # and of a block with its surroundings
        self.slack = self.outer * lanes - _BLOCK - 2 * spec.radius_x
        by_lines = spec.entries > 0
        super().__init__(name, (spec.channels,), F32, F32, _BLOCK, extra=3 + by_lines, sizes=int(by_lines))
        self.weights, self.sums, *tables, numbers = self.extra
        self.function: Lines | Exponential
        if by_lines:
            self.function = Lines(self.code, self.machine, tables[0], numbers, self.sizes[0], spec.entries)
        else:
            self.function = Exponential(self.code, self.machine, numbers)
        self.kept = 2 * spec.radius_y + 1  # rows of squares
        self.squares = self.code.room(F32, self.kept * self.outer * lanes)

    def ask_extra(self) -> None:
        self.weights.ask(0, I32(0), self.count)
        self.sums.ask(0, I32(0), I32(_BLOCK * (1 + self.spec.channels)))
        self.sums.ask(1, I32(0), self.out.extent(1))
        self.function.ask()

    def prepare(self) -> None:
        self.weights_host, self.sums_host, self.sums_row = self.weights.host(), self.sums.host(), self.sums.stride(1)
        self.function.prepare()

    def lead(self) -> ir.Value:
        build, lanes = self.code.build, I32(self.machine.lanes)
        search = build.sub(self.radius, I32(self.spec.radius_x))
        return build.srem(build.sub(lanes, build.srem(search, lanes)), lanes)

    def work(self) -> None:
        self.function.either(self._work)

    def _work(self) -> None:
        code, build = self.code, self.code.build
        zero, height = splat(F32, self.machine.lanes, 0.0), self.out.extent(1)
        parts = self.inner * (1 + self.spec.channels)
        with self.blocks() as x:
            with code.loop(I32(0), height, 1) as row:
                self._put_sums(row.index, 0, [zero] * parts)
            with code.loop(I32(0), self.count, 1) as tap:
                self._tap(x, tap.index)
            with code.loop(I32(0), height, 1) as row:
                weights, *products = (self._get_sums(row.index, i * self.inner) for i in range(1 + self.spec.channels))
                y = build.add(self.out.minimum(1), row.index)
                left = self.out.minimum(0)
                outs = self.places(self.out, self.out.host(), left, y, self.spec.channels, F32)
                for out, channel in zip(outs, products, strict=True):
                    self.store(out, x, [build.fdiv(p, w) for p, w in zip(channel, weights, strict=True)])

    # --------------------------------------------------------------------------------------------------------- a tap

    def _tap(self, x: ir.Value, tap: ir.Value) -> None:
        code, build, reach = self.code, self.code.build, self.spec.radius_y
        offset = self.offset(tap, 0)
        spatial = code.broadcast(code.load(code.at(self.weights_host, tap, F32), F32), self.machine.lanes)
        zero = splat(F32, self.machine.lanes, 0.0)
        with code.loop(I32(-reach), I32(reach), 1, [I32(0), *[zero] * self.outer]) as row:
            slot, *columns = row.values
            squares = self._squares(x, row.index, offset)
            code.store_row(squares, self._slot(slot))
            row.following = [build.add(slot, I32(1)), *self._plus(columns, squares)]
        with code.loop(I32(0), self.out.extent(1), 1, row.values) as row:
            slot, *columns = row.values
            squares = self._squares(x, build.add(row.index, I32(reach)), offset)
            code.store_row(squares, self._slot(slot))
            columns = self._plus(columns, squares)
            self._average(x, row.index, offset, spatial, self._along(columns))
            after = build.add(slot, I32(1))
            oldest = build.select(build.icmp_signed("==", after, I32(self.kept)), I32(0), after)
            leaves = code.load_row(self._slot(oldest), self.vector, self.outer)
            row.following = [oldest, *(build.fsub(a, b) for a, b in zip(columns, leaves, strict=True))]

    def _slot(self, slot: ir.Value) -> ir.Value:
        """Give where the squares of one of the last rows are kept."""
        return self.code.at(self.squares, self.code.build.mul(slot, I32(self.outer * self.machine.lanes)), F32)

    def _squares(self, x: ir.Value, row: ir.Value, offset: ir.Value) -> list[ir.Value]:
        """Give the squared differences of a row, added up over channels."""
        code, build = self.code, self.code.build
        first = build.sub(x, build.mul(I32(self.spec.radius_x), self.step))
        total: list[ir.Value] = []
        for place in self._row_of(first, row):
            here, there = (
                code.load_row(each, self.vector, self.outer) for each in (place, code.at(place, offset, F32))
            )
            differences = [build.fsub(b, a) for a, b in zip(here, there, strict=True)]
            if total:
                total = [code.multiply_add(d, d, sum_) for d, sum_ in zip(differences, total, strict=True)]
            else:
                total = [build.fmul(d, d) for d in differences]
        return total

    def _row_of(self, x: ir.Value, row: ir.Value) -> list[ir.Value]:
        build, image = self.code.build, self.images[0]
        right, down = build.add(self.out.minimum(0), x), build.add(self.out.minimum(1), row)
        return self.places(image, self.hosts[0], right, down, self.spec.channels, F32)

    def _along(self, columns: Sequence[ir.Value]) -> list[ir.Value]:
        """Add up windows along the row: of one column, of two, of four, ...; those that make up the width."""
        width, sums = 2 * self.spec.radius_x + 1, list(columns)
        total: list[ir.Value] | None = None
        done, size = 0, 1
        while True:
            if width & size:
                moved = self._moved(sums, done)
                total = moved if total is None else self._plus(total, moved)
                done += size
            if 2 * size > width:
                break
            sums, size = self._plus(sums, self._moved(sums, size)), 2 * size
        assert total is not None
        return total[: self.inner]

    def _plus(self, a: Sequence[ir.Value], b: Sequence[ir.Value]) -> list[ir.Value]:
        return [self.code.build.fadd(p, q) for p, q in zip(a, b, strict=False)]

    def _moved(self, vectors: Sequence[ir.Value], columns: int) -> list[ir.Value]:
        """Give the columns so far to the right; of the last vector what there is, and then something."""
        whole, part = divmod(columns, self.machine.lanes)
        if not part:
            return list(vectors[whole:])
        build, lanes = self.code.build, range(part, part + self.machine.lanes)
        words = [
            build.bitcast(each, vector(I32, self.machine.lanes)) for each in vectors[whole:]
        ]  # as which LLVM shifts
        pairs = zip(words, [*words[1:], words[-1]], strict=True)
        return [build.bitcast(self.code.shuffle(a, b, lanes), self.vector) for a, b in pairs]

    def _average(
        self, x: ir.Value, row: ir.Value, offset: ir.Value, spatial: ir.Value, patches: Sequence[ir.Value]
    ) -> None:
        """Add a tap to the sums of a row."""
        code, build = self.code, self.code.build
        weights = [build.fmul(self.function.look_up(patch), spatial) for patch in patches]
        sums = self._get_sums(row, 0)
        self._put_sums(row, 0, self._plus(sums, weights))
        for c, place in enumerate(self._row_of(x, row)):
            values = code.load_row(code.at(place, offset, F32), self.vector, self.inner)
            first = (1 + c) * self.inner
            products = zip(weights, values, self._get_sums(row, first), strict=True)
            self._put_sums(row, first, [code.multiply_add(*each) for each in products])

    # ----------------------------------------------------------------------------------------------------- memory

    def _sums_at(self, row: ir.Value, first: int) -> ir.Value:
        start = self.code.at(self.sums_host, self.code.build.mul(self.code.wide(row), self.sums_row), F32)
        return self.code.at(start, I32(first * self.machine.lanes), F32)

    def _get_sums(self, row: ir.Value, first: int) -> list[ir.Value]:
        return self.code.load_row(self._sums_at(row, first), self.vector, self.inner)

    def _put_sums(self, row: ir.Value, first: int, vectors: Sequence[ir.Value]) -> None:
        self.code.store_row(vectors, self._sums_at(row, first))

    def put(self, vectors: Sequence[ir.Value], to: ir.Value) -> None:
        self.code.store_row(vectors, to)
