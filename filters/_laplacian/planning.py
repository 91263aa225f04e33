"""Which way an image is filtered: by a series of how many terms, or by how many samples of the gray value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dsl.arguments import choice, number, only_one, whole
from filters._laplacian import series
from filters._laplacian.programs import FOUR
from filters._laplacian.series import OutOfReachError, Remap, Series

Method = Literal["auto", "fourier", "interpolated", "exact"]
#: What each method takes to say how accurate it shall be.
_TAKES = {
    "auto": ("terms", "accuracy"),
    "fourier": ("terms", "accuracy"),
    "interpolated": ("samples", "accuracy"),
    "exact": (),
}
#: Terms of a program that holds its series itself; longer ones come in parts.
MAX_TERMS = 12
MAX_SAMPLES, _DEFAULT_SAMPLES = 16384, 8
#: Largest error of a remapped value with maps, as a part of the range: a fifth of an 8-bit gray value.
_MAP_ERROR = 0.2 / 255
#: From this sigma on, as a part of the range, four terms do; below it as many as keep the error to a part of sigma.
_FOUR_DO, _PART_OF_SIGMA = 0.1, 0.01
#: Samples of the exact filter lie a sigma over so much apart, and curves, which may have corners, are also sampled as
#: often as 8 bits do: cubics err by at most 0.14 step^4 / sigma^3 then, 4e-5 of sigma.
_EXACT, _EXACT_CURVE, _GRAY_VALUES = 8, 12, 255


@dataclass(frozen=True)
class Wanted:
    """How accurate a result shall be, and by which method; at most one of the numbers is given."""

    method: Method
    terms: int | None
    samples: int | None
    accuracy: float | None


@dataclass(frozen=True)
class Samples:
    """Samples of the gray value: ``count`` of them, ``step`` apart in the image's units; linear or cubic between."""

    remap: Remap
    count: int
    step: float
    between: Literal["linear", "cubic"]


@dataclass(frozen=True)
class Plan:
    """How one image is filtered.

    Attributes
    ----------
    sigma, detail : float or array
        In the image's units; a factor.
    way : int, Series or Samples
        The terms of the program that holds its series itself; a series that comes in parts, of a curve, of many terms
        or, without coefficients, for maps; or samples to interpolate between.
    """

    sigma: Any
    detail: Any
    way: int | Series | Samples


def wanted(method: Any, terms: Any, samples: Any, accuracy: Any) -> Wanted:
    """Check what was asked for."""
    choice(method, "method", tuple(_TAKES))
    only_one(terms=terms, accuracy=accuracy)
    for name, value in {"terms": terms, "samples": samples, "accuracy": accuracy}.items():
        if value is not None and name not in _TAKES[method]:
            fitting = " and ".join(_TAKES[method]) or "none of terms, samples and accuracy"
            raise ValueError(f"{name}={value!r} does not go with method={method!r}, which takes {fitting}")
    only_one(samples=samples, accuracy=accuracy)
    return Wanted(
        method,
        None if terms is None else whole(terms, "terms", 1, MAX_TERMS),
        None if samples is None else whole(samples, "samples", 2, MAX_SAMPLES),
        None if accuracy is None else number(accuracy, "accuracy", least=0.0),
    )


def plan(wanted: Wanted, sigma: Any, detail: Any, curve: series.Curve | None, size: float) -> Plan:
    """Choose for an image whose values span ``size``."""
    if isinstance(sigma, np.ndarray) or isinstance(detail, np.ndarray):
        return Plan(sigma, detail, _for_maps(wanted, sigma, curve, size))
    return Plan(sigma, detail, _way(wanted, Remap(sigma, size, curve)))


def _way(wanted: Wanted, remap: Remap) -> int | Series | Samples:
    if wanted.method == "exact":
        return _close_samples(remap)
    if wanted.method == "interpolated":
        return _samples(remap, wanted.samples, wanted.accuracy)
    try:
        return _series(wanted, remap)
    except OutOfReachError:
        if wanted.method == "fourier":
            raise
    return _samples(remap, None, _accuracy(wanted, remap))


def _for_maps(wanted: Wanted, sigma: Any, curve: Any, size: float) -> Series:
    if wanted.method in ("interpolated", "exact"):
        raise ValueError(f"maps of sigma or detail go with method 'fourier', not with {wanted.method!r}")
    if curve is not None:
        raise ValueError("curve goes with numbers for sigma and detail, not with maps of them")
    error = _MAP_ERROR if wanted.accuracy is None else 10 ** (-wanted.accuracy / 20)
    return series.of_maps(float(np.min(sigma)) / size, float(np.max(sigma)) / size, wanted.terms, error)


def _accuracy(wanted: Wanted, remap: Remap) -> float:
    """Give what was asked for, or what keeps the error to a part of sigma."""
    return -20 * math.log10(_PART_OF_SIGMA * remap.s) if wanted.accuracy is None else wanted.accuracy


def fewest_terms(s: float, accuracy: float) -> int | None:
    """Give the terms of a program's own series that are expected to reach an accuracy, at detail 1; None if none do."""
    return next((k for k in range(1, MAX_TERMS + 1) if series.expected_accuracy(s, k) >= accuracy), None)


def _series(wanted: Wanted, remap: Remap) -> int | Series:
    """Choose a series: a program's own where it has enough terms."""
    terms = wanted.terms
    if remap.table is not None:
        return series.of_remap(remap, terms, wanted.accuracy, series.MOST_TERMS)
    if terms is None and wanted.accuracy is None:
        terms = FOUR if remap.s >= _FOUR_DO else None
    elif terms is None:
        terms = fewest_terms(remap.s, _accuracy(wanted, remap))
    return series.of_sigma(remap.s, _accuracy(wanted, remap), FOUR) if terms is None else terms


def _samples(remap: Remap, count: int | None, accuracy: float | None) -> Samples:
    """Spread samples over the range: so many, or the fewest that are expected to reach an accuracy."""
    if accuracy is not None:
        count = _fewest(remap, accuracy)
    count = count or _DEFAULT_SAMPLES
    return Samples(remap, count, remap.size / (count - 1), "linear")


def _fewest(remap: Remap, accuracy: float) -> int:
    enough = 2
    while remap.expected_accuracy(enough) < accuracy:
        enough *= 2
        if enough > MAX_SAMPLES:
            raise OutOfReachError(
                f"accuracy must be at most {remap.expected_accuracy(MAX_SAMPLES):.0f} dB with {MAX_SAMPLES} samples, "
                f"not {accuracy:g}; sigma is {remap.s:.2g} of the value range"
            )
    few = enough // 2
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if remap.expected_accuracy(middle) >= accuracy else (middle, enough)
    return max(enough, 2)


def _close_samples(remap: Remap) -> Samples:
    """Spread samples for cubics, which take one beyond each end."""
    step = remap.s / _EXACT if remap.table is None else min(remap.s / _EXACT_CURVE, 1 / _GRAY_VALUES)
    count = math.ceil(1 / step) + 3
    if count > MAX_SAMPLES:
        raise OutOfReachError(
            f"sigma must be at least {_EXACT / MAX_SAMPLES:.2g} of the value range for method 'exact'; "
            f"{remap.s:.2g} of it came"
        )
    return Samples(remap, count, step * remap.size, "cubic")
