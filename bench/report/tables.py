"""The tables of a report, as plain data: rows of text, and which of them are losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.report import cells, ranking
from bench.report.comparing import Change
from bench.report.ranking import NOT_RANKED, Rank
from bench.report.reading import Entry, Run

#: PSNR in dB of the case that stands for a filter; bytes reach it too.
_USUAL = 55


@dataclass(frozen=True)
class Line:
    """A row.

    Attributes
    ----------
    cells : sequence of str
        What is written.
    lost : bool
        Whether it tells of a loss.
    """

    cells: Sequence[str]
    lost: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under headings."""

    headings: Sequence[str]
    lines: Sequence[Line]

    def markdown(self) -> str:
        """Give the table in Markdown; losses are marked by a minus sign, since there is no colour."""
        rows = [self.headings, ["---"] * len(self.headings)]
        rows += [[f"− {line.cells[0]}" if line.lost else line.cells[0], *line.cells[1:]] for line in self.lines]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def usual(run: Run, filter: str) -> list[Entry]:
    """Give the contest that stands for a filter, on one thread and on two: the one that says so, else the first."""
    entries = run.of(filter=filter)
    chosen = next((entry for entry in entries if entry.usual), entries[0])
    return [entry for entry in entries if entry.work == chosen.work]


def usual_rank(run: Run, filter: str, threads: int) -> Rank | None:
    """Rank the usual contest where it reaches the usual accuracy, or at the highest that we reach below it."""
    contest = [entry for entry in usual(run, filter) if entry.threads == threads]
    found = [rank for rank in ranking.ranked(contest) if rank.mine]
    return next((rank for rank in found if (rank.decibels or _USUAL) >= _USUAL), found[-1] if found else None)


def glance(run: Run) -> Table:
    """Give a row for each suite: its usual case, and what all its contests come to."""
    every = ranking.ranks(run)
    lines = []
    for filter in run.filters():
        one, two = (usual_rank(run, filter, threads) for threads in (1, 2))
        if filter not in NOT_RANKED and one and one.mine:
            ours = [rank for rank in every if rank.any.filter == filter]
            lines.append(Line([filter, *_case(run, one, two), *_all(ours)], bool(one.lost)))
    headings = (
        "suite", "usual case", "ours, 1 thread", "best peer", "times faster", "on 2 threads", "of copying's speed",
        "memory", "contests won", "mean ratio", "least",
    )  # fmt: skip
    return Table(headings, lines)


def _case(run: Run, one: Rank, two: Rank | None) -> Iterator[str]:
    mine = one.mine
    assert mine is not None
    accuracy = "" if one.decibels is None else f", {one.decibels} dB"
    yield cells.case(mine) + accuracy
    yield f"{cells.rate(mine)} ({mine.setting})"
    yield one.best.name if one.best else "–"
    yield cells.ratio(one.ratio)
    yield cells.ratio(two.ratio if two else None)
    copied = 1e9 * run.machine["copied GB/s"][str(mine.threads)]
    yield f"{100 * mine.bytes / mine.least / copied:.0f} %" if mine.bytes else "–"
    yield cells.size(next((e.memory for e in usual(run, mine.filter) if e.ours and e.memory is not None), None))


def _all(found: Sequence[Rank]) -> Iterator[str]:
    against = [rank for rank in found if rank.best]
    yield f"{sum(not rank.lost for rank in against)} of {len(against)}"
    yield cells.ratio(ranking.mean_ratio(against))
    yield cells.ratio(min((rank.ratio for rank in against), default=None))


def losses(run: Run) -> Table:
    """Give every contest in which another is faster, the largest losses first."""
    lost = sorted((rank for rank in ranking.ranks(run) if rank.lost), key=lambda rank: rank.ratio)
    headings = ("suite", "case", "threads", "at least", "ours", "fastest", "its time", "our ratio")
    return Table(headings, [_loss(rank) for rank in lost])


def _loss(rank: Rank) -> Line:
    best, mine = rank.best, rank.mine
    assert best is not None
    case = cells.case(best)
    ours = f"{cells.cost(mine)} ({mine.setting})" if mine else "not reached"
    row = (
        best.filter,
        case,
        str(best.threads),
        cells.bucket(rank.decibels),
        ours,
        best.name,
        cells.cost(best),
        cells.ratio(rank.ratio),
    )
    return Line(row, True)


def buckets(run: Run, filter: str) -> Table:
    """Give the ranking of a filter's contests by accuracy."""
    headings = ("case", "threads", "at least", "ours", "", "best peer", "", "times faster")
    found = (ranking.ranked(contest) for contest in run.contests(filter))
    return Table(headings, [_ranked(rank) for each in found for rank in each])


def _ranked(rank: Rank) -> Line:
    case = cells.case(rank.any)
    both = [(cells.cost(e), e.setting if e.ours else e.name) if e else ("–", "") for e in (rank.mine, rank.best)]
    row = (case, str(rank.any.threads), cells.bucket(rank.decibels), *both[0], *both[1], cells.ratio(rank.ratio))
    return Line(row, rank.lost)


def everything(entries: Iterable[Entry]) -> Table:
    """Give all that was measured of a filter."""
    headings = (
        "case",
        "threads",
        "contender",
        "median",
        "quartiles apart",
        "least",
        "rate",
        "PSNR",
        "SSIM",
        "GMSD",
        "memory",
    )
    lines = []
    for entry in entries:
        case = cells.case(entry)
        times = [cells.time(value) for value in (entry.seconds, entry.spread, entry.least)]
        seen = ["–" if value is None else f"{value:.4f}" for value in (entry.ssim, entry.gmsd)]
        row = (case, str(entry.threads), entry.name, *times, cells.rate(entry), cells.decibels(entry.psnr), *seen)
        lines.append(Line((*row, cells.size(entry.memory))))
    return Table(headings, lines)


def timings(run: Run, filter: str) -> Table:
    """Give the short table of a filter's own page: its usual kinds of image, at each accuracy."""
    return buckets(dataclasses.replace(run, entries=[entry for entry in run.entries if entry.swept]), filter)


def starts(run: Run) -> Table:
    """Give what a new process pays, with an empty cache of kernels and with a full one."""
    names = list(dict.fromkeys(entry.name for entry in run.of(filter="starting")))
    lines = []
    for name in names:
        least = {entry.kind: cells.time(entry.least) for entry in run.of(filter="starting", name=name)}
        lines.append(Line((name, least.get("cold", "–"), least.get("warm", "–"))))
    return Table(("process", "cold", "warm"), lines)


def changed(change: Change) -> Line:
    """Give a row of two runs compared."""
    now, before = change.entry, change.before
    case = cells.case(now)
    times = cells.time(before.least), cells.time(now.least)
    return Line((now.filter, case, str(now.threads), now.setting, *times, f"{change.factor:.2f}"))
