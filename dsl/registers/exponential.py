"""Weights that are an exponential: ``2 ** min(a + b d, 0)``, as exact as float32 is where they count.

A function is given the two numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from dsl.registers.code import F32, I32, Buffer, Code, splat
from dsl.registers.machine import Machine


class Exponential:
    """Writes such weights; to be used in the place of :class:`dsl.registers.lines.Lines`.

    Parameters
    ----------
    code : Code
        The function.
    machine : Machine
        The instruction set.
    numbers : Buffer
        What the function is given.
    """

    def __init__(self, code: Code, machine: Machine, numbers: Buffer) -> None:
        self.code, self.machine, self.numbers = code, machine, numbers

    def ask(self) -> None:
        """Tell what is read of the buffer."""
        self.numbers.ask(0, I32(0), I32(2))

    def prepare(self) -> None:
        """Load what is loaded once."""
        self.constant, self.slope = self.numbers.broadcast(2, self.machine.lanes)

    def either(self, write: Callable[[], None]) -> None:
        """Write the code that asks for weights."""
        write()

    def look_up(self, distance: ir.Value) -> ir.Value:
        """Give the weights of distances."""
        code, zero = self.code, splat(F32, self.machine.lanes, 0.0)
        exponent = code.multiply_add(self.slope, distance, self.constant)
        above = code.build.fcmp_ordered(">", exponent, zero)
        return self.machine.power_of_two(code, code.build.select(above, zero, exponent))
