"""Instruction sets: the few operations on vectors that tables in registers need, as each CPU has them.

A *byte vector* fills a register. Four of them that are interleaved (:meth:`Machine.interleave`) hold four taps of a
pixel side by side, in an order of pixels that :meth:`Machine.places` tells.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from llvmlite import ir

from dsl.registers.code import F32, I8, I16, I32, Code, splat, vector
from schedules import targets


class Machine(ABC):
    """An instruction set.

    Parameters
    ----------
    registers : Registers
        What tables it holds.
    """

    #: Groups of taps after which :meth:`flush` is due; 0: never.
    flushes: ClassVar[int] = 0
    #: Whether pixels are kept as ``value - 128``, for a product of unsigned and signed bytes.
    signed: ClassVar[bool] = True

    def __init__(self, registers: targets.Registers) -> None:
        self.registers = registers
        self.name, self.width, self.weight = registers.name, registers.width, registers.weight
        self.lanes = registers.width // 4  # floats of a register

    def __repr__(self) -> str:
        return self.name

    def tables(self, span: int) -> tuple[int, ...]:
        """Give the sizes of byte tables for differences below ``span``, a power of two up to 256."""
        if self.registers.whole:
            return (span,) if span in self.registers.bytes else ()
        return tuple(size for size in self.registers.bytes if size <= span)

    # ---------------------------------------------------------------------------------------------- bytes, alike

    def bytes(self) -> ir.VectorType:
        """Give the type of a byte vector."""
        return vector(I8, self.width)

    def splat(self, value: int) -> ir.Constant:
        """Give a byte vector of one number."""
        return splat(I8, self.width, value)

    def _bytes(self, code: Code, name: str, a: ir.Value, b: ir.Value) -> ir.Value:
        return code.call(f"llvm.{name}.v{self.width}i8", self.bytes(), a, b)

    def clamp(self, code: Code, value: ir.Value, most: int) -> ir.Value:
        """Give the smaller of unsigned bytes and a number."""
        return self._bytes(code, "umin", value, self.splat(most))

    def add_saturating(self, code: Code, a: ir.Value, b: ir.Value) -> ir.Value:
        """Add unsigned bytes, 255 at most."""
        return self._bytes(code, "uadd.sat", a, b)

    def add_steps(self, code: Code, a: ir.Value, b: ir.Value) -> ir.Value:
        """Add bytes below 128, 127 at most."""
        return self._bytes(code, "sadd.sat", a, b)

    def interleave(self, code: Code, vectors: Sequence[ir.Value]) -> list[ir.Value]:
        """Put byte 0 of four vectors side by side, then byte 1, ...: four vectors of so many pixels each."""
        half, quarter = self._zip(code, vectors[:2], 1), self._zip(code, vectors[2:], 1)
        pairs = [(a, b) for a, b in zip(half, quarter, strict=True)]
        return [each for pair in pairs for each in self._zip(code, pair, 2)]

    def _zip(self, code: Code, pair: Sequence[ir.Value], size: int) -> list[ir.Value]:
        """Interleave groups of ``size`` bytes of two vectors, within 16 bytes: the lower half, the upper half."""
        found = []
        for start in (0, 8):
            lanes: list[int] = []
            for block in range(0, self.width, 16):
                for place in range(start, start + 8, size):
                    lanes += [block + place + i for i in range(size)]
                    lanes += [self.width + block + place + i for i in range(size)]
            found.append(code.shuffle(pair[0], pair[1], lanes))
        return found

    def places(self, index: int) -> list[int]:
        """Give the pixels of an interleaved vector, in runs of four: the first of each run."""
        return [block + 4 * index for block in range(0, self.width, 16)]

    # ------------------------------------------------------------------------------------------ what differs

    @abstractmethod
    def difference(self, code: Code, a: ir.Value, b: ir.Value, span: int) -> ir.Value:
        """Give absolute differences of pixels: all for span 256, else larger ones than 127 become 127 or 128."""

    def load_table(self, code: Code, table: ir.Value, entries: int) -> list[ir.Value]:
        """Load a byte table into registers: sixteen entries each, as often as a register holds them."""
        parts = [code.load(code.at(table, I32(i), I8), vector(I8, 16)) for i in range(0, entries, 16)]
        return [code.shuffle(part, part, [i % 16 for i in range(self.width)]) for part in parts]

    @abstractmethod
    def lookup(self, code: Code, table: Sequence[ir.Value], index: ir.Value, span: int) -> ir.Value:
        """Read a byte table of registers at differences from 0 to ``span - 1``."""

    @abstractmethod
    def start(self, code: Code) -> list[ir.Value]:
        """Give sums of weights of one interleaved vector: nothing yet."""

    @abstractmethod
    def add_weights(self, code: Code, sums: Sequence[ir.Value], weights: ir.Value) -> list[ir.Value]:
        """Add to the sums of a pixel's weights."""

    def flush(self, code: Code, sums: Sequence[ir.Value]) -> list[ir.Value]:
        """Bring the sums of weights to where they do not overflow; the first one then is all of them."""
        return list(sums)

    @abstractmethod
    def add_products(self, code: Code, total: ir.Value, weights: ir.Value, values: ir.Value) -> ir.Value:
        """Add to the sum of a pixel's weights times values."""

    @abstractmethod
    def pack(self, code: Code, vectors: Sequence[ir.Value]) -> ir.Value:
        """Turn interleaved vectors of int32, less 128 if pixels are signed, into the bytes of pixels, saturating."""

    @abstractmethod
    def table_floats(self, code: Code, table: Sequence[ir.Value], index: ir.Value) -> ir.Value:
        """Read a float table of registers by the low bits of an int32 index."""

    def clamp_floats(self, code: Code, value: ir.Value, most: ir.Value) -> ir.Value:
        """Give ``min(|value|, most)``; ``most`` where the value is NaN."""
        lanes = self.lanes
        size = code.call(f"llvm.fabs.v{lanes}f32", vector(F32, lanes), value)
        return code.build.select(code.build.fcmp_ordered("<", size, most), size, most)

    def power_of_two(self, code: Code, exponent: ir.Value) -> ir.Value:
        """Give ``2 ** exponent`` of floats up to 0; none far below, and none of NaN."""
        build, lanes = code.build, self.lanes
        kind, whole = vector(F32, lanes), vector(I32, lanes)
        nearest = code.call(f"llvm.lrint.v{lanes}i32.v{lanes}f32", whole, exponent)
        power = _polynomial(code, build.fsub(exponent, build.sitofp(nearest, kind)), _AROUND_ZERO)
        shifted = build.shl(nearest, splat(I32, lanes, 23))  # to where a float has its exponent
        found = build.bitcast(build.add(build.bitcast(power, whole), shifted), kind)
        is_some = build.fcmp_ordered(">", exponent, splat(F32, lanes, _LEAST_EXPONENT))
        return build.select(is_some, found, splat(F32, lanes, 0.0))


