"""Timing contenders beside each other: what disturbs the machine disturbs them alike.

Every contender runs once a round, all in one process, in an order drawn anew each round. A ratio is the median over
the rounds of the ratios within a round, so a machine that slows down for a while does not change it. A slow contender
takes part in the first rounds only. Nothing absolute is to be read off but beside the calibration.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Run = Callable[[], object]

#: Before every timed run: until the workers of the contender before have gone to sleep. OpenCV's wait actively for less
#: than a millisecond; those of OpenMP, which torch has, for six, in which they take a core from who comes next.
SETTLE, SETTLE_WORKERS = 1e-3, 10e-3


@dataclass(frozen=True)
class Effort:
    """How often a contender runs.

    Attributes
    ----------
    seconds : float
        For about so many seconds,
    least, most : int
        in so many rounds at least and at most;
    patience : float
        in none beside the run that tells how slow it is, if that takes so many seconds.
    """

    seconds: float
    least: int
    most: int
    patience: float = math.inf

    def rounds(self, seconds: float) -> int:
        """Tell in how many rounds a contender takes part, from the time of one run."""
        if seconds >= self.patience:
            return 0
        return max(self.least, min(self.most, int(self.seconds / seconds)))


@dataclass(frozen=True)
class Times:
    """Seconds of each contender, a number a round."""

    seconds: Mapping[str, list[float]]

    def best(self, name: str) -> float:
        """Give the minimum."""
        return min(self.seconds[name])

    def middle(self, name: str) -> float:
        """Give the median."""
        return statistics.median(self.seconds[name])

    def ratio(self, above: str, below: str) -> float:
        """Give the median of ``above / below`` over the rounds that both took part in."""
        pairs = zip(self.seconds[above], self.seconds[below], strict=False)
        return statistics.median(a / b for a, b in pairs)


def measure(runs: Mapping[str, Run], effort: Effort) -> Times:
    """Time contenders, interleaved; each has run twice before (it compiles, and tells how slow it is)."""
    for run in runs.values():
        run()
    return measure_warm(runs, effort)


def measure_warm(runs: Mapping[str, Run], effort: Effort, threads: int = 1) -> Times:
    """Time contenders that have run before, on some threads; each runs once more to tell how slow it is."""
    first = {name: timed(run) for name, run in runs.items()}
    rounds = {name: effort.rounds(taken) for name, taken in first.items()}
    seconds: dict[str, list[float]] = {name: [] if rounds[name] else [first[name]] for name in runs}
    order = random.Random(0)
    for turn in range(max(rounds.values(), default=0)):
        present = [name for name in runs if turn < rounds[name]]
        order.shuffle(present)
        for name in present:
            settle(SETTLE if threads == 1 else SETTLE_WORKERS)
            seconds[name].append(timed(runs[name]))
    return Times(seconds)


def timed(run: Run) -> float:
    """Give the seconds that one run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def settle(seconds: float = SETTLE) -> None:
    """Wait actively, so that this core does not go to sleep."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def calibrate(size: int, effort: Effort) -> dict[str, float]:
    """Give the nanoseconds a pixel, minima, of copying a float32 image and of OpenCV's box filter of radius 30."""
    image = np.random.default_rng(0).uniform(0, 255, (size, size)).astype(np.float32)
    out = np.empty_like(image)
    runs: dict[str, Run] = {"np.copyto": functools.partial(np.copyto, out, image)}
    if importlib.util.find_spec("cv2"):
        import cv2

        runs["cv2.boxFilter 61"] = functools.partial(cv2.boxFilter, image, -1, (61, 61), dst=out)
    times = measure(runs, effort)
    return {name: 1e9 * times.best(name) / image.size for name in runs}
