"""How much memory a filter takes beside its images: ``python -m bench.memory multilateral 8`` or ``local_lut linear``.

It prints the peak, in bytes, of one call in this process, which first filters a small image, so that code, threads and
what is kept between calls are there. The result is written into an array that was there before. Linux only: the peak is
the kernel's count of resident pages.
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


def in_a_process(name: str, option: object, side: int, dtype: str, threads: int) -> int:
    """Measure one of :data:`FILTERS` in a process of its own, in bytes."""
    command = [sys.executable, "-m", "bench.memory", name, str(option), f"--side={side}", f"--dtype={dtype}"]
    found = subprocess.run([*command, f"--threads={threads}"], check=True, stdout=subprocess.PIPE, text=True)
    return int(found.stdout)


def _kilobytes(name: str) -> int:
    lines = (line.split() for line in _STATUS.read_text(encoding="ascii").splitlines())
    return next(int(words[1]) for words in lines if words[0] == f"{name}:")


def _multilateral(levels: str, side: int, dtype: str, threads: int) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    image, guide, extra = (rng.integers(0, 256, (side, side)).astype(dtype) for _ in range(3))
    return functools.partial(
        filters.multilateral, image, [guide, extra], sigma_space=5, sigma_range=30, radius=8, base="guided",
        guide_levels=int(levels), out=np.ones_like(image), threads=threads,
    )  # fmt: skip


def _local_lut(extrapolation: str, side: int, dtype: str, threads: int) -> Callable[[], object]:
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(dtype)
    small = np.asarray(filters.downsample(image, scale=4))
    return functools.partial(
        filters.local_lut_upsample, image, small, small, extrapolation=extrapolation, out=np.ones_like(image),
        threads=threads,
    )  # fmt: skip


#: By name, what makes a call: of an option, the side of an image, its dtype and threads.
FILTERS = {"multilateral": _multilateral, "local_lut": _local_lut}


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("filter", choices=FILTERS)
    parser.add_argument("option", help="levels of multilateral, extrapolation of local_lut")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--dtype", choices=("uint8", "float32"), default="float32")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    make = functools.partial(FILTERS[options.filter], options.option, dtype=options.dtype, threads=options.threads)
    make(side=64)()
    print(peak(make(side=options.side)))


if __name__ == "__main__":
    main(sys.argv[1:])
