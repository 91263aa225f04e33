"""The public local look-up-table upsampling: checks, ranges of values, and the programs that images take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays
from dsl.arguments import choice, number, pair, whole
from filters import _guides
from filters._filter import public
from filters._gaussian import Border
from filters._upsampling import curves, local_lut, pairs
from filters._upsampling.downsampling import downsample

Criterion = Literal["l1", "l2", "linf", "frequency", "dp"]
Extrapolation = Literal["replicate", "minmax", "range", "linear", "curve", "none"]
Interpolation = Literal["nearest", "box4", "box16", "box64", "gauss4", "gauss16", "gauss64", "linear", "cubic"]
Color = Literal["separate", "luminance"]
_COLORS = ("separate", "luminance")
_CRITERIA = tuple(local_lut.KEEP)
_EXTRAPOLATIONS = tuple(local_lut.BEYOND)
INTERPOLATIONS = ("nearest", "box4", "box16", "box64", "gauss4", "gauss16", "gauss64", "linear", "cubic")
MAX_RADIUS = 7
_ENTRIES, _MAX_SMOOTH = (16, 256), 127
#: The steepest slope of linear extrapolation, in widths of the result's range for one of the source's: noise makes
#: steeper ones.
_STEEPEST = 2.0
_UNLIMITED = (-3e38, 3e38)


@public(local_lut.program(1, 1), local_lut.program(3, 3))
def local_lut_upsample(
    source: ArrayLike,
    low_source: ArrayLike,
    low_result: ArrayLike,
    *,
    radius: int = 1,
    entries: int = 256,
    lut_radius: int = 3,
    criterion: Criterion = "l2",
    extrapolation: Extrapolation = "linear",
    interpolation: Interpolation = "gauss16",
    offset: bool = True,
    color: Color = "separate",
    guide: ArrayLike | None = None,
    valid: ArrayLike | None = None,
    value_range: tuple[float, float] | None = None,
    return_confidence: bool = False,
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> Any:
    """Bring what was filtered small to the full size: read the source through tables that the small images make.

    Any filter, tool or network is run on a small copy of an image (see :func:`downsample`). For every small pixel, the
    pixels around tell which input became which output: a table. The source is read through the tables of the small
    pixels around each of its pixels, so edges are those of the source, and the small images need nothing in common but
    their size. :func:`accelerate` does all of that to a function.

    Parameters
    ----------
    source : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32: the image in full size.
    low_source : array
        A small copy of it, of the same dtype and channels; of any size and ratio, pixel centres matching.
    low_result : array
        What the filter made of that: of the same height and width, of any dtype. Channels are filtered alone; where it
        has others than the source, all are read by the source's one channel, or by the luminance of its first three.
    radius : int
        Small pixels on each side that a table is made from, 0 to 7.
    entries : int
        Of a table, 16 to 256, equally spaced over the source's values.
    lut_radius : int
        Entries on each side that are averaged, 0 to 127.
    criterion : str
        Which result counts, where several meet at an entry: the nearest small pixel's, by ``"l1"``, ``"l2"`` or
        ``"linf"``; that of ``"frequency"``, which most small pixels nearby speak for; or ``"dp"``: results that do not
        fall where the source rises, most of all.
    extrapolation : str
        What is beyond the entries that are known: ``"replicate"`` the nearest, lines to the least and the greatest low
        result at the ends of the table (``"minmax"``), or to the ends of the result's range (``"range"``); a line on
        from the first to the last known entry, its slope between 0 and 2 (or -2, if results fall where the source
        rises; ``"linear"``); a curve (``"curve"``, which serves best): by how much results change, on average, between
        neighbouring small pixels that differ as much, and by how far that slope is from the average one, the less the
        farther; ``"none"``: tables are left out where they know nothing, unless all are.
    interpolation : str
        How the tables around are weighed: one, 4, 16 or 64 of them, by ``"nearest"``, ``"box4"``, ``"box16"``,
        ``"box64"``, ``"gauss4"``, ``"gauss16"``, ``"gauss64"``, ``"linear"`` or ``"cubic"``.
    offset : bool
        Move each table so that it gives its own small pixel's result, which averages and few entries have lost.
    color : str
        ``"separate"``: each channel has its tables. ``"luminance"``: tables of the luminance of the first three
        channels; what was done to colours beside it is resampled smoothly.
    guide : array, optional
        Read tables by this image instead of by the source: (H, W), or of the source's channels; its small copy is made
        here.
    valid : array of bool, optional
        (h, w), or (N, h, w): where the low result counts. Elsewhere that of the nearest small pixel where it does.
    value_range : (float, float), optional
        The source's, over which entries are spread; default (0, 255) for uint8, else as measured, per image in a batch.
    return_confidence : bool
        Give also how much of what was read was observed, not made up by extrapolation.
    border : str
        What lies outside of the small images: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or
        ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap the images.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    array, or (array, array of float32)
        Of the source's height and width, and dtype and channels of ``low_result``; and the confidence, 0 to 1, alike.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    References
    ----------
    T. Tsubokawa, H. Tajima, Y. Maeda, N. Fukushima, "Local look-up table upsampling for accelerating image processing",
    Multimedia Tools and Applications 83 (2023) 26131-26158.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import downsample, local_lut_upsample
    >>> source = np.repeat(np.uint8([[10, 10, 10, 10, 10, 90, 90, 90]]), 4, axis=0)
    >>> small = downsample(source, scale=2)
    >>> local_lut_upsample(source, small, 255 - small)[0]  # any filter of the small image
    array([245, 245, 245, 245, 245, 165, 165, 165], dtype=uint8)
    """
    structural = {
        "radius": whole(radius, "radius", 0, MAX_RADIUS),
        "entries": whole(entries, "entries", *_ENTRIES),
        "criterion": choice(criterion, "criterion", _CRITERIA),
        "extrapolation": choice(extrapolation, "extrapolation", _EXTRAPOLATIONS),
        "offset": bool(offset),
        "interpolation": choice(interpolation, "interpolation", INTERPOLATIONS),
        "by_luminance": choice(color, "color", _COLORS) == "luminance",
    }
    options = _Options(structural, whole(lut_radius, "lut_radius", 0, _MAX_SMOOTH), _check_range(value_range))
    full, low, filtered = pairs.checked(source, low_source, low_result)
    if guide is not None:
        full = pairs.check_guide(guide, full)
        low = downsample(full, pairs.sides(low), threads=threads)
    like = pairs.sized(filtered, pairs.sides(full))
    result = like if out is None else arrays.check_out(out, like, (full, low, filtered))
    known = pairs.check_valid(valid, low)
    confidence = np.empty(result.shape, np.float32) if return_confidence else None
    common = {"border": border, "border_value": border_value, "target": target, "schedule": schedule}
    common["threads"] = threads
    images = list(zip(*map(pairs.each, (filtered, full, low, result)), strict=True))
    for i, (made, one, small, into) in enumerate(images):
        if known is not None:
            made, small = pairs.filled((made, small), known[i])
        options.run(made, one, small, into, common)
        if confidence is not None:
            options.run(made, one, small, pairs.each(confidence)[i], common, confidence=True)
    return result if confidence is None else (result, confidence)


@dataclass(frozen=True)
class _Options:
    """What a call says of tables."""

    structural: dict[str, Any]
    lut_radius: int
    value_range: tuple[float, float] | None

    def run(
        self,
        low_result: arrays.Array,
        source: arrays.Array,
        low_source: arrays.Array,
        result: arrays.Array,
        common: dict[str, Any],
        *,
        confidence: bool = False,
    ) -> None:
        """Upsample one image; or tell what was observed for it."""
        scalars, structural = self._numbers(low_result, source, low_source)
        tables = self._curve(low_result, source, low_source)
        if confidence:  # in float32, as the result is to be
            low_result = low_result.astype(np.float32)
            structural |= {"to_bytes": False, "confidence": True, "by_luminance": False}
        for part in pairs.parts(low_result, source, low_source, result):
            program = local_lut.program(part.result, part.source)
            is_color = (part.result, part.source) == (_guides.COLOR, _guides.COLOR)
            chosen = structural | {"by_luminance": structural["by_luminance"] and is_color}
            program.run(part.images, scalars, tables, chosen, out=part.into, **common)

    def _numbers(
        self, low_result: arrays.Array, source: arrays.Array, low_source: arrays.Array
    ) -> tuple[list[float], dict[str, Any]]:
        """Give the scalars of the program, in order, and its structural parameters."""
        criterion, extrapolation = self.structural["criterion"], self.structural["extrapolation"]
        low, high = _range(source) if self.value_range is None else self.value_range
        least, greatest = _range(low_result)
        ends = (_least_and_greatest(low_result) if extrapolation == "minmax" else None) or (least, greatest)
        relative = (greatest - least) / (high - low)
        # Of floats nobody knows what they may be; bins need bounds.
        open_ended = low_result.dtype == np.float32 and local_lut.KEEP[criterion] == "last"
        within = _UNLIMITED if open_ended else (least, greatest)
        slopes = sorted((0.0, _STEEPEST * relative * _sign(low_result, low_source)))
        scalars = [low, high, *within, *ends, *slopes, float(self.lut_radius)]
        from_bytes = source.dtype == np.uint8 and (low, high) == _BYTES
        return scalars, self.structural | {"from_bytes": from_bytes, "to_bytes": low_result.dtype == np.uint8}

    def _curve(self, low_result: arrays.Array, source: arrays.Array, low_source: arrays.Array) -> tuple[Any, Any]:
        """Give the tables of the program: what is beyond known entries, if that is a curve."""
        if self.structural["extrapolation"] != "curve":
            return _NONE, _NONE
        extent = _range(source) if self.value_range is None else self.value_range
        found = curves.beyond(low_source, low_result, self.structural["entries"], extent)
        return found[0].astype(np.float32), found[1].astype(np.float32)


_BYTES = (0.0, 255.0)
_NONE = np.zeros(1, np.float32)


def _range(image: arrays.Array) -> tuple[float, float]:
    """Give the range of values: all of bytes, else as measured, of some width."""
    if image.dtype == np.uint8:
        return _BYTES
    low, high = _least_and_greatest(image)
    return (low, high) if high > low else (low, low + max(abs(low), 1.0))


def _sign(low_result: arrays.Array, low_source: arrays.Array) -> float:
    """Tell whether results rise with the source, 1, or fall, -1."""
    height, width = pairs.sides(low_source)
    step = np.s_[:: max(height // curves.LOOKED_AT, 1), :: max(width // curves.LOOKED_AT, 1)]
    one, other = (image[step].astype(np.float64) for image in (low_source, low_result))
    if one.shape != other.shape:
        one, other = (image.mean(axis=-1) if image.ndim > 2 else image for image in (one, other))
    with np.errstate(invalid="ignore"):
        return -1.0 if ((one - one.mean()) * (other - other.mean())).sum() < 0 else 1.0


def _least_and_greatest(image: arrays.Array) -> tuple[float, float]:
    """Give the least and the greatest finite value; zero if there is none."""
    low, high = float(image.min()), float(image.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        finite = image[np.isfinite(image)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return low, high


def _check_range(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = (number(each, "value_range") for each in pair(value, "value_range"))
    if not low < high:
        raise ValueError(f"value_range must rise, not {value!r}")
    return low, high
