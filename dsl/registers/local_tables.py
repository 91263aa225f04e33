"""Tables of small pixels, of bytes: built from what their neighbours hold, and kept in registers while they are read.

Each small pixel has a table of 256 entries. Memory holds those of the few rows of small pixels between which four rows
of the result lie. A register holds sixteen columns of these four rows; each table is read for all of them at once, and
what is read is weighted by how near the small pixel is.

Tables are built for sixteen small pixels at a time. What pixels near by hold is sorted, a small pixel in each lane, and
gives lines from known entry to known entry. Then, for one small pixel after another and over those entries that the
pixels hold that will read them, each entry counts the known ones before it, which tells the line that it lies on; the
lines of a small pixel are in registers, too. Last, entries are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import F32, I8, I16, I32, I64, PTR, Buffer, Code, splat, vector
from dsl.registers.machine import Machine

ENTRIES = 256
#: Rows that are computed together, and columns of theirs that a register holds.
ROWS, COLUMNS = 4, 16
#: Sums of the weights of small pixels: down of bytes, across of sixteen bits.
DOWN, ACROSS = 255, (1 << 15) - 1
#: Most neighbours that a table is built from, and entries on each side that are averaged.
MAX_TAPS, MAX_SMOOTH = 128, 127
#: Small pixels whose tables are built together: the floats of a register.
CELLS = 16
#: Entries before and behind a table, that smoothing reads; and what its sums are scaled to.
_MARGIN, _UNIT = 128, 256
#: Entries that are drawn and smoothed together: the bytes of a register; the numbers of sixteen bits in one.
_BLOCK, _HALF = 64, 32
_LINE = ENTRIES + 2 * _MARGIN + _BLOCK
#: Most lines of a table that registers hold.
_IN_REGISTERS = 16
#: The most that sixteen bits hold.
_MOST = _UNIT * ENTRIES - 1
_KEY = 24

BUFFERS = (
    "source",
    "inputs",
    "outputs",
    "lows",
    "highs",
    "begin",
    "across",
    "first",
    "down",
    "numbers",
    "curves",
    "room",
)
SIZES = ("width", "height", "columns", "rows", "radius", "blocks", "smooth")
#: What lies beyond the entries that are known: the nearest, a line of the slope from the first to the last (within
#: ``numbers[0]`` and ``numbers[1]``), lines to ``numbers[2]`` at the first entry and ``numbers[3]`` at the last, or
#: what ``curves`` say of a number of entries: columns of a change behind the last, the share of that slope, and of
#: both before the first.
BEYOND = ("replicate", "linear", "ends", "curve")
#: Entries that curves reach in both directions.
CURVE = ENTRIES + _BLOCK


def network(count: int) -> Iterator[tuple[int, int]]:
    """Go through the exchanges that sort so many values: Batcher's merges of odd and even ones."""
    top = 1 << ((count - 1).bit_length() - 1) if count > 1 else 0
    size = top
    while size > 0:
        step, offset, distance = top, 0, size
        while True:
            yield from ((i, i + distance) for i in range(count - distance) if i & size == offset)
            if step == size:
                break
            distance, step, offset = step - size, step >> 1, size
        size >>= 1


@dataclass(frozen=True)
class LocalTables:
    """What is structural of it.

    Parameters
    ----------
    machine : Machine
        The instruction set: one that reads tables of 256 bytes.
    count : int
        Small pixels that are read along an axis.
    taps : tuple of (int, int)
        Neighbours that a table is built from, rows down and columns to the right; of those that meet at an entry the
        last counts.
    beyond : str
        One of :data:`BEYOND`.
    anchored : bool
        Whether tables are moved so that each gives for its own pixel's input the output that it has.
    rounded : bool
        Whether the result is bytes; else floats.
    """

    machine: Machine
    count: int
    taps: tuple[tuple[int, int], ...]
    beyond: str
    anchored: bool
    rounded: bool

    def write(self, name: str) -> str:
        """Write the function as LLVM IR: it is given :data:`BUFFERS`, :data:`SIZES` and where its result goes."""
        return _Writer(self, name).write()


