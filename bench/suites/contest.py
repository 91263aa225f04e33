"""Contests: who computes the same thing on the same input, timed in turns, with results held against float64.

pytest-benchmark runs one test after another, and where a machine's speed drifts, the ratio of two tests is the drift's.
So the contenders of a contest are timed in turns (`bench.paired`) when the first of their tests runs, and each test
replays its own times to pytest-benchmark, which does the statistics and the storing.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import math
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from bench import quality
from bench.paired import Effort, Run, measure_warm, timed
from bench.suites import libraries, pictures, weighing

Array = np.ndarray[Any, Any]
#: From an input and a number of threads to what is timed and gives the result; a `close` that it has is called at last.
Bind = Callable[[Any, int], Callable[[], Any]]
THREADS = (1, 2)


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes
    ----------
    name : str
        For the command line.
    megapixels : float
        Size of images where something else is swept.
    sizes, largest : tuple of float
        Megapixels of the sweep of sizes; and those besides of filters that are quick for all contenders.
    effort : Effort
        How often a contender runs.
    every : bool
        Whether sweeps are whole, or only their middle.
    kinds : bool
        Whether parameters are swept for several kinds of image, and for the first one on two threads as well. If not,
        they are for the first kind, another is measured at the middle, and two threads are for the usual case and for
        the sweep of sizes.
    """

    name: str
    megapixels: float
    sizes: tuple[float, ...]
    largest: tuple[float, ...]
    effort: Effort
    every: bool = True
    kinds: bool = True

    def some(self, values: Sequence[Any]) -> Sequence[Any]:
        """Give a sweep's values."""
        return values if self.every else values[len(values) // 2 :][:1]


SCALES = {
    scale.name: scale
    for scale in (
        Scale("try", 0.05, (), (), Effort(0.0, 1, 1), every=False),
        Scale("short", 1.0, (0.25, 4.0), (16.0,), Effort(0.05, 3, 25, patience=0.2), kinds=False),
        Scale("full", 4.0, (0.25, 1.0, 16.0, 64.0), (), Effort(0.5, 5, 100, patience=5.0)),
    )
}


@dataclass(frozen=True)
class Contender:
    """One way to compute it.

    Attributes
    ----------
    library, setting : str
        Whose it is, and which call with which settings; together the name.
    bind : function
        Gives what is timed.
    needs : str, optional
        A module without which it is skipped.
    most : float, optional
        It does not take part in larger images, in megapixels: it would take minutes.
    read : function
        From what a run gives to an array.
    times : int
        How many times the work a run does: more than one where few of them would not fill what it has to fill.
    """

    library: str
    setting: str
    bind: Bind
    needs: str | None = None
    most: float = math.inf
    read: Callable[[Any], Array] = np.asarray
    times: int = 1

    @property
    def name(self) -> str:
        """Give both."""
        return f"{self.library} {self.setting}"

    def installed(self) -> bool:
        """Tell whether it can take part."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


#: Ours.
OURS = "halide-filters"


@dataclass(frozen=True)
class Work:
    """What is computed: of which filter, on what, with which parameters.

    Attributes
    ----------
    filter : str
        The suite, as in the report.
    sweep : str
        What this work is one step of: the name of a parameter, ``"size"`` or ``"kind"`` of image.
    parameters : mapping
        Numbers and words, for people and for axes of plots.
    dtype, channels
        Of the image.
    megapixels : float
        Its size.
    sample_shape : (int, int)
        Of the photograph on which results are compared: smaller where definitions are slow.
    usual : bool
        Whether it stands for its filter in short tables.
    """

    filter: str
    sweep: str
    parameters: Mapping[str, Any]
    dtype: str = "uint8"
    channels: int = 3
    megapixels: float = 1.0
    sample_shape: tuple[int, int] = pictures.SAMPLE
    usual: bool = False

    @property
    def kind(self) -> str:
        """Name the kind of image."""
        return f"{self.dtype} {'gray' if self.channels == 1 else 'RGB'}"

    @property
    def title(self) -> str:
        """Name all of it."""
        numbers = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"{self.filter}, {self.kind}, {self.megapixels:g} Mpx, {numbers}"

    @functools.cached_property
    def image(self) -> Array:
        """Give the image that is timed."""
        return pictures.of_size(self.megapixels, self.dtype, self.channels)

    @functools.cached_property
    def sample(self) -> Array:
        """Give the photograph on which results are compared."""
        return pictures.photograph(self.dtype, self.channels, self.sample_shape)

    @property
    def peak(self) -> float:
        """Give the width of the range of values."""
        return 65535.0 if self.dtype == "uint16" else 255.0


@dataclass(frozen=True)
class Task:
    """What is done to something else than an image; for a `Contest` as good as a `Work`.

    Attributes
    ----------
    filter, kind, sweep : str
        The suite, which part of it, and what differs from task to task of a part.
    parameters : mapping
        Numbers and words, for people and for axes of plots.
    make : function
        Gives the input that is timed.
    make_sample : function, optional
        Gives the one on which results are compared; by default the one that is timed.
    """

    filter: str
    kind: str
    sweep: str
    parameters: Mapping[str, Any]
    make: Callable[[], Any]
    make_sample: Callable[[], Any] | None = None
    megapixels: ClassVar[float] = 0.0
    usual: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """Name all of it."""
        return ", ".join((self.filter, self.kind, *(f"{name} {value}" for name, value in self.parameters.items())))

    @functools.cached_property
    def image(self) -> Any:
        """Give the input that is timed."""
        return self.make()

    @functools.cached_property
    def sample(self) -> Any:
        """Give the input on which results are compared."""
        return self.make_sample() if self.make_sample else self.image


@dataclass(frozen=True)
class Contest:
    """Contenders at one work on so many threads.

    Attributes
    ----------
    work : Work or Task
        What is computed.
    threads : int
        For all of them, as far as they can be told.
    contenders : tuple of Contender
        Who takes part.
    exact : function, optional
        From the sample to its result in float64; without it there is nothing to be approximated.
    margin : int
        Pixels at the border that are not compared, since libraries have rules of their own there.
    judge : function, optional
        From a result and the exact one to what is told of them; by default they are compared as images.
    first : bool
        Whether the first run is what is timed, once, and not only what prepares.
    weighed : bool
        Whether the memory of a call is measured too, for the fastest contender of each library.
    unit, amount
        What is counted, and how much of it a run does: by default the pixels of the image.
    """

    work: Work | Task
    threads: int
    contenders: tuple[Contender, ...]
    exact: Callable[[Any], Array] | None = None
    margin: int = 0
    judge: Callable[[Array, Array], Mapping[str, Any]] | None = None
    first: bool = False
    weighed: bool = False
    unit: str = "Mpx"
    amount: float | None = None
    effort: Effort = field(default=SCALES["short"].effort)

    @property
    def group(self) -> str:
        """Name it."""
        return f"{self.work.title}, {self.threads} thread{'s' * (self.threads > 1)}"

    @functools.cached_property
    def present(self) -> dict[str, Contender]:
        """Give those that are installed and not too slow, by name."""
        return {c.name: c for c in self.contenders if c.installed() and self.work.megapixels <= c.most}

    @functools.cached_property
    def seconds(self) -> Mapping[str, list[float] | Exception]:
        """Time all contenders in turns; one that fails has its error instead."""
        libraries.set_threads(self.threads)
        runs: dict[str, Run] = {}
        found: dict[str, list[float] | Exception] = {}
        with contextlib.ExitStack() as closing:
            for name, contender in self.present.items():
                try:
                    run = contender.bind(self.work.image, self.threads)
                    if hasattr(run, "close"):
                        closing.callback(run.close)
                    found[name] = [timed(run)]
                    runs[name] = run
                except Exception as error:
                    found[name] = error
            if not self.first:
                libraries.set_threads(self.threads)  # some came with it
                found |= measure_warm(runs, self.effort, self.threads).seconds
        return found

    @functools.cached_property
    def fastest(self) -> list[Contender]:
        """Give the fastest contender of each library."""
        middles = {n: statistics.median(found) for n, found in self.seconds.items() if not isinstance(found, Exception)}
        best: dict[str, Contender] = {}
        for name in sorted(middles, key=lambda name: middles[name] / self.present[name].times):
            best.setdefault(self.present[name].library, self.present[name])
        return list(best.values())

    def memory(self, suite: str, scale: str) -> Mapping[str, int]:
        """Weigh the fastest contender of each library, in bytes: as many at once as there are cores."""
        return _memory(suite, scale, self.group, tuple(contender.name for contender in self.fastest))

    def quality(self, contender: Contender) -> Mapping[str, Any]:
        """Hold a contender's result against the exact one, on the sample."""
        return {} if self.exact is None else _quality(_Key(self, contender))


@functools.cache
def _memory(suite: str, scale: str, group: str, contenders: tuple[str, ...]) -> Mapping[str, int]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda name: weighing.weigh(suite, scale, group, name), contenders)
        return dict(zip(contenders, found, strict=True))


