"""What a convolution costs, by method: how ``method="auto"`` decides.

The numbers are measured by ``python -m bench.crossover``, and kept as data: nanoseconds a pixel by taps of direct sums,
of both axes or of both dimensions at once, by terms of sliding ones, and by columns of kernels for Fourier transforms
of some points (a pixel transformed); for vectors of 16, 8 and 4 floats, and by dtype.
"""

from __future__ import annotations

import bisect
import functools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsl.lowering import pieces
from schedules import options, targets

FILE = Path(__file__).parent / "costs.json"


def sliding_is_faster(dtype: Any, taps: float, terms: int, target: str | None) -> bool:
    """Tell whether sliding sums take less time than direct ones.

    Parameters
    ----------
    dtype : numpy dtype
        Of the image.
    taps : float
        Of the direct sums, both axes together.
    terms : int
        Oscillators of the sliding ones, both axes together.
    target : str, optional
        What the code is compiled for; the current one by default.
    """
    return sliding(dtype, terms, target) < direct(dtype, taps, target)


def direct(dtype: Any, taps: float, target: str | None) -> float:
    """Give nanoseconds a pixel of direct sums."""
    return cost(_of(dtype, target)["direct"], taps)


def direct_2d(dtype: Any, taps: float, target: str | None) -> float:
    """Give nanoseconds a pixel of direct sums of both dimensions at once."""
    return cost(_of(dtype, target)["direct_2d"], taps)


def sliding(dtype: Any, terms: int, target: str | None) -> float:
    """Give nanoseconds a pixel of sliding sums."""
    return cost(_of(dtype, target)["sliding"], terms)


def fourier(dtype: Any, height: int, sides: tuple[int, int], target: str | None) -> tuple[float, int]:
    """Give nanoseconds a pixel of Fourier transforms of as many points as cost least, and those points.

    Parameters
    ----------
    dtype : numpy dtype
        Of the image.
    height : int
        Of the image: the pieces that its columns are cut into overlap, and are whole.
    sides : (int, int)
        Rows and columns of the kernel; infinite cost where it has too many rows.
    target : str, optional
        What the code is compiled for; the current one by default.
    """
    return _fourier(dtype, height, sides, options.current().target if target is None else target)


@functools.lru_cache(maxsize=256)
def _fourier(dtype: Any, height: int, sides: tuple[int, int], target: str) -> tuple[float, int]:
    rows, columns = sides
    measured = _known(dtype, target)["fourier"]
    found = [
        (cost(measured[str(points)], columns) * pieces.transformed(height, points, rows) / max(height, 1), points)
        for points in pieces.POINTS
        if rows <= pieces.most_rows(points)
    ]
    return min(found, default=(math.inf, 0))


def cost(measured: Sequence[Sequence[float]], count: float) -> float:
    """Give the cost of so many taps or terms: between those measured, and on beyond the last two."""
    after = min(max(bisect.bisect([n for n, _ in measured], count), 1), len(measured) - 1)
    (n, before), (m, behind) = measured[after - 1 : after + 1]
    return before + (behind - before) * (count - n) / (m - n)


#: The machine whose costs decide where all are to decide alike.
_ANY = "8"


@functools.cache
def _machine(target: str) -> str:
    resolved = targets.resolve(target)
    return _ANY if targets.is_reproducible(resolved) else str(targets.vector_lanes(resolved))


def _of(dtype: Any, target: str | None) -> dict[str, Any]:
    return _known(dtype, options.current().target if target is None else target)


@functools.cache
def _known(dtype: Any, target: str) -> dict[str, Any]:
    known = _costs()[_machine(target)]
    found: dict[str, Any] = known.get(str(dtype), known["float32"])
    return found


@functools.cache
def _costs() -> dict[str, Any]:
    costs: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return costs
