"""What filters with guides share: checking them, and going through the channels of an image beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays

#: Channels of a colour.
COLOR = 3
#: The greatest values of whole numbers.
PEAKS = {"uint8": 255.0, "uint16": 65535.0}


def channels(image: arrays.Array) -> int:
    """Give the channels that are told apart: three of a colour, one where each is filtered alone."""
    return COLOR if image.ndim > 2 and image.shape[-1] >= COLOR else 1


def check(guide: ArrayLike, image: arrays.Array, name: str = "guide") -> arrays.Array:
    """Check a guide: of the image's size, with one channel or a colour's three; two are a colour without a third."""
    array = arrays.check(guide, name)
    batch = 4 if image.ndim == 4 else 0
    if array.ndim == 3 and batch and array.shape == image.shape[:3]:
        array = array[..., None]
    size = image.shape[: 3 if batch else 2]
    if array.shape[: len(size)] != size or array.ndim not in (len(size), len(size) + 1):
        raise ValueError(f"{name} has shape {array.shape}, image {image.shape}; equal sizes are needed")
    return told(array) if array.ndim > len(size) else array


def told(image: arrays.Array) -> arrays.Array:
    """Give an image whose channels can be told apart: of two a colour without a third."""
    if image.ndim > 2 and image.shape[-1] == 2:
        return np.concatenate([image, np.zeros_like(image[..., :1])], axis=-1)
    return image


class Part(NamedTuple):
    """Channels of an image that are filtered together: one or three; with the guides, and where the result goes."""

    channels: int
    images: list[arrays.Array]
    result: arrays.Array


def parts(
    image: arrays.Array, guides: Sequence[arrays.Array], result: arrays.Array, *, alone: bool = False
) -> Iterator[Part]:
    """Go through the channels of an image, three at a time unless each is to be ``alone``.

    Beside a colour, what has one channel is a plane; where there is none, all images have the dimensions of the first.
    """
    kinds = list(map(channels, guides))
    count = image.shape[-1] if image.ndim > 2 else 1
    threes = 0 if alone else count - count % COLOR
    planes = [
        guide if kind == COLOR or guide.ndim == 2 else guide[..., 0] for guide, kind in zip(guides, kinds, strict=True)
    ]
    for first in range(0, threes, COLOR):
        part = np.s_[..., first : first + COLOR]
        yield Part(COLOR, [image[part], *planes], result[part])
    for channel in range(threes, count):
        if image.ndim == 2:
            yield Part(1, [image, *planes], result)
        elif COLOR in kinds:
            yield Part(1, [image[..., channel], *planes], result[..., channel])
        else:
            part = np.s_[..., channel : channel + 1]
            yield Part(1, [image[part], *(plane[..., None] for plane in planes)], result[part])


_PAD_MODES: dict[str, Any] = {
    "reflect101": "reflect",
    "reflect": "symmetric",
    "replicate": "edge",
    "wrap": "wrap",
    "constant": "constant",
}


def continued(
    images: Sequence[arrays.Array], radius: int, border: str, border_value: float
) -> tuple[list[arrays.Array], tuple[slice, ...]]:
    """Continue images by their border rule, so that halved ones meet a border only where pixels are left over.

    Above and on the left they may, under the rule that mirrors about the first pixel.

    Returns
    -------
    (list of arrays, tuple of slices)
        The images, of which the others may be planes beside the first, and where in it that one was.
    """
    before = 0 if border == "reflect101" else radius
    keywords = {"constant_values": border_value} if border == "constant" else {}
    first = _row_axis(images[0], images[0])

    def widened(image: arrays.Array) -> arrays.Array:
        axis = _row_axis(image, images[0])
        sides = [(0, 0)] * axis + [(before, radius)] * 2 + [(0, 0)] * (image.ndim - axis - 2)
        return np.pad(image, sides, _PAD_MODES[border], **keywords)

    rows, columns = (slice(before, before + size) for size in images[0].shape[first : first + 2])
    return list(map(widened, images)), (slice(None),) * first + (rows, columns)


def _row_axis(image: arrays.Array, first: arrays.Array) -> int:
    """Give the axis of the rows of an image, or of a plane beside a colour."""
    is_plane = image.ndim == 2 or image.ndim < first.ndim
    return image.ndim - 2 if is_plane else image.ndim - 3


def extent(image: arrays.Array) -> tuple[float, float] | None:
    """Give the range of an image's values: all that its dtype has, or those of float32; None if not all are finite."""
    if str(image.dtype) in PEAKS:
        return 0.0, PEAKS[str(image.dtype)]
    low, high = (float(image.min()), float(image.max())) if image.size else (0.0, 1.0)
    return (low, high) if np.isfinite(low) and np.isfinite(high) else None


def are_bytes(images: Sequence[arrays.Array], border: str, border_value: float) -> bool:
    """Tell whether whole numbers of eight bits are all there is, outside too."""
    outside = border != "constant" or border_value in range(256)
    return outside and all(image.dtype == np.uint8 for image in images)


def middle(image: arrays.Array) -> float:
    """Give a value among those of an image, to subtract before what squares them: the mean of some of its pixels."""
    rows = image[..., ::16, ::16] if image.ndim == 2 else image[..., ::16, ::16, :]
    found = float(np.mean(rows, dtype=np.float64)) if rows.size else 0.0
    return float(np.float32(found)) if np.isfinite(found) else 0.0


def all_finite(images: Sequence[Any]) -> bool:
    """Tell whether no image holds NaN or infinity."""
    return all(image.dtype != np.float32 or bool(np.isfinite(image).all()) for image in images)
