"""Weighted means of floats: sums over taps, a few vectors of pixels at a time. Each is given the weight of each tap.

One has its weights from lines of a table in registers: ``a[i] + b[i] d``, ``i = d * scale``. It is given what
:mod:`dsl.registers.lines` needs besides.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import F32, I32, splat, vector
from dsl.registers.lines import Lines
from dsl.registers.machine import Machine
from dsl.registers.window import BlockWriter, images_given


class FloatsWriter(BlockWriter):
    """Writes a function that averages floats.

    Parameters
    ----------
    name : str
        Of the function.
    machine : Machine
        The instruction set.
    images : sequence of int
        Channels of each image that is given, first of what is averaged.
    vectors : int
        Of pixels that are summed at a time.
    extra, sizes : int
        Buffers that it is given besides the weight of each tap, and whole numbers.
    """

    def __init__(
        self, name: str, machine: Machine, images: Sequence[int], vectors: int, extra: int, sizes: int = 0
    ) -> None:
        self.machine, self.vectors, self.vector = machine, vectors, vector(F32, machine.lanes)
        super().__init__(name, images, F32, F32, vectors * machine.lanes, extra=1 + extra, sizes=sizes)
        self.tap_weights, *self.more = self.extra

    @abstractmethod
    def centres(self, images: Sequence[Sequence[Sequence[ir.Value]]]) -> list[Sequence[Sequence[ir.Value]]]:
        """Choose what a tap's weight depends on, of pixels by image, channel and vector."""

    @abstractmethod
    def weight(self, taps: Sequence[Sequence[ir.Value]], centres: Sequence[Sequence[ir.Value]]) -> ir.Value:
        """Give the weight of a vector of taps, by what :meth:`centres` chooses, there and of the pixels themselves."""

    def ask_extra(self) -> None:
        """Tell what is read of the buffers that are given besides."""
        self.tap_weights.ask(0, I32(0), self.count)

    def prepare(self) -> None:
        """Load what is loaded once."""
        self.weights_host = self.tap_weights.host()

    def means(self, here: Sequence[Sequence[ir.Value]]) -> list[Sequence[ir.Value]]:
        """Sum weights, and weights times values by channel, over all taps."""
        code, build = self.code, self.code.build
        centres = self.centres([[self._load(place) for place in places] for places in here])
        zero = splat(F32, self.machine.lanes, 0.0)
        with code.loop(I32(0), self.count, 1, [zero] * (self.vectors * (1 + len(here[0])))) as loop:
            loop.following = self._add(loop.index, here, centres, loop.values)
        weights, *products = self._parted(loop.values)
        return [[build.fdiv(p, w) for p, w in zip(channel, weights, strict=True)] for channel in products]

    def _parted(self, state: Sequence[ir.Value]) -> list[Sequence[ir.Value]]:
        return [state[i : i + self.vectors] for i in range(0, len(state), self.vectors)]

    def _load(self, place: ir.Value) -> list[ir.Value]:
        """Load the pixels of a block."""
        return self.code.load_row(place, self.vector, self.vectors)

    def _add(
        self, tap: ir.Value, here: Sequence[Sequence[ir.Value]], centres: Sequence[Sequence[Sequence[ir.Value]]],
        state: Sequence[ir.Value],
    ) -> list[ir.Value]:  # fmt: skip
        """Add a tap to the sums."""
        code, lanes = self.code, self.machine.lanes
        images = [
            [self._load(code.at(place, self.offset(tap, i), F32)) for place in places] for i, places in enumerate(here)
        ]
        guides = self.centres(images)
        spatial = code.broadcast(code.load(code.at(self.weights_host, tap, F32), F32), lanes)
        sums, *products = (list(part) for part in self._parted(state))
        for i in range(self.vectors):
            weight = self.weight(_vector(guides, i), _vector(centres, i))
            weight = code.build.fmul(weight, spatial)
            sums[i] = code.build.fadd(sums[i], weight)
            for product, channel in zip(products, images[0], strict=True):
                product[i] = self.code.multiply_add(weight, channel[i], product[i])
        return [each for part in (sums, *products) for each in part]

    def square(self, norm: str, taps: Sequence[ir.Value], centres: Sequence[ir.Value]) -> ir.Value:
        """Give the squared distance between colours."""
        if norm == "l1":
            distance = self.sum_of_sizes(taps, centres)
            return self.code.build.fmul(distance, distance)
        first, *others = self._differences(taps, centres)
        total = self.code.build.fmul(first, first)
        for other in others:
            total = self.code.multiply_add(other, other, total)
        return total

    def sum_of_sizes(self, taps: Sequence[ir.Value], centres: Sequence[ir.Value]) -> ir.Value:
        """Give the sum of absolute differences between colours."""
        name = f"llvm.fabs.v{self.machine.lanes}f32"
        first, *others = (self.code.call(name, self.vector, each) for each in self._differences(taps, centres))
        for other in others:
            first = self.code.build.fadd(first, other)
        return first

    def _differences(self, taps: Sequence[ir.Value], centres: Sequence[ir.Value]) -> list[ir.Value]:
        return [self.code.build.fsub(tap, centre) for tap, centre in zip(taps, centres, strict=True)]

    def put(self, vectors: Sequence[ir.Value], to: ir.Value) -> None:
        """Store one channel of a block."""
        self.code.store_row(vectors, to)


