"""The weighted mean of floats, by lines from a table in registers: the weight is ``a[i] + b[i] d``, ``i = d * scale``.

Besides, it is given the weight of each tap, and what :mod:`dsl.registers.lines` needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import F32, I32, splat, vector
from dsl.registers.lines import Lines
from dsl.registers.machine import Machine
from dsl.registers.window import BlockWriter, images_given


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


class _Writer(BlockWriter):
    def __init__(self, spec: MeanOfFloats, name: str) -> None:
        self.spec, self.machine = spec, spec.machine
        self.vectors = max(1, (4 if self.machine.lanes == 16 else 2) * 2 // (1 + spec.values))
        self.vector = vector(F32, self.machine.lanes)
        images = images_given(spec.values, spec.guides, spec.same)
        super().__init__(name, images, F32, F32, self.vectors * self.machine.lanes, extra=3, sizes=1)
        self.weights, tables, numbers = self.extra
        self.lines = Lines(self.code, self.machine, tables, numbers, self.sizes[0], spec.entries)

    def ask_extra(self) -> None:
        self.weights.ask(0, I32(0), self.count)
        self.lines.ask()

    def prepare(self) -> None:
        self.weights_host = self.weights.host()
        self.lines.prepare()

    def work(self) -> None:
        self.lines.either(self.rows)

    # --------------------------------------------------------------------------------------------------------- sums

    def means(self, here: Sequence[Sequence[ir.Value]]) -> list[Sequence[ir.Value]]:
        code, build = self.code, self.code.build
        centres = [self._load(place) for place in here[-1]]
        zero = splat(F32, self.machine.lanes, 0.0)
        with code.loop(I32(0), self.count, 1, [zero] * (self.vectors * (1 + self.spec.values))) as loop:
            loop.following = self._add(loop.index, here, centres, loop.values)
        weights, *products = self._parted(loop.values)
        return [[build.fdiv(p, w) for p, w in zip(channel, weights, strict=True)] for channel in products]

    def _parted(self, state: Sequence[ir.Value]) -> list[Sequence[ir.Value]]:
        return [state[i : i + self.vectors] for i in range(0, len(state), self.vectors)]

    def _load(self, place: ir.Value) -> list[ir.Value]:
        """Load the pixels of a block."""
        return self.code.load_row(place, self.vector, self.vectors)

    def _add(
        self, tap: ir.Value, here: Sequence[Sequence[ir.Value]], centres: Sequence[Sequence[ir.Value]],
        state: Sequence[ir.Value],
    ) -> list[ir.Value]:  # fmt: skip
        """Add a tap to the sums."""
        code, lanes = self.code, self.machine.lanes
        images = [
            [self._load(code.at(place, self.offset(tap, i), F32)) for place in places] for i, places in enumerate(here)
        ]
        values, guides = images[0], images[-1]
        spatial = code.broadcast(code.load(code.at(self.weights_host, tap, F32), F32), lanes)
        sums, *products = (list(part) for part in self._parted(state))
        for i in range(self.vectors):
            weight = self.lines.look_up(self._distance([g[i] for g in guides], [c[i] for c in centres]))
            weight = code.build.fmul(weight, spatial)
            sums[i] = code.build.fadd(sums[i], weight)
            for product, channel in zip(products, values, strict=True):
                product[i] = self.code.multiply_add(weight, channel[i], product[i])
        return [each for part in (sums, *products) for each in part]

    def _distance(self, taps: Sequence[ir.Value], centres: Sequence[ir.Value]) -> ir.Value:
        """Give the distance between colours; of one channel the difference, whose sign does not matter."""
        build, lanes = self.code.build, self.machine.lanes
        first, *others = (build.fsub(tap, centre) for tap, centre in zip(taps, centres, strict=True))
        if not others:
            return first
        if self.spec.norm == "l2":
            square = build.fmul(first, first)
            for other in others:
                square = self.code.multiply_add(other, other, square)
            return self.code.call(f"llvm.sqrt.v{lanes}f32", self.vector, square)
        total = self._size(first)
        for other in others:
            total = build.fadd(total, self._size(other))
        return total

    def _size(self, value: ir.Value) -> ir.Value:
        return self.code.call(f"llvm.fabs.v{self.machine.lanes}f32", self.vector, value)

    def put(self, vectors: Sequence[ir.Value], to: ir.Value) -> None:
        self.code.store_row(vectors, to)
