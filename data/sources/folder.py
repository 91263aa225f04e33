"""Images in folders, one for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, SupportsIndex

from numpy.typing import NDArray

from data.sources.decoding import MAX_PIXELS, Mode, check_options, decode
from data.sources.digests import Digest
from data.sources.errors import ImageError
from data.sources.paths import AnyPath, existing
from data.sources.protocol import position

#: Ends of the names of image files, as torchvision has them; capitals count as small letters.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
#: Names that an error message lists.
_NAMED = 5


class ImageFolder:
    """Image files in folders, in the layout of torchvision: ``root/class/.../name.jpg``.

    Classes, labels and the order of images are torchvision's. Other files are ignored, and so are files and folders
    whose names start with a dot; symbolic links are followed. The EXIF orientation is not applied, as in torchvision.

    Parameters
    ----------
    path : path
        The folder that holds one folder for each class.
    mode : {"RGB", "L", "I;16"}
        Of the images: colour of 8 bits, gray of 8 bits, or gray of 16 bits. The first two convert what they find as
        Pillow does; the last takes gray images of 16 bits only.
    max_pixels : int
        Refuse larger images, by what their headers say, before anything is decoded. The default, 2**28, is more than
        any camera takes, and needs 1 GB while it is decoded; a file of a few bytes can claim far more.

    Attributes
    ----------
    classes : list of str
        The names of the folders, sorted.
    class_to_idx : dict
        The label of each class: its place among the sorted ones.
    samples : list of (str, int)
        The path and label of each image.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    ValueError
        If there are no classes, or some are empty.
    ImageError
        From ``source[index]``, if the file cannot be read as an image: its attributes are ``path`` and ``index``.

    Examples
    --------
    >>> import pathlib, shutil, tempfile
    >>> import data
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("coffee", "rocket"):
    ...         pathlib.Path(root, name).mkdir()
    ...         _ = shutil.copy(data.sample(name), pathlib.Path(root, name))
    ...     source = data.ImageFolder(root)
    ...     image, label = source[1]
    >>> source.classes, label, image.shape, image.dtype
    (['coffee', 'rocket'], 1, (427, 640, 3), dtype('uint8'))
    """

    def __init__(self, path: AnyPath, *, mode: Mode = "RGB", max_pixels: int = MAX_PIXELS) -> None:
        check_options(mode, max_pixels)
        self.path = existing(path, "path")
        self.mode: Mode = mode
        self.max_pixels = max_pixels
        self.classes = _classes(self.path)
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        self.samples = _samples(self.path, self.classes)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: SupportsIndex) -> tuple[NDArray[Any], int]:
        """Decode an image; give it and its label."""
        place = position(index, len(self), self)
        path, label = self.samples[place]
        try:
            return decode(path, self.mode, max_pixels=self.max_pixels), label
        except ImageError as error:
            error.index = place
            raise

    def __repr__(self) -> str:
        return f"ImageFolder({self.path!r}, mode={self.mode!r})"

    def name_of(self, index: SupportsIndex) -> str:
        """Give the path of an image."""
        return self.samples[position(index, len(self), self)][0]

    def fingerprint(self) -> str:
        """Give a number that changes if a file is added, removed, renamed or changes its size; no file is read."""
        lines = (f"{path[len(self.path) :]}\0{_size(path)}\0{label}" for path, label in self.samples)
        text = "\n".join(lines).encode("utf-8", "surrogateescape")
        return Digest("ImageFolder", self.mode, len(self), self.classes, text).hexdigest()


def _classes(root: str) -> list[str]:
    if not os.path.isdir(root):
        raise NotADirectoryError(f"path must be a folder of class folders, but {root} is a file")
    with os.scandir(root) as entries:
        found = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise ValueError(f"path: {root} holds no class folders; images must lie in {os.path.join(root, 'CLASS')}")
    return found


def _samples(root: str, classes: list[str]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    empty = []
    for label, name in enumerate(classes):
        before = len(found)
        for folder, files in sorted(_walk(os.path.join(root, name), ())):
            found += [(os.path.join(folder, file), label) for file in sorted(files)]
        if len(found) == before:
            empty.append(name)
    if empty:
        names = ", ".join(empty[:_NAMED]) + (", ..." if len(empty) > _NAMED else "")
        raise ValueError(f"path: {root} has classes without images: {names}; images end in {', '.join(EXTENSIONS)}")
    return found


def _walk(folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, list[str]]]:
    """Find the image files of a folder and of those inside it, each folder with the names in it."""
    status = os.stat(folder)
    own = status.st_dev, status.st_ino
    if own in above:
        raise ValueError(f"path: the symbolic link {folder} leads to a folder that it is in")
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.name.lower().endswith(EXTENSIONS):
                files.append(entry.name)
    yield folder, files
    for inner in folders:
        yield from _walk(inner, (*above, own))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # removed since, or a link to nothing: a change, too
        return -1
