"""Writes LLVM IR: functions that Halide calls as extern stages, their loops, the buffers they are given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from llvmlite import ir

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
F32, PTR = ir.FloatType(), ir.PointerType()
_DIMENSION = ir.LiteralStructType([I32] * 4)
_HEAD = ir.LiteralStructType([I64, PTR, PTR, I64, ir.LiteralStructType([I8, I8, I16]), I32, PTR, PTR])
_HOST, _DEVICE, _DIMENSIONS = 2, 0, 6
_MIN, _EXTENT, _STRIDE = range(3)


def vector(kind: ir.Type, lanes: int) -> ir.VectorType:
    """Give a vector type."""
    return ir.VectorType(kind, lanes)


def splat(kind: ir.Type, lanes: int, value: float) -> ir.Constant:
    """Give a vector of one number."""
    return ir.Constant(vector(kind, lanes), [value] * lanes)


@dataclass
class Loop:
    """A loop: its index, what it carries from turn to turn (afterwards: what it ended with), and how far it goes on."""

    index: ir.Value
    values: list[ir.Value]
    step: ir.Value
    following: list[ir.Value] | None = None


class Buffer:
    """A ``halide_buffer_t`` that a function was given."""

    def __init__(self, code: Code, argument: ir.Value) -> None:
        self._code, self._argument = code, argument

    def _field(self, index: int) -> ir.Value:
        return self._code.part(self._argument, [I32(0), I32(index)], _HEAD)

    def _dimension(self, axis: int, field: int) -> ir.Value:
        dimensions = self._code.build.load(self._field(_DIMENSIONS), typ=PTR)
        return self._code.part(dimensions, [I32(axis), I32(field)], _DIMENSION)

    def host(self) -> ir.Value:
        """Load where its memory is."""
        return self._code.build.load(self._field(_HOST), typ=PTR)

    def minimum(self, axis: int) -> ir.Value:
        """Load the first index along an axis."""
        return self._code.build.load(self._dimension(axis, _MIN), typ=I32)

    def extent(self, axis: int) -> ir.Value:
        """Load the number of indices along an axis."""
        return self._code.build.load(self._dimension(axis, _EXTENT), typ=I32)

    def stride(self, axis: int) -> ir.Value:
        """Load the elements from index to index along an axis, in 64 bits."""
        return self._code.build.sext(self._code.build.load(self._dimension(axis, _STRIDE), typ=I32), I64)

    def broadcast(self, count: int, lanes: int) -> list[ir.Value]:
        """Load the first floats, each into every lane of a vector."""
        code, host = self._code, self.host()
        return [code.broadcast(code.load(code.at(host, I32(i), F32), F32), lanes) for i in range(count)]

    def unknown(self) -> ir.Value:
        """Tell whether this asks which part is needed: it has no memory."""
        build = self._code.build
        device = build.load(self._field(_DEVICE), typ=I64)
        no_host = build.icmp_unsigned("==", build.ptrtoint(self.host(), I64), I64(0))
        return build.and_(no_host, build.icmp_unsigned("==", device, I64(0)))

    def ask(self, axis: int, minimum: ir.Value, extent: ir.Value) -> None:
        """Answer it for one axis."""
        self._code.build.store(minimum, self._dimension(axis, _MIN))
        self._code.build.store(extent, self._dimension(axis, _EXTENT))


class Code:
    """One function, ``i32 NAME(arguments)``, in a module of its own."""

    def __init__(self, name: str, arguments: Sequence[ir.Type]) -> None:
        self.module = ir.Module(name=name)
        kind = ir.FunctionType(I32, list(arguments))
        self.function = ir.Function(self.module, kind, name)
        self.function.linkage = "weak_odr"  # one name, one code: several libraries may bring it
        self.build = ir.IRBuilder(self.function.append_basic_block("entry"))

    @property
    def text(self) -> str:
        """The module as text."""
        return str(self.module)

    def call(self, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
        """Call an intrinsic, declared as its first call needs it."""
        if name not in self.module.globals:
            kind = ir.FunctionType(result, [argument.type for argument in arguments])
            ir.Function(self.module, kind, name)
        return self.build.call(self.module.globals[name], arguments)

    @contextlib.contextmanager
    def loop(self, start: ir.Value, stop: ir.Value, step: int, carried: Sequence[ir.Value] = ()) -> Iterator[Loop]:
        """Write a loop; its body sets ``following`` if it carries something, and may set another ``step``."""
        before, build = self.build.block, self.build
        header, body, after = (self.function.append_basic_block(name) for name in ("turn", "body", "after"))
        build.branch(header)
        build.position_at_end(header)
        index = build.phi(start.type)
        index.add_incoming(start, before)
        values = [build.phi(value.type) for value in carried]
        for phi, value in zip(values, carried, strict=True):
            phi.add_incoming(value, before)
        build.cbranch(build.icmp_signed("<", index, stop), body, after)
        build.position_at_end(body)
        found = Loop(index, list(values), start.type(step))
        yield found
        index.add_incoming(build.add(index, found.step), build.block)
        for phi, value in zip(values, found.following or [], strict=True):
            phi.add_incoming(value, build.block)
        build.branch(header)
        build.position_at_end(after)

    @contextlib.contextmanager
    def otherwise_return(self, condition: ir.Value) -> Iterator[None]:
        """Write what is done under a condition before the function returns 0; the code goes on for when it fails."""
        then, after = self.function.append_basic_block("answer"), self.function.append_basic_block("work")
        self.build.cbranch(condition, then, after)
        self.build.position_at_end(then)
        yield
        self.build.ret(I32(0))
        self.build.position_at_end(after)

    def at(self, pointer: ir.Value, index: ir.Value, kind: ir.Type) -> ir.Value:
        """Give the address of an element."""
        return self.part(pointer, [index], kind)

    def part(self, pointer: ir.Value, path: Sequence[ir.Value], kind: ir.Type) -> ir.Value:
        """Give the address of a part of something."""
        found = self.build.gep(pointer, path, source_etype=kind)
        found.type = PTR  # llvmlite gives it the type of pointers before they were opaque
        return found

    def room(self, kind: ir.Type, count: int) -> ir.Value:
        """Reserve memory for the time of the call; to be asked for before any loop."""
        found = self.build.alloca(kind, I32(count))
        found.align, found.type = 64, PTR
        return found

    def load(self, pointer: ir.Value, kind: ir.Type) -> ir.Value:
        """Load from any address."""
        return self.build.load(pointer, typ=kind, align=1)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        """Store to any address."""
        self.build.store(value, pointer, align=1)

    def load_row(self, pointer: ir.Value, kind: ir.VectorType, count: int) -> list[ir.Value]:
        """Load vectors that lie side by side."""
        places = (self.at(pointer, I32(i * kind.count), kind.element) for i in range(count))
        return [self.load(place, kind) for place in places]

    def store_row(self, vectors: Sequence[ir.Value], pointer: ir.Value) -> None:
        """Store vectors side by side."""
        for i, each in enumerate(vectors):
            self.store(each, self.at(pointer, I32(i * each.type.count), each.type.element))

    def broadcast(self, value: ir.Value, lanes: int) -> ir.Value:
        """Put one number into every lane."""
        kind = vector(value.type, lanes)
        single = self.build.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
        return self.shuffle(single, single, [0] * lanes)

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: Iterable[int]) -> ir.Value:
        """Choose lanes of two vectors, known ahead."""
        chosen = list(lanes)
        return self.build.shuffle_vector(a, b, ir.Constant(vector(I32, len(chosen)), chosen))

    def multiply_add(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """Give ``a * b + c`` of float vectors, rounded once."""
        return self.call(f"llvm.fma.v{a.type.count}f32", a.type, a, b, c)

    def least(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Give the smaller of two signed integers."""
        return self.build.select(self.build.icmp_signed("<", a, b), a, b)

    def most(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Give the larger of two signed integers."""
        return self.build.select(self.build.icmp_signed(">", a, b), a, b)

    def wide(self, value: ir.Value) -> ir.Value:
        """Give an index in 64 bits."""
        return self.build.sext(value, I64)
