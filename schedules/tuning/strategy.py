"""Strategies: generators that yield candidates to be measured, and are sent the scores of those.

A score is a time, as a multiple of the hand-written schedule's; None stands for a candidate that failed, or was wrong.
A strategy knows of no clock and runs no code: whoever drives it measures, or reads a journal.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence

from schedules.tuning.space import AUTOMATIC, Candidate, Space, spelled

#: What is sent for candidates, in their order.
Scores = Sequence[float | None]
Search = Generator[list[Candidate], Scores, None]
#: A candidate must be better than the best by this factor to take its place: less is noise.
GAIN = 0.98


def climb(space: Space, start: Candidate, seed: int = 0) -> Search:
    """Climb: from a candidate change one parameter at a time, as long as that gains; then change two at random.

    The autoschedulers' own answers come first; the best of all is climbed from.
    """
    rng = random.Random(seed)
    known: dict[str, float | None] = {}
    best, score = start, 1.0

    def measured(batch: list[Candidate]) -> Generator[list[Candidate], Scores, None]:
        nonlocal best, score
        batch = [each for each in batch if spelled(each) not in known]
        if not batch:
            return
        scores = yield batch
        for each, found in zip(batch, scores, strict=True):
            known[spelled(each)] = found
            if found is not None and found < score * GAIN:
                best, score = each, found

    if start:
        first = yield [start]
        known[spelled(start)] = first[0]
        score = first[0] if first[0] is not None else float("inf")
    yield from measured([{AUTOMATIC: name} for name in space.automatic])
    climbed: set[str] = set()
    while spelled(best) not in climbed:
        climbed.add(spelled(best))
        for name in sorted(space.parameters(best), key=lambda _: rng.random()):
            yield from measured(list(space.neighbours(best, name)))
    while len(space.parameters(best)) > 1:
        before = len(known)
        for _ in range(100):
            yield from measured([_changed(space, best, rng)])
        if len(known) == before:  # all there is around it
            return


def _changed(space: Space, candidate: Candidate, rng: random.Random) -> Candidate:
    parameters = space.parameters(candidate)
    names = rng.sample(sorted(parameters), 2)
    return {**candidate, **{name: rng.choice(parameters[name]) for name in names}}


def random_search(space: Space, start: Candidate, seed: int = 0) -> Search:
    """Try candidates at random: what other strategies are to be compared with."""
    rng = random.Random(seed)
    if start:
        yield [start]
    for _ in range(10_000):
        yield [{name: rng.choice(list(values)) for name, values in sorted(space.choices.items())}]


STRATEGIES: dict[str, Callable[[Space, Candidate, int], Search]] = {"climb": climb, "random": random_search}
