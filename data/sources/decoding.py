"""Image files become numpy arrays, by Pillow.

A JPEG takes nearly all its time in libjpeg-turbo, without the GIL, so threads decode side by side. Files are read whole
and handed to the reader of their kind, which the first bytes tell: ``PIL.Image.open`` has a limit on pixels of its own,
lower than ours and one for the whole process, and would start Ghostscript for what looks like EPS. Some readers ask
that limit, too, such as TIFF's.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Image import DecompressionBombError, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from data.sources.errors import ImageError

Mode = Literal["RGB", "L", "I;16"]
MODES: tuple[str, ...] = get_args(Mode)
#: Pixels that an image may have unless the caller allows more.
MAX_PIXELS = 2**28

#: Who reads a file, by its first bytes.
_READERS: tuple[tuple[tuple[bytes, ...], type[ImageFile]], ...] = (
    ((b"\xff\xd8\xff",), JpegImageFile),
    ((b"\x89PNG\r\n\x1a\n",), PngImageFile),
    ((b"RIFF",), WebPImageFile),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImageFile),
    ((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), PpmImageFile),
    ((b"BM",), BmpImageFile),
    ((b"GIF8",), GifImageFile),
)
_KINDS = "JPEG, PNG, WebP, TIFF, PNM, BMP and GIF"


def decode(
    source: bytes | bytearray | memoryview | str | os.PathLike[str],
    mode: Mode = "RGB",
    *,
    max_pixels: int = MAX_PIXELS,
) -> NDArray[Any]:
    """Read an image into an array, with the values that torchvision's default loader gives.

    The EXIF orientation is not applied, as there. Of several frames the first is read. The name of a file does not
    matter, only what is in it: JPEG, PNG, WebP, TIFF, PNM, BMP or GIF.

    Parameters
    ----------
    source : bytes or path
        What is in a file, or its path.
    mode : {"RGB", "L", "I;16"}
        What the array holds. ``"RGB"`` is colour, uint8; gray values are repeated, palettes looked up, CMYK is
        converted and alpha is left out, as by Pillow's ``convert("RGB")``. ``"L"`` is gray, uint8. ``"I;16"`` is gray,
        uint16, and takes gray images of 16 bits only. The others clip such images at 255, as Pillow does.
    max_pixels : int
        Refuse larger images, by what their headers say, before anything is decoded. The default, 2**28, is more than
        any camera takes, and needs 1 GB while it is decoded; a file of a few bytes can claim far more.

    Returns
    -------
    ndarray
        (H, W, 3) or (H, W), contiguous, maybe read-only.

    Raises
    ------
    ImageError
        If there is no such file, or if it is empty, damaged, too large or no image.

    Examples
    --------
    >>> import data
    >>> from data.sources import decode
    >>> decode(data.sample("coffee")).shape
    (400, 600, 3)
    >>> decode(data.sample("coffee").read_bytes(), "L").shape
    (400, 600)
    """
    check_options(mode, max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decoded(bytes(source), mode, max_pixels, None)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"source must be bytes or a path, not {type(source).__name__}")
    path = os.fspath(source)
    return _decoded(_content(path), mode, max_pixels, path)


def check_options(mode: str, max_pixels: int) -> None:
    """Raise a ValueError or TypeError if a mode or a limit makes no sense."""
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}, not {mode!r}")
    if not isinstance(max_pixels, (int, np.integer)):
        raise TypeError(f"max_pixels must be an integer, not {type(max_pixels).__name__}")
    if max_pixels < 1:
        raise ValueError(f"max_pixels must be 1 or more, not {max_pixels}")


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except IsADirectoryError as error:
        raise ImageError(f"{path}: is a folder, not an image file", path) from error
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file", path) from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror or error}", path) from error


def _decoded(content: bytes, mode: str, max_pixels: int, path: str | None) -> NDArray[Any]:
    name = "the image" if path is None else path
    if not content:
        raise ImageError(f"{name}: is empty, of zero bytes", path)
    reader = next((reader for starts, reader in _READERS if content.startswith(starts)), None)
    if reader is None:
        raise ImageError(f"{name}: is not an image; {_KINDS} are read", path)
    try:
        image = reader(BytesIO(content))
        _check_size(image, max_pixels)
        return _deep(image) if mode == "I;16" else _converted(image, mode)
    except _RefusedError as error:
        raise ImageError(f"{name}: {error}", path) from None
    except DecompressionBombError as error:
        raise ImageError(f"{name}: is beyond Pillow's own limit, PIL.Image.MAX_IMAGE_PIXELS: {error}", path) from error
    except MemoryError as error:
        raise ImageError(f"{name}: cannot be decoded: not enough memory", path) from error
    except Exception as error:  # damaged files make readers raise SyntaxError, struct.error, zlib.error, ...
        text = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{name}: cannot be decoded, maybe damaged or truncated: {text}", path) from error


class _RefusedError(Exception):
    """Why an image that may be fine is not read."""


def _check_size(image: Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise _RefusedError(
            f"{width} x {height} pixels are more than the limit of {max_pixels}; "
            f"if the file is to be trusted, allow it with max_pixels={width * height}"
        )


def _converted(image: Image, mode: str) -> NDArray[Any]:
    if image.mode == mode:  # convert() would copy
        return np.asarray(image)
    image.load()
    image.info.pop("transparency", None)  # changes no colour, but convert() would warn that it is lost
    if image.mode.startswith("I;16"):
        image = image.convert("L")  # not every Pillow goes from here to RGB at once
    return np.asarray(image.convert(mode))


def _deep(image: Image) -> NDArray[Any]:
    """Give gray values of 16 bits as they are."""
    array = np.asarray(image)
    if image.mode == "I" and array.min() >= 0 and array.max() <= 65535:  # PNM files
        return array.astype(np.uint16)
    if not image.mode.startswith("I;16"):
        raise _RefusedError(f"is no gray image of 16 bits, which mode='I;16' needs; its mode is {image.mode!r}")
    return array.astype(np.uint16, copy=False)