def _vector(guides: Sequence[Sequence[Sequence[ir.Value]]], index: int) -> list[list[ir.Value]]:
    """Choose one of the vectors of each guide's channels."""
    return [[channel[index] for channel in guide] for guide in guides]


def vectors_of_sums(machine: Machine, values: int) -> int:
    """Give how many vectors of pixels are summed at a time: so many that their sums fit registers."""
    return max(1, (4 if machine.lanes == 16 else 2) * 2 // (1 + values))


@dataclass(frozen=True)
class MeanOfFloats:
    """What is structural of it.

    Parameters
    ----------
    machine : Machine
        The instruction set.
    values, guides : int
        Channels that are averaged, and that weights depend on.
    same : bool
        Whether they are the same image.
    entries : int
        Lines that are kept in registers.
    norm : str
        Distance between colours: ``"l1"`` or ``"l2"``.
    """

    machine: Machine
    values: int
    guides: int
    same: bool
    entries: int
    norm: str

    def write(self, name: str) -> str:
        """Write the function ``name`` as LLVM IR."""
        return _Writer(self, name).write()


class _Writer(FloatsWriter):
    def __init__(self, spec: MeanOfFloats, name: str) -> None:
        self.spec = spec
        images, vectors = images_given(spec.values, spec.guides, spec.same), vectors_of_sums(spec.machine, spec.values)
        super().__init__(name, spec.machine, images, vectors, extra=2, sizes=1)
        tables, numbers = self.more
        self.lines = Lines(self.code, self.machine, tables, numbers, self.sizes[0], spec.entries)

    def ask_extra(self) -> None:
        super().ask_extra()
        self.lines.ask()

    def prepare(self) -> None:
        super().prepare()
        self.lines.prepare()

    def work(self) -> None:
        self.lines.either(self.rows)

    def centres(self, images: Sequence[Sequence[Sequence[ir.Value]]]) -> list[Sequence[Sequence[ir.Value]]]:
        return [images[-1]]

    def weight(self, taps: Sequence[Sequence[ir.Value]], centres: Sequence[Sequence[ir.Value]]) -> ir.Value:
        return self.lines.look_up(self._distance(taps[0], centres[0]))

    def _distance(self, taps: Sequence[ir.Value], centres: Sequence[ir.Value]) -> ir.Value:
        """Give the distance between colours; of one channel the difference, whose sign does not matter."""
        if len(taps) == 1:
            return self.code.build.fsub(taps[0], centres[0])
        if self.spec.norm == "l1":
            return self.sum_of_sizes(taps, centres)
        return self.code.call(f"llvm.sqrt.v{self.machine.lanes}f32", self.vector, self.square("l2", taps, centres))
