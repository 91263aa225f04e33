"""The public filter: checks, and the programs that an image takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import arguments, arrays
from dsl.arguments import choice, number, whole
from filters._filter import public
from filters._gaussian import Border
from filters._laplacian import planning, programs, sampling
from filters._laplacian.planning import Method, Plan, Samples
from filters._laplacian.series import Curve, Series

#: Levels that programs are made for; a call takes the smallest that holds its own number of levels. Each level of a
#: program costs a second of compilation, so images above a megapixel, which have more, get the exact number.
_CAPACITIES: tuple[int, ...] = (4, 8, *range(9, 17))
Domain = Literal["linear", "log"]
#: Under ``domain="log"``, what is less than this part of the largest value is taken for it.
_DARKEST = 1e-6
_ANYWHERE = 1e30


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
    method: Method = "auto",
    samples: int | None = None,
    color: Literal["luminance", "separate"] = "luminance",
    domain: Domain = "linear",
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
        Sine and cosine pairs of the expansion, 1 to 12. Default 4, 60 dB at sigma 30 of 255; for sigma below a tenth of
        the value range as many, in fours, as keep the error to a hundredth of sigma. With maps as many as keep every
        remapped value to a fifth of an 8-bit gray value: 11 for sigma from 20 to 60, 21 for 10 to 60. The time is that
        of so many terms; with maps, a curve or more than twelve they come in fours.
    accuracy : float, optional
        PSNR in dB to expect on photographs, instead of ``terms`` or ``samples``; the peak is the width of the value
        range.
    method : str
        ``"fourier"``: the Gaussian Fourier pyramid. ``"interpolated"``: pyramids for some gray values, linear in
        between (Aubry et al.). ``"exact"``: for so many, with cubics in between, that the error is below 1e-4 of sigma;
        slow. ``"auto"``: Fourier, which takes less time for every accuracy, and interpolation where a series would be
        too long: below some 600th of the value range (256 terms), and of curves with corners (60 terms).
    samples : int, optional
        Gray values of ``"interpolated"``, from one end of the range to the other, default 8.
    color : str
        ``"luminance"`` (BT.601; chroma is kept) or ``"separate"``: each channel alone. With more than three channels
        the others are copied; with one or two, each is filtered alone.
    domain : str
        ``"linear"``, or ``"log"`` for high dynamic range: the natural logarithm is filtered, and the image multiplied
        by what that changes. Then ``sigma`` and ``curve`` are in units of the logarithm (0.4 is a factor of 1.5), and
        values below a millionth of the largest, or below the lower end of a given range, are taken for that.
    value_range : (float, float), "image" or None
        Smallest and largest value. None: (0, 255) for uint8, else measured, as ``"image"`` always is, per image of a
        batch. A narrower range needs fewer terms. Values outside a given range come out wrong. Under ``"log"`` it is
        measured unless given, and must be positive.
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
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
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
    Aubry, Paris, Hasinoff, Kautz, Durand: Fast local Laplacian filters. ACM Transactions on Graphics 33 (2014).
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
    wanted = planning.wanted(method, terms, samples, accuracy)
    choice(color, "color", ("luminance", "separate"))
    choice(domain, "domain", ("linear", "log"))
    if curve is not None and not callable(curve):
        raise TypeError(f"curve must be a function of differences and sigma, not {type(curve).__name__}")
    if out is not None:
        arrays.check_out(out, array, (array,))
    depth = default_levels(levels, array)
    options = {
        "border": border,
        "border_value": border_value,
        "target": target,
        "schedule": schedule,
        "threads": threads,
    }
    parts, tasks = [array] if array.ndim < 4 else list(array), list[_Task | None]()
    for i, part in enumerate(parts):
        low, high = range_of(value_range, part, border, border_value, domain)
        if method == "exact":  # samples go as far as gray values do
            measured = range_of("image", part, border, border_value, domain)
            low, high = measured if domain == "linear" else (low, measured[1])
        if depth == 0 or low == high:
            tasks.append(None)
        else:
            plan = planning.plan(wanted, *_maps(sigma, detail, array, i), curve, high - low)
            tasks.append(_Task(part, plan, beta, low, high, depth, color, options))
    result = np.empty_like(array) if out is None else out
    for part, task, into in zip(parts, tasks, [result] if array.ndim < 4 else result, strict=True):
        if task is None:
            into[...] = part
        else:
            (_filter if domain == "linear" else _filter_log)(task, into)
    return result


# ---------------------------------------------------------------------------------------------------- one image


@dataclass(frozen=True)
class _Task:
    """An image and how it is filtered; ``low`` and ``high`` are the ends of its range, or of that of its logarithm."""

    image: np.ndarray[Any, Any]
    plan: Plan
    beta: float
    low: float
    high: float
    depth: int
    color: str
    options: dict[str, Any]

    @property
    def by_luminance(self) -> bool:
        return self.color == "luminance" and self.image.ndim == 3 and self.image.shape[2] >= 3


def _colors(task: _Task, out: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give the channels that are filtered, of image and result; copy the others."""
    if task.image.ndim == 3 and task.image.shape[2] > 3 and not task.by_luminance:
        out[..., 3:] = task.image[..., 3:]
        return task.image[..., :3], out[..., :3]
    return task.image, out


