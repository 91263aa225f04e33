"""What extern stages that average over taps have in common: their arguments, what they read, their rows.

They are given the images with their surroundings, the taps (rows, columns, whether it is a filler), what else the kind
of stage needs, the number of taps, the elements from pixel to pixel, the radius, and room for offsets.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from llvmlite import ir

from dsl.ir import TAP_NUMBERS
from dsl.registers.code import I32, PTR, Buffer, Code
from dsl.registers.rows import RowWriter


class WindowWriter(RowWriter):
    """Writes one function.

    Parameters
    ----------
    name : str
        Of the function.
    images : sequence of int
        Channels of each image that is given: first of what is averaged, then of the guide, if it is another one.
    kind, result : llvmlite type
        Of the elements of the images, and of the result.
    block : int
        Pixels of a row that are computed together.
    extra, sizes : int
        Buffers, and whole numbers, that it is given besides.
    """

    #: Columns that are read beyond a block and its taps.
    slack = 0

    def __init__(
        self, name: str, images: Sequence[int], kind: ir.Type, result: ir.Type, block: int, extra: int, sizes: int = 0
    ) -> None:
        self.channels, self.kind = images, kind
        count = len(images)
        code = Code(name, [PTR] * (count + 1 + extra) + [I32] * (sizes + 3) + [PTR] * 2)
        arguments = list(code.function.args)
        buffers = [Buffer(code, argument) for argument in arguments[: count + 1 + extra]]
        self.images, self.taps, self.extra = buffers[:count], buffers[count], buffers[count + 1 :]
        *self.sizes, self.count, self.step, self.radius, room, out = arguments[count + 1 + extra :]
        super().__init__(code, Buffer(code, out), result, block)
        self.room = Buffer(code, room)

    @abstractmethod
    def ask_extra(self) -> None:
        """Tell what is read of the buffers that are given besides."""

    @abstractmethod
    def prepare(self) -> None:
        """Write what is done once."""

    def write(self) -> str:
        """Write the function as LLVM IR."""
        code, build = self.code, self.code.build
        with code.otherwise_return(self._is_question()):
            self._answer()
        self.hosts = [image.host() for image in self.images]
        self._offsets()
        self.prepare()
        self.work()
        build.ret(I32(0))
        return code.text

    def lead(self) -> ir.Value:
        """Give the columns that are asked for to the left of what taps reach: for loads that cross no line of cache."""
        return I32(0)

    @abstractmethod
    def work(self) -> None:
        """Write what is done with the rows."""

    # --------------------------------------------------------------------------------------------------- questions

    def _is_question(self) -> ir.Value:
        asked = self.out.unknown()
        for buffer in (*self.images, self.taps, *self.extra, self.room):
            asked = self.code.build.or_(asked, buffer.unknown())
        return asked

    def _answer(self) -> None:
        """Tell what is read: of images as far as taps reach, and whole blocks even where a row is shorter."""
        code, build = self.code, self.code.build
        across = build.mul(self.radius, self.step)
        width = build.add(code.most(self.out.extent(0), I32(self.block)), build.mul(across, I32(2)))
        lead = self.lead()
        width = build.add(width, build.add(lead, I32(self.slack)))
        height = build.add(self.out.extent(1), build.mul(self.radius, I32(2)))
        for image, channels in zip(self.images, self.channels, strict=True):
            image.ask(0, build.sub(self.out.minimum(0), build.add(across, lead)), width)
            image.ask(1, build.sub(self.out.minimum(1), self.radius), height)
            if channels > 1:
                image.ask(2, I32(0), I32(channels))
        self.taps.ask(0, I32(0), I32(TAP_NUMBERS))
        self.taps.ask(1, I32(0), self.count)
        self.room.ask(0, I32(0), self.count)
        self.room.ask(1, I32(0), I32(len(self.images)))
        self.ask_extra()

    # ----------------------------------------------------------------------------------------------------- offsets

    def tap(self, index: ir.Value, number: int) -> ir.Value:
        """Load a number of a tap."""
        build = self.code.build
        place = build.add(build.mul(index, I32(TAP_NUMBERS)), I32(number))
        return self.code.load(self.code.at(self.taps_host, place, I32), I32)

    def _offsets(self) -> None:
        """Write where each tap lies from the pixel, for each image."""
        code, build = self.code, self.code.build
        self.taps_host, self.room_host = self.taps.host(), self.room.host()
        self.room_row = build.trunc(self.room.stride(1), I32)
        rows = [image.stride(1) for image in self.images]
        step = code.wide(self.step)
        with code.loop(I32(0), self.count, 1) as tap:
            down, right = code.wide(self.tap(tap.index, 0)), code.wide(self.tap(tap.index, 1))
            for i, row in enumerate(rows):
                offset = build.add(build.mul(down, row), build.mul(right, step))
                code.store(build.trunc(offset, I32), self._offset(tap.index, i))

    def _offset(self, tap: ir.Value, image: int) -> ir.Value:
        place = self.code.build.add(tap, self.code.build.mul(self.room_row, I32(image)))
        return self.code.at(self.room_host, place, I32)

    def offset(self, tap: ir.Value, image: int) -> ir.Value:
        """Load where a tap lies from the pixel, in elements of an image."""
        return self.code.wide(self.code.load(self._offset(tap, image), I32))


def images_given(values: int, guides: int, same: bool) -> tuple[int, ...]:
    """Give the channels of each image: what is averaged, then the guide, unless they are the ``same``."""
    return (values,) if same else (values, guides)


class BlockWriter(WindowWriter):
    """Writes a function that goes through the taps anew for every block."""

    @abstractmethod
    def means(self, here: Sequence[Sequence[ir.Value]]) -> list[Sequence[ir.Value]]:
        """Write the averages of a block whose first pixel is ``here``, by image and channel: vectors by channel."""

    def work(self) -> None:
        """Write what is done with the rows."""
        self.rows()

    def rows(self) -> None:
        """Write the loop over rows."""
        top = self.out.minimum(1)
        with self.code.loop(I32(0), self.out.extent(1), 1) as row:
            self._row(self.code.build.add(top, row.index))

    def _row(self, y: ir.Value) -> None:
        left = self.out.minimum(0)
        outs = self.places(self.out, self.out.host(), left, y, self.channels[0], self.result)
        with self.blocks() as x:
            here = [
                self.places(image, host, self.code.build.add(left, x), y, channels, self.kind)
                for image, host, channels in zip(self.images, self.hosts, self.channels, strict=True)
            ]
            for out, vectors in zip(outs, self.means(here), strict=True):
                self.store(out, x, vectors)
