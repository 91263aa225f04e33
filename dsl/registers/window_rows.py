"""Chains of windows, a row at a time: means over boxes of arithmetic, and arithmetic with those, all in cache.

A mean is two running sums. That down the columns is kept for every column, and moved by a row that enters and one that
leaves; that along the row is a prefix sum of what enters and leaves, in registers. For each row of the result there are
three passes over a row:

0. the arithmetic that means are of is computed of the row that enters, and anew of the one that leaves, but for what
   is costly, which goes into a ring of rows, from which it leaves later;
1. means of that, ``radius`` rows behind; the arithmetic with them that means are of again goes into such a ring, too;
2. means of that, ``radius`` rows behind again; the result.

A chain that varies over levels goes through its rows once for each level that some pixel of the task lies next to, and
adds up what levels give.

The images come with their surroundings. What pass 1 gives beyond the image is computed from those: boxes commute with
rules that mirror or repeat. Under the others it is *held*, as at the edge of the image, or is constant.

Columns are counted from the first of the result, which may be a tile of the image: one whose ring stays in cache.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl import window_chain
from dsl.registers.arithmetic import Arithmetic
from dsl.registers.code import F32, I1, I32, I64, PTR, Buffer, Code, splat, vector

#: Of all machines alike, so that sums have one order; LLVM parts vectors where they are shorter.
LANES = 16
#: Numbers of a coordinate of a level: its value, and over its distances from the ones before and behind.
LEVEL_NUMBERS = 3

#: Arithmetic that takes longer than to keep its rows.
_COSTLY = frozenset(("exp", "sqrt", "div"))


@dataclass(frozen=True)
class WindowRows:
    """What is structural of it.

    Parameters
    ----------
    lines : tuple of Line
        The program: see :class:`dsl.window_chain.Chain`.
    outputs : tuple of int
        Lines that are results.
    channels : tuple of int
        Of each leaf.
    guides : tuple of int
        Lines between whose levels results are interpolated; none where there are no levels.
    """

    lines: tuple[window_chain.Line, ...]
    outputs: tuple[int, ...]
    channels: tuple[int, ...]
    guides: tuple[int, ...] = ()

    def write(self, name: str) -> str:
        """Write the function ``name`` as LLVM IR."""
        return _Writer(self, name).write()

    @functools.cached_property
    def depths(self) -> tuple[int, ...]:
        """How many windows lie within each other at each line."""
        return tuple(window_chain.depths(self.lines))

    @property
    def depth(self) -> int:
        """The most of them: the number of the last pass."""
        return max(self.depths)

    def means(self, depth: int) -> list[int]:
        """List the lines that are means of so many windows."""
        return [i for i, (op, _, _) in enumerate(self.lines) if op == "mean" and self.depths[i] == depth]

    @functools.cached_property
    def ring(self) -> tuple[int, ...]:
        """The lines whose rows are kept: what the last means are of, and what the last pass wants of the one before."""
        if self.depth < 2:
            return ()
        found = [self.lines[i][1][0] for i in self.means(2)]
        pending = [i for i in self.outputs if self.lines[i][0] != "mean" or self.depths[i] == 1]
        seen: set[int] = set()
        while pending:
            line = pending.pop()
            if line in seen:
                continue
            seen.add(line)
            if self.depths[line] == 1:
                found.append(line)
            elif self.depths[line] == 2 and self.lines[line][0] != "mean":
                pending += self.lines[line][1]
        return tuple(dict.fromkeys(found))

    @functools.cached_property
    def costly(self) -> tuple[int, ...]:
        """The lines of pass 0 whose rows are kept: the costly ones, the last of those that depend on one another."""
        found: list[int] = []
        pending = [self.lines[i][1][0] for i in self.means(1)]
        seen: set[int] = set()
        while pending:
            line = pending.pop()
            if line in seen:
                continue
            seen.add(line)
            op, args, _ = self.lines[line]
            if op in _COSTLY:
                found.append(line)
            else:
                pending += args
        return tuple(sorted(found))

    @property
    def rows_kept(self) -> int:
        """Rows of a window that are kept: of what is costly, and of the ring."""
        return len(self.costly) + len(self.ring)


class _Row:
    """A row of arithmetic at a block of columns: lines are computed as they are asked for."""

    def __init__(self, writer: _Writer, places: Sequence[Sequence[ir.Value]], known: dict[int, ir.Value]) -> None:
        self.writer, self.places, self.known = writer, places, known

    def value(self, line: int) -> ir.Value:
        if line not in self.known:
            self.known[line] = self._compute(line)
        return self.known[line]

    def _compute(self, line: int) -> ir.Value:
        op, args, numbers = self.writer.spec.lines[line]
        if op == "leaf":
            leaf, channel = map(int, numbers)
            return self.writer.code.load(self.places[leaf][channel], self.writer.arithmetic.kind)
        if op == "constant":
            return self.writer.arithmetic.number(float.fromhex(str(numbers[0])))
        if op in ("number", "level"):
            return (self.writer.numbers if op == "number" else self.writer.coordinates)[int(numbers[0])]
        return self.writer.arithmetic.operations[op](*map(self.value, args))


class _Writer:
    def __init__(self, spec: WindowRows, name: str) -> None:
        self.spec = spec
        kinds = [PTR] * (len(spec.channels) + 4) + [I32] * 8 + [PTR]
        self.code = Code(name, kinds)
        self.build = self.code.build
        self.arithmetic = Arithmetic(self.code, LANES)
        arguments = list(self.code.function.args)
        buffers = [Buffer(self.code, argument) for argument in arguments if argument.type == PTR]
        *self.leaves, self.numbers_given, self.outside_given, self.levels, self.room, self.out = buffers
        self.radius, self.image_width, self.height, self.held, self.is_constant, self.count = arguments[-9:-3]
        self.most_columns, self.most_rows = arguments[-3:-1]

    # ------------------------------------------------------------------------------------------------------- whole

    def write(self) -> str:
        """Write the function as LLVM IR."""
        code, build = self.code, self.build
        asked = functools.reduce(build.or_, (buffer.unknown() for buffer in self._all()))
        self._sizes(asked)
        with code.otherwise_return(asked):
            self._answer()
        self._prepare()
        if self.spec.guides:
            self._clear_result()
        with code.loop(I32(0), self.count, 1) as level:
            self._level(level.index)
        build.ret(I32(0))
        return code.text

    def _all(self) -> list[Buffer]:
        return [*self.leaves, self.numbers_given, self.outside_given, self.levels, self.room, self.out]

    def _sizes(self, asked: ir.Value) -> None:
        """Compute sizes of rows: ``lead`` columns lie before the result, blocks are whole ones.

        A result in memory may have room for more than a task, which asked for less; questions may be of all tasks.
        """
        build = self.build
        columns, rows = (build.select(asked, I32(2**31 - 1), most) for most in (self.most_columns, self.most_rows))
        self.top, self.rows = self.out.minimum(1), self.code.least(self.out.extent(1), rows)
        self.left = self.out.minimum(0)
        self.right = build.sub(self.image_width, self.left)  # where the image ends
        self.width = self.code.least(self.code.least(self.out.extent(0), columns), self.right)
        self.window = build.add(build.mul(self.radius, I32(2)), I32(1))
        before, self.around = self._rounded(build.add(self.radius, I32(1))), self._rounded(self.radius)
        behind = build.add(self.width, self.radius)
        if self.spec.depth == 2:
            before, behind = build.add(before, self.around), build.add(behind, build.add(self.radius, I32(LANES)))
        self.lead, self.across = before, build.add(before, self._rounded(behind))
        self.pitch = build.add(self.across, I32(2 * LANES))
        self.planes = len(self.spec.means(1)) + len(self.spec.means(2))

    def _rounded(self, value: ir.Value) -> ir.Value:
        return self.build.and_(self.build.add(value, I32(LANES - 1)), I32(-LANES))

    def _answer(self) -> None:
        """Tell what is read."""
        build, depth = self.build, I32(self.spec.depth)
        reach = build.add(build.mul(depth, self.radius), I32(1))
        for leaf, channels in zip(self.leaves, self.spec.channels, strict=True):
            leaf.ask(0, build.sub(self.left, self.lead), self.across)
            leaf.ask(1, build.sub(self.top, reach), build.add(self.rows, build.mul(reach, I32(2))))
            if channels > 1:
                leaf.ask(2, I32(0), I32(channels))
        self.numbers_given.ask(0, I32(0), I32(max(1, self._count("number"))))
        self.outside_given.ask(0, I32(0), I32(max(1, len(self.spec.ring))))
        self.outside_given.ask(1, I32(0), self.count)
        self.levels.ask(0, I32(0), I32(max(1, LEVEL_NUMBERS * len(self.spec.guides))))
        self.levels.ask(1, I32(0), self.count)
        rows = build.add(I32(self.planes), build.mul(self.window, I32(self.spec.rows_kept)))
        self.room.ask(0, I32(0), self.pitch)
        self.room.ask(1, I32(0), rows)

    def _count(self, op: str) -> int:
        return max((int(line[2][0]) + 1 for line in self.spec.lines if line[0] == op), default=0)

    def _prepare(self) -> None:
        """Load what is the same for all rows."""
        code, build = self.code, self.build
        self.hosts = [leaf.host() for leaf in self.leaves]
        self.memory, self.stride = self.room.host(), self.room.stride(1)
        given = self.numbers_given.host()
        self.numbers = [self._spread(given, i) for i in range(self._count("number"))]
        size = build.sitofp(build.mul(self.window, self.window), F32)
        self.part = code.broadcast(build.fdiv(ir.Constant(F32, 1.0), size), LANES)
        self.lanes = ir.Constant(vector(I32, LANES), list(range(LANES)))
        # Lanes from each power of two on; computed, for of shifts that are known to let zeros in LLVM makes slow ones.
        lanes = build.add(self.lanes, code.broadcast(build.ashr(self.radius, I32(31)), LANES))
        steps = [1 << k for k in range(LANES.bit_length() - 1)]
        self.behind_steps = {step: build.icmp_signed(">=", lanes, splat(I32, LANES, step)) for step in steps}

    def _spread(self, host: ir.Value, index: int) -> ir.Value:
        return self.code.broadcast(self.code.load(self.code.at(host, I32(index), F32), F32), LANES)

    # ------------------------------------------------------------------------------------------------------ memory

    def _plane(self, index: ir.Value | int) -> ir.Value:
        """Give where a row of the room begins."""
        row = self.code.wide(index) if isinstance(index, ir.Value) else I64(index)
        return self.code.at(self.memory, self.build.mul(row, self.stride), F32)

    def _sums(self, depth: int) -> list[ir.Value]:
        """Give where the sums down the columns of means lie: at column 0."""
        first = 0 if depth == 1 else len(self.spec.means(1))
        rows = [self._plane(first + i) for i in range(len(self.spec.means(depth)))]
        return [self.code.at(row, self.lead, F32) for row in rows]

    def _ring(self, slot: ir.Value) -> list[ir.Value]:
        """Give where column 0 of the rows of a slot of the ring lies."""
        return self._kept(slot, range(len(self.spec.costly), self.spec.rows_kept))

    def _costly(self, slot: ir.Value) -> list[ir.Value]:
        """Give where column 0 of the costly rows of a slot lies."""
        return self._kept(slot, range(len(self.spec.costly)))

    def _kept(self, slot: ir.Value, which: range) -> list[ir.Value]:
        build = self.build
        firsts = [build.add(I32(self.planes), build.mul(self.window, I32(i))) for i in which]
        return [self.code.at(self._plane(build.add(first, slot)), self.lead, F32) for first in firsts]

    def _leaf_rows(self, y: ir.Value) -> list[list[ir.Value]]:
        """Give where the first column of the result lies in a row of each leaf and channel."""
        code, build, found = self.code, self.build, []
        for leaf, host, channels in zip(self.leaves, self.hosts, self.spec.channels, strict=True):
            down = build.mul(code.wide(build.sub(y, leaf.minimum(1))), leaf.stride(1))
            first = build.add(down, code.wide(build.sub(self.left, leaf.minimum(0))))
            planes = [build.mul(leaf.stride(2), I64(c)) for c in range(channels)] if channels > 1 else [I64(0)]
            found.append([code.at(host, build.add(first, plane), F32) for plane in planes])
        return found

    def _row(self, rows: Sequence[Sequence[ir.Value]], x: ir.Value, known: dict[int, ir.Value] | None = None) -> _Row:
        places = [[self.code.at(place, x, F32) for place in leaf] for leaf in rows]
        return _Row(self, places, {} if known is None else known)

    def _load(self, row: ir.Value, x: ir.Value) -> ir.Value:
        return self.code.load(self.code.at(row, x, F32), self.arithmetic.kind)

    def _store(self, value: ir.Value, row: ir.Value, x: ir.Value) -> None:
        self.code.store(value, self.code.at(row, x, F32))

    # ------------------------------------------------------------------------------------------------------ levels

    def _level(self, level: ir.Value) -> None:
        """Write one level, if any pixel lies next to it."""
        self._load_level(level)
        if not self.spec.guides:
            self._all_rows()
            return
        with self.build.if_then(self._is_used()):
            self._all_rows()

    def _is_used(self) -> ir.Value:
        """Tell whether this level has a share anywhere; rows are looked at until one is found."""
        code, build = self.code, self.build
        with code.loop(self.top, build.add(self.top, self.rows), 1, [I1(0)]) as row:
            rows, found = self._leaf_rows(row.index), row.values[0]
            stop = build.select(found, I32(0), self.width)
            with code.loop(I32(0), stop, LANES, [self.arithmetic.number(0)]) as block:
                share = self._share(self._row(rows, block.index))
                more = build.fcmp_unordered(">", share, block.values[0])  # NaN counts, too
                block.following = [build.select(more, share, block.values[0])]
            some = build.fcmp_unordered("!=", block.values[0], self.arithmetic.number(0))
            here = code.call(f"llvm.vector.reduce.or.v{LANES}i1", I1, some)
            row.following = [build.or_(found, here)]
        return row.values[0]

    def _all_rows(self) -> None:
        """Write all rows of the result, of one level."""
        code, build, spec = self.code, self.build, self.spec
        self._clear()
        two = spec.depth == 2
        bottom = build.add(self.top, self.rows)
        start = build.sub(self.top, self.radius) if two else self.top
        stop = build.add(bottom, self.radius) if two else bottom
        last = build.sub(self.height, I32(1))
        inside = code.least(code.most(start, I32(0)), last)
        first = build.select(self._is_held(), inside, start)
        with code.loop(I32(0), self.window, 1) as row:
            self._enter(build.sub(build.add(first, row.index), self.radius), row.index)
        start_column = build.neg(self.around) if two else I32(0)
        self._begin(self._sums(1), start_column)
        with code.loop(start, stop, 1) as row:
            y = row.index
            moves = build.and_(build.icmp_signed(">", y, I32(0)), build.icmp_signed("<=", y, last))
            moves = build.or_(moves, build.not_(self._is_held()))
            with build.if_then(build.and_(moves, build.icmp_signed("!=", y, start))):
                self._slide(y, build.srem(build.sub(y, build.add(first, I32(1))), self.window))
                self._begin(self._sums(1), start_column)
            if two:
                self._middle(y, build.srem(build.sub(y, start), self.window))
                behind = build.sub(y, self.radius)
                with build.if_then(build.icmp_signed(">=", behind, self.top)):
                    self._begin(self._sums(2), I32(0))
                    with build.if_then(self._is_held()):
                        self._fill()
                    slot = build.srem(build.add(build.sub(y, start), build.add(self.radius, I32(1))), self.window)
                    self._last(behind, slot)
            else:
                self._last(y, None)

    def _is_held(self) -> ir.Value:
        return self.build.icmp_signed("!=", self.held, I32(0)) if self.spec.depth == 2 else I1(0)

    def _load_level(self, level: ir.Value) -> None:
        count = len(self.spec.guides)
        outside, row = (self._row_of(given, level) for given in (self.outside_given, self.levels))
        self.outside = [self._spread(outside, i) for i in range(len(self.spec.ring))]
        found = [self._spread(row, i) for i in range(LEVEL_NUMBERS * count)]
        self.coordinates, self.before, self.behind = (found[i * count : (i + 1) * count] for i in range(LEVEL_NUMBERS))

    def _row_of(self, given: Buffer, level: ir.Value) -> ir.Value:
        return self.code.at(given.host(), self.build.mul(self.code.wide(level), given.stride(1)), F32)

    def _clear_result(self) -> None:
        """Set the result to zero, which levels are added to."""
        code, build = self.code, self.build
        with code.loop(self.top, build.add(self.top, self.rows), 1) as row:
            outs = self._result_rows(row.index)
            with self._over(I32(0), self.width) as x:
                for place in outs:
                    to = code.at(place, x, F32)
                    self._masked("store", ir.VoidType(), self.arithmetic.number(0), to, self._inside(x))

    def _inside(self, x: ir.Value) -> ir.Value:
        """Tell which columns of a block the result has."""
        code, build = self.code, self.build
        columns = build.add(code.broadcast(x, LANES), self.lanes)
        return build.icmp_signed("<", columns, code.broadcast(self.width, LANES))

    def _clear(self) -> None:
        """Set all sums and rows to zero."""
        code, build = self.code, self.build
        rows = build.add(I32(self.planes), build.mul(self.window, I32(self.spec.rows_kept)))
        count = build.mul(code.wide(rows), self.stride)
        with code.loop(I64(0), count, LANES) as place:
            code.store(self.arithmetic.number(0), code.at(self.memory, place.index, F32))

    # ------------------------------------------------------------------------------------------------------ passes

    def _columns_of_sums(self) -> contextlib.AbstractContextManager[ir.Value]:
        """Write the loop over the blocks that sums down the columns are of."""
        return self._over(self.build.neg(self.lead), self.build.sub(self.across, self.lead))

    @contextlib.contextmanager
    def _over(self, start: ir.Value, stop: ir.Value) -> Iterator[ir.Value]:
        with self.code.loop(start, stop, LANES) as loop:
            yield loop.index

    def _enter(self, y: ir.Value, slot: ir.Value) -> None:
        """Add a row to the sums of pass 0."""
        rows, sums, kept = self._leaf_rows(y), self._sums(1), self._costly(slot)
        with self._columns_of_sums() as x:
            row = self._row(rows, x)
            for place, line in zip(kept, self.spec.costly, strict=True):
                self._store(row.value(line), place, x)
            for place, line in zip(sums, self._operands(1), strict=True):
                self._store(self.build.fadd(self._load(place, x), row.value(line)), place, x)

    def _slide(self, y: ir.Value, slot: ir.Value) -> None:
        """Move the sums of pass 0 to row ``y``."""
        build, sums, kept = self.build, self._sums(1), self._costly(slot)
        enters = self._leaf_rows(build.add(y, self.radius))
        leaves = self._leaf_rows(build.sub(y, build.add(self.radius, I32(1))))
        with self._columns_of_sums() as x:
            costly = {line: self._load(place, x) for line, place in zip(self.spec.costly, kept, strict=True)}
            new, old = self._row(enters, x), self._row(leaves, x, costly)
            for place, line in zip(kept, self.spec.costly, strict=True):
                self._store(new.value(line), place, x)
            for place, line in zip(sums, self._operands(1), strict=True):
                change = build.fsub(new.value(line), old.value(line))
                self._store(build.fadd(self._load(place, x), change), place, x)

    def _begin(self, sums: Sequence[ir.Value], start: ir.Value) -> None:
        """Have nothing leave the window of the column where a pass starts: it is summed without the one before."""
        for place in sums:
            before = self.build.sub(start, self.build.add(self.radius, I32(1)))
            self.code.store(ir.Constant(F32, 0.0), self.code.at(place, before, F32))

    def _operands(self, depth: int) -> list[int]:
        return [self.spec.lines[line][1][0] for line in self.spec.means(depth)]

    def _middle(self, y: ir.Value, slot: ir.Value) -> None:
        """Write pass 1: means, and the arithmetic with them that means are of again."""
        build = self.build
        below, above = build.icmp_signed("<", y, I32(0)), build.icmp_signed(">=", y, self.height)
        is_outside = build.and_(build.or_(below, above), build.icmp_signed("!=", self.is_constant, I32(0)))
        rows, places = self._leaf_rows(y), dict(zip(self.spec.ring, self._ring(slot), strict=True))
        start, stop = build.neg(self.around), build.add(self.width, self.radius)
        with build.if_else(is_outside) as (then, otherwise):
            with then, self._over(start, stop) as x:
                self._keep(x, dict(zip(self.spec.ring, self.outside, strict=True)), places)
            with otherwise, self._running(1, start, stop) as (x, known):
                row = self._row(rows, x, known)
                self._keep(x, {line: row.value(line) for line in self.spec.ring}, places)

    def _keep(self, x: ir.Value, new: dict[int, ir.Value], places: dict[int, ir.Value]) -> None:
        """Move the sums of pass 1 to a row whose values are ``new``."""
        build = self.build
        for place, line in zip(self._sums(2), self._operands(2), strict=True):
            change = build.fsub(new[line], self._load(places[line], x))
            self._store(build.fadd(self._load(place, x), change), place, x)
        for line, value in new.items():
            self._store(value, places[line], x)

    def _fill(self) -> None:
        """Fill the sums of pass 1 beyond the image with those at its edge, or of the constant."""
        code, build = self.code, self.build
        edge = build.sub(self.right, I32(1))
        before = build.neg(self.radius), build.neg(self.left), build.neg(self.left)
        behind = self.right, build.add(self.width, self.radius), edge
        window = build.sitofp(self.window, F32)
        is_constant = build.icmp_signed("!=", self.is_constant, I32(0))
        for place, line in zip(self._sums(2), self._operands(2), strict=True):
            outside = build.extract_element(self.outside[self.spec.ring.index(line)], I32(0))
            for start, stop, nearest in (before, behind):
                with code.loop(start, stop, 1) as column:
                    held = code.load(code.at(place, nearest, F32), F32)
                    found = build.select(is_constant, build.fmul(outside, window), held)
                    code.store(found, code.at(place, column.index, F32))

    def _last(self, y: ir.Value, slot: ir.Value | None) -> None:
        """Write the last pass: means, and the results."""
        code, spec = self.code, self.spec
        rows, ring = self._leaf_rows(y), [] if slot is None else self._ring(slot)
        outs = self._result_rows(y)
        with self._running(spec.depth, I32(0), self.width) as (x, known):
            known |= {line: self._load(place, x) for line, place in zip(spec.ring, ring, strict=True)}
            row = self._row(rows, x, known)
            inside = self._inside(x)
            share = self._share(row)
            for place, line in zip(outs, spec.outputs, strict=True):
                value, to = row.value(line), code.at(place, x, F32)
                if share is not None:
                    so_far = self._masked("load", self.arithmetic.kind, to, inside, self.arithmetic.number(0))
                    value = self.arithmetic.add(so_far, self.arithmetic.multiply(share, value))
                self._masked("store", ir.VoidType(), value, to, inside)

    def _masked(self, kind: str, result: ir.Type, *operands: ir.Value) -> ir.Value:
        """Load or store the lanes of a mask alone."""
        place = 0 if kind == "load" else 1
        given = [*operands[: place + 1], I32(4), *operands[place + 1 :]]
        return self.code.call(f"llvm.masked.{kind}.v{LANES}f32.p0", result, *given)

    def _share(self, row: _Row) -> ir.Value | None:
        """Give the share of this level where guides' values lie; None without levels."""
        build, found = self.build, None
        for line, at, before, behind in zip(self.spec.guides, self.coordinates, self.before, self.behind, strict=True):
            known, one = self.arithmetic, self.arithmetic.number(1)
            distance = build.fsub(row.value(line), at)
            rising = known.add(one, known.multiply(distance, before))
            falling = known.subtract(one, known.multiply(distance, behind))
            lower = build.select(build.fcmp_ordered("<", rising, falling), rising, falling)
            share = known.bounded(lower, 0.0, 1.0)
            found = share if found is None else build.fmul(found, share)
        return found

    def _result_rows(self, y: ir.Value) -> list[ir.Value]:
        code, build = self.code, self.build
        first = build.mul(code.wide(build.sub(y, self.top)), self.out.stride(1))
        host = code.at(self.out.host(), first, F32)
        if len(self.spec.outputs) == 1:
            return [host]
        plane = self.out.stride(2)
        return [code.at(host, build.mul(plane, I64(c)), F32) for c in range(len(self.spec.outputs))]

    # ------------------------------------------------------------------------------------------------ running sums

    @contextlib.contextmanager
    def _running(self, depth: int, start: ir.Value, stop: ir.Value) -> Iterator[tuple[ir.Value, dict[int, ir.Value]]]:
        """Write the loop over blocks of a row, in which means of so many windows are known."""
        code, build = self.code, self.build
        lines, sums = self.spec.means(depth), self._sums(depth)
        starts = [self._first_window(place, start) for place in sums]
        with code.loop(start, stop, LANES, starts) as loop:
            x, known, following = loop.index, {}, []
            leave = build.sub(x, build.add(self.radius, I32(1)))
            for line, place, carried in zip(lines, sums, loop.values, strict=True):
                enters, leaves = self._load(place, build.add(x, self.radius)), self._load(place, leave)
                total = build.fadd(carried, self._prefix(build.fsub(enters, leaves)))
                known[line] = self.arithmetic.multiply(total, self.part)
                following.append(code.shuffle(total, total, [LANES - 1] * LANES))
            yield x, known
            loop.following = following

    def _prefix(self, value: ir.Value) -> ir.Value:
        """Add to each lane all lanes before it."""
        for step, others in self.behind_steps.items():
            turned = self.code.shuffle(value, value, [(lane - step) % LANES for lane in range(LANES)])
            value = self.build.fadd(value, self.build.select(others, turned, self.arithmetic.number(0)))
        return value

    def _first_window(self, place: ir.Value, start: ir.Value) -> ir.Value:
        """Sum the columns of the window about the column before ``start`` but its first, in all lanes."""
        code, build = self.code, self.build
        zero, stop = self.arithmetic.number(0), build.add(start, self.radius)
        ends = code.broadcast(stop, LANES)
        with code.loop(build.sub(start, self.radius), stop, LANES, [zero]) as loop:
            x = loop.index
            inside = build.icmp_signed("<", build.add(code.broadcast(x, LANES), self.lanes), ends)
            loop.following = [build.fadd(loop.values[0], build.select(inside, self._load(place, x), zero))]
        total, step = loop.values[0], LANES // 2
        while step:
            other = code.shuffle(total, total, [(i ^ step) for i in range(LANES)])
            total, step = build.fadd(total, other), step // 2
        return total
