"""TIFF files, with tifffile; Pillow helps out where tifffile would need its large package of codecs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from filters import images
from filters.images import Array, ImageFileError, Metadata, Picture

if TYPE_CHECKING:
    from tifffile import TiffPage

_ORIENTATION, _ICC = 274, 34675
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_ASSOCIATED_ALPHA = 1


def read(path: Path, file: BinaryIO, max_pixels: int) -> Picture:
    """Read the first page of a TIFF file; as :func:`filters.images.read`."""
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages.first
        if not isinstance(page, tifffile.TiffPage):
            raise ImageFileError(f"{path}: its first page is no picture")
        images.check_size(path, page.imagewidth, page.imagelength, max_pixels)
        images.announce_frames(path, len(opened.pages))
        if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):  # palettes, CMYK, YCbCr, ...
            return _with_pillow(path, file, page, max_pixels)
        try:
            array = page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            return _with_pillow(path, file, page, max_pixels)
        array = _supported(path, _channels_last(path, page, array), page)
        return Picture(images.turned(array, _tag(page, _ORIENTATION) or 1), Metadata(_tag(page, _ICC)))


def _tag(page: TiffPage, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value


def _with_pillow(path: Path, file: BinaryIO, page: TiffPage, max_pixels: int) -> Picture:
    """Read LZW, JPEG in TIFF, palettes and the like."""
    unknown = f"{path}: this kind of TIFF is not read; store it as gray or RGB, uncompressed or with ZIP"
    try:
        picture = images.read_with_pillow(path, file, max_pixels)
    except ImageFileError:
        raise ImageFileError(unknown) from None
    depth = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    if depth > 8 and picture.array.dtype == np.uint8 and page.photometric != 3:  # a palette has deep entries
        raise ImageFileError(unknown)
    return Picture(picture.array, Metadata(picture.metadata.icc))


def _channels_last(path: Path, page: TiffPage, array: Array) -> Array:
    if page.axes == "SYX":
        array = np.moveaxis(array, 0, 2)
    elif page.axes not in ("YX", "YXS"):
        raise ImageFileError(f"{path}: is a volume or a stack ({page.axes}), not a picture")
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _supported(path: Path, array: Array, page: TiffPage) -> Array:
    """Bring an array to a dtype that filters take, with black at zero and alpha not multiplied in."""
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype not in (np.uint8, np.uint16):
        raise ImageFileError(f"{path}: holds {array.dtype}; convert it to uint8, uint16 or float32 first")
    if page.photometric == _WHITE_IS_ZERO and array.dtype.kind == "u":
        array = np.iinfo(array.dtype).max - array
    if tuple(page.extrasamples) == (_ASSOCIATED_ALPHA,) and array.ndim == 3:
        array = _unmultiplied(array)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _unmultiplied(array: Array) -> Array:
    """Divide colour by an alpha that it was multiplied with."""
    full = 1.0 if array.dtype.kind == "f" else float(np.iinfo(array.dtype).max)
    color, alpha = array[..., :-1].astype(np.float64), array[..., -1:]
    color = np.divide(color * full, alpha, out=np.zeros_like(color), where=alpha > 0)
    if array.dtype.kind == "u":
        color = np.rint(color).clip(0, full)
    return np.concatenate([color.astype(array.dtype), alpha], axis=2)


def write(file: BinaryIO, array: Array, metadata: Metadata) -> None:
    """Write an array as a TIFF file, compressed without loss."""
    import tifffile

    channels = 1 if array.ndim == 2 else array.shape[2]
    colors = 3 if channels >= 3 else 1
    kinds = ["unassalpha"] if channels in (2, 4) else ["unspecified"] * (channels - colors)
    tifffile.imwrite(
        file,
        np.ascontiguousarray(array),
        photometric="rgb" if colors == 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=kinds or None,
        compression="zlib",
        predictor=array.dtype.kind == "u",  # for floats it would take the package of codecs
        iccprofile=metadata.icc,
        metadata=None,
    )
