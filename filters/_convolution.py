"""The ways to convolve with a kernel of one's own, and the choice: that of least cost which is accurate enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl import arrays
from dsl.arguments import choice, number, only_one, whole
from dsl.lowering import pieces
from filters import _costs, _separable, _sliding
from filters._separable import MAX_TERMS, MOST, Fitted, Kernels, Pair
from schedules import options, targets

METHODS = (*_sliding.METHODS, "fourier")
#: PSNR in dB that Fourier transforms in float32 have at least, for any image and kernel.
FOURIER_ACCURACY = 110.0


@dataclass(frozen=True)
class Way:
    """A way to convolve.

    Attributes
    ----------
    cost : float
        Nanoseconds a pixel.
    run : function
        Filters into an array, or into a new one.
    is_finite : function
        Tells by a result whether all that it was made of was finite; of direct sums: always.
    """

    cost: float
    run: _sliding.Run
    is_finite: Callable[[Any], bool] | None = None


def run(
    image: Any,
    found: Kernels,
    *,
    terms: Any,
    accuracy: Any,
    default: float,
    method: Any,
    out: Any,
    methods: tuple[str, ...] = METHODS,
    **common: Any,
) -> np.ndarray[Any, Any]:
    """Convolve with a sum of separable kernels, or the 2-D one that they are of.

    Parameters
    ----------
    terms, accuracy, method
        As the user gave them.
    default : float
        Accuracy in dB where neither terms nor accuracy is given.
    methods : tuple of str
        What ``method`` may be.
    **common
        The options of every filter.
    """
    choice(method, "method", methods)
    only_one(terms=terms, accuracy=accuracy)
    if terms is not None:
        terms = whole(terms, "terms", 1, MAX_TERMS)
    wanted = default if accuracy is None else number(accuracy, "accuracy", least=0.0)
    ways = [_direct(image, found, common)]
    if method in ("auto", "sliding"):
        fits = _separable.fits(found, terms, wanted)
        if fits is not None:
            ways.append(_sliding_sums(image, found, fits, common))
        elif method == "sliding":
            raise ValueError(_separable.cannot_slide(found, wanted))
    if method in ("auto", "fourier"):
        reason = _cannot_transform(found, wanted, common["target"])
        if reason is None:
            ways.append(_transforms(image, found, common))
        elif method == "fourier":
            raise ValueError(reason)
    way = min(ways, key=lambda each: each.cost) if method == "auto" else ways[-1]
    result: np.ndarray[Any, Any]
    if way.is_finite is None:
        result = way.run(out)
    else:
        result = _sliding.run_if_finite(ways[0].run, way.run, method != "auto", out, way.is_finite)
    return result


# ------------------------------------------------------------------------------------------------ direct sums


def _direct(image: Any, found: Kernels, common: Mapping[str, Any]) -> Way:
    """Direct sums: of the separable kernels, or of the 2-D one where that costs less."""
    dtype, rank = _dtype(image), len(found.pairs)
    cost = rank * _costs.direct(dtype, found.taps / rank, common["target"])
    separate = Way(cost, lambda into: _sum_separable(image, found, into, common))
    if found.whole is None:
        return separate
    weights = found.whole
    cost = _costs.direct_2d(dtype, weights.size, common["target"])
    together = Way(cost, lambda into: _sum_2d(image, weights, (), into, common))
    return min(separate, together, key=lambda way: way.cost)


def _sum_2d(image: Any, weights: np.ndarray[Any, Any], choices: Any, out: Any, common: Mapping[str, Any]) -> Any:
    table = weights.ravel()
    columns = float(weights.shape[1])
    return _separable.direct_2d_program.run((image,), (columns,), (table,), {}, choices=choices, out=out, **common)


def _sum_separable(image: Any, found: Kernels, out: Any, common: Mapping[str, Any]) -> Any:
    """Convolve directly; with many kernels some at a time, summed in float32 and rounded once."""
    pairs = found.pairs

    def tables(some: Sequence[Pair]) -> tuple[Any, Any]:
        return found.samples(0, some), found.samples(1, some)

    if len(pairs) <= MOST:
        return _separable.direct_program.run((image,), (), tables(pairs), {"rank": len(pairs)}, out=out, **common)
    checked = arrays.check(image)
    result = arrays.check_out(out, checked, [checked]) if out is not None else np.empty_like(checked)
    total = np.zeros(checked.shape, np.float32)
    for i in range(0, len(pairs), MOST):
        some = pairs[i : i + MOST]
        total = _separable.adding_program.run((total, checked), (), tables(some), {"rank": len(some)}, **common)
    if result.dtype == np.float32:
        result[...] = total
    else:
        np.copyto(result, np.clip(np.rint(total), 0, np.iinfo(result.dtype).max), casting="unsafe")
    return result


# ------------------------------------------------------------------------------------------------ sliding sums


def _sliding_sums(image: Any, found: Kernels, fits: Fitted, common: Mapping[str, Any]) -> Way:
    terms = fits.down.terms + fits.along.terms
    cost = len(found.pairs) * _costs.sliding(_dtype(image), terms, common["target"])
    return Way(
        cost,
        lambda into: _slide(image, found, fits, into, common),
        lambda result: _sliding.ends_finite(result, common["schedule"]),
    )


def _slide(image: Any, found: Kernels, fits: Fitted, out: Any, common: Mapping[str, Any]) -> Any:
    down, along = fits.down, fits.along
    structural = {"rank": len(found.pairs), "parity_y": down.parity, "parity_x": along.parity}
    structural |= {"terms_y": down.terms, "terms_x": along.terms}
    tables = found.samples(0), found.samples(1), down.numbers, along.numbers
    radii = float(down.radius), float(along.radius)
    return _separable.sliding_program.run(
        (image,), radii, tables, structural, choices=_sliding.SLIDING, out=out, **common
    )


# ------------------------------------------------------------------------------------------------ Fourier transforms


def _cannot_transform(found: Kernels, wanted: float, target: str | None) -> str | None:
    """Say why Fourier transforms are none for a kernel, an accuracy or a target; None where they are."""
    if found.whole is None:
        return "kernel is separable as it came; method='fourier' takes a 2-D one"
    most = pieces.most_rows(max(pieces.POINTS))
    if found.whole.shape[0] > most:
        return f"kernel has {found.whole.shape[0]} rows; method='fourier' takes {most} at most"
    if wanted > FOURIER_ACCURACY:
        return f"accuracy must be at most {FOURIER_ACCURACY:g} dB with method='fourier', not {wanted:g}"
    resolved = targets.resolve(options.current().target if target is None else target)
    if targets.device(resolved):
        return f"method='fourier' is for CPUs, not for target {resolved!r}"
    return None


def _transforms(image: Any, found: Kernels, common: Mapping[str, Any]) -> Way:
    """Fourier transforms, of as many points as cost least."""
    if found.whole is None:
        raise TypeError("there is no 2-D kernel")
    weights, height = found.whole, _height(image)
    cost, points = _costs.fourier(_dtype(image), height, weights.shape, common["target"])
    choices = (("convolve_2d", "fourier"), ("points", points))
    # All of a pair of pieces is made of all of it. A schedule of one's own may have chosen other points.
    pair = 2 * pieces.results(points, weights.shape[0]) if common["schedule"] == "manual" else 1
    return Way(
        cost,
        lambda into: _sum_2d(image, weights, choices, into, common),
        lambda result: bool(np.isfinite(_sliding.as_batch(result)[:, ::pair]).all()),
    )


def _height(image: Any) -> int:
    shape = np.shape(image)
    return int(shape[-3] if len(shape) > 2 else shape[0]) if shape else 1


def _dtype(image: Any) -> Any:
    return getattr(image, "dtype", np.float32)
