"""What a convolution costs, by method: how ``method="auto"`` decides.

The numbers are measured by ``python -m bench.crossover``, and kept as data: nanoseconds a pixel by taps of direct sums,
and by terms of sliding ones; for vectors of 16, 8 and 4 floats, and by dtype.
"""

from __future__ import annotations

import bisect
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    known = _costs()[_machine(options.current().target if target is None else target)]
    costs = known.get(str(dtype), known["float32"])
    return cost(costs["sliding"], terms) < cost(costs["direct"], taps)


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


@functools.cache
def _costs() -> dict[str, Any]:
    costs: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return costs