def _filter(task: _Task, out: np.ndarray[Any, Any]) -> None:
    plan, (image, out) = task.plan, _colors(task, out)
    if isinstance(plan.way, int):
        program = programs.color_program if task.by_luminance else programs.gray_program
        scalars = (plan.sigma, plan.detail, task.beta, task.low, task.high, float(task.depth))
        structural = {"levels": capacity(task.depth), "terms": plan.way}
        program.run((image,), scalars, (), structural, out=out, **task.options)
        return
    gray = luminance_of(image, task.options) if task.by_luminance else image
    total = _summed(gray, task)
    (programs.color_sum if task.by_luminance else programs.gray_sum).run((image, total), out=out, **task.options)


def _filter_log(task: _Task, out: np.ndarray[Any, Any]) -> None:
    image, out = _colors(task, out)
    floor = math.exp(task.low)
    gray = luminance_of(image, task.options) if task.by_luminance else image
    log = programs.log_program.run((np.zeros(gray.shape, np.float32), gray), (floor,), **task.options)
    outside = math.log(max(float(task.options["border_value"]), floor))
    inner = replace(task, image=log, color="separate", options={**task.options, "border_value": outside})
    change = np.empty_like(log)
    _filter(inner, change)
    gain = programs.color_gain if task.by_luminance else programs.gray_gain
    gain.run((image, log, change), out=out, **task.options)


