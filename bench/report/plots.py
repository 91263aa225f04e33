"""Plots of a run, as SVG to be put into a page."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import ranking
from bench.report.reading import Entry, Run
from bench.suites.contest import OURS

#: Ours stands out; others keep a colour of their own in all plots of a page. Red is for what was lost.
_OWN = "#1f5fa8"
_PALETTE = tuple(matplotlib.colormaps["tab10"].colors[i] for i in (1, 2, 4, 5, 6, 7, 8, 9))
_STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "halide-filters", "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25, "font.family": "sans-serif",
}  # fmt: skip
_SIZE = (5.6, 3.6)


class Colors:
    """A colour for each library of a run."""

    def __init__(self, run: Run) -> None:
        others = sorted({entry.library for entry in run.entries} - {OURS})
        self._of = {OURS: _OWN, **{name: _PALETTE[i % len(_PALETTE)] for i, name in enumerate(others)}}

    def __getitem__(self, library: str) -> Any:
        """Give it."""
        return self._of[library]


def drawn(draw: Callable[[Axes], None], size: tuple[float, float] = _SIZE) -> str:
    """Give what is drawn, without what XML begins with."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    found = text.getvalue()
    return found[found.index("<svg") :]


def by_parameter(entries: Sequence[Entry], parameter: str, decibels: float | None, colors: Colors) -> str:
    """Draw the time of each library's fastest way to an accuracy, over a parameter."""

    def draw(axes: Axes) -> None:
        _lines(axes, entries, lambda entry: entry.parameters[parameter], decibels, colors)
        axes.set(xscale="log", yscale="log", xlabel=parameter, ylabel="ns a pixel")
        _ticks(axes, {entry.parameters[parameter] for entry in entries})

    return drawn(draw)


def by_size(entries: Sequence[Entry], decibels: float | None, colors: Colors) -> str:
    """Draw the same over the size of the image."""

    def draw(axes: Axes) -> None:
        _lines(axes, entries, lambda entry: entry.megapixels, decibels, colors)
        axes.set(xscale="log", yscale="log", xlabel="megapixels", ylabel="ns a pixel")
        _ticks(axes, {entry.megapixels for entry in entries})

    return drawn(draw)


def _lines(
    axes: Axes, entries: Sequence[Entry], at: Callable[[Entry], float], decibels: float | None, colors: Colors
) -> None:
    for library in dict.fromkeys(entry.library for entry in entries):
        of_it = [entry for entry in entries if entry.library == library and entry.reaches(decibels)]
        best = [ranking.fastest(e for e in of_it if at(e) == x) for x in sorted({at(entry) for entry in of_it})]
        points = [(at(entry), 1e3 * entry.least / entry.megapixels) for entry in best if entry is not None]
        if points:
            ours = library == OURS
            axes.plot(
                *zip(*points, strict=True), marker="o", label=library, color=colors[library], lw=2.5 if ours else 1.2,
                zorder=3 if ours else 2, markersize=5 if ours else 4,
            )  # fmt: skip
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=7, framealpha=0.6)


def _ticks(axes: Axes, values: Iterable[float]) -> None:
    places = sorted(values)
    axes.set_xticks(places, [f"{value:g}" for value in places])
    axes.minorticks_off()


def accuracy(contest: Sequence[Entry], colors: Colors) -> str:
    """Draw accuracy over time, and the front that nobody beats."""
    most = max((entry.psnr or 0) for entry in contest)

    def draw(axes: Axes) -> None:
        for entry in contest:
            axes.plot(
                1e3 * entry.least, entry.psnr, "o", color=colors[entry.library], markersize=8 if entry.ours else 6,
                zorder=3 if entry.ours else 2,
            )  # fmt: skip
            axes.annotate(
                entry.setting if entry.ours else entry.name, (1e3 * entry.least, entry.psnr or 0), fontsize=6,
                xytext=(5, 2), textcoords="offset points", color=colors[entry.library],
            )  # fmt: skip
        best = ranking.front(contest)
        axes.step(
            [1e3 * entry.least for entry in best], [entry.psnr for entry in best], where="post", color="0.5", lw=1,
            ls="--", zorder=1,
        )  # fmt: skip
        axes.set(xscale="log", xlabel="milliseconds", ylabel="PSNR, dB")
        axes.set_xlim(right=axes.get_xlim()[1] * 3)  # room for names
        for decibels in ranking.BUCKETS:
            if decibels < most:
                axes.axhline(decibels, color="0.85", lw=0.7, zorder=0)

    return drawn(draw)


def threads(pairs: Sequence[tuple[str, float]]) -> str:
    """Draw how many times faster two threads are, by filter."""

    def draw(axes: Axes) -> None:
        axes.barh([name for name, _ in pairs], [ratio for _, ratio in pairs], color=_OWN)
        axes.axvline(1, color="0.4", lw=0.8)
        axes.axvline(2, color="0.4", lw=0.8, ls=":")
        axes.invert_yaxis()
        axes.set_xlabel("times faster on two threads")

    return drawn(draw, (_SIZE[0], 0.8 + 0.22 * len(pairs)))


def schedules(entries: Sequence[Entry]) -> str:
    """Draw what autoschedulers' schedules take, in times of ours."""
    names = list(dict.fromkeys(entry.setting for entry in entries))
    calls = list(dict.fromkeys(str(entry.parameters["filter"]) for entry in entries))
    least = {(str(e.parameters["filter"]), e.setting): e.least for e in entries}

    def draw(axes: Axes) -> None:
        for i, name in enumerate(names):
            heights = [least.get((call, name), math.nan) / least[call, "manual"] for call in calls]
            places = [k + 0.8 * (i / len(names)) for k in range(len(calls))]
            axes.bar(places, heights, 0.75 / len(names), label=name, color=_OWN if name == "manual" else _PALETTE[i])
        axes.set(yscale="log", ylabel="times the hand-written one's")
        axes.set_xticks([k + 0.3 for k in range(len(calls))], calls)
        axes.legend(fontsize=7)

    return drawn(draw, (2 * _SIZE[0], _SIZE[1]))
