"""Weighted means of bytes where no registers hold tables: entries are chosen by a tree of selects."""

from __future__ import annotations

from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, weighted
from dsl.lowering.by_lookup import ByLookup, byte_tables, entry_of
from dsl.lowering.context import Group, Lowering, Reader, channel_count
from dsl.tap_table import GROUP
from schedules.errors import ScheduleError

#: Entries of a table, the differences they are for, and the largest weight: two products make sixteen bits.
_ENTRIES, _SPAN, _MOST = (8, 16), (16, 32, 64, 128, 256), 127


def mean_by_selects(low: Lowering, node: Node, found: ByLookup, group: Group) -> Reader:
    """Stages: images with their surroundings, byte tables, the sums of some vectors of pixels, their quotients."""
    name, channels, at = f"{low.label(node)}_{group.name}", channel_count(node), weighted.neighbours(low, found.taps)
    entries = int(low.schedule.choice(f"{low.label(node)}.entries", "entries", default=_ENTRIES[0]))
    span = int(low.schedule.choice(f"{low.label(node)}.span", "span", default=128))
    if entries not in _ENTRIES or span not in _SPAN or span < entries:
        raise ScheduleError(
            f"{name}: {entries} entries for differences below {span}; selects have {_ENTRIES} for {_SPAN}"
        )
    padded = [border.padded_bytes(low, image, name, signed=False) for image in found.images]
    group.local += [func.name() for func in padded]
    group.own_columns.update(func.name() for func in padded)
    most = hl.min(_MOST, 65535 // at.count)  # so that the sum of all weights fills sixteen bits
    made = byte_tables(low, found.taps, name, entries, entry_of(low, found, entries, span), most)
    x, y, guides = low.x, low.y, channel_count(found.guide)

    def read(image: hl.Func, count: int, x: Any, y: Any) -> list[Any]:
        return [hl.Expr(image[x, y, c]) for c in range(count)] if count > 1 else [hl.Expr(image[x, y])]

    own = _wide(made.own[0])  # may be below zero, and wraps: sums do not depend on it
    here = read(padded[0], channels, x, y)
    start = (*(own * _wide(value) for value in here), hl.cast(hl.UInt(16), made.own[0]))
    total = low.stage(f"{name}_sum", [x, y], start)
    centres = read(padded[-1], guides, x, y)

    loop = hl.RDom([(0, at.count // GROUP)], f"{name}_tap")
    row = [hl.Expr(made.table[e, loop.x]) for e in range(entries)]
    products: list[list[Any]] = [[] for _ in range(channels)]
    weights = []
    for i in range(GROUP):
        tap = loop.x * GROUP + i
        down, right = (hl.clamp(made.taps[axis, tap], -at.reach, at.reach) for axis in range(2))
        there = (x + right * low.step, y + down)
        index = hl.min(_distance(read(padded[-1], guides, *there), centres), hl.u8(span - 1))
        weights.append(hl.cast(hl.UInt(16), _choose(row, index, span // entries)))
        for each, value in zip(products, read(padded[0], channels, *there), strict=True):
            each.append(weights[-1] * hl.cast(hl.UInt(16), value))
    sums = [hl.Expr(total[x, y][c]) + _wide(p[0] + p[1]) + _wide(p[2] + p[3]) for c, p in enumerate(products)]
    total[x, y] = (*sums, hl.Expr(total[x, y][channels]) + sum(weights[1:], weights[0]))
    low.stages.loops[f"{name}_sum"]["tap"] = loop.x

    low.notes[low.label(node)] = f"bytes, {entries} entries for differences below {span} (selects)"
    return weighted.quotients(low, name, group, channels, 4 * low.lanes, 2 if channels == 1 else 1)


def _wide(value: Any) -> Any:
    return hl.cast(hl.UInt(32), value)


def _distance(taps: list[Any], centres: list[Any]) -> Any:
    first, *others = (hl.absd(tap, centre) for tap, centre in zip(taps, centres, strict=True))
    for other in others:
        first = hl.saturating_add(first, other)
    return first


def _choose(entries: list[Any], index: Any, bit: int) -> Any:
    """Choose by the bits of an index from that one up, the topmost last."""
    while len(entries) > 1:
        odd = (index & hl.u8(bit)) != hl.u8(0)
        entries = [hl.select(odd, b, a) for a, b in zip(entries[::2], entries[1::2], strict=True)]
        bit *= 2
    return entries[0]
