"""How much memory a decomposed filter takes beside its images: ``python -m bench.memory LEVELS [options]``.

It prints the peak, in float32 images of the image's size, of one call in this process, which first filters a small
image, so that code, threads and what is kept between calls are there. The result is written into an array that was
there before. Linux only: the peak is the kernel's count of resident pages.
"""

from __future__ import annotations

import argparse
import functools
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import filters

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(run: Callable[[], object]) -> int:
    """Give by how many bytes the largest resident size during a call is beyond that before."""
    _CLEAR.write_text("5")  # the peak is that of now
    before = _kilobytes("VmHWM")
    run()
    return 1024 * (_kilobytes("VmHWM") - before)


def in_a_process(levels: int, side: int, dtype: str, threads: int) -> float:
    """Measure in a process of its own, in float32 images."""
    command = [sys.executable, "-m", "bench.memory", str(levels), f"--side={side}", f"--dtype={dtype}"]
    found = subprocess.run([*command, f"--threads={threads}"], check=True, stdout=subprocess.PIPE, text=True)
    return float(found.stdout)


def _kilobytes(name: str) -> int:
    lines = (line.split() for line in _STATUS.read_text(encoding="ascii").splitlines())
    return next(int(words[1]) for words in lines if words[0] == f"{name}:")


def _filter(side: int, levels: int, dtype: str, threads: int) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    image, guide, extra = (rng.integers(0, 256, (side, side)).astype(dtype) for _ in range(3))
    return functools.partial(
        filters.multilateral, image, [guide, extra], sigma_space=5, sigma_range=30, radius=8, base="guided",
        guide_levels=levels, out=np.ones_like(image), threads=threads,
    )  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("levels", type=int)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--dtype", choices=("uint8", "float32"), default="float32")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    rest = options.levels, options.dtype, options.threads
    _filter(64, *rest)()
    print(peak(_filter(options.side, *rest)) / (4 * options.side**2))


if __name__ == "__main__":
    main(sys.argv[1:])
