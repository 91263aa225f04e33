"""The weighted mean of bytes, by a byte table in registers: taps in fours, each four with a table of its own.

Beside the images with their surroundings (``value - 128`` where the machine wants it signed), it is given the taps
(rows, columns, whether it is there: 0 or 1 for a filler), byte tables (entries, then fours of taps), the weight of the
pixel itself, the number of fours, the elements from pixel to pixel, the radius, and room for offsets.

Sums are of whole numbers, hence exact and alike on every machine. A filler is the pixel itself, whose difference is 0:
what it adds is known ahead and taken off the pixel's own weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import F32, I8, I32, I64, PTR, Buffer, Code, splat, vector
from dsl.registers.machine import Machine

#: Taps that share a table, and numbers of a tap.
_GROUP, _NUMBERS = 4, 3


@dataclass(frozen=True)
class MeanOfBytes:
    """What is structural of it.

    Parameters
    ----------
    machine : Machine
        The instruction set.
    values, guides : int
        Channels that are averaged, and that weights depend on.
    same : bool
        Whether they are the same image.
    entries, span : int
        Entries of a table, and the differences that they cover: 128, where larger ones count as 127, or 256. Of
        several channels differences are added up, 255 at most.
    rounded : bool
        Whether the result is bytes, or float32.
    """

    machine: Machine
    values: int
    guides: int
    same: bool
    entries: int
    span: int
    rounded: bool

    @property
    def images(self) -> tuple[int, ...]:
        """Channels of each image that is given: first what is averaged, then the guide, if it is another one."""
        return (self.values,) if self.same else (self.values, self.guides)

    def write(self, name: str) -> str:
        """Write the function ``name`` as LLVM IR."""
        return _Writer(self, name).write()


class _Writer:
    def __init__(self, spec: MeanOfBytes, name: str) -> None:
        count = len(spec.images)
        self.spec, self.machine = spec, spec.machine
        self.code = Code(name, [PTR] * (count + 3) + [I32] * 3 + [PTR] * 2)
        images, rest = self.code.function.args[:count], self.code.function.args[count:]
        taps, tables, start, self.groups, self.step, self.radius, room, out = rest
        self.images = [Buffer(self.code, image) for image in images]
        self.taps, self.tables, self.start = (Buffer(self.code, each) for each in (taps, tables, start))
        self.room, self.out = Buffer(self.code, room), Buffer(self.code, out)

    def write(self) -> str:
        code, build = self.code, self.code.build
        kind = I8 if self.spec.rounded else F32
        self.narrow = code.room(kind, self.machine.width)
        with code.otherwise_return(self._is_question()):
            self._answer()
        self.hosts = [image.host() for image in self.images]
        self.rows = [image.stride(1) for image in self.images]
        self.planes = [image.stride(2) if n > 1 else None for image, n in zip(self.images, self.spec.images, strict=True)]
        self.tables_host = self.tables.host()
        self.own = self._offsets()
        top = self.out.minimum(1)
        with code.loop(I32(0), self.out.extent(1), 1) as row:
            self._row(row.index, build.add(top, row.index))
        build.ret(I32(0))
        return code.text

    # --------------------------------------------------------------------------------------------------- questions

    def _is_question(self) -> ir.Value:
        buffers = (self.out, *self.images, self.taps, self.tables, self.start, self.room)
        asked = buffers[0].unknown()
        for buffer in buffers[1:]:
            asked = self.code.build.or_(asked, buffer.unknown())
        return asked

    def _answer(self) -> None:
        """Tell what is read: of images as far as taps reach, and whole vectors even where a row is shorter."""
        code, build = self.code, self.code.build
        across = build.mul(self.radius, self.step)
        width = build.add(code.most(self.out.extent(0), I32(self.machine.width)), build.mul(across, I32(2)))
        height = build.add(self.out.extent(1), build.mul(self.radius, I32(2)))
        for image, channels in zip(self.images, self.spec.images, strict=True):
            image.ask(0, build.sub(self.out.minimum(0), across), width)
            image.ask(1, build.sub(self.out.minimum(1), self.radius), height)
            if channels > 1:
                image.ask(2, I32(0), I32(channels))
        self.taps.ask(0, I32(0), I32(_NUMBERS))
        self.taps.ask(1, I32(0), self._tap_count())
        self.tables.ask(0, I32(0), I32(self.spec.entries))
        self.tables.ask(1, I32(0), self.groups)
        self.start.ask(0, I32(0), I32(1))
        self.room.ask(0, I32(0), self._tap_count())
        self.room.ask(1, I32(0), I32(len(self.images)))

    def _tap_count(self) -> ir.Value:
        return self.code.build.mul(self.groups, I32(_GROUP))

    # ----------------------------------------------------------------------------------------------------- offsets

    def _offsets(self) -> ir.Value:
        """Write where each tap lies from the pixel, for each image; give the weight of the pixel itself."""
        code, build = self.code, self.code.build
        self.room_host, self.room_row = self.room.host(), build.trunc(self.room.stride(1), I32)
        taps, tables = self.taps.host(), self.tables_host
        step = code.wide(self.step)
        own = code.load(self.start.host(), I32)
        with code.loop(I32(0), self._tap_count(), 1, [own]) as tap:
            down, right, filler = (
                code.load(code.at(taps, build.add(build.mul(tap.index, I32(_NUMBERS)), I32(i)), I32), I32)
                for i in range(_NUMBERS)
            )
            for i, row in enumerate(self.rows):
                offset = build.add(build.mul(code.wide(down), row), build.mul(code.wide(right), step))
                place = build.add(tap.index, build.mul(self.room_row, I32(i)))
                code.store(build.trunc(offset, I32), code.at(self.room_host, place, I32))
            table = build.mul(build.sdiv(tap.index, I32(_GROUP)), I32(self.spec.entries))
            weight = build.zext(code.load(code.at(tables, table, I8), I8), I32)
            tap.following = [build.sub(tap.values[0], build.mul(filler, weight))]
        return tap.values[0]

    # -------------------------------------------------------------------------------------------------------- rows

    def _row(self, row: ir.Value, y: ir.Value) -> None:
        code, build, width = self.code, self.code.build, self.out.extent(0)
        across = I32(self.machine.width)
        blocks = build.sdiv(build.add(width, I32(self.machine.width - 1)), across)
        last = code.most(build.sub(width, across), I32(0))
        is_narrow = build.icmp_signed("<", width, across)
        kind = I8 if self.spec.rounded else F32
        outs = self._places(self.out, self.out.host(), self.out.minimum(0), y, self.spec.values, kind)
        with code.loop(I32(0), blocks, 1) as block:
            x = code.least(build.mul(block.index, across), last)  # the last block may overlap the one before
            sums, products = self._sums(build.add(self.out.minimum(0), x), y)
            for out, channel in zip(outs, products, strict=True):
                to = build.select(is_narrow, self.narrow, code.at(out, x, kind))
                self._store(self._quotients(channel, sums), to)
                with code.loop(I32(0), build.select(is_narrow, width, I32(0)), 1) as pixel:
                    code.store(code.load(code.at(self.narrow, pixel.index, kind), kind), code.at(out, pixel.index, kind))

    def _places(
        self, buffer: Buffer, host: ir.Value, x: ir.Value, y: ir.Value, channels: int, kind: ir.Type
    ) -> list[ir.Value]:
        """Give where the pixel (x, y) of each channel lies."""
        code, build = self.code, self.code.build
        right = code.wide(build.sub(x, buffer.minimum(0)))
        down = build.mul(code.wide(build.sub(y, buffer.minimum(1))), buffer.stride(1))
        first = build.add(right, down)
        if channels == 1:
            return [code.at(host, first, kind)]
        plane = buffer.stride(2)
        return [code.at(host, build.add(first, build.mul(plane, plane.type(c))), kind) for c in range(channels)]

    def _sums(self, x: ir.Value, y: ir.Value) -> tuple[list[ir.Value], list[list[ir.Value]]]:
        """Sum weights, and weights times values by channel, over all taps: each for four interleaved vectors."""
        code, build, machine = self.code, self.code.build, self.machine
        here = [
            self._places(image, host, x, y, channels, I8)
            for image, host, channels in zip(self.images, self.hosts, self.spec.images, strict=True)
        ]
        centres = [[self._spread(place) for place in places] for places in here]
        own = code.broadcast(self.own, machine.lanes)
        products = [self._times(own, spread) for channel in centres[0] for spread in channel]
        weights = [machine.start(code) for _ in range(_GROUP)]
        self.parts = len(weights[0])
        for sums in weights:
            sums[0] = build.add(sums[0], own)
        state = self._over_groups(
            [each for sums in weights for each in sums] + products,
            lambda group, state: self._add(group, here, centres[-1], state),
        )
        weights, products = self._parted(state)
        return [sums[0] for sums in weights], [products[i : i + _GROUP] for i in range(0, len(products), _GROUP)]

    def _parted(self, state: Sequence[ir.Value]) -> tuple[list[list[ir.Value]], list[ir.Value]]:
        """Part what the loop carries: the sums of weights of each vector, and those of products."""
        count = _GROUP * self.parts
        return [list(state[i : i + self.parts]) for i in range(0, count, self.parts)], list(state[count:])

    def _over_groups(self, state: list[ir.Value], add: Callable[[ir.Value, list[ir.Value]], list[ir.Value]]) -> list[ir.Value]:
        """Write the loop over fours of taps, in stretches after which sums of weights are flushed."""
        code, every = self.code, self.machine.flushes
        if not every:
            with code.loop(I32(0), self.groups, 1, state) as loop:
                loop.following = add(loop.index, loop.values)
            return loop.values
        with code.loop(I32(0), self.groups, every, state) as stretch:
            stop = code.least(code.build.add(stretch.index, I32(every)), self.groups)
            with code.loop(stretch.index, stop, 1, stretch.values) as loop:
                loop.following = add(loop.index, loop.values)
            weights, products = self._parted(loop.values)
            flushed = [self.machine.flush(code, sums) for sums in weights]
            stretch.following = [each for sums in flushed for each in sums] + products
        return stretch.values

    def _add(
        self,
        group: ir.Value,
        here: Sequence[Sequence[ir.Value]],
        centres: Sequence[Sequence[ir.Value]],
        state: Sequence[ir.Value],
    ) -> list[ir.Value]:
        """Add four taps to the sums."""
        code, build, machine, spec = self.code, self.code.build, self.machine, self.spec
        at = build.mul(code.wide(group), I64(spec.entries))
        table = machine.load_table(code, code.at(self.tables_host, at, I8), spec.entries)
        images = [self._taps(i, group, places) for i, places in enumerate(here)]
        values, guides = images[0], images[-1]
        weights, products = self._parted(state)
        for i in range(_GROUP):
            index = self._index([channel[i] for channel in guides], [channel[i] for channel in centres])
            weight = machine.lookup(code, table, index, spec.span)
            weights[i] = machine.add_weights(code, weights[i], weight)
            for c in range(spec.values):
                place = c * _GROUP + i
                products[place] = machine.add_products(code, products[place], weight, values[c][i])
        return [each for sums in weights for each in sums] + products

    def _taps(self, image: int, group: ir.Value, places: Sequence[ir.Value]) -> list[list[ir.Value]]:
        """Load the four taps of each channel of an image, interleaved."""
        code, build = self.code, self.code.build
        first = build.add(build.mul(group, I32(_GROUP)), build.mul(self.room_row, I32(image)))
        offsets = [
            code.wide(code.load(code.at(self.room_host, build.add(first, I32(i)), I32), I32)) for i in range(_GROUP)
        ]
        kind = self.machine.bytes()
        return [
            self.machine.interleave(code, [code.load(code.at(place, offset, I8), kind) for offset in offsets])
            for place in places
        ]

    def _index(self, taps: Sequence[ir.Value], centres: Sequence[ir.Value]) -> ir.Value:
        """Give the distance between colours, of what a table has."""
        machine, span = self.machine, self.spec.span
        pairs = zip(taps, centres, strict=True)
        first, *others = (machine.difference(self.code, tap, centre, span) for tap, centre in pairs)
        for other in others:
            first = machine.add_saturating(self.code, first, other)
        return machine.clamp(self.code, first, 127) if span == 128 else first

    def _spread(self, place: ir.Value) -> list[ir.Value]:
        pixels = self.code.load(place, self.machine.bytes())
        return self.machine.interleave(self.code, [pixels] * _GROUP)

    def _times(self, weight: ir.Value, spread: ir.Value) -> ir.Value:
        """Multiply pixels, each in all bytes of its four, by a whole number."""
        build, lanes = self.code.build, self.machine.lanes
        shift = build.ashr if self.machine.signed else build.lshr
        return build.mul(weight, shift(build.bitcast(spread, vector(I32, lanes)), splat(I32, lanes, 24)))

    # ------------------------------------------------------------------------------------------------------ result

    def _quotients(self, products: Sequence[ir.Value], weights: Sequence[ir.Value]) -> list[ir.Value]:
        """Divide; what was kept as ``value - 128`` is made whole again."""
        build, lanes = self.code.build, self.machine.lanes
        kind, found = vector(F32, lanes), []
        for product, weight in zip(products, weights, strict=True):
            quotient = build.fdiv(build.sitofp(product, kind), build.sitofp(weight, kind))
            found.append(build.fadd(quotient, splat(F32, lanes, 128.0)) if self.machine.signed else quotient)
        return found

    def _store(self, vectors: Sequence[ir.Value], to: ir.Value) -> None:
        code, build, machine = self.code, self.code.build, self.machine
        if self.spec.rounded:
            name, kind = f"llvm.rint.v{machine.lanes}f32", vector(F32, machine.lanes)
            whole = [build.fptosi(code.call(name, kind, each), vector(I32, machine.lanes)) for each in vectors]
            code.store(machine.pack(code, whole), to)
            return
        for i, each in enumerate(vectors):
            for run, place in enumerate(machine.places(i)):
                four = code.shuffle(each, each, range(_GROUP * run, _GROUP * (run + 1)))
                code.store(four, code.at(to, I32(place), F32))
