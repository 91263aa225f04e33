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
    """Give the name of the processor; its family and model too, for clouds' names do not tell which it is."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="ascii", errors="replace") if info.exists() else ""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in pairs}
    if "model name" not in known:
        return platform.processor()
    told = [f"{name} {known[key]}" for name, key in (("family", "cpu family"), ("model", "model")) if key in known]
    return f"{known['model name']} ({', '.join(told)})" if told else known["model name"]
