"""Pickles of CIFAR, read without running anything that is in them.

A pickle names functions that are to be called. Here only those that rebuild arrays of bytes are known, and even these
are ours: numpy's own can be led to wrong memory.
"""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


class RefusedError(pickle.UnpicklingError):
    """Why a pickle is not read: the end of a sentence that starts with its name."""


def load(file: BinaryIO) -> Any:
    """Read a pickle of dicts, lists, numbers, strings, bytes and numpy arrays of uint8.

    Parameters
    ----------
    file : binary file
        Strings that Python 2 wrote are read as bytes.

    Returns
    -------
    object
        What was pickled.

    Raises
    ------
    RefusedError
        If the pickle names anything else, or makes no sense.
    """
    try:
        content = _Unpickler(file, encoding="bytes").load()
    except (RefusedError, MemoryError):
        raise
    except Exception as error:  # damaged pickles make the module raise nearly anything
        raise RefusedError(f"is no pickle, or damaged or truncated: {error}") from error
    if isinstance(content, dict):
        return {key: value.array if isinstance(value, _Array) else value for key, value in content.items()}
    return content


class _Dtype:
    """Stands for ``numpy.dtype``."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        if name not in ("u1", b"u1"):
            raise RefusedError(f"holds an array of {name!r}; only uint8 is read")

    def __setstate__(self, state: Any) -> None:
        """Ignore the order of bytes and the like, which bytes do not have."""


class _Array:
    """Stands for ``numpy.ndarray``."""

    array: NDArray[np.uint8] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, _, fortran, content = state
        self.array = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Array:
    """Make an array that gets its content later: for numpy's function of this name."""
    return _Array()


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """Make an array of bytes: for numpy's function, which newer pickles call."""
    made = _Array()
    made.__setstate__((1, shape, dtype, order == "F", content))
    return made


def _encode(text: str, encoding: str) -> bytes:
    """Make bytes of text: for ``codecs.encode``, by which Python 3 writes bytes into old pickles."""
    if encoding not in ("latin1", b"latin1"):
        raise RefusedError(f"asks for the encoding {encoding!r}; only latin1 is known")
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}
for _core in ("numpy.core", "numpy._core"):  # before numpy 2, and since
    _KNOWN[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _KNOWN[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise RefusedError(f"asks for {module}.{name}, which no data needs and which might do harm")
        return _KNOWN[module, name]
