"""Images that are in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from data.sources.digests import Digest, sampled
from data.sources.protocol import position

Array = NDArray[Any]

_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))
_SHAPES = "(N, H, W), (N, H, W, 1) or (N, H, W, 3)"
_SHAPES_OF_ONE = "(H, W), (H, W, 1) or (H, W, 3)"


class ArraySource:
    """Images in memory; ``source[i]`` is a view, nothing is copied.

    Parameters
    ----------
    images : array_like or sequence of array_like
        An array of shape (N, H, W) or (N, H, W, C), or arrays of shape (H, W) or (H, W, C) and of any sizes. There are
        1 or 3 channels C; one channel is given as (H, W). dtype uint8, uint16 or float32, the same for all images.
        Tensors and other objects with ``__array__`` are taken, too.
    labels : sequence, optional
        One label for each image, of any kind; numbers in numpy arrays come out as Python's. By default labels are the
        indices of the images.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or dtype is not among these, or if the numbers of images and labels differ.

    Examples
    --------
    >>> import numpy as np
    >>> import data
    >>> source = data.ArraySource(np.zeros((100, 28, 28), np.uint8), labels=["cat", "dog"] * 50)
    >>> image, label = source[-1]
    >>> len(source), image.shape, label
    (100, (28, 28), 'dog')
    """

    images: Array | list[Array]

    def __init__(self, images: Any, labels: Any = None) -> None:
        whole = _array(images)
        if whole is None or (whole.dtype == object and whole.ndim == 1):
            self.images = _several(images)
        else:
            self.images = _whole(whole)
        self.labels = _labels(labels, len(self.images))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: SupportsIndex) -> tuple[Array, Any]:
        """Give an image, as a view, and its label."""
        place = position(index, len(self), self)
        label = self.labels[place]
        return self.images[place], label.item() if isinstance(label, np.generic) else label

    def __repr__(self) -> str:
        images = self.images
        if isinstance(images, np.ndarray):
            return f"{type(self).__name__}({len(self)} images, {images.dtype} {images.shape[1:]})"
        return f"{type(self).__name__}({len(self)} images" + (f", {_described(images[0])})" if images else ")")

    def name_of(self, index: SupportsIndex) -> str:
        """Name an image by its place."""
        return f"image {position(index, len(self), self)} of {self!r}"

    def fingerprint(self) -> str:
        """Give a number that changes if shapes, dtype, labels or pixels change; of many pixels it looks at some."""
        digest = Digest(type(self).__name__, len(self))
        if isinstance(self.images, np.ndarray):
            digest.add(self.images.shape)
        else:
            digest.add([image.shape for image in self.images])
        digest.add(*sampled(self.images))
        digest.add(self.labels if isinstance(self.labels, (np.ndarray, range)) else list(self.labels))
        return digest.hexdigest()


def _array(thing: Any) -> Array | None:
    """Give an array without copying; None if the thing is none."""
    if isinstance(thing, np.ndarray) or hasattr(thing, "__array__") or hasattr(thing, "__array_interface__"):
        return np.asarray(thing)
    return None


def _whole(images: Array) -> Array:
    """Check all images at once."""
    if images.ndim not in (3, 4):
        hint = "; for one image, pass images[None]" if images.ndim == 2 else ""
        raise ValueError(f"images must be of shape {_SHAPES}, not {images.shape}{hint}")
    return _checked(images, "images", images.shape[1:])


def _several(images: Any) -> list[Array]:
    """Check a sequence of images."""
    if isinstance(images, (str, bytes, Mapping)) or not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise TypeError(f"images must be an array or a sequence of arrays, not {type(images).__name__}")
    found: list[Array] = []
    for i in range(len(images)):
        name, image = f"images[{i}]", _array(images[i])
        if image is None:
            raise TypeError(f"{name} must be an array, not {type(images[i]).__name__}")
        if image.ndim not in (2, 3):
            raise ValueError(f"{name} must be of shape {_SHAPES_OF_ONE}, not {image.shape}")
        found.append(_checked(image, name, image.shape))
        if (found[i].dtype, found[i].ndim) != (found[0].dtype, found[0].ndim):
            raise ValueError(f"{name} is {_described(found[i])}, but images[0] is {_described(found[0])}: convert one")
    return found


def _described(image: Array) -> str:
    return f"{image.dtype} {'gray' if image.ndim == 2 else 'colour'}"


def _checked(array: Array, name: str, shape: tuple[int, ...]) -> Array:
    """Check the dtype of images and the shape of each; leave out the axis of a single channel."""
    accepted = _SHAPES if len(shape) < array.ndim else _SHAPES_OF_ONE
    if array.dtype not in _DTYPES:
        better = "uint16" if array.dtype == _DTYPES[1].newbyteorder() else "float32"
        raise ValueError(
            f"{name} must be uint8, uint16 or float32, not {array.dtype}; convert with .astype(np.{better})"
        )
    if 0 in shape:
        raise ValueError(f"{name} must not be empty; the shape {array.shape} has no pixels")
    if len(shape) == 2:
        return array
    if shape[2] in (1, 3):
        return array[..., 0] if shape[2] == 1 else array
    if shape[0] in (1, 3):
        fix = f"channels come last: pass np.moveaxis({name}, {array.ndim - 3}, -1)"
    else:
        fix = "pass [..., :3] to leave out alpha" if shape[2] == 4 else "choose 1 or 3 channels"
    raise ValueError(f"{name} must be of shape {accepted}, not {array.shape}; {fix}")


def _labels(labels: Any, count: int) -> Array | Sequence[Any]:
    if labels is None:
        return range(count)
    found: Any = labels if (array := _array(labels)) is None else array  # pandas indexes by names, arrays by places
    sized = hasattr(found, "__len__") and hasattr(found, "__getitem__") and getattr(found, "ndim", 1) > 0
    if not sized or isinstance(found, Mapping):
        raise TypeError(f"labels must be a sequence, not {type(labels).__name__}")
    if len(found) != count:
        raise ValueError(f"labels must hold one label for each of {count} images, {len(found)} came")
    return found  # type: ignore[no-any-return]
