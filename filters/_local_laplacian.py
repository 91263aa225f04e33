"""Local Laplacian filtering by Gaussian Fourier pyramid."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

import dsl
from dsl import arrays
from filters import _fourier
from filters._arguments import choice, number, whole
from filters._filter import public
from filters._gaussian import Border

#: Levels that programs are made for; a call takes the smallest that holds its own number of levels. Each level of a
#: program costs half a second of compilation, so images above a megapixel, which have more, get the exact number.
_CAPACITIES: tuple[int, ...] = (4, 8, *range(9, 17))
MAX_TERMS = 12
DEFAULT_TERMS = 4
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def _filtered(
    src: dsl.Image,
    sigma: dsl.Scalar,
    detail: dsl.Scalar,
    beta: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    active: dsl.Scalar,
    levels: int,
    terms: int,
) -> Any:
    """Write the filter: every Laplacian coefficient is the one of an image remapped around its own gray value.

    With the remap's sine series the pyramids of sin(k w I) and cos(k w I) serve all gray values:
    L[r] = beta L[I] + detail sum_k b_k (cos(k w G) L[sin k w I] - sin(k w G) L[cos k w I]).
    What is collapsed is the difference to ``beta`` times the image's own pyramid. At the finest level G is I, and the
    unblurred waves cancel. Levels from ``active`` on are left as they are.
    """
    size = high - low
    s = sigma / size
    where = _fourier.position(dsl.log(s))
    period, *coefficients = (dsl.lookup(dsl.table(t), where) for t in _fourier.tables(terms))
    fading = dsl.minimum(s / _fourier.SMALLEST, 1.0)  # below the table, f shrinks as s^3
    scale = detail * size * fading * fading * fading
    weights = [scale * b for b in coefficients]
    omega = 2 * math.pi / (period * size)
    middle = 0.5 * (low + high)

    image = dsl.gaussian_pyramid(src, levels)
    waves = dsl.gaussian_pyramid(dsl.stack(*dsl.harmonics(omega * (src - middle), terms)), levels)
    added = (1 - beta) * image[levels]
    for level in reversed(range(levels)):
        blurred = dsl.up(waves[level + 1], image[level])
        cosines, sines = dsl.split(-blurred if level == 0 else waves[level] - blurred, terms)
        cos, sin = dsl.harmonics(omega * (image[level] - middle), terms)
        here = dsl.dot(weights, cos * sines - sin * cosines) + dsl.up(added, image[level])
        added = dsl.select(active > level, here, (1 - beta) * image[level])
    return beta * src + added


@dsl.filter
def gray_program(
    src: dsl.Image,
    sigma: dsl.Scalar,
    detail: dsl.Scalar,
    beta: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    terms: int = 4,
) -> dsl.Image:
    """Local Laplacian filter of each channel."""
    result: dsl.Image = _filtered(src, sigma, detail, beta, low, high, active, levels, terms)
    return result


@dsl.filter
def color_program(
    src: dsl.Color,
    sigma: dsl.Scalar,
    detail: dsl.Scalar,
    beta: dsl.Scalar,
    low: dsl.Scalar,
    high: dsl.Scalar,
    active: dsl.Scalar,
    levels: int = 8,
    terms: int = 4,
) -> dsl.Image:
    """Local Laplacian filter of the luminance; what it changes is added to all three channels."""
    luma = sum((w * c for w, c in zip(_LUMA[1:], src.channels[1:], strict=True)), _LUMA[0] * src.channels[0])
    result: dsl.Image = src + (_filtered(luma, sigma, detail, beta, low, high, active, levels, terms) - luma)
    return result


@public(gray_program, color_program)
def local_laplacian(
    image: ArrayLike,
    sigma: float,
    detail: float = 1.0,
    *,
    beta: float = 1.0,
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
    sigma : float
        Where detail ends and edges begin, in the image's units (8-bit photographs: 10 to 80).
    detail : float
        How much detail is added: 0 none, positive values enhance (natural up to 2.2), -1 smooths most strongly.
    beta : float
        Slope of edges: below 1 compresses tone, 1 leaves it.
    levels : int, optional
        Laplacian levels, 0 to 16, the residual not counted; default floor(log2(min(H, W))) - 1, at least 0.
    terms : int, optional
        Sine and cosine pairs of the expansion, 1 to 12, default 4: 60 dB at sigma 30 of 255.
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
    sigma = number(sigma, "sigma", least=1e-6)
    detail, beta = number(detail, "detail"), number(beta, "beta")
    choice(method, "method", ("fourier",))
    choice(color, "color", ("luminance", "separate"))
    if out is not None:
        arrays.check_out(out, array, (array,))
    result = np.empty_like(array) if out is None else out
    depth = _levels(levels, array)
    options = {
        "border": border,
        "border_value": border_value,
        "target": target,
        "schedule": schedule,
        "threads": threads,
    }
    parts = [(array, result)] if array.ndim < 4 else list(zip(array, result, strict=True))
    ranges = [_value_range(value_range, part, border, border_value) for part, _ in parts]
    counts = [_terms(terms, accuracy, sigma, high - low) for low, high in ranges]
    for (part, into), (low, high), count in zip(parts, ranges, counts, strict=True):
        if depth == 0 or low == high:
            into[...] = part
        else:
            scalars = (sigma, detail, beta, low, high, float(depth))
            _run(part, into, color, scalars, {"levels": _capacity(depth), "terms": count}, options)
    return result


def _run(
    image: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    color: str,
    scalars: tuple[float, ...],
    structural: dict[str, int],
    options: dict[str, Any],
) -> None:
    """Filter one image into ``out``."""
    channels = image.shape[2] if image.ndim == 3 else 1
    if channels >= 3 and color == "luminance":
        color_program.run((image,), scalars, structural=structural, out=out, **options)
        return
    if channels > 3:
        out[..., 3:] = image[..., 3:]
        image, out = image[..., :3], out[..., :3]
    gray_program.run((image,), scalars, structural=structural, out=out, **options)


def _levels(levels: Any, image: np.ndarray[Any, Any]) -> int:
    if levels is not None:
        return whole(levels, "levels", 0, _CAPACITIES[-1])
    height, width = image.shape[:2] if image.ndim < 4 else image.shape[1:3]
    return min(max(int(min(height, width)).bit_length() - 2, 0), _CAPACITIES[-1])


def _capacity(levels: int) -> int:
    """Give the number of levels a program is made with; those beyond are switched off by a run-time number."""
    return next(capacity for capacity in _CAPACITIES if capacity >= levels)


def _value_range(
    value_range: Any, image: np.ndarray[Any, Any], border: str, border_value: float
) -> tuple[float, float]:
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


def _terms(terms: Any, accuracy: Any, sigma: float, size: float) -> int:
    if accuracy is None:
        return DEFAULT_TERMS if terms is None else whole(terms, "terms", 1, MAX_TERMS)
    if terms is not None:
        raise ValueError(f"terms={terms!r} and accuracy={accuracy!r} are both given; one of them decides")
    wanted = number(accuracy, "accuracy", least=0.0)
    if size == 0:
        return 1
    for count in range(1, MAX_TERMS + 1):
        if _fourier.expected_accuracy(sigma / size, count) >= wanted:
            return count
    most = _fourier.expected_accuracy(sigma / size, MAX_TERMS)
    raise ValueError(
        f"accuracy must be at most {most:.0f} dB for sigma={sigma:g} in a range of {size:g}, not {accuracy!r}"
    )
