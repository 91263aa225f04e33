"""Who is fastest at equal accuracy."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.report.reading import Entry, Run

#: PSNR in dB at which times are compared: results below the first compute something else,
BUCKETS = (45, 55, 65, 75)
#: unless nobody gets there, as where what is lost by making an image smaller is guessed.
OF_GUESSES = (25, 35)
#: What rounding to bytes leaves (58.9 dB) is below the last two of them.
OF_BYTES = BUCKETS[:2]
#: Suites that compare our own ways with each other, or count processes.
NOT_RANKED = ("schedules", "starting")


@dataclass(frozen=True)
class Rank:
    """A contest at an accuracy.

    Attributes
    ----------
    decibels : int or None
        What results reach at least; None where nothing is approximated.
    mine, best : Entry or None
        Our fastest and the fastest of others that get there.
    """

    decibels: int | None
    mine: Entry | None
    best: Entry | None

    @property
    def ratio(self) -> float:
        """Give how many times faster ours is: infinite where no other gets there, 0 where we do not."""
        if self.mine is None:
            return 0.0
        return math.inf if self.best is None else self.best.cost / self.mine.cost

    @property
    def lost(self) -> bool:
        """Tell whether another is faster."""
        return self.ratio < 1

    @property
    def any(self) -> Entry:
        """Give one of both: they share what was computed."""
        found = self.mine or self.best
        assert found is not None
        return found


def fastest(entries: Iterable[Entry]) -> Entry | None:
    """Give the one that takes the least time."""
    return min(entries, key=lambda entry: entry.cost, default=None)


def ranked(contest: Sequence[Entry]) -> Iterator[Rank]:
    """Rank a contest at each accuracy that somebody reaches; once where the same two are fastest at several."""
    kept: Rank | None = None
    for decibels in _buckets(contest):
        reaching = [entry for entry in contest if entry.reaches(decibels)]
        if not reaching:
            continue
        mine, best = (fastest(entry for entry in reaching if entry.ours is ours) for ours in (True, False))
        if kept is not None and (kept.mine, kept.best) != (mine, best):
            yield kept
        kept = Rank(decibels, mine, best)
    if kept is not None:
        yield kept


def _buckets(contest: Sequence[Entry]) -> Sequence[int | None]:
    reached = [entry.psnr for entry in contest if entry.psnr is not None]
    if not reached:
        return (None,)
    if max(reached) < BUCKETS[0]:
        return OF_GUESSES
    return OF_BYTES if contest[0].kind.startswith("uint8") else BUCKETS


def ranks(run: Run) -> list[Rank]:
    """Rank all contests in which others take part."""
    return [
        rank
        for filter in run.filters()
        if filter not in NOT_RANKED
        for contest in run.contests(filter)
        if any(not entry.ours for entry in contest) and any(entry.ours for entry in contest)
        for rank in ranked(contest)
    ]


def contested(run: Run) -> list[Rank]:
    """Give those that others reach too."""
    return [rank for rank in ranks(run) if rank.best]


def mean_ratio(found: Iterable[Rank]) -> float | None:
    """Give the geometric mean of the ratios where both get there."""
    logarithms = [math.log(rank.ratio) for rank in found if 0 < rank.ratio < math.inf]
    return math.exp(statistics.mean(logarithms)) if logarithms else None


def front(entries: Sequence[Entry]) -> list[Entry]:
    """Give those that nobody beats in time and accuracy at once, from the fastest on."""
    kept: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: (entry.cost, -(entry.psnr or 0))):
        if not kept or (entry.psnr or 0) > (kept[-1].psnr or 0):
            kept.append(entry)
    return kept
