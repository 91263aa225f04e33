"""How much memory a contender's call takes beside its input and its result.

``python -m bench.suites.weighing SUITE SCALE GROUP CONTENDER`` prints the bytes, measured in this process. A first call
makes that code, threads and pools are there. Each call has a thread of its own, for ours keeps its temporaries for the
thread's next one: they would count for nothing.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from bench.memory import peak
from bench.suites import processes

if TYPE_CHECKING:
    from bench.suites.contest import Contender, Contest

T = TypeVar("T")
#: The allocator gives large blocks back at once and takes none again, so that their pages count whenever they are used.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


def weigh(suite: str, scale: str, group: str, contender: str) -> int:
    """Weigh a contender in a process of its own, in bytes.

    Parameters
    ----------
    suite, scale : str
        The module that has the contest, and how much it measures.
    group, contender : str
        Names of both.
    """
    arguments = ["-m", "bench.suites.weighing", suite, scale, group, contender]
    return int(processes.python(arguments, _ALLOCATOR))


def weighed(contest: Contest, contender: Contender) -> int:
    """Weigh a contender in this process."""
    _alone(lambda: _bound(contest, contender)())
    return _alone(lambda: _beside(_bound(contest, contender), contender))


def _bound(contest: Contest, contender: Contender) -> Callable[[], Any]:
    from bench.suites import libraries

    run = contender.bind(contest.work.image, contest.threads)
    libraries.set_threads(contest.threads)  # torch has a number for each thread
    return run


def _beside(run: Callable[[], Any], contender: Contender) -> int:
    """Give the peak but for the result, whose memory is first used in the call, whoever has asked for it."""
    results: list[Any] = []
    found = peak(lambda: results.append(run()))
    return max(found - contender.read(results[0]).nbytes, 0)


def _alone(run: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    from bench.suites.contest import SCALES

    suite, scale, group, name = arguments
    contests = importlib.import_module(suite).contests(SCALES[scale])
    contest = next(each for each in contests if each.group == group)
    print(weighed(contest, contest.present[name]))


if __name__ == "__main__":
    main(sys.argv[1:])
