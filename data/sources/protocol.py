"""What a source of images is, and what can be said of any."""

from __future__ import annotations

import operator
from typing import Any, Protocol, SupportsIndex, runtime_checkable

from numpy.typing import NDArray

from data.sources.digests import Digest


@runtime_checkable
class Source(Protocol):
    """Images with labels, by index: anything with ``len(source)`` and ``source[index]``.

    ``source[index]`` gives (image, label). The image is a numpy array of shape (H, W) or (H, W, 3) and dtype uint8,
    uint16 or float32, contiguous or not, maybe read-only. The label may be anything.

    A source may also have the methods ``fingerprint()`` and ``name_of(index)``; the functions ``fingerprint`` and
    ``name_of`` of ``data.sources`` use them, and do without them.

    Examples
    --------
    >>> import numpy as np
    >>> import data
    >>> isinstance(data.ArraySource(np.zeros((5, 28, 28), np.uint8)), data.Source)
    True
    """

    def __len__(self) -> int:
        """Count the images."""
        ...

    def __getitem__(self, index: int, /) -> tuple[NDArray[Any], Any]:
        """Give an image and its label."""
        ...


def fingerprint(source: Source) -> str:
    """Give a number that changes if the data set changes.

    Parameters
    ----------
    source : Source
        Of one without a method ``fingerprint``, only the class and the length are told apart.

    Returns
    -------
    str
        A SHA-256 in hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> import data
    >>> from data.sources import fingerprint
    >>> images = np.zeros((2, 28, 28), np.uint8)
    >>> fingerprint(data.ArraySource(images)) == fingerprint(data.ArraySource(images, labels=[7, 8]))
    False
    """
    own = getattr(source, "fingerprint", None)
    if callable(own):
        return str(own())
    kind = type(source)
    return Digest(f"{kind.__module__}.{kind.__qualname__}", len(source)).hexdigest()


def name_of(source: Source, index: SupportsIndex) -> str:
    """Name an image for people: by its file, or by its place in the source.

    Parameters
    ----------
    source : Source
        It may have a method ``name_of``.
    index : int
        Of the image; negative ones count from the end.

    Returns
    -------
    str
        Such as ``"image 17 of ArraySource(60000 images, uint8 (28, 28))"``.

    Examples
    --------
    >>> from data.sources import name_of
    >>> name_of([None] * 20, 17)
    'image 17 of list'
    """
    own = getattr(source, "name_of", None)
    if callable(own):
        return str(own(index))
    return f"image {operator.index(index)} of {type(source).__name__}"


def position(index: SupportsIndex, count: int, source: object) -> int:
    """Turn an index, maybe negative or numpy's, into one that counts from 0.

    Parameters
    ----------
    index : int
        What the user wrote in brackets.
    count : int
        Images in the source.
    source : object
        Whose name errors tell.

    Raises
    ------
    IndexError
        If there is no such image.
    TypeError
        If it is no integer.
    """
    try:
        place = operator.index(index)
    except TypeError:
        raise TypeError(
            f"index must be an integer, not {type(index).__name__}: sources are read image by image"
        ) from None
    if not -count <= place < count:
        raise IndexError(f"index {place} is out of range: {source!r} has {count} images")
    return place % count
