"""Weighted means by tables in SIMD registers: an extern stage with code of its own (dsl/registers), a strip at a time.

They are for weights that are a look-up of the distance between a guide's colours, ``lookup(table, s * distance)``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import SCALAR, TAP_NUMBERS, Node
from dsl.lowering import border, pointwise, tables, weighted
from dsl.lowering.context import Group, Lowering, Reader, channel_count
from dsl.registers.machine import Machine
from dsl.registers.mean_bytes import MeanOfBytes
from dsl.registers.mean_floats import MeanOfFloats
from dsl.tap_table import GROUP
from schedules.errors import ScheduleError


@dataclass(frozen=True)
class ByLookup:
    """A weighted mean whose weight is a table's entry at a distance between colours."""

    image: Node
    guide: Node
    table: Node
    scale: Node | None  # entries a unit of distance; None: one
    norm: str
    taps: Node

    def index(self, low: Lowering, distance: Any) -> Any:
        """Write where in the table a distance is."""
        return distance if self.scale is None else distance * pointwise.scalar(low, self.scale)


def by_lookup(node: Node) -> ByLookup | None:
    """Recognise such a mean."""
    values, weights, taps = node.args
    if values.op != "near" or weights.op != "lookup":
        return None
    table, index = weights.args
    scale = None
    if index.op == "mul" and SCALAR in (index.args[0].type, index.args[1].type):
        scale, index = sorted(index.args, key=lambda arg: arg.type != SCALAR)
    if index.op != "distance":
        return None
    near, guide = sorted(index.args, key=lambda arg: arg.op != "near")
    if near.op != "near" or near.args[0] is not guide:
        return None
    return ByLookup(values.args[0], guide, table, scale, str(index.attributes[0]), taps)


def reason_against_bytes(low: Lowering, found: ByLookup | None) -> str:
    """Say why a mean cannot be of bytes; empty if it can."""
    if found is None:
        return "its weight is no look-up of a distance from the pixel"
    for image in (found.image, found.guide):
        if image.op != "input" or low.variant.dtypes[int(image.attributes[0])] != "uint8":  # type: ignore[arg-type]
            return "its images are not uint8 as they came"
    if channel_count(found.guide) > 1 and found.norm != "l1":
        return "the distance of bytes is a sum of absolute differences"
    return ""


def mean_of_bytes(low: Lowering, node: Node, found: ByLookup, group: Group, unit: Machine) -> Reader:
    """Stages: images with their surroundings, taps, byte tables; and the extern stage that averages."""
    name = f"{low.label(node)}_{group.name}"
    span = int(low.schedule.choice(f"{low.label(node)}.span", "span", default=128))
    entries = int(low.schedule.choice(f"{low.label(node)}.entries", "entries", default=0)) or best_entries(unit, span)
    if span not in (128, 256) or entries not in unit.tables(span):
        raise ScheduleError(
            f"{name}: a table of {entries} entries for differences up to {span}: {unit.name} has "
            + " and ".join(f"{unit.tables(s)} for {s}" for s in (128, 256))
        )
    is_same, rounded = found.image is found.guide, low.is_stored(node, "uint8")
    channels = [channel_count(found.image), channel_count(found.guide)]
    spec = MeanOfBytes(unit, channels[0], channels[1], is_same, entries, span, rounded)
    images = [found.image] if is_same else [found.image, found.guide]
    padded = [border.padded_bytes(low, image, name, signed=unit.signed) for image in images]
    inner = [
        *padded,
        *_byte_tables(low, found, name, spec),
        weighted.neighbours(low, found.taps).count // GROUP * GROUP,
        low.step,
        weighted.radius(low, found.taps),
        _room(low, name),
    ]
    result = _extern(low, name, spec, inner, hl.UInt(8) if rounded else hl.Float(32), spec.values)
    low.notes[low.label(node)] = f"bytes, {entries} entries for differences below {span} ({unit.name})"
    group.strips += [*(func.name() for func in padded), f"{name}_room", name]
    return result


def mean_of_floats(low: Lowering, node: Node, found: ByLookup, group: Group, unit: Machine) -> Reader:
    """Stages: images with their surroundings, taps, lines of the table; and the extern stage that averages."""
    name = f"{low.label(node)}_{group.name}"
    entries = int(low.schedule.choice(f"{low.label(node)}.entries", "entries", default=unit.floats[0]))
    if entries not in unit.floats:
        raise ScheduleError(f"{name}: a table of {entries} lines: {unit.name} has {unit.floats}")
    is_same = found.image is found.guide
    channels = [channel_count(found.image), channel_count(found.guide)]
    spec = MeanOfFloats(unit, channels[0], channels[1], is_same, entries, found.norm)
    inner = Group(name)
    padded = [border.padded_stage(low, i, inner) for i in ([found.image] if is_same else [found.image, found.guide])]
    at = weighted.neighbours(low, found.taps)
    given = [
        *padded,
        *_taps(low, name, at),
        *_lines(low, found, name, entries),
        _line_count(low, found, entries),
        at.count,
        low.step,
        at.reach,
        _room(low, name),
    ]
    result = _extern(low, name, spec, given, hl.Float(32), spec.values)
    low.notes[low.label(node)] = f"floats, {entries} lines in registers ({unit.name})"
    for stage in inner.local:
        low.record[stage].split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
        if stage in low.mixed:
            low.record[stage].reorder("c", "xi", "x", "y").unroll("c")
    group.strips += [*inner.local, f"{name}_room", name]
    return result


