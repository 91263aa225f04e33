"""What a new process pays for its first call: interpreter, imports and an image included.

*Cold* with an empty cache of kernels, once; *warm* with the kernel in the user's cache. Peers blur. What is written
with numba here is compiled in every process, so it takes part in the first contest only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from bench.suites import processes
from bench.suites.calls import CALLS, IMAGES, IMPORT, PEERS
from bench.suites.contest import OURS, THREADS, Contender, Contest, Entry, Scale, Task

#: What is measured where there is no time for all.
_FEW = ("gaussian", "guided", "bilateral")
#: Where libraries look for a number of threads.
_LIMITS = (
    "HALIDE_FILTERS_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM", "VIPS_CONCURRENCY",
)  # fmt: skip


def contests(scale: Scale) -> Iterator[Contest]:
    """Give a contest of cold processes and one of warm ones."""
    names = scale.some(tuple(CALLS) if scale.name == "full" else _FEW)
    for kind in ("cold", "warm"):
        cold = kind == "cold"
        contenders = [_contender(OURS, name, f"{IMPORT}; {CALLS[name]}", cold=cold) for name in names]
        contenders += [
            _contender(library, "gaussian", code, needs)
            for (library, needs), code in PEERS.items()
            if cold or library != "numba"
        ]
        task = Task("starting", kind, "call", {}, lambda: None)
        yield Contest(task, THREADS[-1], tuple(contenders), first=cold, unit="process", amount=1, effort=scale.effort)


def test_starting(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _contender(library: str, setting: str, code: str, needs: str | None = None, *, cold: bool = False) -> Contender:
    def bind(nothing: None, threads: int) -> Callable[[], Any]:
        environment = dict.fromkeys(_LIMITS, str(threads))

        def run() -> None:
            with tempfile.TemporaryDirectory() as empty:
                cache = {"HALIDE_FILTERS_CACHE": empty} if cold else {}
                processes.python(["-c", IMAGES + code], environment | cache)

        return run

    return Contender(library, setting, bind, needs)