@dataclass(frozen=True)
class _Key:
    """A contender's accuracy depends neither on threads nor on the size of what is timed."""

    contest: Contest = field(compare=False)
    contender: Contender = field(compare=False)
    values: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        work = self.contest.work
        values = (work.filter, work.kind, *work.parameters.items(), self.contender.name)
        object.__setattr__(self, "values", values)


@functools.cache
def _quality(key: _Key) -> Mapping[str, Any]:
    contest, sample = key.contest, key.contest.work.sample
    exact = _exact(key.values[:-1], contest)
    result = key.contender.read(key.contender.bind(sample, contest.threads)()).reshape(exact.shape)
    if contest.judge is not None:
        return contest.judge(result, exact)
    work = contest.work
    assert isinstance(work, Work)
    kept = slice(contest.margin, -contest.margin or None)
    if work.dtype != "float32":
        # What is wanted is an image of the same dtype: some give floats, which would have to be rounded yet, and
        # no integer can be beyond the range.
        result, exact = np.rint(np.clip(result, 0, work.peak)), np.clip(exact, 0, work.peak)
    found = quality.assess(result[kept, kept], exact[kept, kept], work.peak)
    return {"psnr": finite(found.psnr), "ssim": found.ssim, "gmsd": found.gmsd}


def finite(psnr: float) -> float:
    """Give decibels for JSON, which has no infinity: beyond 200 dB float64 itself ends."""
    return min(psnr, 200.0)


