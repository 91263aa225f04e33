"""Local Laplacian filtering by Gaussian Fourier pyramid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays
from filters._arguments import choice, number, only_one, whole
from filters._filter import public
from filters._gaussian import Border
from filters._laplacian import programs, series

#: Levels that programs are made for; a call takes the smallest that holds its own number of levels. Each level of a
#: program costs half a second of compilation, so images above a megapixel, which have more, get the exact number.
_CAPACITIES: tuple[int, ...] = (4, 8, *range(9, 17))
MAX_TERMS = 12
#: Largest error of a remapped value with maps, as a part of the range: a fifth of an 8-bit gray value.
_MAP_ERROR = 0.2 / 255

#: A range function of one's own: from differences and sigma, both in the image's units, to what detail 1 adds.
Curve = Callable[[np.ndarray[Any, Any], float], np.ndarray[Any, Any]]


@public(programs.gray_program, programs.color_program)
def local_laplacian(
    image: ArrayLike,
    sigma: float | np.ndarray[Any, Any],
    detail: float | np.ndarray[Any, Any] = 1.0,
    *,
    beta: float = 1.0,
    curve: Curve | None = None,
    levels: int | None = None,
    terms: int | None = None,
    accuracy: float | None = None,
    method: Literal["fourier"] = "fourier",
    color: Literal["luminance", "separate"] = "luminance",
    value_range: tuple[float, float] | Literal["image"] | None = None,
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Enhance or smooth detail without halos, by local Laplacian filtering.

    Differences to the local gray value that are smaller than ``sigma`` or so are detail, larger ones edges. Detail is
    multiplied by ``1 + detail`` (for small differences, at ``beta`` 1), edges by ``beta``.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32.
    sigma : float or array
        Where detail ends and edges begin, in the image's units (8-bit photographs: 10 to 80); or a map of it, (H, W),
        which is taken at every pixel and, blurred and halved, at every level.
    detail : float or array
        How much detail is added: 0 none, positive values enhance (natural up to 2.2), -1 smooths most strongly; or a
        map.
    beta : float
        Slope of edges: below 1 compresses tone, 1 leaves it.
    curve : function, optional
        Instead of ``d * exp(-d**2 / (2 * sigma**2))``: called with an array of differences d from 0 up and sigma, gives
        what ``detail`` 1 adds to them. Taken to be odd: negative differences get the negative of it.
    levels : int, optional
        Laplacian levels, 0 to 16, the residual not counted; default floor(log2(min(H, W))) - 1, at least 0.
    terms : int, optional
        Sine and cosine pairs of the expansion, 1 to 12, default 4: 60 dB at sigma 30 of 255. With maps as many as keep
        every remapped value to a fifth of an 8-bit gray value: 11 for sigma from 20 to 60, 21 for 10 to 60; the time is
        that of so many terms.
    accuracy : float, optional
        PSNR in dB to expect on photographs, instead of ``terms``; the peak is the width of the value range.
    method : str
        ``"fourier"``: the Gaussian Fourier pyramid.
    color : str
        ``"luminance"`` (BT.601; chroma is kept) or ``"separate"``: each channel alone. With more than three channels
        the others are copied; with one or two, each is filtered alone.
    value_range : (float, float), "image" or None
        Smallest and largest value. None: (0, 255) for uint8, else measured, as ``"image"`` always is, per image of a
        batch. A narrower range needs fewer terms. Values outside a given range come out wrong.
    border : str
        What lies outside: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``; the rule
        holds at every level of the pyramid.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap ``image``.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    array
        Of the image's shape and dtype; integers saturate.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted; NaN and infinity in the image are refused.

    References
    ----------
    Paris, Hasinoff, Kautz: Local Laplacian filters. ACM Transactions on Graphics 30 (2011).
    Sumiya, Otsuka, Maeda, Fukushima: Gaussian Fourier pyramid for local Laplacian filter. IEEE Signal Processing
    Letters 29 (2022) 11-15.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import local_laplacian
    >>> ripple = np.tile(np.float32([100, 104]), (32, 16))
    >>> round(float(np.ptp(local_laplacian(ripple, sigma=30, detail=1.0, value_range=(0, 255))[16, 4:-4])))
    8
    """
    array = arrays.check(image)
    beta = number(beta, "beta")
    sigma, detail = _positive(sigma), _number_or_map(detail, "detail")
    choice(method, "method", ("fourier",))
    choice(color, "color", ("luminance", "separate"))
    if curve is not None and not callable(curve):
        raise TypeError(f"curve must be a function of differences and sigma, not {type(curve).__name__}")
    if out is not None:
        arrays.check_out(out, array, (array,))
    depth = default_levels(levels, array)
    options: dict[str, Any] = {"border": border, "border_value": border_value}
    options |= {"target": target, "schedule": schedule, "threads": threads}
    parts = [array] if array.ndim < 4 else list(array)
    ranges = [range_of(value_range, part, border, border_value) for part in parts]
    maps = [_maps(sigma, detail, array, i) for i in range(len(parts))]
    plans = [_plan(*of, curve, terms, accuracy, high - low) for of, (low, high) in zip(maps, ranges, strict=True)]
    result = np.empty_like(array) if out is None else out
    for part, into, (low, high), plan in zip(parts, [result] if array.ndim < 4 else result, ranges, plans, strict=True):
        if depth == 0 or low == high:
            into[...] = part
        else:
            _filter(part, into, color, plan, beta, (low, high), depth, options)
    return result


