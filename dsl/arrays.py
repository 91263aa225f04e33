"""Images as numpy arrays: what is accepted, how it lies in memory, which calls cover it without copying."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

DTYPES: dict[np.dtype[Any], str] = {np.dtype(name): name for name in ("uint8", "uint16", "float32")}
MAX_CHANNELS = 32
#: Halide indexes elements by 32-bit signed integers.
MAX_ELEMENTS = 2**31 - 1


def check(image: ArrayLike, name: str = "image") -> Array:
    """Return an image as a plain array, or raise.

    Raises
    ------
    TypeError
        If the dtype is not uint8, uint16 or float32.
    ValueError
        If the shape is none of (H, W), (H, W, C), (N, H, W, C), a side is zero, or the image is too large.
    """
    array = image if type(image) is np.ndarray else np.asarray(image)
    if array.dtype not in DTYPES:
        raise TypeError(f"{name} has dtype {array.dtype}; uint8, uint16 and float32 are accepted: {_hint(array)}")
    if array.ndim == 2:
        height, width = array.shape
        channels = 1
    elif array.ndim in (3, 4):
        height, width, channels = array.shape[-3:]
    else:
        raise ValueError(f"{name} has shape {array.shape}; (H, W), (H, W, C) and (N, H, W, C) are accepted")
    if not (height > 0 and width > 0 and 0 < channels <= MAX_CHANNELS):
        raise ValueError(f"{name} has shape {array.shape}: {_shape_advice(array)}")
    if height * max(width * channels, abs(array.strides[-min(array.ndim, 3)]) // array.itemsize) > MAX_ELEMENTS:
        raise ValueError(f"{name} has shape {array.shape}: more than 2**31 - 1 elements an image; filter it in tiles")
    return array


def check_plane(image: ArrayLike, name: str) -> Array:
    """Return a plane beside an image whose channels are told apart, (H, W) or (N, H, W), or raise; as :func:`check`."""
    array = image if type(image) is np.ndarray else np.asarray(image)
    if array.ndim not in (2, 3):
        raise ValueError(f"{name} has shape {array.shape}; beside colour it is one plane, (H, W) or (N, H, W)")
    return check(array[..., None], name)[..., 0]


def _hint(array: Array) -> str:
    if array.dtype.kind in "fiu":
        return "convert it with .astype(np.float32)"
    if array.dtype.kind == "b":
        return "convert it with .astype(np.uint8) * 255 or .astype(np.float32)"
    return "an array of numbers is needed"


def _shape_advice(array: Array) -> str:
    if 0 in array.shape[-3:]:
        return "no side may be zero"
    order = "np.moveaxis(image, 0, -1)" if array.ndim == 3 else "np.moveaxis(image, 1, -1)"
    first = array.shape[-3]
    if first <= 4:
        limit = f"the last axis must be the channels, at most {MAX_CHANNELS}"
        return f"{limit}; this looks like channels first: {order}"
    if array.ndim == 3:
        return f"at most {MAX_CHANNELS} channels; a stack of gray images (N, H, W) is passed as image[..., None]"
    return f"at most {MAX_CHANNELS} channels"


def check_out(out: Any, like: Array, inputs: Sequence[Array], name: str = "out") -> Array:
    """Return the array to write into, or raise before anything is written."""
    if type(out) is not np.ndarray:
        raise TypeError(f"{name} must be a numpy array, not {type(out).__name__}")
    if out.shape != like.shape or out.dtype != like.dtype:
        raise ValueError(
            f"{name} has shape {out.shape} and dtype {out.dtype}; {like.shape} and {like.dtype} are needed"
        )
    if not out.flags.writeable:
        raise ValueError(f"{name} is read-only")
    if any(_shares(out, array) for array in inputs):
        raise ValueError(f"{name} overlaps an input: results would be read again as input")
    return out


def check_outs(outs: Any, count: int, like: Array, inputs: Sequence[Array]) -> list[Array]:
    """Return the arrays to write several results into, or raise before anything is written."""
    if not isinstance(outs, (tuple, list)):
        raise TypeError(f"out must be a tuple of {count} numpy arrays, not {type(outs).__name__}")
    if len(outs) != count:
        raise ValueError(f"out has {len(outs)} arrays; {count} are needed")
    checked = [check_out(out, like, inputs, f"out[{i}]") for i, out in enumerate(outs)]
    for (i, a), (j, b) in itertools.combinations(enumerate(checked), 2):
        if _shares(a, b):
            raise ValueError(f"out[{i}] and out[{j}] overlap; each result needs memory of its own")
    return checked


def _shares(a: Array, b: Array) -> bool:
    budget: Any = 10_000  # numpy's annotations know only of 0 and -1
    try:
        return np.may_share_memory(a, b) and np.shares_memory(a, b, max_work=budget)
    except np.exceptions.TooHardError:
        return True


@dataclass(frozen=True)
class Placement:
    """How the images of a call lie in memory, structurally.

    Parameters
    ----------
    pitch : int
        Elements from pixel to pixel; 0 in mode ``"rows"``, where rows are dense.
    planar : bool
        Channels in planes of their own, in mode ``"color"``.
    """

    pitch: int
    planar: bool = False


#: One native call: for every image its address, elements between rows (planes); then width, height, channels; and width
#: and height of small images, if there are some.
Job = tuple[int, ...]


def rows_axis(array: Array, *, plane: bool = False) -> int:
    """Give the axis of an image's rows, that of its columns is next; ``plane`` if channels have no axis beside it."""
    return array.ndim - 2 if plane or array.ndim == 2 else array.ndim - 3


