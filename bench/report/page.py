"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from bench.report import cells, plots, ranking, tables
from bench.report.reading import Entry, Run

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """A plot and what it shows."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Section:
    """What is told of a suite."""

    name: str
    everything: tables.Table
    ranking: tables.Table | None = None
    figures: list[Figure] = field(default_factory=list)


def page(run: Run) -> str:
    """Write the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    colors = plots.Colors(run)
    against = ranking.contested(run)
    return environment.get_template("page.html.j2").render(
        machine=run.machine, date=run.date, glance=tables.glance(run), losses=tables.losses(run),
        sections=[_section(run, filter, colors) for filter in run.filters()], overview=list(_overview(run)),
        won=sum(not rank.lost for rank in against), contested=len(against),
    )  # fmt: skip


def _overview(run: Run) -> Iterator[Figure]:
    pairs = []
    for filter in [filter for filter in run.filters() if filter not in ranking.NOT_RANKED]:
        one, two = (tables.usual_rank(run, filter, threads) for threads in (1, 2))
        if one and two and one.mine and two.mine:
            pairs.append((filter, one.mine.cost / two.mine.cost))
    if pairs:
        yield Figure(plots.threads(pairs), "Two threads over one, ours, the usual case of each suite.")


def _section(run: Run, filter: str, colors: plots.Colors) -> Section:
    entries = run.of(filter=filter)
    everything = tables.everything(entries)
    if filter == "schedules":
        caption = "Times of schedules by Halide's autoschedulers, of the plain lowering, over the hand-written one's."
        return Section(filter, everything, None, [Figure(plots.schedules(run.of(filter=filter, threads=2)), caption)])
    ranked = None if filter in ranking.NOT_RANKED else tables.buckets(run, filter)
    return Section(filter, everything, ranked, [*_sweeps(entries, colors), *_accuracies(run, filter, colors)])


def _sweeps(entries: list[Entry], colors: plots.Colors) -> Iterator[Figure]:
    """Draw times over what was swept, for each kind of image that was."""
    swept = [entry for entry in entries if entry.megapixels and entry.swept]
    for kind in dict.fromkeys(entry.kind for entry in swept):
        decibels = _shown(kind, entries)
        for threads in (1, 2):
            those = [entry for entry in swept if entry.kind == kind and entry.threads == threads]
            if not those:
                continue
            caption = f"{kind}, {those[0].megapixels:g} Mpx, {threads} thread(s): the fastest way to {decibels} dB."
            yield Figure(plots.by_parameter(those, those[0].sweep, decibels, colors), caption)
    for threads in (1, 2):
        sized = [entry for entry in entries if entry.sweep == "size" and entry.threads == threads]
        if sized:
            first = sized[0]
            same = [e for e in entries if (e.kind, e.parameters, e.threads) == (first.kind, first.parameters, threads)]
            decibels = _shown(first.kind, entries)
            caption = f"{cells.case(first)}, {threads} thread(s), and other sizes: the same."
            yield Figure(plots.by_size(same, decibels, colors), caption)


def _shown(kind: str, entries: list[Entry]) -> int:
    """Give the accuracy that plots of times are about: bytes have less, and guesses still less."""
    best = max((entry.psnr or 0) for entry in entries if entry.kind == kind)
    wanted = ranking.BUCKETS[0 if kind.startswith("uint8") else 1]
    return wanted if best >= wanted else ranking.OF_GUESSES[0]


def _accuracies(run: Run, filter: str, colors: plots.Colors) -> Iterator[Figure]:
    """Draw accuracy over time of the middle contest of each kind that is swept."""
    usual = tables.usual(run, filter)
    swept = [entry for entry in run.of(filter=filter) if entry.megapixels and entry.swept]
    for kind in dict.fromkeys(entry.kind for entry in swept):
        contest = [
            entry
            for entry in run.of(filter=filter, kind=kind, megapixels=usual[0].megapixels, threads=1)
            if entry.parameters == usual[0].parameters and entry.psnr is not None
        ]
        if contest:
            yield Figure(plots.accuracy(contest, colors), f"{kind}, one thread: the dashed line is what nobody beats.")