# ---------------------------------------------------------------------------------------------------- one image


@dataclass(frozen=True)
class _Plan:
    """How one image is filtered: with numbers, or with a series that comes in parts."""

    sigma: Any
    detail: Any
    terms: int
    series: series.Series | None = None  # of its own curve, or for maps
    maps: bool = False


def _plan(sigma: Any, detail: Any, curve: Curve | None, terms: Any, accuracy: Any, size: float) -> _Plan:
    only_one(terms, accuracy)
    terms = None if terms is None else whole(terms, "terms", 1, MAX_TERMS)
    accuracy = None if accuracy is None else number(accuracy, "accuracy", least=0.0)
    is_map = isinstance(sigma, np.ndarray) or isinstance(detail, np.ndarray)
    if size == 0:
        return _Plan(sigma, detail, 1)
    if curve is not None:
        if is_map:
            raise ValueError("curve goes with numbers for sigma and detail, not with maps of them")
        found = series.of_curve(curve, sigma, size, terms, accuracy, MAX_TERMS)
        return _Plan(sigma, detail, len(found.coefficients), found)
    if is_map:
        error = _MAP_ERROR if accuracy is None else 10 ** (-accuracy / 20)
        found = series.of_maps(float(np.min(sigma)) / size, float(np.max(sigma)) / size, terms, error)
        return _Plan(sigma, detail, found.terms, found, maps=True)
    return _Plan(sigma, detail, _terms(terms, accuracy, sigma, size))


def _filter(
    image: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    color: str,
    plan: _Plan,
    beta: float,
    value_range: tuple[float, float],
    depth: int,
    options: dict[str, Any],
) -> None:
    """Filter one image into ``out``: channels told apart or alike, others copied."""
    channels = image.shape[2] if image.ndim == 3 else 1
    by_luminance = channels >= 3 and color == "luminance"
    if channels > 3 and not by_luminance:
        out[..., 3:] = image[..., 3:]
        image, out = image[..., :3], out[..., :3]
    low, high = value_range
    if plan.series is None:
        program = programs.color_program if by_luminance else programs.gray_program
        scalars = (plan.sigma, plan.detail, beta, low, high, float(depth))
        structural = {"levels": capacity(depth), "terms": plan.terms}
        program.run((image,), scalars, structural=structural, out=out, **options)
        return
    gray = luminance_of(image, options) if by_luminance else image
    total = _summed(gray, plan, plan.series, beta, value_range, depth, options)
    (programs.color_sum if by_luminance else programs.gray_sum).run((image, total), out=out, **options)


