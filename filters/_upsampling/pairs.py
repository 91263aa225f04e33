"""Images of two sizes: checks, and going through their parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsl import arrays
from filters import _guides


def sides(image: arrays.Array) -> tuple[int, ...]:
    """Give height and width."""
    axis = arrays.rows_axis(image)
    return image.shape[axis : axis + 2]


def sized(image: arrays.Array, wanted: Sequence[int]) -> arrays.Array:
    """Give room for an image like another one, of other height and width."""
    axis = arrays.rows_axis(image)
    return np.empty((*image.shape[:axis], *wanted, *image.shape[axis + 2 :]), image.dtype)


def each(image: arrays.Array) -> arrays.Array:
    """Go through the images of a batch."""
    return image if image.ndim == 4 else image[None]


def channel_count(image: arrays.Array) -> int:
    """Give the number of channels."""
    return image.shape[-1] if image.ndim > 2 else 1


def checked(source: ArrayLike, low_source: ArrayLike, low_result: ArrayLike) -> tuple[arrays.Array, ...]:
    """Check an image, its small copy, and what a filter made of that."""
    full, low, filtered = (
        arrays.check(image, name)
        for image, name in ((source, "source"), (low_source, "low_source"), (low_result, "low_result"))
    )
    if low.dtype != full.dtype:
        raise TypeError(f"low_source has dtype {low.dtype}, source {full.dtype}; equal ones are needed")
    if sized(full, ()).shape != sized(low, ()).shape:
        raise ValueError(
            f"low_source has shape {low.shape}, source {full.shape}; equal channels and batches are needed"
        )
    if (sides(filtered), batch(filtered)) != (sides(low), batch(low)):
        raise ValueError(
            f"low_result has shape {filtered.shape}, low_source {low.shape}; equal sizes and batches are needed"
        )
    return full, low, filtered


def batch(image: arrays.Array) -> int | None:
    """Give the number of images in a batch."""
    return len(image) if image.ndim == 4 else None


class Part(NamedTuple):
    """Channels that go through one program: how many of the result and of the source, and the images."""

    result: int
    source: int
    images: list[arrays.Array]
    into: arrays.Array


def parts(
    low_result: arrays.Array, source: arrays.Array, low_source: arrays.Array, result: arrays.Array
) -> Iterator[Part]:
    """Go through the channels of one image, three at a time: each by its own of the source, or all by its colour."""
    count = channel_count(low_result)
    if count == 1 or count != channel_count(source):
        guides = [_guides.told(image) for image in (source, low_source)]
        for part in _guides.parts(low_result, guides, result):
            yield Part(part.channels, _guides.channels(guides[0]), part.images, part.result)
        return
    images, threes = (low_result, source, low_source), count - count % _guides.COLOR
    for first in range(0, threes, _guides.COLOR):
        place = np.s_[..., first : first + _guides.COLOR]
        yield Part(_guides.COLOR, _guides.COLOR, [image[place] for image in images], result[place])
    for channel in range(threes, count):
        yield Part(1, 1, [image[..., channel] for image in images], result[..., channel])


def filled(images: Sequence[arrays.Array], valid: NDArray[np.bool_]) -> list[arrays.Array]:
    """Give images of which each pixel is that of the nearest one that is valid; as they are if none is.

    The nearest are found by jump flooding, in steps of half the size, a quarter, and so on.
    """
    if valid.all() or not valid.any():
        return list(images)
    height, width = valid.shape
    rows, columns = np.indices(valid.shape)
    far = 4 * (height + width)
    nearest = [np.where(valid, rows, -far), np.where(valid, columns, -far)]
    step = 1 << max(height, width).bit_length()
    while step := step // 2:
        for dy, dx in ((y, x) for y in (-step, 0, step) for x in (-step, 0, step)):
            at = np.ix_(np.clip(np.arange(height) + dy, 0, height - 1), np.clip(np.arange(width) + dx, 0, width - 1))
            other = [each[at] for each in nearest]
            distances = [(y - rows) ** 2 + (x - columns) ** 2 for y, x in (other, nearest)]
            nearer = distances[0] < distances[1]
            nearest = [np.where(nearer, new, old) for new, old in zip(other, nearest, strict=True)]
    place = tuple(nearest)
    return [np.ascontiguousarray(image[place]) for image in images]


def check_valid(valid: Any, low: arrays.Array) -> NDArray[np.bool_] | None:
    """Check which small pixels count: give it for each image of a batch."""
    if valid is None:
        return None
    array = np.asarray(valid)
    if array.dtype != np.bool_:
        raise TypeError(f"valid must be an array of bool, not of {array.dtype}")
    wanted = sides(low) if low.ndim < 4 else (len(low), *sides(low))
    if array.shape not in (wanted, sides(low)):
        raise ValueError(f"valid has shape {array.shape}; {tuple(wanted)}, as low_source, is needed")
    return np.broadcast_to(array, (len(each(low)), *sides(low)))


def check_guide(guide: ArrayLike, source: arrays.Array) -> arrays.Array:
    """Check what is read in the source's place: of its size, with one channel or as many."""
    array = arrays.check(guide, "guide")
    known = {source.shape, source.shape[:-1] if source.ndim > 2 else source.shape}
    if array.shape not in known and (sides(array) != sides(source) or batch(array) != batch(source)):
        raise ValueError(f"guide has shape {array.shape}, source {source.shape}; equal sizes and batches are needed")
    return array[..., None] if source.ndim == 4 and array.ndim == 3 else array
