"""The tuner: measures what a strategy proposes, keeps what is faster and right."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from schedules import automatic, options, store, targets
from schedules.errors import CompileError, NativeError, ScheduleError
from schedules.native import compile as native
from schedules.schedule import Schedule
from schedules.tuning.journal import Journal, Measured
from schedules.tuning.space import AUTOMATIC, Candidate, Space, spelled
from schedules.tuning.strategy import GAIN, STRATEGIES, Search

Arrays = Sequence[np.ndarray[Any, Any]]
#: Seconds that timing a candidate may take, and pairs of runs at least and at most.
_TIMING, _LEAST_PAIRS, _MOST_PAIRS = 0.4, 3, 40
#: After so many pairs a candidate that is slower than this is given up.
_HOPELESS = 1.25
#: What is kept is faster than the hand-written schedule by this factor, timed for longer than candidates are.
_WORTH = 0.97
#: Seconds that compiling a candidate may take.
_PATIENCE = 40.0
#: What results of another lowering may differ by: a step of integers, and of floats this part of their range.
_STEP, _PART = 1, 1e-4


@dataclass(frozen=True)
class Program:
    """A program that a call runs, as :func:`schedules.store.watching` sees it."""

    key: str
    label: str
    request: Mapping[str, Any]

    @property
    def default(self) -> Schedule:
        """The hand-written schedule."""
        return Schedule.from_json(self.request["schedule"])

    def scheduled(self, schedule: Schedule) -> dict[str, Any]:
        """Give the request for a kernel with another schedule."""
        return {**self.request, "schedule": schedule.to_json()}


def programs(call: Callable[[], Any]) -> list[Program]:
    """Run a call; list the programs it runs by hand-written schedules, each once."""
    with store.watching() as seen:
        call()
    found: dict[str, Program] = {}
    for each in seen:
        request = {name: value for name, value in each.items() if name not in ("key", "label")}
        found.setdefault(each["key"], Program(each["key"], each["label"], request))
    return list(found.values())


@dataclass
class Result:
    """What a search came to.

    Attributes
    ----------
    program : Program
        What was tuned.
    best : mapping
        The best candidate; empty: the hand-written schedule.
    score : float
        Its time as a multiple of the hand-written schedule's.
    measured : int
        How many candidates were measured.
    schedule : Schedule
        The best candidate's.
    kept : path or None
        The file it was kept in.
    """

    program: Program
    best: Candidate = field(default_factory=dict)
    score: float = 1.0
    measured: int = 0
    schedule: Schedule = field(default_factory=Schedule)
    kept: Path | None = None


class Tuner:
    """Searches for a schedule of one program of a call.

    Parameters
    ----------
    program : Program
        What is tuned.
    call : callable
        Runs it, among what else it does; gives an array or a tuple of them.
    journal : path
        Where measurements are written, and read if they are there.
    from_nothing : bool
        Whether to begin with the smallest value of every choice instead of the hand-written ones.
    strategy, seed
        How to search.
    """

    def __init__(
        self,
        program: Program,
        call: Callable[[], Any],
        journal: Path,
        *,
        from_nothing: bool = False,
        strategy: str = "climb",
        seed: int = 0,
    ) -> None:
        self.program, self.call = program, call
        _, entry, _ = native.obtain(program.request, program.label)
        self.space = Space.of(entry.meta["tunables"], targets.device(program.request["target"]))
        self.start: Candidate = self.space.naive() if from_nothing else {}
        self.search: Search = STRATEGIES[strategy](self.space, self.start, seed)
        self.journal = Journal(journal, self._head(strategy, seed))
        self.schedules: dict[str, Schedule] = {spelled({}): program.default}
        with self._using({}):
            self.wanted = _arrays(call())

    def _about(self) -> dict[str, Any]:
        target = self.program.request["target"]
        return {"program": self.program.label, "target": target, "threads": options.threads()}

    def _head(self, strategy: str, seed: int) -> dict[str, Any]:
        return {
            **self._about(),
            "key": self.program.key,
            "sources": native.key_of(self.program.request),
            **self.space.to_json(),
            "start": dict(self.start),
            "strategy": strategy,
            "seed": seed,
        }

    def run(
        self, budget: float, told: Callable[[Measured], None] = lambda _: None, candidates: int | None = None
    ) -> Result:
        """Search for so many seconds, and among so many candidates at most; tell of every one."""
        end = time.monotonic() + budget
        result = Result(self.program, schedule=self.program.default)
        best = float("inf") if self.start else 1.0
        batch = next(self.search, None)
        while batch is not None and time.monotonic() < end and result.measured < (candidates or float("inf")):
            scores = []
            for measured in self._measured(batch, end):
                told(measured)
                scores.append(measured.score)
                result.measured += 1
                if measured.score is not None and measured.score < best * GAIN:
                    best, result.best = measured.score, measured.candidate
            if len(scores) < len(batch):
                break
            try:
                batch = self.search.send(scores)
            except StopIteration:
                break
        if result.best:
            result.schedule = self._schedule(result.best, end + _PATIENCE)
            result.score = self._score(result.best, 4 * _TIMING)
        return result

    def keep(self, result: Result) -> None:
        """Keep the schedule of a search in the user's own directory if it is faster than the hand-written one."""
        directory = store.own()
        if directory is None or not result.best or result.score > _WORTH:
            return
        made = {**self._about(), "candidate": dict(result.best), "score": round(result.score, 4)}
        name = store.file_name("tuned", self.program.label, self.program.key)
        result.kept = store.keep(directory, name, result.schedule, made)

    # ---------------------------------------------------------------------------------------------- measuring

    def _measured(self, batch: Sequence[Candidate], end: float) -> Iterator[Measured]:
        """Compile candidates side by side, then time one after the other; known ones are not measured again."""
        fresh = [each for each in batch if spelled(each) not in self.journal.known]
        started = time.monotonic()
        with ThreadPoolExecutor(max_workers=options.threads()) as pool:
            reasons = list(pool.map(lambda each: self._compile(each, end), fresh))
        compiled = dict(zip(map(spelled, fresh), reasons, strict=True))
        share = (time.monotonic() - started) / max(len(fresh), 1)
        for each in batch:
            if spelled(each) in self.journal.known:
                yield self.journal.known[spelled(each)]
                continue
            if time.monotonic() > end + _TIMING:
                return
            started, reason, score = time.monotonic(), compiled[spelled(each)], None
            if not reason:
                reason, score = self._verified(each)
            measured = Measured(each, score, reason, round(share + time.monotonic() - started, 3))
            self.journal.add(measured)
            yield measured

    def _schedule(self, candidate: Candidate, end: float) -> Schedule:
        name = spelled(candidate)
        if name not in self.schedules:
            default = self.program.default
            if AUTOMATIC in candidate:
                given = {knob: int(value) for knob, value in candidate.items() if knob != AUTOMATIC}
                self.schedules[name] = automatic.find(
                    self.program.request, str(candidate[AUTOMATIC]), self.program.label, _until(end), **given
                )
            else:
                self.schedules[name] = Schedule({**dict(default.choices), **candidate}, default.ops)
        return self.schedules[name]

    def _compile(self, candidate: Candidate, end: float) -> str:
        """Compile a candidate; give the reason if that failed."""
        try:
            request = self.program.scheduled(self._schedule(candidate, end))
            native.obtain(request, self.program.label, seconds=_until(end))
        except (ScheduleError, CompileError) as error:
            return str(error).splitlines()[0][:300]
        return ""

    def _verified(self, candidate: Candidate) -> tuple[str, float | None]:
        try:
            with self._using(candidate):
                found = _arrays(self.call())
        except (NativeError, MemoryError, ScheduleError) as error:
            return str(error).splitlines()[0][:300], None
        reason = _difference(found, self.wanted, exact=AUTOMATIC not in candidate)
        return (reason, None) if reason else ("", self._score(candidate, _TIMING))

    def _using(self, candidate: Candidate) -> Any:
        return store.trying({self.program.key: self.schedules[spelled(candidate)]})

    def _score(self, candidate: Candidate, seconds: float) -> float:
        """Time a candidate and the hand-written schedule in turns: the median of the ratios."""
        ratios: list[float] = []
        end = time.perf_counter() + seconds
        while len(ratios) < _LEAST_PAIRS or (time.perf_counter() < end and len(ratios) < _MOST_PAIRS):
            ours, theirs = self._time(candidate), self._time({})
            ratios.append(ours / theirs)
            if len(ratios) >= _LEAST_PAIRS and min(ratios) > _HOPELESS:
                break
        return statistics.median(ratios)

    def _time(self, candidate: Candidate) -> float:
        with self._using(candidate):
            self.call()  # what changes with the schedule is looked up
            start = time.perf_counter()
            self.call()
            return time.perf_counter() - start


def _until(end: float) -> float:
    """Give the seconds that compiling may take when a search ends then."""
    return max(min(_PATIENCE, end - time.monotonic()), 1.0)


def _arrays(result: Any) -> Arrays:
    return result if isinstance(result, tuple) else (result,)


def _difference(found: Arrays, wanted: Arrays, *, exact: bool) -> str:
    """Tell how results differ more than they may; the empty string if they do not."""
    for one, other in zip(found, wanted, strict=True):
        if np.array_equal(one, other, equal_nan=other.dtype.kind == "f"):
            continue
        if exact:
            return "the same lowering gave other bits"
        worst = float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64))))
        allowed = _STEP if other.dtype.kind != "f" else _PART * float(np.ptp(other))
        if not worst <= allowed:
            return f"results differ by {worst:g}"
    return ""
