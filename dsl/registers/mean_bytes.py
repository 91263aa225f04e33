"""Weighted means of bytes, by byte tables in registers: taps in fours, each four with a table of its own.

Images are ``value - 128`` where the machine wants them signed. Besides, it is given byte tables (entries, then fours of
taps) and the weight of the pixel itself.

Sums are of whole numbers, hence exact.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import F32, I8, I32, I64, splat, vector
from dsl.registers.machine import Machine
from dsl.registers.window import BlockWriter, images_given
from dsl.tap_table import GROUP

#: Of four taps, or four vectors of interleaved ones.
_Four = list[ir.Value]


class BytesWriter(BlockWriter):
    """Writes a function that averages bytes.

    Parameters
    ----------
    name : str
        Of the function.
    machine : Machine
        The instruction set.
    images : sequence of int
        Channels of each image that is given, first of what is averaged.
    entries : int
        Of the table of each four.
    rounded : bool
        Whether the result is bytes, or float32.
    extra : int
        Buffers that it is given besides the tables of fours and the weight of the pixel itself.
    """

    def __init__(
        self, name: str, machine: Machine, images: Sequence[int], entries: int, rounded: bool, extra: int = 0
    ) -> None:
        super().__init__(name, images, I8, I8 if rounded else F32, machine.width, extra=2 + extra)
        self.machine, self.entries, self.rounded = machine, entries, rounded
        self.tables, self.start, *self.more = self.extra
        self.groups = self.code.build.sdiv(self.count, I32(GROUP))

    @abstractmethod
    def centres(self, here: Sequence[Sequence[ir.Value]]) -> list[list[ir.Value]]:
        """Load what a tap's weight depends on at the pixels themselves, by guide and channel."""

    @abstractmethod
    def weights(
        self, table: Sequence[ir.Value], taps: Sequence[Sequence[_Four]], values: Sequence[_Four],
        centres: Sequence[Sequence[ir.Value]],
    ) -> list[ir.Value]:  # fmt: skip
        """Give the weights of four taps, interleaved.

        Parameters
        ----------
        table : sequence of llvmlite value
            Of the four.
        taps : sequence
            Pixels by image, channel and tap.
        values : sequence
            Those of the first image, interleaved.
        centres : sequence
            What :meth:`centres` gave.
        """

    def ask_extra(self) -> None:
        """Tell what is read of the buffers that are given besides."""
        self.tables.ask(0, I32(0), I32(self.entries))
        self.tables.ask(1, I32(0), self.groups)
        self.start.ask(0, I32(0), I32(1))

    def prepare(self) -> None:
        """Load what is loaded once."""
        self.tables_host, self.own = self.tables.host(), self.code.load(self.start.host(), I32)

    def means(self, here: Sequence[Sequence[ir.Value]]) -> list[Sequence[ir.Value]]:
        """Sum weights, and weights times values by channel, over all taps: each for four interleaved vectors."""
        code, build, machine = self.code, self.code.build, self.machine
        centres = self.centres(here)
        own = code.broadcast(self.own, machine.lanes)
        products = [self._times(own, spread) for place in here[0] for spread in self.spread(place)]
        weights = [machine.start(code) for _ in range(GROUP)]
        self.parts = len(weights[0])
        for sums in weights:
            sums[0] = build.add(sums[0], own)
        state = self._over_groups(
            [each for sums in weights for each in sums] + products,
            lambda group, state: self._add(group, here, centres, state),
        )
        weights, products = self._parted(state)
        sums = [each[0] for each in weights]
        return [self._quotients(products[i : i + GROUP], sums) for i in range(0, len(products), GROUP)]

    def _parted(self, state: Sequence[ir.Value]) -> tuple[list[list[ir.Value]], list[ir.Value]]:
        """Part what the loop carries: the sums of weights of each vector, and those of products."""
        count = GROUP * self.parts
        return [list(state[i : i + self.parts]) for i in range(0, count, self.parts)], list(state[count:])

    def _over_groups(
        self, state: list[ir.Value], add: Callable[[ir.Value, list[ir.Value]], list[ir.Value]]
    ) -> list[ir.Value]:
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
        code, build, machine = self.code, self.code.build, self.machine
        at = build.mul(code.wide(group), I64(self.entries))
        table = machine.load_table(code, code.at(self.tables_host, at, I8), self.entries)
        taps = [self._taps(i, group, places) for i, places in enumerate(here)]
        values = [machine.interleave(code, four) for four in taps[0]]
        weights, products = self._parted(state)
        for i, weight in enumerate(self.weights(table, taps, values, centres)):
            weights[i] = machine.add_weights(code, weights[i], weight)
            for c, channel in enumerate(values):
                place = c * GROUP + i
                products[place] = machine.add_products(code, products[place], weight, channel[i])
        return [each for sums in weights for each in sums] + products

    def _taps(self, image: int, group: ir.Value, places: Sequence[ir.Value]) -> list[_Four]:
        """Load the four taps of each channel of an image."""
        code, build = self.code, self.code.build
        first = build.mul(group, I32(GROUP))
        offsets = [self.offset(build.add(first, I32(i)), image) for i in range(GROUP)]
        kind = self.machine.bytes()
        return [[code.load(code.at(place, offset, I8), kind) for offset in offsets] for place in places]

    def spread(self, place: ir.Value) -> _Four:
        """Load pixels, each into all bytes of its four."""
        pixels = self.code.load(place, self.machine.bytes())
        return self.machine.interleave(self.code, [pixels] * GROUP)

    def _times(self, weight: ir.Value, spread: ir.Value) -> ir.Value:
        """Multiply pixels, each in all bytes of its four, by a whole number."""
        build, lanes = self.code.build, self.machine.lanes
        shift = build.ashr if self.machine.signed else build.lshr
        return build.mul(weight, shift(build.bitcast(spread, vector(I32, lanes)), splat(I32, lanes, 24)))

    # ------------------------------------------------------------------------------------------------------ result

    def _quotients(self, products: Sequence[ir.Value], weights: Sequence[ir.Value]) -> list[ir.Value]:
        """Divide; what was kept as ``value - 128`` is made whole again, unless packing does it."""
        build, lanes = self.code.build, self.machine.lanes
        is_less = self.machine.signed and not self.rounded
        kind, found = vector(F32, lanes), []
        for product, weight in zip(products, weights, strict=True):
            quotient = build.fdiv(build.sitofp(product, kind), build.sitofp(weight, kind))
            found.append(build.fadd(quotient, splat(F32, lanes, 128.0)) if is_less else quotient)
        return found

    def put(self, vectors: Sequence[ir.Value], to: ir.Value) -> None:
        """Store one channel of a block."""
        code, machine = self.code, self.machine
        if self.rounded:
            name, kind = f"llvm.lrint.v{machine.lanes}i32.v{machine.lanes}f32", vector(I32, machine.lanes)
            whole = [code.call(name, kind, each) for each in vectors]
            code.store(machine.pack(code, whole), to)
            return
        for i, each in enumerate(vectors):
            for run, place in enumerate(machine.places(i)):
                four = code.shuffle(each, each, range(GROUP * run, GROUP * (run + 1)))
                code.store(four, code.at(to, I32(place), F32))


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
        Entries of a table, and the differences that they cover: larger ones count as ``span - 1``. Of several channels
        differences are added up, 255 at most.
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

    def write(self, name: str) -> str:
        """Write the function ``name`` as LLVM IR."""
        return _Writer(self, name).write()


