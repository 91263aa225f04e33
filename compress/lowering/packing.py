"""Codes of a few bits side by side: eight of them are as many bytes as they have bits."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import halide as hl

from compress.lowering.building import Building
from schedules.native.worker import Lowered
from schedules.schedule import Schedule


def packed(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower (groups, 8) codes to (groups, bits) bytes, the first code in the lowest bits."""
    bits = int(program["bits"])

    def byte(codes: Any, g: Any, b: int) -> Any:
        first, last = 8 * b // bits, (8 * b + 7) // bits
        return [_shifted(codes[i, g], i * bits - 8 * b) for i in range(first, last + 1)]

    return _regrouped(target, "packed", 8, bits, byte, 255)


def unpacked(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower (groups, bits) bytes to (groups, 8) codes."""
    bits = int(program["bits"])

    def code(given: Any, g: Any, i: int) -> Any:
        first, last = i * bits // 8, ((i + 1) * bits - 1) // 8
        return [_shifted(given[b, g], 8 * b - i * bits) for b in range(first, last + 1)]

    return _regrouped(target, "unpacked", bits, 8, code, (1 << bits) - 1)


def _regrouped(target: str, name: str, before: int, behind: int, parts: Any, mask: int) -> Lowered:
    """Lower groups of bytes to groups of as many others, each made of some shifted ones."""
    b = Building(target)
    given = b.input("given", "uint8", 2)
    given.dim(0).set_bounds(0, before)
    which, g = hl.Var("which"), hl.Var("g")
    values = [functools.reduce(lambda x, y: x | y, parts(given, g, i)) & hl.u16(mask) for i in range(behind)]
    result = b.stage(name, [which, g], hl.cast(hl.UInt(8), hl.mux(which, values) if behind > 1 else values[0]))
    record = b.record[name].bound("which", 0, behind).split("g", "go", "g", 4096, "GuardWithIf")
    record.split("g", "g", "gi", 2 * b.lanes, "GuardWithIf").reorder("which", "gi", "g", "go").unroll("which")
    record.vectorize("gi").parallel("go")
    return b.lowered((result, "uint8"))


def _shifted(value: Any, places: int) -> Any:
    wide = hl.cast(hl.UInt(16), value)
    return wide << places if places >= 0 else wide >> -places