def luminance_of(image: np.ndarray[Any, Any], options: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Give the luminance of colours as a float32 plane."""
    plane: np.ndarray[Any, Any] = programs.luminance_program.run(
        (np.zeros(image.shape[:2], np.float32), image), **options
    )
    return plane


def _summed(
    image: np.ndarray[Any, Any],
    plan: _Plan,
    found: series.Series,
    beta: float,
    value_range: tuple[float, float],
    depth: int,
    options: dict[str, Any],
) -> np.ndarray[Any, Any]:
    """Add up what the parts of a series change of each channel: some terms a call."""
    low, high = value_range
    total = np.zeros(image.shape, np.float32)
    omega = 2 * np.pi / (found.period * (high - low))
    maps = [np.broadcast_to(np.asarray(m, np.float32), image.shape[:2]) for m in (plan.sigma, plan.detail)]
    if image.ndim == 3:
        maps = [np.broadcast_to(m[..., None], image.shape) for m in maps]
    structural = {"levels": capacity(depth), "terms": programs.FOUR}
    for first in range(0, plan.terms, programs.FOUR):
        scalars = (omega, float(first), 0.5 * (low + high), beta if first == 0 else 1.0, float(depth))
        if plan.maps:
            total = programs.map_part.run((total, image, *maps), scalars, (), structural, **options)
        else:
            some = np.zeros(programs.FOUR)
            part = found.coefficients[first : first + programs.FOUR]
            some[: len(part)] = np.asarray(part) * plan.detail * (high - low)
            total = programs.table_part.run((total, image), scalars, (some,), structural, **options)
    return total


# ---------------------------------------------------------------------------------------------------- arguments


def _positive(sigma: Any) -> Any:
    sigma = _number_or_map(sigma, "sigma")
    if np.min(sigma) < 1e-6:
        least = float(np.min(sigma))
        raise ValueError(f"sigma must be at least 1e-06{' everywhere' if np.ndim(sigma) else ''}, not {least!r}")
    return sigma


def _number_or_map(value: Any, name: str) -> Any:
    """Give a float, or a float32 array."""
    if np.ndim(value) == 0:
        return number(value, name)
    try:
        array = np.asarray(value, np.float32)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number or a map of numbers, not {type(value).__name__}") from None
    if not array.size or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite everywhere; the map of shape {array.shape} is not")
    return array


def _maps(sigma: Any, detail: Any, image: np.ndarray[Any, Any], index: int) -> tuple[Any, Any]:
    """Give the maps of one image of a batch."""
    size = image.shape[:2] if image.ndim < 4 else image.shape[1:3]
    found = []
    for value, name in ((sigma, "sigma"), (detail, "detail")):
        if not isinstance(value, np.ndarray) or value.shape == size:
            found.append(value)
        elif image.ndim == 4 and value.shape == image.shape[:3]:
            found.append(value[index])
        else:
            raise ValueError(f"{name} is a map of shape {value.shape}; {size} is needed for an image of {image.shape}")
    return found[0], found[1]


def default_levels(levels: Any, image: np.ndarray[Any, Any]) -> int:
    """Check a number of levels, or choose it by the size of the image."""
    if levels is not None:
        return whole(levels, "levels", 0, _CAPACITIES[-1])
    height, width = image.shape[:2] if image.ndim < 4 else image.shape[1:3]
    return min(max(int(min(height, width)).bit_length() - 2, 0), _CAPACITIES[-1])


def capacity(levels: int) -> int:
    """Give the number of levels a program is made with; those beyond are switched off by a run-time number."""
    return next(capacity for capacity in _CAPACITIES if capacity >= levels)


def range_of(value_range: Any, image: np.ndarray[Any, Any], border: str, border_value: float) -> tuple[float, float]:
    """Give the smallest and largest value that the expansion must cover."""
    if value_range is None and image.dtype == np.uint8:
        low, high = 0.0, 255.0
    elif value_range is None or (isinstance(value_range, str) and value_range == "image"):
        colors = image[..., :3] if image.ndim == 3 else image
        low, high = float(colors.min()), float(colors.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("image holds NaN or infinity, which the Fourier pyramid would smear over the image")
    else:
        if isinstance(value_range, str) or not hasattr(value_range, "__len__") or len(value_range) != 2:
            raise ValueError(f"value_range must be None, 'image' or two numbers, not {value_range!r}")
        low, high = (number(v, "value_range") for v in value_range)
        if not low < high:
            raise ValueError(f"value_range must be (smallest, largest), not {value_range!r}")
        if image.dtype == np.float32 and not np.isfinite(image).all():
            raise ValueError("image holds NaN or infinity, which the Fourier pyramid would smear over the image")
    if border == "constant":  # what lies outside is compared with the image too
        outside = number(border_value, "border_value")
        low, high = min(low, outside), max(high, outside)
    return low, high


def _terms(terms: int | None, accuracy: float | None, sigma: float, size: float) -> int:
    if accuracy is None:
        return series.DEFAULT_TERMS if terms is None else terms
    for count in range(1, MAX_TERMS + 1):
        if series.expected_accuracy(sigma / size, count) >= accuracy:
            return count
    most = series.expected_accuracy(sigma / size, MAX_TERMS)
    raise ValueError(
        f"accuracy must be at most {most:.0f} dB for sigma={sigma:g} in a range of {size:g}, not {accuracy!r}"
    )
