"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import functools
import gzip
import os
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from data.sources import unpickling
from data.sources.arrays import ArraySource
from data.sources.paths import AnyPath, existing

_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Version:
    """One of the two data sets: its files and what is in them."""

    title: str
    folder: str
    meta: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str
    labels: str

    def batches(self, train: bool) -> tuple[str, ...]:
        return self.train if train else self.test


_CIFAR10 = _Version(
    "CIFAR-10",
    "cifar-10-batches-py",
    "batches.meta",
    tuple(f"data_batch_{i}" for i in range(1, 6)),
    ("test_batch",),
    "label_names",
    "labels",
)
_CIFAR100 = _Version("CIFAR-100", "cifar-100-python", "meta", ("train",), ("test",), "fine_label_names", "fine_labels")
_VERSIONS = (_CIFAR10, _CIFAR100)


class CifarSource(ArraySource):
    """CIFAR-10 or CIFAR-100, from the "python version" that their authors offer.

    Its pickles are read without running anything that is in them. All images are held in memory: 154 MB for training,
    31 MB for testing. Copies of this source, in other processes, read the files again.

    Parameters
    ----------
    path : path
        ``cifar-10-python.tar.gz`` or ``cifar-100-python.tar.gz``, or the folder that was in it, or the one around that.
    train : bool
        Whether to take the 50000 images for training, or the 10000 for testing.
    coarse : bool
        Whether labels are the 20 classes of CIFAR-100, each of which holds 5 of its 100. By default they are the 100.

    Attributes
    ----------
    images : ndarray
        (N, 32, 32, 3), uint8, read-only.
    labels : ndarray
        int64.
    classes : list of str
        The name of each label.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or if files are missing in it.
    ValueError
        If a file is damaged or holds something else.

    Examples
    --------
    ::

        source = data.CifarSource("cifar-10-python.tar.gz", train=False)
        image, label = source[0]
        name = source.classes[label]
    """

    def __init__(self, path: AnyPath, train: bool = True, *, coarse: bool = False) -> None:
        self.path, self.train, self.coarse = existing(path, "path"), bool(train), bool(coarse)
        version, found = _read(self.path, self.train)
        if self.coarse and version is _CIFAR10:
            raise ValueError(f"coarse: only CIFAR-100 has coarse labels, but {self.path} is CIFAR-10")
        grain = "coarse" if self.coarse else "fine"
        self.classes = _names(found[version.meta], version.names.replace("fine", grain), self.path)
        key = version.labels.replace("fine", grain)
        batches = {f"{self.path}: {name}": found[name] for name in version.batches(self.train)}
        labels = [_labels_of(batch, key, len(self.classes), name) for name, batch in batches.items()]
        images = [_images_of(batch, len(own), name) for own, (name, batch) in zip(labels, batches.items(), strict=True)]
        super().__init__(_joined(images), _joined(labels))

    def __repr__(self) -> str:
        coarse = ", coarse=True" if self.coarse else ""
        return f"CifarSource({self.path!r}, train={self.train}{coarse})"

    def __reduce__(self) -> Any:
        return functools.partial(type(self), train=self.train, coarse=self.coarse), (self.path,)

    def __deepcopy__(self, memo: Any) -> CifarSource:
        return self  # nothing in it is meant to change, and it is large


def _read(path: str, train: bool) -> tuple[_Version, dict[str, dict[str, Any]]]:
    """Tell which data set there is, and read its files."""
    wanted = {name for version in _VERSIONS for name in (version.meta, *version.batches(train))}
    found = {}
    for name, file in _in_folder(path, wanted) if os.path.isdir(path) else _in_archive(path, wanted):
        found[name] = _load(file, f"{path}: {name}")
    version = next((version for version in _VERSIONS if version.meta in found), None)
    if version is None:
        raise FileNotFoundError(
            f"path: {path} holds neither {_CIFAR10.meta} nor {_CIFAR100.meta}: "
            "it must be the python version of CIFAR-10 or CIFAR-100"
        )
    missing = [name for name in version.batches(train) if name not in found]
    if missing:
        raise FileNotFoundError(f"path: {path} is {version.title}, but lacks {', '.join(missing)}")
    return version, found


def _in_folder(path: str, wanted: set[str]) -> Iterator[tuple[str, BinaryIO]]:
    inner = [os.path.join(path, v.folder) for v in _VERSIONS if os.path.isdir(os.path.join(path, v.folder))]
    if len(inner) > 1:
        raise ValueError(f"path: {path} holds both CIFAR-10 and CIFAR-100; pass {' or '.join(inner)}")
    for name in sorted(wanted):
        file = os.path.join(*inner or [path], name)
        if os.path.isfile(file):
            with open(file, "rb") as opened:
                yield name, opened


def _in_archive(path: str, wanted: set[str]) -> Iterator[tuple[str, BinaryIO]]:
    """Read an archive once, from its start to its end; nothing is written to disk."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = posixpath.basename(member.name)
                if member.isfile() and name in wanted:
                    yield name, cast(BinaryIO, archive.extractfile(member))
            while cast(BinaryIO, archive.fileobj).read(_CHUNK):  # the end holds a checksum
                pass
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"path: {path} is no tar archive, or damaged or truncated: {error}") from error


def _load(file: BinaryIO, name: str) -> dict[str, Any]:
    try:
        content = unpickling.load(file)
    except unpickling.RefusedError as error:
        raise ValueError(f"path: {name} {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"path: {name} must hold a dict, not {type(content).__name__}")
    return {_text(key): value for key, value in content.items()}


def _text(value: Any) -> str:
    """Give the string that Python 2, or 3, wrote."""
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _names(meta: dict[str, Any], key: str, path: str) -> list[str]:
    names = meta.get(key)
    if not isinstance(names, list):
        raise ValueError(f"path: {path} has no {key}")
    return [_text(name) for name in names]


def _labels_of(batch: dict[str, Any], key: str, classes: int, name: str) -> NDArray[np.int64]:
    labels = batch.get(key)
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < classes for label in labels):
        raise ValueError(f"path: {name} must have {key} that are integers below {classes}")
    return np.array(labels, np.int64)


def _images_of(batch: dict[str, Any], count: int, name: str) -> NDArray[np.uint8]:
    """View rows of planes, red before green before blue, as images whose channels come last."""
    rows = batch.get("data")
    if not isinstance(rows, np.ndarray) or rows.shape != (count, _PIXELS):
        raise ValueError(f"path: {name} must have data of shape ({count}, {_PIXELS})")
    return np.moveaxis(rows.reshape(count, 3, _SIDE, _SIDE), 1, -1)


def _joined(parts: list[Any]) -> NDArray[Any]:
    """Copy arrays into one, which is contiguous even if they are not, and read-only."""
    count = sum(len(part) for part in parts)
    whole = np.concatenate(parts, out=np.empty((count, *parts[0].shape[1:]), parts[0].dtype))
    whole.flags.writeable = False
    return whole
