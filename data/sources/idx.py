"""IDX files: MNIST and its family."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from data.sources.arrays import ArraySource
from data.sources.paths import AnyPath, existing

#: Where Debian's package dataset-fashion-mnist has its files.
FASHION_MNIST = "/usr/share/datasets/fashion-mnist"

#: Types of numbers by their code; they are stored with the highest byte first.
_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


class IdxSource(ArraySource):
    """Images in an IDX file, the format of MNIST, and labels in another.

    A plain file is mapped into memory; one that gzip has packed is unpacked into memory. Copies of this source, in
    other processes, open the files again.

    Parameters
    ----------
    images : path
        A file of (N, H, W) bytes.
    labels : path, optional
        A file of N numbers, which come out as Python's, or of N rows. By default labels are the indices of the images.

    Attributes
    ----------
    images : ndarray
        (N, H, W), uint8, read-only.
    labels : ndarray or range
        As they are in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is no IDX file, too short or too long, or holds something else.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "train-images-idx3-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3]) + b"abcdef")
    ...     source = data.IdxSource(path)
    >>> source[1]
    (array([[100, 101, 102]], dtype=uint8), 1)
    """

    def __init__(self, images: AnyPath, labels: AnyPath | None = None) -> None:
        self._paths = existing(images, "images"), None if labels is None else existing(labels, "labels")
        pixels = read_idx(self._paths[0], "images")
        if pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise ValueError(f"images: {images} must hold uint8 (N, H, W), not {pixels.dtype} {pixels.shape}")
        super().__init__(pixels, None if self._paths[1] is None else read_idx(self._paths[1], "labels"))

    @classmethod
    def folder(cls, path: AnyPath, train: bool = True) -> IdxSource:
        """Open the files of a folder that have MNIST's names, packed by gzip or not.

        Parameters
        ----------
        path : path
            The folder.
        train : bool
            Whether to take ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or those of ``t10k``.

        Returns
        -------
        IdxSource

        Raises
        ------
        FileNotFoundError
            If one of them is missing.
        """
        root, start = existing(path, "path"), "train" if train else "t10k"
        return cls(_named(root, f"{start}-images-idx3-ubyte"), _named(root, f"{start}-labels-idx1-ubyte"))

    def __reduce__(self) -> Any:
        return type(self), self._paths

    def __deepcopy__(self, memo: Any) -> IdxSource:
        return self  # nothing in it can change


def _named(folder: str, name: str) -> str:
    """Find a file; the plain one first, which need not be unpacked."""
    for ending in ("", ".gz"):
        path = os.path.join(folder, name + ending)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"path: {folder} holds neither {name} nor {name}.gz")


def read_idx(path: str, argument: str) -> NDArray[Any]:
    """Read an IDX file.

    Parameters
    ----------
    path : str
        Plain or packed by gzip, whatever its name.
    argument : str
        What the caller's user calls it, for errors.

    Returns
    -------
    ndarray
        Of the shape in the file and read-only; bytes of a plain file are mapped, not read.

    Raises
    ------
    ValueError
        If it is no IDX file, or its size is not what its header says.
    """
    with open(path, "rb") as file, _errors_of(path, argument):
        packed = file.read(2) == _GZIP
        file.seek(0)
        array = _unpacked(file) if packed else _mapped(file)
    # Numbers in the machine's own order are faster, and there are few that are not bytes: labels.
    return array.astype(array.dtype.newbyteorder("="), copy=False)


@contextlib.contextmanager
def _errors_of(path: str, argument: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{argument}: {path} is damaged or truncated: {error}") from error
    except ValueError as error:
        raise ValueError(f"{argument}: {path} {error}") from error


def _mapped(file: BinaryIO) -> NDArray[Any]:
    dtype, shape, expected = _header(file)
    start = file.tell()
    _check_size(os.fstat(file.fileno()).st_size - start, expected)
    if not expected:  # nothing can be mapped
        return np.empty(shape, dtype)
    return np.asarray(np.memmap(file, dtype, "r", start, shape))  # a plain array is indexed faster


def _unpacked(file: BinaryIO) -> NDArray[Any]:
    with gzip.open(file) as packed:
        stream = cast(BinaryIO, packed)
        dtype, shape, expected = _header(stream)
        content = bytearray()
        # Bit by bit: a header may promise more than there is memory. The end is read for its checksum.
        while len(content) <= expected and (more := stream.read(min(_CHUNK, expected + 1 - len(content)))):
            content += more
    _check_size(len(content), expected)
    array = np.frombuffer(content, dtype).reshape(shape)
    array.flags.writeable = False
    return array


def _header(file: BinaryIO) -> tuple[str, tuple[int, ...], int]:
    """Give the dtype, the shape and the number of bytes that follow."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise ValueError(f"is no IDX file: it starts with {magic.hex(' ') or 'nothing'}, not with 00 00 08 03 or such")
    dtype, dimensions = _DTYPES[magic[2]], magic[3]
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise ValueError(f"is truncated: its header ends before the {dimensions} sizes")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    expected = np.dtype(dtype).itemsize
    for size in shape:
        expected *= size
    return dtype, shape, expected


def _check_size(size: int, expected: int) -> None:
    if size < expected:
        raise ValueError(f"is truncated: {expected} bytes must follow its header, {size} do")
    if size > expected:
        raise ValueError(f"is too long: {expected} bytes must follow its header, and there are more")
