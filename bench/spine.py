"""What a call costs besides filtering: start-up, overhead, compilation, threads; and speed beside OpenCV's box filter.

Run with ``python -m bench.spine`` on a quiet machine. Times are the minimum of several runs.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import filters

_SETUP = (
    "import numpy as np; from filters import gaussian, local_laplacian;"
    "a = np.zeros((400, 600, 3), np.uint8); f = np.zeros((64, 64), np.float32); f[9, 9] = 200.0;"
)
_NO_HALIDE = "; import sys; assert 'halide' not in sys.modules"


def best(run: Callable[[], object], times: int = 7) -> float:
    """Give the shortest of several runs, in seconds."""
    run()
    return min(_timed(run) for _ in range(times))


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _process(code: str, cache: str | None = None) -> Callable[[], object]:
    environment = dict(os.environ, **({"HALIDE_FILTERS_CACHE": cache} if cache else {}))
    return lambda: subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def starting() -> None:
    """Print what a new process pays."""
    numpy = best(_process("import numpy"))
    imported = best(_process("from filters import local_laplacian" + _NO_HALIDE))
    print(f"import beyond numpy's own: {1e3 * (imported - numpy):.0f} ms")
    for call in ("gaussian(a, 12.0)", "local_laplacian(a, 30)"):
        print(f"whole process with a cached {call}: {best(_process(_SETUP + call + _NO_HALIDE)):.2f} s")


def compiling() -> None:
    """Print what the first call ever pays, with an empty cache."""
    calls = ["gaussian(f, 9.0)", *(f"local_laplacian(f, 30, levels={n})" for n in (4, 8, 9, 10))]
    for call in [*calls, "local_laplacian(a, 30, levels=8)"]:
        with tempfile.TemporaryDirectory() as cache:
            warm = f"import time; t = time.perf_counter(); {call}; print('{call}: %.1f s' % (time.perf_counter() - t))"
            print("cold", end=" ", flush=True)
            _process(_SETUP + warm, cache)()


def overhead() -> None:
    """Print what a call on a 16x16 image takes, and of that the native code."""
    tiny = np.zeros((16, 16), np.uint8)

    def calls(run: Callable[..., object], argument: float) -> None:
        for _ in range(400):
            run(tiny, argument)

    for name, argument in [("gaussian", 1.0), ("gaussian", 5.0), ("box", 3), ("local_laplacian", 30)]:
        seconds = best(functools.partial(calls, getattr(filters, name), argument)) / 400
        print(f"16x16 uint8 {name}({argument}): {1e6 * seconds:.1f} us, native code included")


def threads() -> None:
    """Print how two Python threads, one native thread each, compare with one."""
    image = np.random.default_rng(0).uniform(0, 255, (1500, 1500)).astype(np.float32)

    def work() -> None:
        for _ in range(6):
            filters.local_laplacian(image, 30, threads=1, value_range=(0, 255), levels=8)

    def both() -> None:
        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    print(f"two Python threads take {best(both, 3) / best(work, 3):.2f} times as long as one")


def speed() -> None:
    """Print nanoseconds a pixel, 2048x2048, beside the peer."""
    import cv2

    image = np.random.default_rng(0).uniform(0, 255, (2048, 2048)).astype(np.float32)
    for pixels in (image, image.astype(np.uint8)):
        out = np.empty_like(pixels)
        for count in (1, 2):
            cv2.setNumThreads(count)
            ours: dict[str, Any] = {"out": out, "threads": count}
            runs: dict[str, Callable[[], object]] = {
                "cv2.boxFilter 61": functools.partial(cv2.boxFilter, pixels, -1, (61, 61), dst=out),
                "local_laplacian 4 levels": functools.partial(
                    filters.local_laplacian, pixels, 30, levels=4, value_range=(0, 255), **ours
                ),
            }
            for sigma in (1, 2, 5, 10, 20, 50):
                taps = (6 * sigma + 1, 6 * sigma + 1)
                runs[f"gaussian {sigma}"] = functools.partial(filters.gaussian, pixels, sigma, **ours)
                runs[f"cv2.GaussianBlur {sigma}"] = functools.partial(cv2.GaussianBlur, pixels, taps, sigma, dst=out)
            for name, run in runs.items():
                print(f"{pixels.dtype} {count} thread(s) {name}: {1e9 * best(run, 5) / pixels.size:.2f} ns/px")


if __name__ == "__main__":
    starting()
    overhead()
    threads()
    speed()
    compiling()
