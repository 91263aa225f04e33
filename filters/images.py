"""Image files: read to an array without losing bits, write an array back as what the file was.

Pillow reads and writes the common formats and tifffile the TIFF ones. Pillow keeps no more than 8 bits of a
colour channel, so 16-bit PNG files go through :mod:`filters.png16`. Nothing is imported before it is needed.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger("halide_filters")

Array = npt.NDArray[Any]
#: Filters an image; the result is one, or a tuple of several.
Function = Callable[[Array], Array | tuple[Array, ...]]

#: Pixels that an image may have unless the caller allows more.
MAX_PIXELS = 2**28

_TIFF = {".tif", ".tiff"}
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: What is written, by the end of the file's name: Pillow's name for it and its settings.
_PILLOW: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
    ".avif": ("AVIF", {"quality": 90}),
    ".bmp": ("BMP", {}),
    ".jp2": ("JPEG2000", {}),
    ".pgm": ("PPM", {}),
    ".ppm": ("PPM", {}),
}
#: Ends of names that can be written.
WRITABLE = frozenset(_PILLOW) | _TIFF
#: Ends of names that are taken for images in a folder.
SUFFIXES = WRITABLE | {".gif", ".ico", ".jfif", ".pnm", ".tga"}
#: Channels of the formats that do not take gray, gray with alpha, RGB and RGB with alpha alike.
_CHANNELS = {"JPEG": (1, 3), "BMP": (1, 3), "PPM": (1, 3)}
_CARRY_EXIF = {"PNG", "JPEG", "WEBP", "AVIF"}
#: Modes whose values Pillow hands out as they are.
_PLAIN = {"L", "LA", "RGB", "RGBA", "F", "I", "I;16", "I;16B", "I;16L", "I;16N"}
_ORIENTATION = 274


class ImageFileError(OSError):
    """A file that cannot be read as an image or written as one; the message names it and fits on one line."""


@dataclass(frozen=True)
class Metadata:
    """What belongs to a picture besides its pixels.

    Parameters
    ----------
    icc : bytes, optional
        The colour profile.
    exif : bytes, optional
        What the camera noted, without the orientation: the pixels have been turned already.
    """

    icc: bytes | None = None
    exif: bytes | None = None


@dataclass(frozen=True)
class Picture:
    """Pixels, (H, W) or (H, W, C), of dtype uint8, uint16 or float32, and what came with them."""

    array: Array
    metadata: Metadata = field(default_factory=Metadata)


def filter_color(array: Array, function: Function) -> tuple[Array, ...]:
    """Apply a function to the colour of an image and leave its alpha channel, the last of 2 or 4, as it is.

    Parameters
    ----------
    array : ndarray
        (H, W) or (H, W, C).
    function : callable
        Takes (H, W) or (H, W, C) and gives as much, or a tuple of such.

    Returns
    -------
    tuple of ndarray
        What the function gave, of the shape of ``array``.
    """
    alpha = array.ndim == 3 and array.shape[2] in (2, 4)
    color = (array[..., 0] if array.shape[2] == 2 else array[..., :3]) if alpha else array
    given = function(color)
    results = given if isinstance(given, tuple) else (given,)
    if not alpha:
        return results
    return tuple(np.concatenate([np.atleast_3d(result), array[..., -1:]], axis=2) for result in results)


# Reading


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image file at the depth it has, turned the way its EXIF orientation says.

    Parameters
    ----------
    path : path
        PNG, JPEG, TIFF, WebP, BMP or whatever else Pillow opens. Of several frames the first is read.
    max_pixels : int
        Refuse larger images before anything is decoded.

    Returns
    -------
    Picture
        Palettes expanded, CMYK and the like turned into RGB.

    Raises
    ------
    ImageFileError
        If the file is missing, empty, damaged, too large or no image.
    """
    path = Path(path)
    with errors_of(path, "cannot be read"), _open(path) as file:
        if file.read(4) in _TIFF_SIGNATURES:
            from filters import tiff

            return tiff.read(path, file, max_pixels)
        return read_with_pillow(path, file, max_pixels)


