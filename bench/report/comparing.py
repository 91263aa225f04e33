"""Two runs compared: which of our times changed by more than the machine's own unrest.

Other libraries are the control. Between two runs their code is the same, so what their times did in common is the
machine's doing, and is taken off ours; how much they scatter around that is what a change has to exceed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.report.reading import Entry, Run

#: Changes below this are not told, however quiet the machine.
LEAST = 0.05
#: Deviations of the control's that a change has to exceed.
_DEVIATIONS = 3.0
#: From the median absolute deviation to the standard deviation of a normal distribution.
_NORMAL = 1.4826
#: Fewer times of others say nothing of the machine.
_CONTROLS = 8


@dataclass(frozen=True)
class Change:
    """A time of ours in both runs.

    Attributes
    ----------
    entry : Entry
        As it is now.
    before : Entry
        As it was.
    factor : float
        How many times longer it takes, the machine's part taken off.
    """

    entry: Entry
    before: Entry
    factor: float


@dataclass(frozen=True)
class Comparison:
    """What two runs say.

    Attributes
    ----------
    drift : float
        How many times longer others took.
    noise : float
        What a factor's logarithm has to exceed.
    slower, faster : list of Change
        Ours that changed, the largest first.
    compared : int
        How many times of ours both runs have.
    """

    drift: float
    noise: float
    slower: list[Change]
    faster: list[Change]
    compared: int


def compare(before: Run, after: Run) -> Comparison:
    """Compare two runs.

    Raises
    ------
    ValueError
        Where the runs share too few times of other libraries to tell what the machine did.
    """
    old, new = _by_contender(before), _by_contender(after)
    shared = [(old[key], new[key]) for key in new if key in old]
    control = [math.log(b.least / a.least) for a, b in shared if not b.ours]
    if len(control) < _CONTROLS:
        raise ValueError(f"the runs share {len(control)} times of other libraries, {_CONTROLS} are needed as a control")
    drift = statistics.median(control)
    deviation = _NORMAL * statistics.median(abs(value - drift) for value in control)
    noise = max(math.log1p(LEAST), _DEVIATIONS * deviation)
    ours = [Change(b, a, b.least / a.least / math.exp(drift)) for a, b in shared if b.ours]
    changed = [change for change in ours if abs(math.log(change.factor)) > noise and _apart(change, math.exp(drift))]
    changed.sort(key=lambda change: -abs(math.log(change.factor)))
    slower = [change for change in changed if change.factor > 1]
    return Comparison(math.exp(drift), noise, slower, [c for c in changed if c.factor < 1], len(ours))


def _apart(change: Change, drift: float) -> bool:
    """Tell whether the medians are farther apart than the quartiles of both runs."""
    now, then = change.entry.seconds / drift, change.before.seconds
    return abs(now - then) > (change.entry.spread / drift + change.before.spread) / 2


def _by_contender(run: Run) -> Mapping[tuple[Any, ...], Entry]:
    return {(*entry.contest, entry.name): entry for entry in run.entries}
