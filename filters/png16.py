"""PNG files with 16 bits a channel, colour included, which Pillow opens but cuts down to 8 bits.

Reading leaves inflating, unfiltering and interlacing to Pillow's decoder and only asks it for other bytes:
its raw mode ``RGB;16B`` keeps the first, high byte of each value and ``RGB;16L`` the second, low one, so
decoding twice gives both. Packages that read 16 bits themselves weigh 8 to 43 MB (OpenImageIO, imagecodecs)
or take a second for two megapixels (pypng). Writing needs no more than zlib and numpy.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

Array = npt.NDArray[Any]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by the number of channels
_DEEP = ("RGB;16", "RGBA;16", "LA;16")
_BAND_BYTES = 1 << 19  # filtered at a time
_LEVEL = 6


# Reading


def _raw_mode(image: Image.Image) -> str:
    """Name the layout of the bytes that Pillow's decoder will unpack."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def is_deep(image: Image.Image) -> bool:
    """Tell whether an image, opened by Pillow and not loaded, has colour that loading would cut to 8 bits."""
    return image.mode in ("RGB", "RGBA", "LA") and _raw_mode(image)[:-1] in _DEEP


def decode(image: Image.Image, again: Callable[[], AbstractContextManager[Image.Image]]) -> Array:
    """Decode an image for which :func:`is_deep` holds, of a PNG file or any other.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened, not loaded.
    again : callable
        Opens the same file anew.

    Returns
    -------
    ndarray
        uint16, (H, W, C); a colour that is declared transparent becomes an alpha channel.
    """
    raw = _raw_mode(image)
    layout, order = raw[:-1], raw[-1]
    if layout == "LA;16":  # four bytes a pixel, as many as 8-bit RGBA has
        return _bytes_as(image, "RGBA").copy().view(">u2").astype(np.uint16)
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    first, second = ("L", "B") if little else ("B", "L")
    array = _bytes_as(image, layout + first).astype(np.uint16) << 8
    with again() as other:
        array |= _bytes_as(other, layout + second)
    return _with_transparency(array, image.info.get("transparency"))


def _bytes_as(image: Image.Image, raw: str) -> Array:
    """Load an image with its bytes unpacked as another layout of the same size."""
    tiles: list[Any] = image.tile  # type: ignore[attr-defined]
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:])) for tile in tiles
    ]
    return np.asarray(image)


def _with_transparency(array: Array, color: object) -> Array:
    if not isinstance(color, tuple) or array.shape[2] != 3:
        return array
    opaque = (array != np.array(color, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([array, np.where(opaque, np.uint16(65535), np.uint16(0))], axis=2)


# Writing


def encode(file: BinaryIO, array: Array, *, icc: bytes | None = None, exif: bytes | None = None) -> None:
    """Write a PNG file with 16 bits a channel.

    Parameters
    ----------
    file : binary file
        Where to write.
    array : ndarray
        uint16, (H, W) or (H, W, C) with 1 to 4 channels: gray, gray and alpha, RGB, RGB and alpha.
    icc, exif : bytes, optional
        Colour profile and camera data to put in.
    """
    height, width = array.shape[:2]
    channels = 1 if array.ndim == 2 else array.shape[2]
    file.write(_SIGNATURE)
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPES[channels], 0, 0, 0))
    if icc:
        _chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))
    if exif:
        _chunk(file, b"eXIf", exif.removeprefix(b"Exif\0\0"))
    pack = zlib.compressobj(_LEVEL)
    for band in _filtered(array.reshape(height, width * channels), 2 * channels):
        _chunk(file, b"IDAT", pack.compress(band))
    _chunk(file, b"IDAT", pack.flush())
    _chunk(file, b"IEND", b"")


def _chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    if data or kind == b"IEND":
        file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def _filtered(rows: Array, step: int) -> Iterator[bytes]:
    """Give the rows, some at a time, each with the filter that leaves the smallest differences.

    Parameters
    ----------
    rows : ndarray
        uint16, (H, W * C).
    step : int
        Bytes of a pixel.
    """
    width = rows.shape[1] * 2
    count = max(1, _BAND_BYTES // width)
    above = np.zeros((1, step + width), np.uint8)
    for start in range(0, len(rows), count):
        band = rows[start : start + count].astype(">u2").view(np.uint8)
        padded = np.vstack([above, np.pad(band, ((0, 0), (step, 0)))])
        above = padded[-1:]
        candidates = _candidates(padded, step)
        scores = np.abs(candidates.view(np.int8)).sum(axis=2, dtype=np.int64)
        best = scores.argmin(axis=0)
        chosen = candidates[best, np.arange(len(band))]
        kinds = np.array([0, 1, 2, 4], np.uint8)[best]
        yield np.concatenate([kinds[:, None], chosen], axis=1).tobytes()


def _candidates(padded: Array, step: int) -> Array:
    """Filter rows as None, Sub, Up and Paeth; the first row is the one above them, the first pixel zero."""
    here, left = padded[1:, step:], padded[1:, :-step]
    up, corner = padded[:-1, step:], padded[:-1, :-step]
    a, b, c = (x.astype(np.int16) for x in (left, up, corner))
    to_left, to_up, to_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    nearest = np.where(to_up <= to_corner, up, corner)
    paeth = np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)
    return np.stack([here, here - left, here - up, here - paeth])
