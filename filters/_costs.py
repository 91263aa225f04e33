"""What a convolution costs, by method: how ``method="auto"`` decides. The numbers are measured, and kept as data."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from schedules import options, targets

FILE = Path(__file__).parent / "costs.json"


def sliding_is_faster(dtype: Any, taps: int, terms: int, target: str | None) -> bool:
    """Tell whether sliding sums take less time than direct ones.

    Parameters
    ----------
    dtype : numpy dtype
        Of the image.
    taps : int
        Of the direct sums, both axes together.
    terms : int
        Oscillators of the sliding ones, both axes together.
    target : str, optional
        What the code is compiled for; the current one by default.
    """
    known = _costs()[_machine(options.current().target if target is None else target)]
    costs = known.get(str(dtype), known["float32"])
    (start, tap), (fixed, term) = costs["direct"], costs["sliding"]
    return bool(fixed + term * terms < start + tap * taps)


@functools.cache
def _machine(target: str) -> str:
    return str(targets.vector_lanes(targets.resolve(target)))


@functools.cache
def _costs() -> dict[str, Any]:
    costs: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return costs
