"""What this machine, this installation and its cache are like: ``python -m filters doctor``."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

from schedules import options, store, targets
from schedules.errors import CacheError
from schedules.native import cache

_PACKAGES = ("halide-filters", "numpy", "halide", "llvmlite", "pillow", "tifffile")


def fallbacks() -> list[str]:
    """List the kernels that run by another road than the one meant for them, each with the reason."""
    try:
        if targets.tables_in_registers(targets.host()) is not None:
            return []
    except (ImportError, ValueError):
        return []
    reason = "this CPU has no shuffles that hold tables (AVX2, AVX-512, NEON with dot products)"
    return [
        f"bilateral, joint_bilateral, variable_convolve of uint8: trees of selects; {reason}",
        f"the same of others, nonlocal_means, multilateral: weights computed, or read from memory; {reason}",
    ]


def show() -> None:
    """Print the findings."""
    for title, rows in findings().items():
        print(title)
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            print(f"  {name:{width}}  {value}")
        print()


def findings() -> dict[str, list[tuple[str, str]]]:
    """Give what is to be told, as (name, value) under headings."""
    return {
        "Machine": _machine(),
        "Threads": _threads(),
        "Cache": _cache(),
        "Schedules": _schedules(),
        "Versions": _versions(),
        "Kernels": _kernels(),
    }


def _machine() -> list[tuple[str, str]]:
    try:
        host = targets.host()
        features = ", ".join(sorted(targets.features(host))) or "none beyond the baseline"
        unit = targets.tables_in_registers(host)
        usable = ", ".join(["host", *targets.usable()[1:]])
    except (ImportError, ValueError) as error:
        host, features, usable, unit = f"not known: {error}", "not known", "none", None
    return [
        ("processor", _processor()),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("target host", host),
        ("features used", features),
        ("tables in registers", "none" if unit is None else unit.name),
        ("targets usable", usable),
    ]


def _processor() -> str:
    """Give the name of the processor as its maker writes it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.split(":", 1)[1].strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    return platform.processor() or "not known"


def _threads() -> list[tuple[str, str]]:
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    try:
        used = str(options.threads())
    except ValueError as error:
        used = f"not known: {error}"
    if os.environ.get("HALIDE_FILTERS_THREADS"):
        why = "HALIDE_FILTERS_THREADS says so"
    elif used == str(allowed):
        why = "one for each processor this process may use"
    else:
        why = f"the quota of its control group, though it may use {allowed} processors"
    return [("used by a call", used), ("because", why), ("processors", str(os.cpu_count() or "not known"))]


def _cache() -> list[tuple[str, str]]:
    try:
        path = cache.usable_directory()
    except CacheError as error:
        return [("location", str(cache.directory())), ("refused", str(error))]
    if path is None:
        return [("location", "none: every process compiles anew")]
    kernels = cache.entries(path)
    size = sum(entry[1] for entry in kernels)
    return [
        ("location", str(path)),
        ("kernels", str(len(kernels))),
        ("size", f"{size / 1e6:.1f} MB of at most {cache.limit_bytes() / 1e6:.0f} MB"),
    ]


def _versions() -> list[tuple[str, str]]:
    return [("python", platform.python_version()), *((name, _version(name)) for name in _PACKAGES)]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _schedules() -> list[tuple[str, str]]:
    directory = store.own()
    tuned = [] if directory is None else sorted(directory.glob("tuned-*.json"))
    told = "none" if not tuned else f"{len(tuned)}, used in place of those by hand"
    return [
        ("shipped", f"{len(list(store.SHIPPED.glob('*.json')))} by autoschedulers"),
        ("tuned here", told),
        ("directory", "off" if directory is None else str(directory)),
        *(("", file.name) for file in tuned),
    ]


def _kernels() -> list[tuple[str, str]]:
    found = fallbacks()
    return [("by a fallback", "none" if not found else found[0]), *(("", text) for text in found[1:])]