class _Writer:
    def __init__(self, spec: LocalTables, name: str) -> None:
        self.spec, self.machine = spec, spec.machine
        code = self.code = Code(name, [PTR] * len(BUFFERS) + [I32] * len(SIZES) + [PTR])
        self.build = code.build
        arguments = list(code.function.args)
        self.given = {key: Buffer(code, each) for key, each in zip(BUFFERS, arguments, strict=False)}
        self.width, self.height, self.columns, rows, self.radius, self.blocks, self.smooth = arguments[
            len(BUFFERS) : -1
        ]
        self.out = Buffer(code, arguments[-1])
        # A stage may be asked for more than the image has: that is not computed, nobody reads it.
        self.top = self.out.minimum(1)
        self.bottom = code.least(self.build.add(self.top, self.out.extent(1)), rows)
        self.floats, self.words = vector(F32, CELLS), vector(I32, CELLS)
        self.halves, self.bytes = vector(I16, _HALF), vector(I8, _BLOCK)
        #: Lines of a table; in registers, or read from memory one by one.
        self.count = len(spec.taps) + 1
        self.places = code.room(I32, len(spec.taps) * CELLS)
        self.slopes, self.starts = (code.room(F32, max(self.count, _IN_REGISTERS) * CELLS) for _ in range(2))
        self.beyond, self.moves = code.room(F32, CELLS), code.room(I32, CELLS)
        self.lines = code.room(I16, CELLS * _LINE)
        self.narrow = code.room(F32, ROWS * COLUMNS)

    def write(self) -> str:
        """Write the function as LLVM IR."""
        code, build = self.code, self.code.build
        asked = self.out.unknown()
        for buffer in self.given.values():
            asked = build.or_(asked, buffer.unknown())
        with code.otherwise_return(asked):
            self._answer()
        self._prepare()
        before = build.sub(self._inside(self._first(self.top)), I32(1))
        with code.loop(self.top, self.bottom, 1, [before]) as rows:
            first = self._first(rows.index)
            last = self._inside(build.add(first, I32(self.spec.count - 1)))
            with code.loop(build.add(rows.values[0], I32(1)), build.add(last, I32(1)), 1) as row:
                self._build_row(row.index)
            rows.following = [code.most(last, rows.values[0])]
            rows.step = self._alike(rows.index)
            self._read_rows(rows.index, rows.step, first)
        build.ret(I32(0))
        return code.text

    # --------------------------------------------------------------------------------------------- what it is given

    def _answer(self) -> None:
        """Tell what is read: all of the small images, and the rows of the source that are written."""
        code, build, given = self.code, self.build, self.given
        rows = self.top, code.most(build.sub(self.bottom, self.top), I32(1))
        given["source"].ask(0, I32(0), build.add(self.columns, I32(COLUMNS)))
        given["source"].ask(1, *rows)
        before, around = build.neg(self.radius), build.mul(self.radius, I32(2))
        padded = build.add(self.width, I32(CELLS))
        for name in ("inputs", "outputs"):
            given[name].ask(0, before, build.add(padded, around))
            given[name].ask(1, before, build.add(self.height, around))
        for name in ("lows", "highs"):
            given[name].ask(0, I32(0), padded)
            given[name].ask(1, I32(0), self.height)
        given["begin"].ask(0, I32(0), self._cells())
        given["across"].ask(0, I32(0), I32(ROWS * COLUMNS))
        given["across"].ask(1, I32(0), self.blocks)
        given["across"].ask(2, I32(0), self._cells())
        given["first"].ask(0, *rows)
        given["down"].ask(0, I32(0), I32(self.spec.count))
        given["down"].ask(1, *rows)
        given["numbers"].ask(0, I32(0), I32(4))
        given["curves"].ask(0, I32(-CURVE), I32(2 * CURVE))
        given["curves"].ask(1, I32(0), I32(4))
        given["room"].ask(0, I32(0), self._room())

    def _cells(self) -> ir.Value:
        """Count small pixels along a row, with those outside that are read."""
        return self.build.add(self.width, I32(2 * (self.spec.count // 2)))

    def _columns(self) -> ir.Value:
        """Count columns that there is room for: those of the result, and the last block that may begin in them."""
        build = self.build
        across = build.sdiv(build.add(self.columns, I32(COLUMNS - 1)), I32(COLUMNS))
        return build.mul(build.add(build.add(across, self.blocks), I32(2)), I32(COLUMNS))

    def _slot(self) -> ir.Value:
        """Give the bytes of a row of tables."""
        return self.build.mul(self.build.add(self.width, I32(CELLS + 1)), I32(ENTRIES))

    def _room(self) -> ir.Value:
        """Give the bytes of room: rows of tables, four rows of the source, and of sums."""
        build = self.build
        tables = build.mul(self._slot(), I32(self.spec.count))
        return build.add(tables, build.mul(self._columns(), I32(ROWS * 3)))

    def _prepare(self) -> None:
        code, build = self.code, self.build
        self.hosts = {name: buffer.host() for name, buffer in self.given.items()}
        self.slot = self._slot()
        self.source = code.at(self.hosts["room"], build.mul(self.slot, I32(self.spec.count)), I8)
        self.sums = code.at(self.source, build.mul(self._columns(), I32(ROWS)), I8)
        numbers = [code.load(code.at(self.hosts["numbers"], I32(i), F32), F32) for i in range(4)]
        self.numbers = [code.broadcast(number, CELLS) for number in numbers]
        window = build.add(build.mul(self.smooth, I32(2)), I32(1))
        #: What tables are scaled by, so that sums over the window are 256 times the values.
        self.unit = code.broadcast(build.fdiv(F32(_UNIT), build.sitofp(window, F32)), CELLS)
        #: Bytes of two registers side by side, as one instruction takes them: of every sixteen the lower or upper half.
        self.sides = [
            [16 * (i // 16) + 8 * half + i % 16 // 2 + _BLOCK * (i % 2) for i in range(_BLOCK)] for half in range(2)
        ]

    def _element(self, name: str, kind: ir.Type, *index: ir.Value) -> ir.Value:
        """Give the address of an element of a buffer."""
        code, build, buffer = self.code, self.build, self.given[name]
        place = code.wide(build.sub(index[0], buffer.minimum(0)))
        for axis, i in enumerate(index[1:], 1):
            right = code.wide(build.sub(i, buffer.minimum(axis)))
            place = build.add(place, build.mul(right, buffer.stride(axis)))
        return code.at(self.hosts[name], place, kind)

    def _first(self, row: ir.Value) -> ir.Value:
        return self.code.load(self._element("first", I32, row), I32)

    def _inside(self, row: ir.Value) -> ir.Value:
        """Bring a row of small pixels inside."""
        return self.code.most(self.code.least(row, self.build.sub(self.height, I32(1))), I32(0))

    def _alike(self, row: ir.Value) -> ir.Value:
        """Count the rows from one on that lie between the same rows of small pixels: four at most."""
        code, build = self.code, self.build
        first, found, going = self._first(row), I32(1), ir.Constant(ir.IntType(1), 1)
        last = build.sub(self.bottom, I32(1))
        for i in range(1, ROWS):
            following = build.add(row, I32(i))
            same = build.icmp_signed("==", self._first(code.least(following, last)), first)
            going = build.and_(going, build.and_(same, build.icmp_signed("<", following, self.bottom)))
            found = build.add(found, build.zext(going, I32))
        return found

    # ------------------------------------------------------------------------------------------------------- building

    def _table(self, row: ir.Value, cell: ir.Value) -> ir.Value:
        """Give the address of a table."""
        build = self.build
        slot = build.mul(build.srem(row, I32(self.spec.count)), self.slot)
        return self.code.at(self.hosts["room"], build.add(slot, build.mul(cell, I32(ENTRIES))), I8)

    def _build_row(self, row: ir.Value) -> None:
        """Build the tables of a row of small pixels."""
        code = self.code
        with code.loop(I32(0), self.width, CELLS) as cells:
            self._lines(self._sorted(cells.index, row))
            with code.loop(I32(0), I32(CELLS), 1) as cell:
                self._draw(cell.index, *self._range(row, self.build.add(cells.index, cell.index)))
            if self.spec.anchored:
                self._move(cells.index, row)
            with code.loop(I32(0), I32(CELLS), 1) as cell:
                self._smooth(cell.index, row, self.build.add(cells.index, cell.index))

    def _range(self, row: ir.Value, cell: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Load the least and greatest entry that is read of a small pixel's table."""
        build = self.build
        found = [self.code.load(self._element(name, I8, cell, row), I8) for name in ("lows", "highs")]
        return build.zext(found[0], I32), build.zext(found[1], I32)

    @property
    def _value_bits(self) -> int:
        """Bits of an output in a key, behind those of the input and of which tap it is."""
        return _KEY - max((len(self.spec.taps) - 1).bit_length(), 1)

    def _sorted(self, cell: ir.Value, row: ir.Value) -> list[ir.Value]:
        """Sort what the neighbours of sixteen small pixels hold: inputs, then which tap, then outputs, in one word."""
        code, build, bits = self.code, self.build, self._value_bits
        scale = splat(F32, CELLS, float(1 << (bits - 8)))
        keys = []
        for number, (down, right) in enumerate(self.spec.taps):
            place = build.add(cell, I32(right)), build.add(row, I32(down))
            entry = code.load(self._element("inputs", I8, *place), vector(I8, CELLS))
            output = code.load(self._element("outputs", F32, *place), self.floats)
            key = build.shl(build.zext(entry, self.words), splat(I32, CELLS, _KEY))
            key = build.or_(key, splat(I32, CELLS, number << bits))
            keys.append(build.or_(key, build.fptosi(build.fmul(output, scale), self.words)))
        for i, j in network(len(keys)):
            low = code.call("llvm.umin.v16i32", self.words, keys[i], keys[j])
            keys[i], keys[j] = low, code.call("llvm.umax.v16i32", self.words, keys[i], keys[j])
        return keys

    def _lines(self, keys: Sequence[ir.Value]) -> None:
        """Store the lines between known entries: where each ends, its slope, its value at entry zero (and a half)."""
        code, build, bits = self.code, self.build, self._value_bits
        entries = [build.lshr(key, splat(I32, CELLS, _KEY)) for key in keys]
        places = [build.sitofp(each, self.floats) for each in entries]
        unit = build.fmul(self.unit, splat(F32, CELLS, 1.0 / (1 << (bits - 8))))
        mask = splat(I32, CELLS, (1 << bits) - 1)
        values = [build.fmul(build.sitofp(build.and_(key, mask), self.floats), unit) for key in keys]
        for i in reversed(range(len(keys) - 1)):  # of those at one entry the last counts
            same = build.icmp_signed("==", entries[i], entries[i + 1])
            values[i] = build.select(same, values[i + 1], values[i])
        last = len(keys) - 1
        inner = [self._slope(places[i + 1], places[i], values[i + 1], values[i]) for i in range(last)]
        before, behind = self._beyond(places[0], places[last], values[0], values[last])
        slopes, through = [before, *inner, behind], [0, *range(last), last]
        starts = []
        for slope, at in zip(slopes, through, strict=True):
            start = code.multiply_add(build.fneg(slope), places[at], values[at])
            starts.append(build.fadd(start, splat(F32, CELLS, 0.5)))  # what is cut off later is rounded
        for i, entry in enumerate(entries):  # four times, to be compared with bytes
            code.store(build.mul(entry, splat(I32, CELLS, 0x01010101)), code.at(self.places, I32(i * CELLS), I32))
        for found, room in ((slopes, self.slopes), (starts, self.starts)):
            if self.count <= _IN_REGISTERS:  # those of a small pixel side by side
                found = self._transposed([*found, *[splat(F32, CELLS, 0.0)] * (_IN_REGISTERS - self.count)])
            code.store_row(found, room)

    def _transposed(self, vectors: Sequence[ir.Value]) -> list[ir.Value]:
        """Exchange vectors and lanes, of as many."""
        found, lanes = list(vectors), range(len(vectors))
        step = len(found) // 2
        while step:
            for i in (i for i in lanes if not i & step):
                pair = found[i], found[i + step]
                for number, place in ((i, 0), (i + step, step)):
                    order = [(lane - step if lane & step else lane) + place for lane in lanes]
                    order = [each + len(found) * bool(lane & step) for lane, each in zip(lanes, order, strict=True)]
                    found[number] = self.code.shuffle(*pair, order)
            step //= 2
        return found

    def _slope(self, right: ir.Value, left: ir.Value, upper: ir.Value, lower: ir.Value) -> ir.Value:
        """Give the slope from one entry to another; none where they are the same."""
        build = self.build
        distance = self._greater(build.fsub(right, left), splat(F32, CELLS, 1.0))
        return build.fdiv(build.fsub(upper, lower), distance)

    def _beyond(self, left: ir.Value, right: ir.Value, lower: ir.Value, upper: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Give the slopes before the first known entry and behind the last."""
        build = self.build
        if self.spec.beyond == "replicate":
            return splat(F32, CELLS, 0.0), splat(F32, CELLS, 0.0)
        if self.spec.beyond in ("linear", "curve"):
            slope = self._slope(right, left, upper, lower)
            least, most = (build.fmul(number, self.unit) for number in self.numbers[:2])
            slope = self._greater(self._lesser(slope, most), least)
            if self.spec.beyond == "linear":
                return slope, slope
            self.code.store(slope, self.beyond)
            return splat(F32, CELLS, 0.0), splat(F32, CELLS, 0.0)
        ends = [build.fmul(number, self.unit) for number in self.numbers[2:]]
        first, last = splat(F32, CELLS, 0.0), splat(F32, CELLS, ENTRIES - 1.0)
        return self._slope(left, first, lower, ends[0]), self._slope(last, right, ends[1], upper)

    def _lesser(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.build.select(self.build.fcmp_ordered("<", a, b), a, b)

    def _greater(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.build.select(self.build.fcmp_ordered(">", a, b), a, b)

    def _line(self, cell: ir.Value) -> ir.Value:
        """Give where entry zero of a table lies while it is drawn."""
        build = self.build
        return self.code.at(self.lines, build.add(build.mul(cell, I32(_LINE)), I32(_MARGIN)), I16)

    def _draw(self, cell: ir.Value, low: ir.Value, high: ir.Value) -> None:
        """Draw the lines of a table, from one to another entry and as far again as is averaged; or a little farther."""
        code, build, line = self.code, self.build, self._line(cell)
        wanted = build.sub(low, self.smooth), build.add(build.add(high, self.smooth), I32(1))
        start, stop = code.most(wanted[0], I32(0)), code.least(wanted[1], I32(ENTRIES))
        places = []
        for i in range(len(self.spec.taps)):
            at = code.at(self.places, build.add(I32(i * CELLS), cell), I32)
            places.append(build.bitcast(code.broadcast(code.load(at, I32), CELLS), self.bytes))
        lines = self._lines_of(cell)
        curve = self._curve(cell) if self.spec.beyond == "curve" else None
        most = code.multiply_add(self.unit, splat(F32, CELLS, ENTRIES - 1.0), splat(F32, CELLS, 0.5))
        with code.loop(start, stop, _BLOCK) as block:
            first = code.broadcast(build.trunc(block.index, I8), _BLOCK)
            here = build.add(first, ir.Constant(self.bytes, list(range(_BLOCK))))
            before: ir.Value = splat(I8, _BLOCK, 0)  # known entries up to this one
            for place in places:
                reached = build.icmp_unsigned(">=", here, place)
                before = build.select(reached, build.add(before, splat(I8, _BLOCK, 1)), before)
            drawn = []
            for i in range(0, _BLOCK, CELLS):
                entry = build.add(block.index, I32(i))
                index = build.zext(code.shuffle(before, before, range(i, i + CELLS)), self.words)
                value = self._on_line(lines, index, entry)
                value = value if curve is None else curve(value, entry)
                drawn.append(build.fptosi(self._lesser(value, most), self.words))
            for i in range(0, _BLOCK, _HALF):
                pair = drawn[i // CELLS], drawn[i // CELLS + 1]
                half = self._packed("llvm.x86.avx512.packusdw.512", self.halves, pair)
                code.store(half, code.at(line, build.add(block.index, I32(i)), I16))

    def _packed(self, name: str, kind: ir.VectorType, pair: Sequence[ir.Value]) -> ir.Value:
        """Make two vectors one of half the bits: what is below zero is zero. In order, unlike the instruction."""
        eighths = self.build.bitcast(self.code.call(name, kind, *pair), vector(I64, 8))
        order = [2 * part + half for half in range(2) for part in range(4)]
        return self.build.bitcast(self.code.shuffle(eighths, eighths, order), kind)

    def _lines_of(self, cell: ir.Value) -> list[ir.Value]:
        """Give slopes and starts of a small pixel: in registers, or where they are in memory."""
        code, build = self.code, self.build
        if self.count > _IN_REGISTERS:
            return [code.at(room, cell, F32) for room in (self.slopes, self.starts)]
        at = build.mul(cell, I32(_IN_REGISTERS))
        return [code.load(code.at(room, at, F32), self.floats) for room in (self.slopes, self.starts)]

    def _on_line(self, lines: Sequence[ir.Value], index: ir.Value, entry: ir.Value) -> ir.Value:
        """Draw sixteen entries, each on the line of a number."""
        code, build = self.code, self.build
        lanes = ir.Constant(self.floats, [float(i) for i in range(CELLS)])
        places = build.fadd(code.broadcast(build.sitofp(entry, F32), CELLS), lanes)
        if self.count > _IN_REGISTERS:
            index = build.mul(index, splat(I32, CELLS, CELLS))
            slope, start = (build.bitcast(self._gathered(room, index, 4), self.floats) for room in lines)
        else:
            slope, start = (code.call("llvm.x86.avx512.permvar.sf.512", self.floats, table, index) for table in lines)
        return code.multiply_add(slope, places, start)

    def _gathered(self, room: ir.Value, index: ir.Value, scale: int, mask: ir.Value | None = None) -> ir.Value:
        """Load sixteen words at places of so many bytes; zero where a mask is not set."""
        lanes = vector(ir.IntType(1), CELLS)
        mask = ir.Constant(lanes, [1] * CELLS) if mask is None else mask
        name = "llvm.x86.avx512.mask.gather.dpi.512"
        return self.code.call(name, self.words, splat(I32, CELLS, 0), room, index, mask, I32(scale))

    def _curve(self, cell: ir.Value) -> Callable[[ir.Value, ir.Value], ir.Value]:
        """Give what adds to sixteen entries of a table what lies beyond the known ones."""
        code, build = self.code, self.build
        slope = code.broadcast(code.load(code.at(self.beyond, cell, F32), F32), CELLS)
        known = []
        for i in (len(self.spec.taps) - 1, 0):
            place = code.load(code.at(self.places, build.add(I32(i * CELLS), cell), I32), I32)
            known.append(build.and_(place, I32(ENTRIES - 1)))

        def add(value: ir.Value, entry: ir.Value) -> ir.Value:
            for side, end in enumerate(known):
                distance = build.sub(entry, end)
                change, share = (
                    code.load(self._element("curves", F32, distance, I32(2 * side + i)), self.floats) for i in (0, 1)
                )
                value = code.multiply_add(self.unit, change, code.multiply_add(slope, share, value))
            return value

        return add

    def _smooth(self, cell: ir.Value, row: ir.Value, at: ir.Value) -> None:
        """Average the entries of a table over their neighbours, and store them as bytes, less 128."""
        code, build, line, table = self.code, self.build, self._line(cell), self._table(row, at)
        low, high = self._range(row, at)
        move = code.load(code.at(self.moves, cell, I32), I32) if self.spec.anchored else I32(0)
        up, down = (self._sixteen_bits(each) for each in (move, build.neg(move)))
        ahead, none = build.add(self.smooth, I32(1)), splat(I16, _HALF, _UNIT // 2)
        with code.loop(low, build.add(high, I32(1)), _BLOCK) as block:
            with code.loop(build.neg(self.smooth), ahead, 1, [none, none]) as near:
                place = code.at(line, build.add(block.index, near.index), I16)
                halves = code.load_row(place, self.halves, 2)
                near.following = [build.add(a, b) for a, b in zip(near.values, halves, strict=True)]
            totals = near.values
            if self.spec.anchored:
                totals = [code.call("llvm.uadd.sat.v32i16", self.halves, each, up) for each in totals]
                totals = [code.call("llvm.usub.sat.v32i16", self.halves, each, down) for each in totals]
            shifted = [build.lshr(each, splat(I16, _HALF, 8)) for each in totals]
            found = self._packed("llvm.x86.avx512.packuswb.512", self.bytes, shifted)
            code.store(build.xor(found, splat(I8, _BLOCK, -128)), code.at(table, block.index, I8))
        self._smooth_end(line, table, move, I32(0), low, 1)
        self._smooth_end(line, table, move, I32(ENTRIES - 1), high, -1)

    def _sixteen_bits(self, value: ir.Value) -> ir.Value:
        """Give a number in sixteen bits, in every lane; zero if it is less, the most if it is more."""
        code, build = self.code, self.build
        within = code.least(code.most(value, I32(0)), I32(_MOST))
        return code.broadcast(build.trunc(within, I16), _HALF)

    def _smooth_end(
        self, line: ir.Value, table: ir.Value, move: ir.Value, end: ir.Value, needed: ir.Value, step: int
    ) -> None:
        """Average the entries towards an end of a table, from it on: over as many as there are on both sides."""
        code, build = self.code, self.build
        distance = build.mul(build.sub(needed, end), I32(step))
        count = build.select(build.icmp_signed("<", distance, self.smooth), self.smooth, I32(0))
        first = build.zext(code.load(code.at(line, end, I16), I16), I32)
        with code.loop(I32(0), count, 1, [first]) as entry:
            place = build.add(end, build.mul(entry.index, I32(step)))
            value = self._average(entry.values[0], entry.index)
            value = build.add(value, build.add(move, I32(_UNIT // 2)))
            value = code.most(code.least(value, I32(_MOST)), I32(0))
            code.store(build.xor(build.trunc(build.lshr(value, I32(8)), I8), I8(-128)), code.at(table, place, I8))
            following = entry.values[0]
            for further in (1, 2):
                twice = build.add(build.mul(entry.index, I32(2)), I32(further))
                at = code.at(line, build.add(end, build.mul(twice, I32(step))), I16)
                following = build.add(following, build.zext(code.load(at, I16), I32))
            entry.following = [following]

    def _average(self, total: ir.Value, reach: ir.Value) -> ir.Value:
        """Divide a sum over as many entries on each side by their number; 256 times the value."""
        build = self.build
        window, wide = (build.add(build.mul(each, I32(2)), I32(1)) for each in (reach, self.smooth))
        share = build.fdiv(build.sitofp(wide, F32), build.sitofp(window, F32))
        return build.fptosi(build.fadd(build.fmul(build.sitofp(total, F32), share), F32(0.5)), I32)

    def _move(self, cell: ir.Value, row: ir.Value) -> None:
        """Store by how much the tables of sixteen small pixels are moved up, in 256ths."""
        code, build = self.code, self.build
        entry = code.load(self._element("inputs", I8, cell, row), vector(I8, CELLS))
        entry = build.zext(entry, self.words)
        output = code.load(self._element("outputs", F32, cell, row), self.floats)
        smooth = code.broadcast(self.smooth, CELLS)
        reach = smooth
        for distance in (entry, build.sub(splat(I32, CELLS, ENTRIES - 1), entry)):
            reach = code.call("llvm.smin.v16i32", self.words, reach, distance)
        own = build.add(entry, ir.Constant(self.words, [i * _LINE + _MARGIN for i in range(CELLS)]))
        ahead = build.add(self.smooth, I32(1))
        with code.loop(build.neg(self.smooth), ahead, 1, [splat(I32, CELLS, 0)]) as near:
            step = code.broadcast(near.index, CELLS)
            size = code.call("llvm.abs.v16i32", self.words, step, ir.Constant(ir.IntType(1), 0))
            is_near = build.icmp_signed("<=", size, reach)
            found = self._gathered(self.lines, build.add(own, step), 2, is_near)
            near.following = [build.add(near.values[0], build.and_(found, splat(I32, CELLS, 0xFFFF)))]
        ones, twos = splat(I32, CELLS, 1), splat(I32, CELLS, 2)
        window, wide = (build.add(build.mul(each, twos), ones) for each in (reach, smooth))
        share = build.fdiv(build.sitofp(wide, self.floats), build.sitofp(window, self.floats))
        mean = code.multiply_add(build.sitofp(near.values[0], self.floats), share, splat(F32, CELLS, 0.5))
        wanted = build.fptosi(build.fmul(output, splat(F32, CELLS, _UNIT)), self.words)
        code.store(build.sub(wanted, build.fptosi(mean, self.words)), self.moves)

    # -------------------------------------------------------------------------------------------------------- reading

    def _read_rows(self, row: ir.Value, rows: ir.Value, first: ir.Value) -> None:
        """Compute up to four rows of the result that lie between the same rows of small pixels."""
        code, build = self.code, self.build
        self._gather(row)
        weights = self._weights_down(row)
        with code.loop(I32(0), build.mul(self._columns(), I32(ROWS)), _HALF) as place:
            code.store(splat(I16, _HALF, 0), code.at(self.sums, place.index, I16))
        tables = [self._table(self._inside(build.add(first, I32(k))), I32(0)) for k in range(self.spec.count)]
        outside, last = self.spec.count // 2, build.sub(self.width, I32(1))
        with code.loop(I32(0), self._cells(), 1) as cells:
            cell = code.most(code.least(build.sub(cells.index, I32(outside)), last), I32(0))
            begin = code.load(self._element("begin", I32, cells.index), I32)
            registers = [self._load(code.at(table, build.mul(cell, I32(ENTRIES)), I8)) for table in tables]
            with code.loop(I32(0), self.blocks, 1) as block:
                column = build.add(begin, build.mul(block.index, I32(COLUMNS)))
                across = self._element("across", I16, I32(0), block.index, cells.index)
                self._read(registers, column, weights, across)
        self._store(row, rows)

    def _load(self, table: ir.Value) -> list[ir.Value]:
        return self.machine.load_table(self.code, table, ENTRIES)

    def _gather(self, row: ir.Value) -> None:
        """Lay four rows of the source side by side, column by column."""
        code, build = self.code, self.build
        last = build.sub(self.bottom, I32(1))
        places = [self._element("source", I8, I32(0), code.least(build.add(row, I32(i)), last)) for i in range(ROWS)]
        lanes = [COLUMNS * (i % ROWS) + i // ROWS for i in range(ROWS * COLUMNS)]
        with code.loop(I32(0), self.columns, COLUMNS) as column:
            loaded = [code.load(code.at(place, column.index, I8), vector(I8, COLUMNS)) for place in places]
            pairs = [code.shuffle(loaded[i], loaded[i + 1], range(2 * COLUMNS)) for i in (0, 2)]
            target = code.at(self.source, build.mul(column.index, I32(ROWS)), I8)
            code.store(code.shuffle(pairs[0], pairs[1], lanes), target)

    def _weights_down(self, row: ir.Value) -> list[ir.Value]:
        """Give the weights of pairs of rows of small pixels for each of the four rows, as often as a register holds."""
        code, build = self.code, self.build
        last = build.sub(self.bottom, I32(1))
        found = []
        for k in range(0, self.spec.count, 2):
            single: ir.Value = ir.Constant(vector(I8, 2 * ROWS), [0] * (2 * ROWS))
            for i in range(ROWS):
                for j in range(min(2, self.spec.count - k)):
                    at = self._element("down", I8, I32(k + j), code.least(build.add(row, I32(i)), last))
                    single = build.insert_element(single, code.load(at, I8), I32(2 * i + j))
            found.append(code.shuffle(single, single, [i % (2 * ROWS) for i in range(_BLOCK)]))
        return found

    def _read(
        self, tables: Sequence[Sequence[ir.Value]], column: ir.Value, weights: Sequence[ir.Value], across: ir.Value
    ) -> None:
        """Read the tables of a column of small pixels for sixteen columns, and add them to the sums."""
        code, build = self.code, self.build
        at = build.mul(column, I32(ROWS))
        index = code.load(code.at(self.source, at, I8), self.bytes)
        values = [self.machine.lookup(code, table, index, ENTRIES) for table in tables]
        values += [splat(I8, _BLOCK, 0)] * (len(values) % 2)
        weighted = []
        for half, lanes in enumerate(self.sides):
            total: ir.Value | None = None
            for k, weight in enumerate(weights):
                pair = code.shuffle(values[2 * k], values[2 * k + 1], lanes)
                part = code.call("llvm.x86.avx512.pmaddubs.w.512", self.halves, weight, pair)
                total = part if total is None else build.add(total, part)
            share = code.load(code.at(across, I32(half * _HALF), I16), self.halves)
            weighted.append(code.call("llvm.x86.avx512.pmul.hr.sw.512", self.halves, total, share))
        for half in range(2):  # in order
            lanes = [8 * (i // 16) + i % 8 + _HALF * (i // 8 % 2) for i in range(_HALF * half, _HALF * (half + 1))]
            place = code.at(self.sums, build.add(at, I32(half * _HALF)), I16)
            part = code.shuffle(weighted[0], weighted[1], lanes)
            code.store(build.add(code.load(place, self.halves), part), place)

    def _store(self, row: ir.Value, rows: ir.Value) -> None:
        """Divide sums by that of the weights, and store four rows, or as many as there are."""
        code, build, kind = self.code, self.build, I8 if self.spec.rounded else F32
        host, places = self.out.host(), []
        for i in range(ROWS):
            right = build.sub(build.add(row, I32(i)), self.top)
            place = code.at(host, build.mul(code.wide(right), self.out.stride(1)), kind)
            places.append((build.icmp_signed("<", I32(i), rows), place))
        width = self.columns
        with code.loop(I32(0), width, COLUMNS) as column:
            found = self._rows(column.index)
            is_whole = build.icmp_signed("<=", build.add(column.index, I32(COLUMNS)), width)
            for i, (exists, place) in enumerate(places):
                narrow = code.at(self.narrow, I32(0), kind)
                whole = build.and_(exists, is_whole)
                code.store(found[i], build.select(whole, code.at(place, column.index, kind), narrow))
                rest = build.sub(width, column.index)
                count = build.select(build.and_(exists, build.not_(is_whole)), rest, I32(0))
                with code.loop(I32(0), count, 1) as pixel:
                    value = code.load(code.at(narrow, pixel.index, kind), kind)
                    code.store(value, code.at(place, build.add(column.index, pixel.index), kind))

    def _rows(self, column: ir.Value) -> list[ir.Value]:
        """Give sixteen columns of the four rows."""
        code, build = self.code, self.build
        at = code.at(self.sums, build.mul(column, I32(ROWS)), I16)
        halves = code.load_row(at, self.halves, 2)
        order = [[ROWS * column + i for column in range(COLUMNS)] for i in range(ROWS)]
        if not self.spec.rounded:
            found = (code.shuffle(halves[0], halves[1], lanes) for lanes in order)
            scale, middle = splat(F32, COLUMNS, 1.0 / DOWN), splat(F32, COLUMNS, 128.0)
            return [code.multiply_add(build.sitofp(each, self.floats), scale, middle) for each in found]
        parts = []
        for half in halves:
            moved = build.add(half, splat(I16, _HALF, 128 * DOWN + 128))
            moved = build.add(moved, build.lshr(moved, splat(I16, _HALF, 8)))  # over 255, rounded
            parts.append(build.trunc(build.lshr(moved, splat(I16, _HALF, 8)), vector(I8, _HALF)))
        return [code.shuffle(parts[0], parts[1], lanes) for lanes in order]
