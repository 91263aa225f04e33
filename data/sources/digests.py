"""Digests of labels, numbers and arrays that are the same in every process."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Types whose ``repr`` tells all values apart and is the same everywhere.
_PLAIN = (type(None), bool, int, float, str, bytes, range)
#: Images of a source that are looked at, and how many rows and columns of each.
_IMAGES = 256
_SIDE = 64


class Digest:
    """A SHA-256 of things, in order.

    Parameters
    ----------
    *things : object
        Numbers, strings, bytes, numpy arrays, and lists, tuples, sets and dicts of such. Others are pickled.
    """

    def __init__(self, *things: Any) -> None:
        self._hash = hashlib.sha256()
        self.add(*things)

    def add(self, *things: Any) -> None:
        """Take more things in."""
        for thing in things:
            self._hash.update(_framed(_encoded(thing)))

    def hexdigest(self) -> str:
        """Give the digest in hexadecimal digits."""
        return self._hash.hexdigest()


def spread(count: int, most: int) -> list[int]:
    """Choose so many of the numbers below ``count`` at most, evenly spread, with the first and the last."""
    if count <= most:
        return list(range(count))
    return [i * (count - 1) // (most - 1) for i in range(most)]


def sampled(images: NDArray[Any] | list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Give a part of the pixels, all of them if the images are few and small.

    Parameters
    ----------
    images : ndarray or list of ndarray
        Each (H, W) or (H, W, C).

    Returns
    -------
    list of ndarray
        Rows and columns, evenly spread, of images, evenly spread.
    """
    chosen = (images[i] for i in spread(len(images), _IMAGES))
    return [image[np.ix_(spread(image.shape[0], _SIDE), spread(image.shape[1], _SIDE))] for image in chosen]


def _framed(data: bytes) -> bytes:
    """Put the length before bytes, so that ("ab", "c") differs from ("a", "bc")."""
    return b"%d:" % len(data) + data


def _encoded(thing: Any) -> bytes:
    if isinstance(thing, (np.ndarray, np.generic)) and not thing.dtype.hasobject:
        return f"array {thing.dtype.str} {thing.shape} ".encode() + thing.tobytes()
    if isinstance(thing, np.ndarray):
        return _encoded(thing.tolist())
    if type(thing) in _PLAIN:
        return repr(thing).encode()
    if isinstance(thing, (list, tuple)):
        if set(map(type, thing)) <= set(_PLAIN):  # a million labels, quickly
            return f"sequence {list(thing)!r}".encode()
        return b"items " + b"".join(_framed(_encoded(each)) for each in thing)
    if isinstance(thing, (set, frozenset)):  # their order differs from process to process
        return b"set " + b"".join(sorted(_framed(_encoded(each)) for each in thing))
    if isinstance(thing, dict):
        return b"dict " + _encoded(list(thing.items()))
    return b"pickle " + pickle.dumps(thing, protocol=4)
