"""What averages cost, by form of the weights: how the cheapest is chosen, and when constant time is cheaper.

The numbers are measured by ``python -m bench.weighted_costs``, and kept as data, by instruction set: nanoseconds a
pixel for a thousand taps, and of constant time for a pixel and for each of its cosines.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

from schedules import targets

FILE = Path(__file__).parent / "costs.json"
#: Taps of the small kernel with which constant time is measured, on images halved three times; and nanoseconds a pixel
#: of a halved image for each more.
_TAPS, _EACH_TAP = 81, 0.06


def of(target: str, form: str) -> float:
    """Give the nanoseconds a pixel for a thousand taps of one channel, on one thread."""
    return _known(target)[form]


def constant_time(target: str, terms: int, levels: int = 3, taps: int = _TAPS) -> float:
    """Give the nanoseconds a pixel of the program with so many cosines, halvings, and taps of the small kernel."""
    known = _known(target)
    small = _EACH_TAP * (4 * terms + 1) * (taps / 4**levels - _TAPS / 4**3)
    return float(known["constant time"] + terms * known["constant time, each cosine"] + small)


def key(target: str) -> str:
    """Name what decides about speed: the instruction set whose registers hold tables, if there is one."""
    unit = targets.tables_in_registers(target)
    return "none" if unit is None else unit.name


def _known(target: str) -> dict[str, float]:
    costs = _costs()
    return costs.get(key(target)) or costs[_LIKE[key(target)]]


#: Instruction sets that were not measured, and those whose costs stand for theirs.
_LIKE = {"NEON": "AVX2", "AVX2 with VNNI": "AVX2", "AVX-512 VBMI": "AVX-512 VBMI with VNNI"}


@functools.cache
def _costs() -> dict[str, dict[str, float]]:
    costs: dict[str, dict[str, float]] = json.loads(FILE.read_text(encoding="utf-8"))
    return costs
