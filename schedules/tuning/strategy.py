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
#: An autoscheduler's answer that is slower than the best by this factor is not worth its knobs.
_NEAR = 1.15
#: How often two parameters are changed at random before a search ends.
_CHANGES = 1000


def climb(space: Space, start: Candidate, seed: int = 0) -> Search:
    """Climb: change one parameter at a time, as long as that gains; then two at random.

    First from the start, then from the best answer of the autoschedulers, then from the best of all.
    """
    rng = random.Random(seed)
    known: dict[str, float] = {spelled({}): 1.0}

    def measured(batch: Sequence[Candidate]) -> Search:
        batch = [each for each in batch if spelled(each) not in known]
        if batch:
            scores = yield batch
            known.update((spelled(each), _or_never(score)) for each, score in zip(batch, scores, strict=True))

    def climbed(best: Candidate) -> Generator[list[Candidate], Scores, Candidate]:
        turned: Candidate | None = None
        while turned != best:
            turned = best
            for name in sorted(space.parameters(best), key=lambda _: rng.random()):
                near = list(space.neighbours(best, name))
                yield from measured(near)
                fastest = min(near, key=lambda each: known[spelled(each)], default=best)
                if known[spelled(fastest)] < known[spelled(best)] * GAIN:
                    best = fastest
        return best

    automatic: list[Candidate] = [{AUTOMATIC: name} for name in space.automatic]
    yield from measured([start, *automatic])
    best = yield from climbed(start)
    if automatic:
        found = min(automatic, key=lambda each: known[spelled(each)])
        if known[spelled(found)] < known[spelled(best)] * _NEAR:
            found = yield from climbed(found)
            best = min(best, found, key=lambda each: known[spelled(each)])
    for _ in range(_CHANGES if len(space.parameters(best)) > 1 else 0):
        changed = _changed(space, best, rng)
        yield from measured([changed])
        best = min(best, changed, key=lambda each: known[spelled(each)])


def _or_never(score: float | None) -> float:
    return float("inf") if score is None else score


def _changed(space: Space, candidate: Candidate, rng: random.Random) -> Candidate:
    parameters = space.parameters(candidate)
    names = rng.sample(sorted(parameters), 2)
    return {**candidate, **{name: rng.choice(parameters[name]) for name in names}}


def random_search(space: Space, start: Candidate, seed: int = 0) -> Search:
    """Try candidates at random: what other strategies are to be compared with."""
    rng, seen = random.Random(seed), {spelled({})}
    for attempt in range(_CHANGES):
        drawn = {name: rng.choice(values) for name, values in sorted(space.parameters({}).items())}
        candidate = drawn if attempt else start
        if spelled(candidate) not in seen:
            seen.add(spelled(candidate))
            yield [candidate]


STRATEGIES: dict[str, Callable[[Space, Candidate, int], Search]] = {"climb": climb, "random": random_search}
