"""From where to where parameters are worth trying: the one table of it, by their names and units."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from filters.images import Array


@dataclass(frozen=True)
class Range:
    """What a slider goes through, for an image of 8 bits where the unit is one of gray values.

    Parameters
    ----------
    low, high : float
        Its ends.
    unit : str
        ``"gray"`` and ``"gray²"`` follow the width of the image's range of values.
    start : float, optional
        Where it begins, of a parameter that has no default.
    given : bool
        Whether the parameter is given a value even though the filter would go without.
    logarithmic : bool
        Whether equal steps are equal factors.
    """

    low: float
    high: float
    unit: str = ""
    start: float | None = None
    given: bool = False
    logarithmic: bool = False


#: By the parameter's name; by the filter's and the parameter's, where the name means something else there.
RANGES = {
    "accuracy": Range(20, 100, "dB", 60),
    "amount": Range(-1, 5),
    "beta": Range(0, 2),
    "border_value": Range(0, 255, "gray"),
    "detail": Range(-1, 3),
    "eps": Range(1, 10000, "gray²", 400, logarithmic=True),
    "exponent": Range(0.25, 8),
    "guide_levels": Range(2, 32, "", 8),
    "levels": Range(0, 16, "", 8),
    "noise": Range(0, 40, "gray"),
    "orientation": Range(0, math.pi, "rad"),
    "patch_radius": Range(0, 10, "px"),
    "phase": Range(-math.pi, math.pi, "rad"),
    "radius": Range(1, 60, "px", 8),
    "samples": Range(2, 64, "", 8),
    "scale": Range(1, 16, "", 4, given=True),
    "search_radius": Range(1, 20, "px"),
    "sigma": Range(0, 50, "px", 8),
    "sigma_range": Range(1, 150, "gray", 30),
    "sigma_space": Range(0.5, 20, "px", 4),
    "strength": Range(1, 60, "gray", 12),
    "table_range": Range(1, 255, "gray", 60, given=True),
    "terms": Range(1, 6, "", 3),
    "wavelength": Range(2, 60, "px", 12),
    "gabor.sigma": Range(0.5, 30, "px", 6),
    # From where to where filters.LocalLaplacian needs no more terms than it has, and keeps 60 dB.
    "local_laplacian.sigma": Range(15, 80, "gray", 30),
    "local_laplacian.terms": Range(1, 12, "", 4),
    "unsharp.sigma": Range(0, 50, "px", 3),
}
#: What is typed, for parameters that have no default and take an array.
TEXTS = {
    "kernel": "0.1,0.2,0.4,0.2,0.1",
    "spatial_kernel": "1,2,3,2,1;2,4,6,4,2;3,6,9,6,3;2,4,6,4,2;1,2,3,2,1",
    "table": "1,0.8,0.5,0.2,0.1,0",
}
_POWERS = {"gray": 1, "gray²": 2}


def range_of(name: str, parameter: str, image: Array) -> Range | None:
    """Give what a slider for a filter's parameter goes through, in units of an image; None if that is not known.

    Parameters
    ----------
    name, parameter : str
        Of the filter and its parameter.
    image : array
        What is filtered.
    """
    found = RANGES.get(f"{name}.{parameter}") or RANGES.get(parameter)
    if found is None or found.unit not in _POWERS:
        return found
    factor = (width_of_values(image) / 255) ** _POWERS[found.unit]
    start = None if found.start is None else _tidy(found.start * factor)
    return replace(found, low=_tidy(found.low * factor), high=_tidy(found.high * factor), start=start)


def _tidy(value: float) -> float:
    return float(f"{value:.3g}")


def values_of(image: Array) -> tuple[float, float]:
    """Give the values that are black and white: those of the dtype, or the image's own, of floating point."""
    if image.dtype.kind != "f":
        return 0.0, float(np.iinfo(image.dtype).max)
    finite: Any = image[np.isfinite(image)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (low, high) if low < high else (low, low + 1.0)


def width_of_values(image: Array) -> float:
    """Give how far black and white are apart."""
    low, high = values_of(image)
    return high - low