class _Writer(BytesWriter):
    def __init__(self, spec: MeanOfBytes, name: str) -> None:
        images = images_given(spec.values, spec.guides, spec.same)
        super().__init__(name, spec.machine, images, spec.entries, spec.rounded)
        self.spec = spec

    def centres(self, here: Sequence[Sequence[ir.Value]]) -> list[list[ir.Value]]:
        return [self.spread(place) for place in here[-1]]

    def weights(
        self, table: Sequence[ir.Value], taps: Sequence[Sequence[_Four]], values: Sequence[_Four],
        centres: Sequence[Sequence[ir.Value]],
    ) -> list[ir.Value]:  # fmt: skip
        """Look up the distance between colours: of interleaved pixels, as those of the image are anyway."""
        code, machine, span = self.code, self.machine, self.spec.span
        guides = values if self.spec.same else [machine.interleave(code, four) for four in taps[-1]]
        indices = [self._index([c[i] for c in guides], [c[i] for c in centres]) for i in range(GROUP)]
        return [machine.lookup(code, table, index, span) for index in indices]

    def _index(self, taps: Sequence[ir.Value], centres: Sequence[ir.Value]) -> ir.Value:
        """Give the distance between colours, of what a table has."""
        machine, span = self.machine, self.spec.span
        pairs = zip(taps, centres, strict=True)
        first, *others = (machine.difference(self.code, tap, centre, span) for tap, centre in pairs)
        for other in others:
            first = machine.add_saturating(self.code, first, other)
        return machine.clamp(self.code, first, span - 1) if span < 256 else first