@contextlib.contextmanager
def errors_of(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a decoder or encoder raises into one line about the file."""
    try:
        yield
    except ImageFileError:
        raise
    except MemoryError as error:
        raise ImageFileError(f"{path}: {what}: not enough memory") from error
    except Exception as error:  # damaged files make decoders raise SyntaxError, struct.error, zlib.error, ...
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ImageFileError(f"{path}: {what}: {' '.join(text.split())}") from error


def _open(path: Path) -> BinaryIO:
    if path.is_dir():
        raise ImageFileError(f"{path}: is a folder, not an image file")
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ImageFileError(f"{path}: no such file") from None
    if path.stat().st_size == 0:
        file.close()
        raise ImageFileError(f"{path}: the file is empty")
    return file


def check_size(path: Path, width: int, height: int, max_pixels: int) -> None:
    """Raise ImageFileError if an image has too many pixels."""
    if width * height > max_pixels:
        raise ImageFileError(
            f"{path}: {width} x {height} pixels are more than the limit of {max_pixels}; "
            f"if the file is to be trusted, allow it with --max-pixels {width * height}"
        )


def announce_frames(path: Path, count: int) -> None:
    """Warn that frames or pages beyond the first are left out."""
    if count > 1:
        log.warning("%s: only the first of %d frames is read", path, count)


_guard = threading.Lock()


@contextlib.contextmanager
def _opened(file: BinaryIO) -> Iterator[Image]:
    """Read a header with Pillow, without its own limit on pixels, which is a global and lower than ours."""
    import PIL.Image

    file.seek(0)
    with _guard:
        limit, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        try:
            image = PIL.Image.open(file)
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = limit
    with image:
        yield image


def read_with_pillow(path: Path, file: BinaryIO, max_pixels: int) -> Picture:
    """Read an image of any format that Pillow knows; as :func:`read`."""
    from PIL import UnidentifiedImageError

    try:
        with _opened(file) as image:
            check_size(path, *image.size, max_pixels)
            if image.format != "MPO":  # a JPEG with a preview or a map of brightness behind it
                announce_frames(path, getattr(image, "n_frames", 1))
            return _picture(path, image, lambda: _opened(file))
    except UnidentifiedImageError:
        raise ImageFileError(f"{path}: not an image, or of a kind that is not known here") from None


def _picture(path: Path, image: Image, again: Callable[[], AbstractContextManager[Image]]) -> Picture:
    """Decode what Pillow has opened."""
    from filters import png16

    if png16.is_deep(image):
        array = png16.decode(image, again)
    elif image.format == "PPM" and image.mode == "RGB" and _largest(image) > 255:
        raise ImageFileError(f"{path}: colour PNM files with more than 8 bits are not read; use PNG or TIFF")
    else:
        array = _decoded(path, image)
    # Only now, because a PNG file may have its EXIF data behind the pixels.
    profile = image.info.get("icc_profile") if image.mode not in ("CMYK", "LAB") else None
    turn = image.getexif().get(_ORIENTATION, 1)
    return Picture(turned(array, turn), Metadata(profile, _exif_bytes(image)))


def _largest(image: Image) -> int:
    """Give the value that stands for white in an opened PNM file."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else None
    return int(arguments[1]) if isinstance(arguments, tuple) and len(arguments) == 2 else 255


def _exif_bytes(image: Image) -> bytes | None:
    """Give the EXIF block without its orientation; None if there is none or it makes no sense."""
    if not image.info.get("exif"):
        return None
    with contextlib.suppress(Exception):  # a damaged block must not keep anybody from the pixels
        exif = image.getexif()
        exif.pop(_ORIENTATION, None)
        return exif.tobytes() if len(exif) else None
    return None


def _decoded(path: Path, image: Image) -> Array:
    plain = image.mode in _PLAIN and "transparency" not in image.info
    array = np.asarray(image if plain else image.convert(_plain_mode(image)))
    if array.dtype.kind == "i":  # Pillow's 32-bit integers mostly come from 16-bit files
        if array.min() < 0 or array.max() > 65535:
            raise ImageFileError(f"{path}: holds whole numbers of more than 16 bits; convert them first")
        return array.astype(np.uint16)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _plain_mode(image: Image) -> str:
    """Name the mode that holds all there is in an image of one of Pillow's other modes."""
    if image.mode.startswith("I"):
        return image.mode  # a gray value that is declared transparent stays a gray value
    gray = image.mode in ("1", "L", "LA", "La")
    alpha = "transparency" in image.info or image.mode in ("PA", "La", "RGBa")
    return ("L" if gray else "RGB") + ("A" if alpha else "")


def turned(array: Array, orientation: int) -> Array:
    """Apply an EXIF orientation, 1 to 8; anything else leaves the array alone."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


# Writing


def write(path: str | os.PathLike[str], array: Array, metadata: Metadata | None = None) -> None:
    """Write an image file in the format its name asks for, whole or not at all.

    Parameters
    ----------
    path : path
        Its ending chooses the format. An existing file is replaced once the new one is complete.
    array : ndarray
        (H, W) or (H, W, C), uint8, uint16 or float32. uint16 is kept in PNG and TIFF, float32 in TIFF.
    metadata : Metadata, optional
        What :func:`read` gave; put into formats that have a place for it.

    Raises
    ------
    ImageFileError
        If the format cannot hold the array, or the file cannot be written.
    """
    path = Path(path)
    encode = _encoder(path, array, metadata or Metadata())
    with errors_of(path, "cannot be written"), replaced(path) as file:
        encode(file)


def encoded(name: str | os.PathLike[str], array: Array, metadata: Metadata | None = None) -> bytes:
    """Give what :func:`write` would put into a file of a name.

    Raises
    ------
    ImageFileError
        If the format cannot hold the array.
    """
    path = Path(name)
    encode = _encoder(path, array, metadata or Metadata())
    with errors_of(path, "cannot be written"), io.BytesIO() as file:
        encode(file)
        return file.getvalue()


def check_writable(path: str | os.PathLike[str], array: Array) -> None:
    """Raise ImageFileError if :func:`write` would refuse to put such an array under such a name."""
    _encoder(Path(path), array, Metadata())


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside the one to write, which takes its place when all went well."""
    target = Path(os.path.realpath(path))  # the file behind a link is replaced, not the link
    if target.is_dir():
        raise ImageFileError(f"{path}: is a folder, not an image file")
    if not target.parent.is_dir():
        raise ImageFileError(f"{path}: there is no folder {path.parent}")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _encoder(path: Path, array: Array, metadata: Metadata) -> Callable[[BinaryIO], None]:
    """Find who writes this array under this name, or say what would."""
    if array.dtype not in (np.uint8, np.uint16, np.float32) or array.ndim not in (2, 3):
        raise ImageFileError(
            f"{path}: cannot hold {array.dtype} of shape {array.shape}; images are uint8, uint16 or float32, "
            "(H, W) or (H, W, C)"
        )
    suffix = path.suffix.lower()
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if suffix in _TIFF:
        from filters import tiff

        return lambda file: tiff.write(file, array, metadata)
    if suffix not in _PILLOW:
        raise ImageFileError(
            f"{path}: no image is written with {f'the ending {suffix}' if suffix else 'no ending'}; "
            f"endings are {', '.join(sorted(WRITABLE))}"
        )
    kind, settings = _PILLOW[suffix]
    channels = 1 if array.ndim == 2 else array.shape[2]
    _check_fits(path, kind, array.dtype, channels)
    if array.dtype == np.uint16:
        return lambda file: _write_png16(file, array, metadata)
    return lambda file: _write_with_pillow(file, array, metadata, kind, settings)


def _check_fits(path: Path, kind: str, dtype: np.dtype[Any], channels: int) -> None:
    if dtype == np.float32:
        raise ImageFileError(f"{path}: {kind} does not hold float32; write .tif, or convert to uint8 or uint16")
    if dtype == np.uint16 and kind != "PNG":
        raise ImageFileError(f"{path}: {kind} would lose the 16 bits; write .png or .tif, or convert to uint8")
    if channels in _CHANNELS.get(kind, (1, 2, 3, 4)):
        return
    if channels in (2, 4):
        raise ImageFileError(f"{path}: {kind} has no place for the alpha channel; write .png, .webp or .tif")
    raise ImageFileError(f"{path}: {kind} does not hold {channels} channels; write .tif")


def _write_with_pillow(file: BinaryIO, array: Array, metadata: Metadata, kind: str, settings: dict[str, Any]) -> None:
    import PIL.Image

    extras: dict[str, Any] = {}
    if metadata.icc:
        extras["icc_profile"] = metadata.icc
    if metadata.exif and kind in _CARRY_EXIF:
        extras["exif"] = metadata.exif
    PIL.Image.fromarray(np.ascontiguousarray(array)).save(file, kind, **settings, **extras)


def _write_png16(file: BinaryIO, array: Array, metadata: Metadata) -> None:
    from filters import png16

    png16.encode(file, array, icc=metadata.icc, exif=metadata.exif)
