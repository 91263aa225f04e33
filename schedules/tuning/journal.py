"""Journals: what a search measured, a line of JSON each, from which it goes on, or is replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from schedules.errors import ScheduleError
from schedules.tuning.space import Candidate, Space, spelled
from schedules.tuning.strategy import STRATEGIES


@dataclass(frozen=True)
class Measured:
    """What came of a candidate.

    Attributes
    ----------
    candidate : mapping
        What it was.
    score : float or None
        Its time as a multiple of the hand-written schedule's; None if it failed or was wrong.
    reason : str
        Why, then.
    seconds : float
        What compiling and timing took.
    """

    candidate: Candidate
    score: float | None
    reason: str = ""
    seconds: float = 0.0


class Journal:
    """A file of measurements under a head that says of what.

    Parameters
    ----------
    path : path
        The file; it is made when something is written.
    head : mapping
        What the measurements are of. A file that holds those of something else is begun anew.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path, self.head = path, dict(head)
        self.known: dict[str, Measured] = {}
        if path.exists():
            found, measured = read(path)
            if found == self.head:
                self.known = {spelled(each.candidate): each for each in measured}
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.head) + "\n", encoding="utf-8")

    def add(self, measured: Measured) -> None:
        """Write a measurement; it is there even if the process is killed after this."""
        self.known[spelled(measured.candidate)] = measured
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(measured)) + "\n")


def read(path: Path) -> tuple[dict[str, Any], list[Measured]]:
    """Read a journal: its head, and what was measured; a line that was cut off at the end is passed over."""
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        head: dict[str, Any] = json.loads(lines[0])
        Space.from_json(head)
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise ScheduleError(f"{path} is no journal of a search: {error}") from None
    measured = []
    for i, line in enumerate(lines[1:]):
        try:
            measured.append(Measured(**json.loads(line)))
        except (ValueError, TypeError) as error:
            if i < len(lines) - 2:
                raise ScheduleError(f"{path}, line {i + 2}, is no measurement: {error}") from None
    return head, measured


@dataclass(frozen=True)
class Step:
    """A step of a replay: how many candidates were asked for, the seconds they took, the best score by then."""

    candidates: int
    seconds: float
    best: float


def replay(path: Path, strategy: str, seed: int = 0) -> list[Step]:
    """Let a strategy search in what a journal holds, without running anything.

    Parameters
    ----------
    path : path
        A journal.
    strategy : str
        A key of :data:`schedules.tuning.strategy.STRATEGIES`.
    seed : int
        Of the strategy.

    Returns
    -------
    list of Step
        Until the strategy ends, or asks for nothing that is known.
    """
    head, measured = read(path)
    known = {spelled(each.candidate): each for each in measured}
    search = STRATEGIES[strategy](Space.from_json(head), head["start"], seed)
    steps: list[Step] = []
    best, seconds, asked, missed = float("inf") if head["start"] else 1.0, 0.0, 0, 0
    batch = next(search, None)
    while batch is not None and missed < 100:
        found = [known.get(spelled(each)) for each in batch]
        missed = 0 if any(found) else missed + 1
        for each in found:
            if each is not None:
                asked, seconds = asked + 1, seconds + each.seconds
                best = min(best, each.score if each.score is not None else best)
                steps.append(Step(asked, seconds, best))
        try:
            batch = search.send([each.score if each is not None else None for each in found])
        except StopIteration:
            break
    return steps
