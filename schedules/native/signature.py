"""The arguments of a compiled pipeline as data: what the entry, the C header and Python agree on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

DType = Literal["uint8", "uint16", "float16", "float32", "int32"]
#: dtype -> (C type, LLVM type, Halide type code, bits)
TYPES: dict[str, tuple[str, str, int, int]] = {
    "uint8": ("uint8_t", "i8", 1, 8),
    "uint16": ("uint16_t", "i16", 1, 16),
    "float16": ("uint16_t", "half", 2, 16),  # its bits: C of before 2023 has no such type
    "float32": ("float", "float", 2, 32),
    "int32": ("int32_t", "i32", 0, 32),
}


#: Bytes of an argument in the rows that a batch's entry takes.
WORD = 8
#: Width and height of the images of a grid, as the entry names them.
SIDES = (("width", "height"), ("small_width", "small_height"))


@dataclass(frozen=True)
class Layout:
    """How the elements of an image lie in memory; rows are always any number of elements apart.

    Parameters
    ----------
    pitch : int
        Elements from one pixel to the next within a row; 0: as many as there are channels at run time, and
        the pipeline sees rows of ``width * channels`` elements.
    channels : int
        Components per pixel that the pipeline tells apart; 0: none, it sees one plane.
    planar : bool
        Components in planes of their own, any number of elements apart, instead of side by side.
    """

    pitch: int = 0
    channels: int = 0
    planar: bool = False


@dataclass(frozen=True)
class Image:
    """An image argument: a pointer and the elements between rows (and between planes, if planar).

    Of grid 0 it has the pipeline's width and height, of grid 1 those of the small images.
    """

    name: str
    dtype: DType
    layout: Layout
    output: bool = False
    grid: int = 0


@dataclass(frozen=True)
class Signature:
    """All arguments of a pipeline, in the order of its entry.

    The entry takes every image, inputs before outputs, then width, height and channels (and the small images' width and
    height, if there are some), then each table (pointer and length), then the scalars (float32), then the border rule
    and its value.
    """

    images: tuple[Image, ...]
    tables: tuple[str, ...]
    scalars: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give plain data, for ``json.dumps``."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Signature:
        """Read what :meth:`to_json` gave."""
        images = tuple(Image(**{**image, "layout": Layout(**image["layout"])}) for image in data["images"])
        return Signature(images, tuple(data["tables"]), tuple(data["scalars"]))

    @property
    def small_sides(self) -> tuple[str, ...]:
        """Name the arguments that are the small images' width and height, if there are such images."""
        return SIDES[1] if any(image.grid for image in self.images) else ()

    def parameters(self) -> list[tuple[str, str, str]]:
        """List the entry's parameters as (C type, LLVM type, name)."""
        found: list[tuple[str, str, str]] = []
        for image in self.images:
            const = "" if image.output else "const "
            found.append((f"{const}{TYPES[image.dtype][0]} *", "ptr", image.name))
            found.append(("int64_t ", "i64", f"{image.name}_stride"))
            if image.layout.planar:
                found.append(("int64_t ", "i64", f"{image.name}_plane_stride"))
        found += [("int32_t ", "i32", name) for name in (*SIDES[0], "channels", *self.small_sides)]
        for table in self.tables:
            found += [("const float *", "ptr", table), ("int32_t ", "i32", f"{table}_length")]
        found += [("float ", "float", name) for name in self.scalars]
        return [*found, ("int32_t ", "i32", "border"), ("float ", "float", "border_value")]


def numbered(name: str, count: int) -> list[str]:
    """Name that many outputs: by the name alone if there is one, with a number at its end if there are several."""
    return [name] if count == 1 else [f"{name}{i}" for i in range(count)]


#: Border rules by the number the entry takes; the meanings are OpenCV's.
BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
