"""The weighted mean of floats by Gaussians of several guides: ``2 ** -(a d**2 + b e**2 + ...)``.

Besides what :mod:`dsl.registers.mean_floats` has, it is given the factor of each guide's squared distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from dsl.registers.code import I32
from dsl.registers.machine import Machine
from dsl.registers.mean_floats import FloatsWriter, vectors_of_sums


@dataclass(frozen=True)
class GaussiansOfFloats:
    """What is structural of it.

    Parameters
    ----------
    machine : Machine
        The instruction set.
    images : tuple of int
        Channels of each image that is given, first of what is averaged.
    guides : tuple of int
        Which image each guide is.
    norms : tuple of str
        The distance between each guide's colours: ``"l1"`` or ``"l2"``.
    """

    machine: Machine
    images: tuple[int, ...]
    guides: tuple[int, ...]
    norms: tuple[str, ...]

    @property
    def values(self) -> int:
        """Channels that are averaged."""
        return self.images[0]

    def write(self, name: str) -> str:
        """Write the function ``name`` as LLVM IR."""
        return _Writer(self, name).write()


class _Writer(FloatsWriter):
    def __init__(self, spec: GaussiansOfFloats, name: str) -> None:
        self.spec = spec
        super().__init__(name, spec.machine, spec.images, vectors_of_sums(spec.machine, spec.values), extra=1)
        (self.factors,) = self.more

    def ask_extra(self) -> None:
        super().ask_extra()
        self.factors.ask(0, I32(0), I32(len(self.spec.guides)))

    def prepare(self) -> None:
        super().prepare()
        self.loaded = self.factors.broadcast(len(self.spec.guides), self.machine.lanes)

    def centres(self, images: Sequence[Sequence[Sequence[ir.Value]]]) -> list[Sequence[Sequence[ir.Value]]]:
        return [images[image] for image in self.spec.guides]

    def weight(self, taps: Sequence[Sequence[ir.Value]], centres: Sequence[Sequence[ir.Value]]) -> ir.Value:
        code, total = self.code, None
        for factor, norm, guide, centre in zip(self.loaded, self.spec.norms, taps, centres, strict=True):
            square = self.square(norm, guide, centre)
            total = code.build.fmul(square, factor) if total is None else code.multiply_add(square, factor, total)
        return self.machine.power_of_two(code, total)