def luminance_of(image: np.ndarray[Any, Any], options: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Give the luminance of colours as a float32 plane."""
    plane: np.ndarray[Any, Any] = programs.luminance_program.run(
        (np.zeros(image.shape[:2], np.float32), image), **options
    )
    return plane


# --------------------------------------------------------------------------------------------- a part of it a call

#: What a part is called with: its program, maps, numbers, tables, and what is structural.
_Part = tuple[Any, tuple[Any, ...], tuple[float, ...], tuple[Any, ...], dict[str, Any]]


def _summed(image: np.ndarray[Any, Any], task: _Task) -> np.ndarray[Any, Any]:
    """Add up what the parts change of each channel; edges change in the first."""
    total, beta = np.zeros(image.shape, np.float32), task.beta
    for program, maps, scalars, tables, structural in _parts(image, task):
        scalars = (*scalars, beta, float(task.depth))
        structural = {"levels": capacity(task.depth), **structural}
        total = program.run((total, image, *maps), scalars, tables, structural, **task.options)
        beta = 1.0
    return total


def _parts(image: np.ndarray[Any, Any], task: _Task) -> Iterator[_Part]:
    way = task.plan.way
    if isinstance(way, Samples):
        yield from _of_samples(task, way)
    elif isinstance(way, Series):
        yield from _of_series(task, way) if way.coefficients else _of_maps(image, task, way)


def _waves(task: _Task, found: Series) -> Iterator[tuple[int, tuple[float, float, float]]]:
    """Give the first term of each part, and the numbers of its waves."""
    omega = 2 * math.pi / (found.period * (task.high - task.low))
    for first in range(0, found.terms, programs.FOUR):
        yield first, (omega, float(first), 0.5 * (task.low + task.high))


def _of_series(task: _Task, found: Series) -> Iterator[_Part]:
    scale = task.plan.detail * (task.high - task.low)
    for first, scalars in _waves(task, found):
        part = found.coefficients[first : first + programs.FOUR]
        weights = np.zeros(programs.FOUR)
        weights[: len(part)] = np.asarray(part) * scale
        yield programs.table_part, (), scalars, (weights,), {"terms": programs.FOUR}


def _of_maps(image: np.ndarray[Any, Any], task: _Task, found: Series) -> Iterator[_Part]:
    maps = [np.broadcast_to(np.asarray(m, np.float32), image.shape[:2]) for m in (task.plan.sigma, task.plan.detail)]
    if image.ndim == 3:
        maps = [np.broadcast_to(m[..., None], image.shape) for m in maps]
    for _, scalars in _waves(task, found):
        yield programs.map_part, tuple(maps), scalars, (), {"terms": programs.FOUR}


def _of_samples(task: _Task, samples: Samples) -> Iterator[_Part]:
    """Between cubics no value is beyond the last sample: there is one more on each side."""
    remap, linear = samples.remap, samples.between == "linear"
    origin = task.low if linear else task.low - samples.step
    ends = (task.low, task.high) if linear else (-_ANYWHERE, _ANYWHERE)
    for first in range(0, samples.count, sampling.EIGHT):
        places = (task.plan.detail, origin + first * samples.step, samples.step, *ends)
        if remap.table is None:
            yield sampling.sample_part, (), (task.plan.sigma, *places), (), {"between": samples.between}
        else:
            largest = float(np.abs(remap.table).max()) or 1.0
            places = (task.plan.detail * largest * remap.size, *places[1:])
            scale = (remap.ENTRIES - 1) ** 2 / remap.size
            yield sampling.curve_part, (), (scale, *places), (remap.table / largest,), {"between": samples.between}


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


def range_of(
    value_range: Any, image: np.ndarray[Any, Any], border: str, border_value: float, domain: Domain = "linear"
) -> tuple[float, float]:
    """Give the smallest and largest value that the expansion must cover, or their logarithms; twice one: no detail."""
    measured = value_range is None or (isinstance(value_range, str) and value_range == "image")
    if value_range is None and image.dtype == np.uint8 and domain == "linear":
        low, high = 0.0, 255.0
    elif measured:
        low, high = _measured(image[..., :3] if image.ndim == 3 else image, domain)
    else:
        low, high = _given(value_range, image, domain)
    if border == "constant" and low < high:  # what lies outside is compared with the image too
        outside = number(border_value, "border_value")
        outside = max(outside, low) if domain == "log" else outside
        low, high = min(low, outside), max(high, outside)
    return (math.log(low), math.log(high)) if domain == "log" and low < high else (low, high)


def _measured(colors: np.ndarray[Any, Any], domain: Domain) -> tuple[float, float]:
    low, high = float(colors.min()), float(colors.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("image holds NaN or infinity, which the Fourier pyramid would smear over the image")
    if domain == "log" and low <= _DARKEST * high:
        positive = float(np.min(colors, where=colors > 0, initial=high))
        low = max(positive, _DARKEST * high) if high > 0 else high
    return low, high


def _given(value_range: Any, image: np.ndarray[Any, Any], domain: Domain) -> tuple[float, float]:
    low, high = arguments.value_range(value_range, "None, 'image' or two numbers")
    if domain == "log" and low <= 0:
        raise ValueError(f"value_range must be positive under domain='log', not {value_range!r}")
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise ValueError("image holds NaN or infinity, which the Fourier pyramid would smear over the image")
    return low, high