def for_device(images: Sequence[Array], outs: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """Give images in one piece of memory, and room in one for results: what goes to a device and back is all of it."""
    # Strides are compared, not flags: of a single row any stride is contiguous to numpy, but not to a driver.
    rooms = [(array, np.empty(array.shape, array.dtype)) for array in (*images, *outs)]
    same = [array if array.strides == room.strides else room for array, room in rooms]
    for (image, _), found in zip(rooms[: len(images)], same, strict=False):
        if found is not image:
            found[...] = image
    return same[: len(images)], same[len(images) :]


def place(
    mode: str, images: Sequence[Array], outs: Sequence[Array], channels: Sequence[int], grids: Sequence[int]
) -> tuple[Placement, Iterator[Job], list[Array]]:
    """Plan the native calls that filter ``images`` into ``outs``.

    What cannot be addressed as it lies is copied first. Returned are the placement that all arrays share, the
    calls, and the arrays they write to: each of ``outs`` itself, or one to be copied to it. ``channels`` says of each
    image how many the program tells apart; where it does of some, the others are planes. ``grids`` says whose size each
    image has: see :class:`dsl.ir.Image`.
    """
    if mode == "color":
        return _place_colors(images, outs, channels, grids)
    planner = {"rows": _rows, "planes": _planes}[mode]
    arrays, (placement, split) = _alike(images, outs, planner, lambda array, fill: _dense(array, mode, fill=fill))
    return placement, _jobs(arrays, split, mode, grids), arrays[len(images) :]


def _alike(
    images: Sequence[Array],
    outs: Sequence[Array],
    planner: Callable[[Array], _Plan | None],
    dense: Callable[[Array, bool], Array],
) -> tuple[list[Array], _Plan]:
    """Give arrays that all have one placement: those that came, or copies."""
    arrays = [*images, *outs]
    plans = [planner(array) for array in arrays]
    shared = plans[0]
    if shared is None or any(plan != shared for plan in plans):
        arrays = [dense(array, i < len(images)) for i, array in enumerate(arrays)]
        shared = planner(arrays[0])
    if shared is None:
        raise AssertionError("a dense copy can be addressed")
    return arrays, shared


def _place_colors(
    images: Sequence[Array], outs: Sequence[Array], channels: Sequence[int], grids: Sequence[int]
) -> tuple[Placement, Iterator[Job], list[Array]]:
    """Plan calls for images whose channels are told apart, and for planes beside them."""
    count = max(channels)
    colored = [*map(bool, channels), *[bool(channels[0])] * len(outs)]
    arrays = [*images, *outs]
    is_input = [i < len(images) for i in range(len(arrays))]
    kinds = list(zip(arrays, colored, is_input, strict=True))
    planes = iter([_plane(array, fill=fill) for array, color, fill in kinds if not color])
    same, (placement, _) = _alike(
        [array for array, color, fill in kinds if color and fill],
        [array for array, color, fill in kinds if color and not fill],
        lambda array: _color(array, count),
        lambda array, fill: _dense(array[..., :count], "color", fill=fill),
    )
    colors = iter(same)
    placed = [next(colors if color else planes) for color in colored]
    return placement, _color_jobs(placed, colored, placement, grids), placed[len(images) :]


def _plane(array: Array, *, fill: bool) -> Array:
    size, strides = array.itemsize, array.strides
    if array.flags.aligned and strides[-1] == size and strides[-2] % size == 0:
        return array
    return np.ascontiguousarray(array) if fill else _room(array)


# A plan is the placement, and whether channels are calls of their own.
_Plan = tuple[Placement, bool]
_PACKED_ROWS: _Plan = (Placement(0), False)
_PLANAR_ROWS: _Plan = (Placement(0), True)


def _rows(array: Array) -> _Plan | None:
    if not array.flags.aligned:
        return None
    size, shape, strides = array.itemsize, array.shape, array.strides
    if len(shape) == 2:
        return _PACKED_ROWS if strides[0] % size == 0 and (strides[1] == size or shape[1] == 1) else None
    _, width, count = shape[-3:]
    row, pixel, channel = strides[-3:]
    if row % size:
        return None
    if (channel == size or count == 1) and (pixel == size * count or width == 1):
        return _PACKED_ROWS
    return _PLANAR_ROWS if pixel == size or width == 1 else None


def _planes(array: Array) -> _Plan | None:
    size, width = array.itemsize, array.shape[1 if array.ndim == 2 else -2]
    row, pixel = array.strides[:2] if array.ndim == 2 else array.strides[-3:-1]
    if not array.flags.aligned or row % size or pixel % size:
        return None
    pitch = pixel // size if width > 1 else 1
    return (Placement(pitch), array.ndim > 2) if 1 <= pitch <= 4 else None


def _color(array: Array, channels: int) -> _Plan | None:
    size, width = array.itemsize, array.shape[-2]
    row, pixel, channel = array.strides[-3:]
    if not array.flags.aligned or row % size or pixel % size or channel % size:
        return None
    pitch = pixel // size if width > 1 else array.shape[-1]
    if channel == size and channels <= pitch <= 4:
        return Placement(pitch), False
    near = abs(channel // size) * array.shape[-1] <= MAX_ELEMENTS
    return (Placement(1, planar=True), False) if pitch == 1 and near else None


def _dense(array: Array, mode: str, *, fill: bool) -> Array:
    """Copy an array to where any plan can address it; an output needs only the room."""
    if mode == "planes" and array.ndim > 2:  # planes of their own serve any number of channels
        planar = np.ascontiguousarray(np.moveaxis(array, -1, -3)) if fill else _room(np.moveaxis(array, -1, -3))
        return np.moveaxis(planar, -3, -1)
    return np.ascontiguousarray(array) if fill else _room(array)


def _room(array: Array) -> Array:
    return np.empty(array.shape, array.dtype)


def _extents(arrays: Sequence[Array], colored: Sequence[bool], grids: Sequence[int], channels: int) -> tuple[int, ...]:
    """Give width, height and channels; and width and height of small images, if there are some."""
    sides: dict[int, tuple[int, ...]] = {}
    for array, color, grid in zip(arrays, colored, grids, strict=False):  # those behind are results
        axis = rows_axis(array, plane=not color)
        sides.setdefault(grid, array.shape[axis : axis + 2][::-1])
    return (*sides[0], channels, *sides.get(1, ()))


def _jobs(arrays: list[Array], split: bool, mode: str, grids: Sequence[int]) -> Iterator[Job]:
    """Go through images of a batch, and channels where each is a call."""
    first = arrays[0]
    size = [array.itemsize for array in arrays]
    channels = first.shape[-1] if first.ndim > 2 else 1
    per_call = channels if mode == "rows" and not split else 1
    extents = _extents(arrays, [True] * len(arrays), grids, per_call)
    if first.ndim == 2:
        yield _job(arrays, [a.ctypes.data for a in arrays], size, extents)
        return
    planes = range(channels) if split else range(1)
    for n in range(first.shape[0] if first.ndim == 4 else 1):
        for c in planes:
            addresses = [
                a.ctypes.data + (n * a.strides[0] if a.ndim == 4 else 0) + (c * a.strides[-1] if split else 0)
                for a in arrays
            ]
            yield _job(arrays, addresses, size, extents)


def _color_jobs(
    arrays: list[Array], colored: Sequence[bool], placement: Placement, grids: Sequence[int]
) -> Iterator[Job]:
    """Go through images of a batch; planes have no axis of channels."""
    kinds = list(zip(arrays, colored, strict=True))
    extents = _extents(arrays, colored, grids, 1)
    batch = arrays[0].shape[0] if arrays[0].ndim > 2 + colored[0] else 1
    for n in range(batch):
        job: list[int] = []
        for array, color in kinds:
            row = -3 if color else -2
            start = n * array.strides[0] if array.ndim > 2 + color else 0
            job += (array.ctypes.data + start, array.strides[row] // array.itemsize)
            if color and placement.planar:
                job.append(array.strides[-1] // array.itemsize)
        yield (*job, *extents)


def _job(
    arrays: list[Array],
    addresses: list[int],
    size: list[int],
    extents: tuple[int, ...],
) -> Job:
    job: list[int] = []
    for array, address, itemsize in zip(arrays, addresses, size, strict=True):
        job += (address, array.strides[0 if array.ndim == 2 else -3] // itemsize)
    return (*job, *extents)
