"""The same filters by schedules: ours, and what Halide's autoschedulers find for the plain lowering."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import filters
from bench.suites.contenders import contests_of, ours, works
from bench.suites.contest import Contender, Contest, Entry, Scale, Work
from bench.suites.test_resampling import smaller
from schedules import automatic

_KIND = (("float32", 1),)


def contests(scale: Scale) -> Iterator[Contest]:
    """Go through the filters."""
    for name, call in _calls().items():
        steps = works("schedules", scale, "filter", (name,), name, swept=_KIND, others=())
        yield from contests_of(
            (work for work in steps if work.sweep == "filter"), scale, functools.partial(_contenders, call)
        )


def test_schedules(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _calls() -> dict[str, Callable[[str], Contender]]:
    """Give calls whose schedules are stored, so that nothing is searched: those of `docs/automatic.md`."""

    def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[str], Contender]:
        return lambda schedule: ours(schedule, function, *arguments, schedule=schedule, **options)

    return {
        "gaussian": call(filters.gaussian, 1.0),
        "box": call(filters.box, 2),
        "unsharp": call(filters.unsharp, 1.0),
        "bilateral": call(filters.bilateral, sigma_space=2.0, sigma_range=25.0),
        "guided": call(filters.guided, make=lambda image: (image, image), radius=2, eps=100.0),
        "downsample": call(filters.downsample, scale=4, into=lambda image: smaller(image, 4)),
    }


def _contenders(call: Callable[[str], Contender], work: Work) -> Iterator[Contender]:
    for schedule in ("manual", *automatic.able(None)):
        yield call(schedule)
