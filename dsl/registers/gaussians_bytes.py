"""The weighted mean of bytes by Gaussians of several guides: their exponents are added up, in whole steps.

Of every guide a byte table tells the steps of a difference, 127 at most; the table of a four of taps tells the weight
of a sum of steps, of which the last is none. Both are looked up before pixels are interleaved: of guides that saves it.

Besides what :mod:`dsl.registers.mean_bytes` has, it is given the tables of steps: entries, then guides by span.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import I1, I8, I32
from dsl.registers.machine import Machine
from dsl.registers.mean_bytes import BytesWriter

#: Sums of steps are below this.
STEPS = 128


@dataclass(frozen=True)
class GaussiansOfBytes:
    """What is structural of it.

    Parameters
    ----------
    machine : Machine
        The instruction set.
    images : tuple of int
        Channels of each image that is given, first of what is averaged.
    guides : tuple of int
        Which image each guide is.
    entries : int
        Of the tables of weights.
    tables : tuple of (int, int)
        Entries of tables of steps, and the differences that they cover: taken are the first ones that end at no weight
        for all guides, or the last ones.
    rounded : bool
        Whether the result is bytes, or float32.
    """

    machine: Machine
    images: tuple[int, ...]
    guides: tuple[int, ...]
    entries: int
    tables: tuple[tuple[int, int], ...]
    rounded: bool

    @property
    def values(self) -> int:
        """Channels that are averaged."""
        return self.images[0]

    def write(self, name: str) -> str:
        """Write the function ``name`` as LLVM IR."""
        return _Writer(self, name).write()


class _Writer(BytesWriter):
    def __init__(self, spec: GaussiansOfBytes, name: str) -> None:
        super().__init__(name, spec.machine, spec.images, spec.entries, spec.rounded, extra=1)
        self.spec, (self.steps,) = spec, self.more

    def ask_extra(self) -> None:
        super().ask_extra()
        self.steps.ask(0, I32(0), I32(max(entries for entries, _ in self.spec.tables)))
        self.steps.ask(1, I32(0), I32(len(self.spec.tables) * len(self.spec.guides)))

    def prepare(self) -> None:
        super().prepare()
        self.steps_host, self.steps_row = self.steps.host(), self.steps.stride(1)

    def work(self) -> None:
        """Write rows once for every span."""
        for place, (entries, _) in enumerate(self.spec.tables[:-1]):
            with self.code.otherwise_return(self._ends(place, entries)):
                self._rows(place)
        self._rows(len(self.spec.tables) - 1)

    def _ends(self, place: int, entries: int) -> ir.Value:
        """Tell whether at the end of their tables all guides make no weight."""
        code, build, found = self.code, self.code.build, I1(1)
        for guide in range(len(self.spec.guides)):
            last = code.load(code.at(self._steps_of(place, guide), I32(entries - 1), I8), I8)
            found = build.and_(found, build.icmp_signed("==", last, I8(STEPS - 1)))
        return found

    def _steps_of(self, place: int, guide: int) -> ir.Value:
        row = self.steps_row.type(place * len(self.spec.guides) + guide)
        return self.code.at(self.steps_host, self.code.build.mul(self.steps_row, row), I8)

    def _rows(self, place: int) -> None:
        entries, self.span = self.spec.tables[place]
        self.loaded = [
            self.machine.load_table(self.code, self._steps_of(place, guide), entries)
            for guide in range(len(self.spec.guides))
        ]
        self.rows()

    def centres(self, here: Sequence[Sequence[ir.Value]]) -> list[list[ir.Value]]:
        kind = self.machine.bytes()
        return [[self.code.load(place, kind) for place in here[image]] for image in self.spec.guides]

    def weights(
        self, table: Sequence[ir.Value], taps: Sequence[Sequence[list[ir.Value]]], values: Sequence[list[ir.Value]],
        centres: Sequence[Sequence[ir.Value]],
    ) -> list[ir.Value]:  # fmt: skip
        code, machine, found = self.code, self.machine, []
        for tap in range(len(taps[0][0])):
            guides = [[channel[tap] for channel in taps[image]] for image in self.spec.guides]
            found.append(machine.lookup(code, table, self._sum(guides, centres), STEPS))
        return machine.interleave(code, found)

    def _sum(self, taps: Sequence[Sequence[ir.Value]], centres: Sequence[Sequence[ir.Value]]) -> ir.Value:
        """Add up the steps of all guides and channels."""
        code, machine, span = self.code, self.machine, self.span
        found = []
        for table, guide, centre in zip(self.loaded, taps, centres, strict=True):
            for there, here in zip(guide, centre, strict=True):
                difference = machine.difference(code, there, here, span)
                index = machine.clamp(code, difference, span - 1) if span < 256 else difference
                found.append(machine.lookup(code, table, index, span))
        total, *others = found
        for other in others:
            total = machine.add_steps(code, total, other)
        return total
