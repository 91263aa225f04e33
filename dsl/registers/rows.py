"""What extern stages have in common: rows of a result, written a block of pixels at a time."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from llvmlite import ir

from dsl.registers.code import I32, Buffer, Code


class RowWriter(ABC):
    """Writes one function.

    Parameters
    ----------
    code : Code
        The function.
    out : Buffer
        Its result.
    result : llvmlite type
        Of an element of that.
    block : int
        Pixels of a row that are computed together.
    """

    def __init__(self, code: Code, out: Buffer, result: ir.Type, block: int) -> None:
        self.code, self.out, self.result, self.block = code, out, result, block
        self.narrow = code.room(result, block)  # for rows that are shorter than a block

    @abstractmethod
    def put(self, vectors: Sequence[ir.Value], to: ir.Value) -> None:
        """Store one channel of a block."""

    @contextlib.contextmanager
    def blocks(self) -> Iterator[ir.Value]:
        """Write the loop over the blocks of a row; the last may overlap the one before."""
        code, build, width = self.code, self.code.build, self.out.extent(0)
        across = I32(self.block)
        count = build.sdiv(build.add(width, I32(self.block - 1)), across)
        last = code.most(build.sub(width, across), I32(0))
        with code.loop(I32(0), count, 1) as block:
            yield code.least(build.mul(block.index, across), last)

    def store(self, out: ir.Value, x: ir.Value, vectors: Sequence[ir.Value]) -> None:
        """Store a block at column ``x`` of a row of the result, or as much of it as the row is long."""
        code, build, width = self.code, self.code.build, self.out.extent(0)
        is_narrow = build.icmp_signed("<", width, I32(self.block))
        self.put(vectors, build.select(is_narrow, self.narrow, code.at(out, x, self.result)))
        with code.loop(I32(0), build.select(is_narrow, width, I32(0)), 1) as pixel:
            value = code.load(code.at(self.narrow, pixel.index, self.result), self.result)
            code.store(value, code.at(out, pixel.index, self.result))

    def places(
        self, buffer: Buffer, host: ir.Value, x: ir.Value, y: ir.Value, channels: int, kind: ir.Type
    ) -> list[ir.Value]:
        """Give where the pixel (x, y) of each channel lies."""
        code, build = self.code, self.code.build
        right = code.wide(build.sub(x, buffer.minimum(0)))
        first = build.add(right, build.mul(code.wide(build.sub(y, buffer.minimum(1))), buffer.stride(1)))
        if channels == 1:
            return [code.at(host, first, kind)]
        plane = buffer.stride(2)
        return [code.at(host, build.add(first, build.mul(plane, plane.type(c))), kind) for c in range(channels)]