_EXACT: dict[tuple[Any, ...], Array] = {}


def _exact(values: tuple[Any, ...], contest: Contest) -> Array:
    if values not in _EXACT:
        assert contest.exact is not None
        _EXACT[values] = contest.exact(contest.work.sample)
    return _EXACT[values]


@dataclass(frozen=True)
class Entry:
    """A contender in a contest: what one test is about.

    Attributes
    ----------
    contest, contender
        Of the suite.
    suite, scale : str
        By which another process finds the contest: the module's name, and that of how much is measured.
    """

    contest: Contest
    contender: Contender
    suite: str
    scale: str

    @property
    def id(self) -> str:
        """Name the test."""
        return f"{self.contest.group}, {self.contender.name}"

    def ticks(self) -> Iterator[float]:
        """Give what a clock showed at the begin and at the end of each run."""
        return itertools.chain.from_iterable((0.0, seconds) for seconds in self._times())

    def _times(self) -> list[float]:
        found = self.contest.seconds[self.contender.name]
        if isinstance(found, Exception):
            raise found
        return found

    def replay(self, benchmark: Any) -> None:
        """Give the times to pytest-benchmark, with what they mean."""
        if not self.contender.installed():
            pytest.skip(f"{self.contender.needs} is not installed")
        times = self._times()
        benchmark.group = self.contest.group
        benchmark.extra_info |= self._meaning()
        benchmark.pedantic(lambda: None, rounds=len(times), iterations=1)

    def _meaning(self) -> dict[str, Any]:
        contest, work = self.contest, self.contest.work
        amount = work.megapixels if contest.amount is None else contest.amount
        meaning = {
            "filter": work.filter, "sweep": work.sweep, "kind": work.kind, "megapixels": work.megapixels,
            "parameters": dict(work.parameters), "threads": contest.threads, "library": self.contender.library,
            "setting": self.contender.setting, "usual": work.usual, "unit": contest.unit,
            "amount": amount * self.contender.times,
        }  # fmt: skip
        if contest.amount is None:
            meaning["bytes"] = 2 * work.image.nbytes
        if contest.weighed and self.contender in contest.fastest:
            meaning["memory"] = contest.memory(self.suite, self.scale)[self.contender.name]
        return meaning | dict(contest.quality(self.contender))
