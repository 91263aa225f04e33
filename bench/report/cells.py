"""How numbers are written, the same in pages and in Markdown."""

from __future__ import annotations

import math

from bench.report.reading import Entry


def time(seconds: float) -> str:
    """Write a time with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:.0f} {unit}"
    return f"{1e9 * seconds:.3g} ns"


def ratio(value: float | None) -> str:
    """Write how many times faster."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "only ours"
    return "not reached" if value == 0 else f"{value:.2f}×" if value < 10 else f"{value:.0f}×"


def rate(entry: Entry) -> str:
    """Write units a second."""
    return f"{entry.rate:.3g} {entry.unit}/s" if entry.rate < 1000 else f"{entry.rate:.0f} {entry.unit}/s"


def bucket(decibels: int | None) -> str:
    """Write what results reach at least."""
    return "–" if decibels is None else f"{decibels} dB"


def decibels(value: float | None) -> str:
    """Write a PSNR; what equals the definition to float64 is called exact."""
    return "–" if value is None else "exact" if value >= 200 else f"{value:.1f} dB"


def size(value: float | None) -> str:
    """Write bytes."""
    return "–" if value is None else f"{value / 1e6:.1f} MB"


def case(entry: Entry) -> str:
    """Write what a contest is about."""
    size = [f"{entry.megapixels:g} Mpx"] if entry.megapixels else []
    return ", ".join((entry.kind, *size, *(f"{name} {value}" for name, value in entry.parameters.items())))


def cost(entry: Entry) -> str:
    """Write the time of a run, or where contenders do more or less in one, that of a unit."""
    return time(entry.least) if entry.megapixels else f"{time(entry.cost)} a {entry.unit}"