#: Powers of two below are denormal.
_LEAST_EXPONENT = -125.0
#: Coefficients of ``2 ** x`` from the constant on, for x from -1/2 to 1/2, and from 0 to 1: to 3e-6 of the value, which
#: in means is less than what float32 rounds off.
_AROUND_ZERO = (0.9999992614, 0.6931218147, 0.2402474483, 0.0559178603, 0.0095701017)
_TO_ONE = (1.0000025934, 0.6930038345, 0.2414427566, 0.0520114612, 0.0135341676)


def _polynomial(code: Code, value: ir.Value, coefficients: Sequence[float]) -> ir.Value:
    """Write a polynomial of float vectors."""
    last, *others = (splat(F32, value.type.count, _single(each)) for each in reversed(coefficients))
    for each in others:
        last = code.multiply_add(last, value, each)
    return last


def _single(value: float) -> float:
    """Round to what float32 has."""
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded


class _X86(Machine):
    """What all of x86 has in common."""

    flushes: ClassVar[int] = 120  # times 2 * 127 is below 32768

    @property
    def _set(self) -> str:
        return "avx512" if self.width == 64 else "avx2"

    def _intrinsic(self, name: str) -> str:
        return f"llvm.x86.{self._set}.{name}" + (".512" if self.width == 64 else "")

    def difference(self, code: Code, a: ir.Value, b: ir.Value, span: int) -> ir.Value:
        if span <= 128:
            near = self._bytes(code, "ssub.sat", a, b)
            return code.call(f"llvm.abs.v{self.width}i8", self.bytes(), near, ir.Constant(ir.IntType(1), 0))
        high, low = self._bytes(code, "smax", a, b), self._bytes(code, "smin", a, b)
        return code.build.sub(high, low)

    def lookup(self, code: Code, table: Sequence[ir.Value], index: ir.Value, span: int) -> ir.Value:
        """Shuffle bytes within 16: one table, or two and a choice by the topmost bit of the index."""
        entries = 16 * len(table)
        top = code.build.shl(index, self.splat(9 - span.bit_length()))
        shift = (span // entries).bit_length() - 1
        wide = vector(I16, self.width // 2)
        narrow = code.build.lshr(code.build.bitcast(index, wide), splat(I16, self.width // 2, shift))
        index = code.build.and_(code.build.bitcast(narrow, self.bytes()), self.splat(entries - 1))
        found = [code.call(self._intrinsic("pshuf.b"), self.bytes(), each, index) for each in table]
        if len(found) == 1:
            return found[0]
        return code.build.select(code.build.icmp_signed("<", top, self.splat(0)), found[1], found[0])

    def start(self, code: Code) -> list[ir.Value]:
        return [splat(I32, self.lanes, 0), splat(I16, 2 * self.lanes, 0)]

    def _pairs(self, code: Code, weights: ir.Value, values: ir.Value) -> ir.Value:
        name = "pmaddubs.w" if self.width == 64 else "pmadd.ub.sw"
        return code.call(self._intrinsic(name), vector(I16, 2 * self.lanes), weights, values)

    def _fours(self, code: Code, pairs: ir.Value) -> ir.Value:
        name = "pmaddw.d" if self.width == 64 else "pmadd.wd"
        return code.call(self._intrinsic(name), vector(I32, self.lanes), pairs, splat(I16, 2 * self.lanes, 1))

    def add_weights(self, code: Code, sums: Sequence[ir.Value], weights: ir.Value) -> list[ir.Value]:
        return [sums[0], code.build.add(sums[1], self._pairs(code, weights, self.splat(1)))]

    def flush(self, code: Code, sums: Sequence[ir.Value]) -> list[ir.Value]:
        return [code.build.add(sums[0], self._fours(code, sums[1])), splat(I16, 2 * self.lanes, 0)]

    def add_products(self, code: Code, total: ir.Value, weights: ir.Value, values: ir.Value) -> ir.Value:
        return code.build.add(total, self._fours(code, self._pairs(code, weights, values)))

    def pack(self, code: Code, vectors: Sequence[ir.Value]) -> ir.Value:
        half = vector(I16, 2 * self.lanes)
        halves = [
            code.call(self._intrinsic("packssdw"), half, vectors[i], vectors[i + 1]) for i in range(0, len(vectors), 2)
        ]
        return code.build.xor(code.call(self._intrinsic("packsswb"), self.bytes(), *halves), self.splat(-128))


class Avx2(_X86):
    """256 bits; bytes are shuffled within 16."""

    def table_floats(self, code: Code, table: Sequence[ir.Value], index: ir.Value) -> ir.Value:
        found = [code.call("llvm.x86.avx2.permps", vector(F32, 8), each, index) for each in table]
        if len(found) == 1:
            return found[0]
        top = code.build.shl(index, splat(I32, 8, 28))
        return code.build.select(code.build.icmp_signed("<", top, splat(I32, 8, 0)), found[1], found[0])


class Avx512(_X86):
    """512 bits, without shuffles of bytes over more than 16."""

    def table_floats(self, code: Code, table: Sequence[ir.Value], index: ir.Value) -> ir.Value:
        kind = vector(F32, 16)
        if len(table) == 1:
            return code.call("llvm.x86.avx512.permvar.sf.512", kind, table[0], index)
        return code.call("llvm.x86.avx512.vpermi2var.ps.512", kind, table[0], index, table[1])

    def clamp_floats(self, code: Code, value: ir.Value, most: ir.Value) -> ir.Value:
        kind, every = vector(F32, 16), ir.Constant(I16, -1)
        smaller_size = I32(0b1010)
        return code.call(
            "llvm.x86.avx512.mask.range.ps.512", kind, value, most, smaller_size, ir.Constant(kind, ir.Undefined),
            every, I32(4),
        )  # fmt: skip

    def power_of_two(self, code: Code, exponent: ir.Value) -> ir.Value:
        kind, every, down = vector(F32, 16), ir.Constant(I16, -1), I32(1)
        none = ir.Constant(kind, ir.Undefined)
        least = splat(F32, 16, -256.0)  # of which nothing is left; NaN becomes it, too
        exponent = code.build.select(code.build.fcmp_ordered(">", exponent, least), exponent, least)
        fraction = code.call("llvm.x86.avx512.mask.reduce.ps.512", kind, exponent, down, none, every, I32(4))
        power = _polynomial(code, fraction, _TO_ONE)
        return code.call("llvm.x86.avx512.mask.scalef.ps.512", kind, power, exponent, none, every, I32(4))


class _Dot(_X86):
    """With products of four bytes, summed."""

    flushes: ClassVar[int] = 0

    def start(self, code: Code) -> list[ir.Value]:
        return [splat(I32, self.lanes, 0)]

    def add_weights(self, code: Code, sums: Sequence[ir.Value], weights: ir.Value) -> list[ir.Value]:
        return [self.add_products(code, sums[0], weights, self.splat(1))]

    def flush(self, code: Code, sums: Sequence[ir.Value]) -> list[ir.Value]:
        return list(sums)

    def add_products(self, code: Code, total: ir.Value, weights: ir.Value, values: ir.Value) -> ir.Value:
        return code.call(f"llvm.x86.avx512.vpdpbusd.{8 * self.width}", vector(I32, self.lanes), total, weights, values)


class Avx2Vnni(_Dot, Avx2):
    """256 bits, with sums of four products."""


class _Vbmi(Avx512):
    """With shuffles of bytes over whole registers, two at a time: 128 entries, or twice that and a choice."""

    def load_table(self, code: Code, table: ir.Value, entries: int) -> list[ir.Value]:
        return [code.load(code.at(table, I32(i), I8), self.bytes()) for i in range(0, entries, self.width)]

    def lookup(self, code: Code, table: Sequence[ir.Value], index: ir.Value, span: int) -> ir.Value:
        name, kind = "llvm.x86.avx512.vpermi2var.qi.512", self.bytes()
        found = [code.call(name, kind, table[i], index, table[i + 1]) for i in range(0, len(table), 2)]
        if len(found) == 1:
            return found[0]
        return code.build.select(code.build.icmp_signed("<", index, self.splat(0)), found[1], found[0])


class Vbmi(_Vbmi):
    """512 bits, with shuffles of all bytes."""


class VbmiVnni(_Dot, _Vbmi):
    """512 bits, with shuffles of all bytes and sums of four products."""


class Neon(Machine):
    """128 bits, with shuffles over four registers and sums of four products."""

    signed: ClassVar[bool] = False

    def difference(self, code: Code, a: ir.Value, b: ir.Value, span: int) -> ir.Value:
        return code.call("llvm.aarch64.neon.uabd.v16i8", self.bytes(), a, b)

    def lookup(self, code: Code, table: Sequence[ir.Value], index: ir.Value, span: int) -> ir.Value:
        shift = (span // (16 * len(table))).bit_length() - 1
        index = code.build.lshr(index, self.splat(shift))
        return code.call(f"llvm.aarch64.neon.tbl{len(table)}.v16i8", self.bytes(), *table, index)

    def start(self, code: Code) -> list[ir.Value]:
        return [splat(I32, 4, 0)]

    def add_weights(self, code: Code, sums: Sequence[ir.Value], weights: ir.Value) -> list[ir.Value]:
        return [self.add_products(code, sums[0], weights, self.splat(1))]

    def add_products(self, code: Code, total: ir.Value, weights: ir.Value, values: ir.Value) -> ir.Value:
        return code.call("llvm.aarch64.neon.udot.v4i32.v16i8", vector(I32, 4), total, weights, values)

    def pack(self, code: Code, vectors: Sequence[ir.Value]) -> ir.Value:
        wide = code.shuffle(
            code.shuffle(vectors[0], vectors[1], range(8)), code.shuffle(vectors[2], vectors[3], range(8)), range(16)
        )  # fmt: skip
        low = code.call("llvm.smax.v16i32", vector(I32, 16), wide, splat(I32, 16, 0))
        high = code.call("llvm.umin.v16i32", vector(I32, 16), low, splat(I32, 16, 255))
        return code.build.trunc(high, self.bytes())

    def table_floats(self, code: Code, table: Sequence[ir.Value], index: ir.Value) -> ir.Value:
        """Shuffle the four bytes of each entry: tables of 64 bytes are four registers."""
        low = code.build.and_(index, splat(I32, 4, 16 * len(table) // 4 - 1))
        first = code.build.mul(low, splat(I32, 4, 0x04040404))
        places = code.build.add(first, splat(I32, 4, 0x03020100))
        registers = [code.build.bitcast(each, self.bytes()) for each in table]
        name = f"llvm.aarch64.neon.tbl{len(table)}.v16i8"
        found = code.call(name, self.bytes(), *registers, code.build.bitcast(places, self.bytes()))
        return code.build.bitcast(found, vector(F32, 4))


_MACHINES: dict[str, type[Machine]] = {
    "AVX-512 VBMI with VNNI": VbmiVnni,
    "AVX-512 VBMI": Vbmi,
    "AVX-512": Avx512,
    "AVX2 with VNNI": Avx2Vnni,
    "AVX2": Avx2,
    "NEON": Neon,
}


def machine(target: str) -> Machine | None:
    """Give the instruction set of a resolved target, or None if none here has tables in registers."""
    registers = targets.tables_in_registers(target)
    return None if registers is None else _MACHINES[registers.name](registers)