def _taps(low: Lowering, name: str, at: weighted.Neighbours) -> tuple[hl.Func, hl.Func]:
    """Stages, once a call: taps as whole numbers, and their weights."""
    k, t = hl.Var("k"), hl.Var("t")
    place = t * TAP_NUMBERS
    spatial = at.numbers[place + 2]
    numbers = [at.offset(place), at.offset(place + 1), hl.cast(hl.Int(32), spatial == 0)]
    taps = low.stage(f"{name}_taps", [k, t], hl.mux(k, numbers))
    weights = low.stage(f"{name}_weights", [t], spatial)
    for stage in (taps, weights):
        low.record[stage.name()].compute_root()
    return taps, weights


def _line_count(low: Lowering, found: ByLookup, entries: int) -> Any:
    return hl.max(tables.table(low, found.table)[1] - 1, entries)


def _lines(low: Lowering, found: ByLookup, name: str, entries: int) -> list[hl.Func]:
    """Stages, once a call: the table between its entries as ``a + b * distance``; scale and largest distance."""
    values, count = tables.table(low, found.table)
    e, k = hl.Var("e"), hl.Var("k")
    # A scale of zero is every distance at the first entry: that of a tiny one.
    scale = hl.max(hl.f32(1) if found.scale is None else pointwise.scalar(low, found.scale), hl.f32(1e-30))
    first, last = hl.min(e, hl.max(count - 2, 0)), count - 1
    slope = values[hl.min(first + 1, last)] - values[first]
    constant = values[first] - hl.cast(hl.Float(32), first) * slope
    lines = low.stage(f"{name}_lines", [e, k], hl.mux(k, [constant, slope * scale]))
    most = hl.cast(hl.Float(32), last) * hl.f32(1 - 2.0**-23) / scale  # the last entry belongs to the line before it
    numbers = low.stage(f"{name}_numbers", [k], hl.mux(k, [scale, most]))
    for stage in (lines, numbers):
        low.record[stage.name()].compute_root()
    return [lines, numbers]


def best_entries(unit: Machine, span: int) -> int:
    """Give the largest table that registers hold."""
    return unit.tables(span)[-1]


def _extern(low: Lowering, name: str, spec: Any, arguments: list[Any], kind: Any, channels: int) -> Reader:
    """Stage: what an extern function computes."""
    symbol = f"hf_{type(spec).__name__}_{hashlib.sha256(repr(spec).encode()).hexdigest()[:12]}"
    low.externs[symbol] = spec.write(symbol)
    func = hl.Func(name)
    func.define_extern(symbol, [hl.ExternFuncArgument(a) for a in arguments], kind, 3 if channels > 1 else 2)
    low.stages.funcs[name] = func
    low.stages.loops[name] = {}
    if channels > 1:
        return lambda x, y, c: hl.Expr(func[x, y, c])
    return lambda x, y, c: hl.Expr(func[x, y])


def _room(low: Lowering, name: str) -> hl.Func:
    """Stage: memory for the extern function, nothing in it."""
    return low.stage(f"{name}_room", [hl.Var("i"), hl.Var("j")], hl.undef(hl.Int(32)))


def _byte_tables(low: Lowering, found: ByLookup, name: str, spec: MeanOfBytes) -> list[hl.Func]:
    """Stages, once a call: taps as whole numbers, a byte table for each four of them, the weight of the pixel itself."""
    at = weighted.neighbours(low, found.taps)
    k, t, e, q = hl.Var("k"), hl.Var("t"), hl.Var("e"), hl.Var("q")
    place = (t + 1) * TAP_NUMBERS  # the pixel itself is not among the fours
    filler = hl.cast(hl.Int(32), at.numbers[place + 2] == 0)
    taps = low.stage(f"{name}_taps", [k, t], hl.mux(k, [at.offset(place), at.offset(place + 1), filler]))

    step = spec.span // spec.entries
    read = [tables.between(low, found.table, found.index(low, hl.cast(hl.Float(32), e * step + i))) for i in range(step)]
    entry = low.stage(f"{name}_entry", [e], sum(read[1:], read[0]) / hl.f32(step))
    peak = low.stage(f"{name}_peak", [k], hl.f32(0))
    entry_loop = hl.RDom([(0, spec.entries)], f"{name}_entry_loop")
    tap_loop = hl.RDom([(0, at.count)], f"{name}_tap_loop")
    peak[0] = hl.max(peak[0], entry[entry_loop.x])
    peak[1] = hl.max(peak[1], at.numbers[tap_loop.x * TAP_NUMBERS + 2])
    gain = hl.f32(spec.machine.weight) / (peak[0] * peak[1])

    def weight(spatial: Any, entry: Any) -> Any:
        return hl.clamp(hl.round(spatial * entry * gain), hl.f32(0), hl.f32(spec.machine.weight))

    own = low.stage(f"{name}_own", [k], hl.cast(hl.Int(32), weight(at.numbers[2], entry[0])))
    spatial = at.numbers[(1 + GROUP * q) * TAP_NUMBERS + 2]
    table = low.stage(f"{name}_table", [e, q], hl.cast(hl.UInt(8), weight(spatial, entry[e])))
    for stage in (taps, entry, peak, own, table):
        low.record[stage.name()].compute_root()
    low.record[table.name()].split("e", "e", "ei", low.lanes).vectorize("ei")
    return [taps, table, own]
