"""What figures were measured on: processor, cores, and how fast it copies."""

from __future__ import annotations

import os
import platform
import threading
from pathlib import Path
from typing import Any

import numpy as np

from bench.paired import Effort, measure

#: Bytes that are copied: far more than any cache holds.
_BYTES = 1 << 28
#: Turns: the best of them is told.
_EFFORT = Effort(0.5, 5, 10)


def description() -> dict[str, Any]:
    """Tell all of it."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "copied GB/s": {str(threads): round(copied(threads) / 1e9, 2) for threads in (1, 2)},
    }


def copied(threads: int) -> float:
    """Give the bytes a second that are read and written while so many threads copy."""
    source = np.ones(_BYTES, np.uint8)
    target = np.ones_like(source)
    parts = [(np.array_split(target, threads)[i], np.array_split(source, threads)[i]) for i in range(threads)]

    def run() -> None:
        workers = [threading.Thread(target=np.copyto, args=part) for part in parts]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return 2 * _BYTES / measure({"copy": run}, _EFFORT).best("copy")


def processor() -> str:
    """Give the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="ascii", errors="replace").splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
