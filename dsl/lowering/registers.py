"""Weighted means by tables in SIMD registers: an extern stage with code of its own (dsl/registers), strip by strip."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import halide as hl

from dsl.ir import STENCIL_OPS, Image, Node
from dsl.lowering import border, by_gaussians, pointwise, tables, weighted
from dsl.lowering.by_gaussians import ByGaussians
from dsl.lowering.by_lookup import ByLookup, ByPatches, ByteTables, byte_tables, entry_of
from dsl.lowering.context import Group, Lowering, Reader, channel_count, f32
from dsl.registers.gaussians_bytes import STEPS, GaussiansOfBytes
from dsl.registers.gaussians_floats import GaussiansOfFloats
from dsl.registers.look_up import LookUp
from dsl.registers.machine import Machine, machine
from dsl.registers.mean_bytes import MeanOfBytes
from dsl.registers.mean_floats import MeanOfFloats
from dsl.registers.mean_patches import MeanOfPatches
from dsl.tap_table import GROUP
from schedules.errors import ScheduleError

#: Differences that byte tables may be for.
_SPANS = (16, 32, 64, 128, 256)
#: Those that a call's scales decide between.
_AUTO_SPANS = (64, 128, 256)


def mean_of_bytes(low: Lowering, node: Node, found: ByLookup, group: Group, unit: Machine) -> Reader:
    """Stages: images with their surroundings, taps, byte tables; and the extern stage that averages."""
    name = f"{low.label(node)}_{group.name}"
    span = int(low.schedule.choice(f"{low.label(node)}.span", "span", default=128))
    best = max(unit.tables(span), default=0)
    entries = int(low.schedule.choice(f"{low.label(node)}.entries", "entries", default=best))
    if span not in _SPANS or entries not in unit.tables(span):
        known = "; ".join(f"below {s} {', '.join(map(str, unit.tables(s)))}" for s in _SPANS if unit.tables(s))
        raise ScheduleError(
            f"{name}: a table of {entries} entries for differences below {span}; {unit.name} has for {known}"
        )
    is_same, rounded = found.image is found.guide, low.is_stored(node, "uint8")
    channels = [channel_count(found.image), channel_count(found.guide)]
    spec = MeanOfBytes(unit, channels[0], channels[1], is_same, entries, span, rounded)
    made = byte_tables(low, found.taps, name, entries, entry_of(low, found, entries, span), unit.weight)
    result = _of_bytes(low, node, found, made, spec, [], group)
    low.notes[low.label(node)] = f"bytes, {entries} entries for differences below {span} ({unit.name})"
    return result


def gaussians_of_bytes(low: Lowering, node: Node, found: ByGaussians, group: Group, unit: Machine) -> Reader:
    """Stages: images with their surroundings, taps, byte tables of weights and of steps; and the extern stage."""
    name, spans = f"{low.label(node)}_{group.name}", _spans(low, node, unit)
    entries, rounded = max(unit.tables(STEPS)), low.is_stored(node, "uint8")
    spec = GaussiansOfBytes(unit, found.channels, found.guides, entries, spans, rounded)
    made = by_gaussians.byte_tables(low, found, name, entries, unit.weight)
    steps = by_gaussians.steps(low, found, name, spans, unit.weight)
    result = _of_bytes(low, node, found, made, spec, [steps], group)
    below = " or ".join(str(span) for _, span in spans)
    low.notes[low.label(node)] = (
        f"bytes, {_guides(found)}, {entries} entries, steps of differences below {below} ({unit.name})"
    )
    return result


def _guides(found: ByGaussians) -> str:
    count = len(found.terms)
    return f"{count} guide{'s' if count > 1 else ''}"


def _spans(low: Lowering, node: Node, unit: Machine) -> tuple[tuple[int, int], ...]:
    """Choose the tables of steps that there is code for: of one span, or of those that a call's scales decide on."""
    label = low.label(node)
    wanted = low.schedule.choice(f"{label}.span", "span", default="auto")
    spans = _AUTO_SPANS if wanted == "auto" else (wanted,)
    found = tuple((max(unit.tables(span)), span) for span in spans if span in _SPANS and unit.tables(span))
    if not found:
        known = ", ".join(str(span) for span in _SPANS if unit.tables(span))
        raise ScheduleError(f"{label}: differences below {wanted!r}; {unit.name} has tables for 'auto', {known}")
    return found


def _of_bytes(
    low: Lowering, node: Node, found: ByLookup | ByGaussians, made: ByteTables, spec: Any, more: list[Any], group: Group
) -> Reader:
    """Stages: images with their surroundings; and the extern stage that averages."""
    name = f"{low.label(node)}_{group.name}"
    padded = [border.padded_bytes(low, image, name, signed=spec.machine.signed) for image in found.images]
    count = weighted.neighbours(low, found.taps).count // GROUP * GROUP
    given = [*padded, made.taps, made.table, made.own, *more]
    given += [count, low.step, weighted.radius(low, found.taps), room(low, name)]
    result = define_extern(low, name, spec, given, hl.UInt(8) if spec.rounded else hl.Float(32), spec.values)
    group.strips += [*(func.name() for func in padded), f"{name}_room", name]
    group.wide = spec.rounded and len(low.outputs) == 1
    return result


def mean_of_floats(low: Lowering, node: Node, found: ByLookup, group: Group, unit: Machine) -> Reader:
    """Stages: images with their surroundings, taps, lines of the table; and the extern stage that averages."""
    name = f"{low.label(node)}_{group.name}"
    entries = _line_entries(low, node, name, unit)
    is_same = found.image is found.guide
    channels = [channel_count(found.image), channel_count(found.guide)]
    spec = MeanOfFloats(unit, channels[0], channels[1], is_same, entries, found.norm)
    inner = Group(name)
    padded = [border.padded_stage(low, i, inner) for i in found.images]
    at = weighted.neighbours(low, found.taps)
    given = [
        *padded,
        *weighted.tap_stages(low, name, at),
        *_lines(low, found.table, found.scale, name),
        _line_count(low, found.table, entries),
        at.count,
        low.step,
        at.reach,
        room(low, name),
    ]
    result = define_extern(low, name, spec, given, hl.Float(32), spec.values)
    low.notes[low.label(node)] = f"floats, {entries} lines in registers ({unit.name})"
    in_strips(low, inner, group)
    group.strips += [f"{name}_room", name]
    return result


def gaussians_of_floats(low: Lowering, node: Node, found: ByGaussians, group: Group, unit: Machine) -> Reader:
    """Stages: images with their surroundings, taps, factors of squared distances; and the extern stage."""
    name = f"{low.label(node)}_{group.name}"
    inner, at = Group(name), weighted.neighbours(low, found.taps)
    spec = GaussiansOfFloats(unit, found.channels, found.guides, tuple(term.norm for term in found.terms))
    padded = [border.padded_stage(low, image, inner) for image in found.images]
    given = [*padded, *weighted.tap_stages(low, name, at), by_gaussians.factors(low, found, name)]
    given += [at.count, low.step, at.reach, room(low, name)]
    result = define_extern(low, name, spec, given, hl.Float(32), spec.values)
    low.notes[low.label(node)] = f"floats, {_guides(found)} ({unit.name})"
    in_strips(low, inner, group)
    group.strips += [f"{name}_room", name]
    return result


def mean_of_patches(low: Lowering, node: Node, found: ByPatches, group: Group, unit: Machine) -> Reader:
    """Stages: the image with its surroundings, taps, lines of the table, room for sums; and the extern stage."""
    name, channels = f"{low.label(node)}_{group.name}", channel_count(found.image)
    entries = 0 if found.table is None else _line_entries(low, node, name, unit)
    inner, at = Group(name), weighted.neighbours(low, found.taps)
    padded = border.padded_stage(low, found.image, inner)
    spec = MeanOfPatches(unit, channels, *found.radius, entries)
    taps, weights = weighted.tap_stages(low, name, at)
    sums = low.stage(f"{name}_sums", [hl.Var("i"), hl.Var("row")], hl.undef(hl.Float(32)))
    given = [padded, taps, weights, sums]
    if found.table is None:
        given.append(_exponential(low, found, name))
    else:
        given += [*_lines(low, found.table, found.scale, name), _line_count(low, found.table, entries)]
    given += [at.count, low.step, at.reach + max(found.radius), room(low, name)]
    result = define_extern(low, name, spec, given, hl.Float(32), channels)
    weight = "an exponential" if found.table is None else f"{entries} lines in registers"
    low.notes[low.label(node)] = f"patches, {weight} ({unit.name})"
    in_strips(low, inner, group)
    group.strips += [f"{name}_sums", f"{name}_room", name]
    return result


def look_up(low: Lowering, node: Node, group: Group) -> Reader | None:
    """Stages: the indices of a strip, and the extern stage that looks them up; None where plain loads do it.

    That is where the machine has no tables in registers, where pixels of a row do not lie side by side, and where the
    index depends on stages that are computed row by row.
    """
    label, unit = low.label(node), machine(low.target)
    wanted = low.schedule.choice(label, "lookup", default="registers")
    if wanted not in ("registers", "loads"):
        raise ScheduleError(f"{label} = {wanted!r}: a look-up is by 'registers' or 'loads'")
    table, index = node.args
    if wanted == "loads" or unit is None or low.variant.mode != "rows" or _has_stencils(low, index):
        low.notes[label] = "loads"
        return None
    name = f"{label}_{group.name}"
    entries = _line_entries(low, node, name, unit)
    inner = Group(name)
    leaf = border.leaf(low, inner)
    low.image_stage(f"{name}_index", 1, lambda x, y, c: pointwise.evaluate(low, index, inner, x, y, leaf)[0], inner)
    given = [low.stages.funcs[f"{name}_index"], *_lines(low, table, None, name), _line_count(low, table, entries)]
    result = define_extern(low, name, LookUp(unit, entries), given, hl.Float(32), 1)
    low.notes[label] = f"{entries} lines in registers ({unit.name})"
    in_strips(low, inner, group)
    group.strips.append(name)
    return result


def _has_stencils(low: Lowering, node: Node) -> bool:
    """Tell whether a node depends on other pixels, but through what is computed in full."""
    if id(node) in low.roots or not isinstance(node.type, Image):
        return False
    return node.op in STENCIL_OPS or any(_has_stencils(low, arg) for arg in node.args)


def _line_entries(low: Lowering, node: Node, name: str, unit: Machine) -> int:
    known = unit.registers.floats
    entries = int(low.schedule.choice(f"{low.label(node)}.entries", "entries", default=known[-1]))
    if entries not in known:
        raise ScheduleError(f"{name}: a table of {entries} lines; {unit.name} has {', '.join(map(str, known))}")
    return entries


def in_strips(low: Lowering, inner: Group, group: Group) -> None:
    """Compute the helper stages of an extern stage a strip at a time."""
    for stage in inner.local:
        low.record[stage].split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
        if stage in low.mixed:
            low.record[stage].reorder("c", "xi", "x", "y").unroll("c")
    group.strips += inner.local


def _line_count(low: Lowering, table: Node, entries: int) -> Any:
    return hl.max(tables.table(low, table)[1] - 1, entries)


def _lines(low: Lowering, table: Node, scale_node: Node | None, name: str) -> list[hl.Func]:
    """Stages, once a call: the table between its entries as ``a + b * distance``; scale and largest distance."""
    values, count = tables.table(low, table)
    e, k = hl.Var("e"), hl.Var("k")
    # A scale of zero is every distance at the first entry: that of a tiny one.
    scale = hl.max(hl.f32(1) if scale_node is None else pointwise.scalar(low, scale_node), hl.f32(1e-30))
    first, last = hl.min(e, hl.max(count - 2, 0)), count - 1
    slope = values[hl.min(first + 1, last)] - values[first]
    constant = values[first] - hl.cast(hl.Float(32), first) * slope
    lines = low.stage(f"{name}_lines", [e, k], hl.mux(k, [constant, slope * scale]))
    most = hl.cast(hl.Float(32), last) * hl.f32(1 - 2.0**-23) / scale  # the last entry belongs to the line before it
    numbers = low.stage(f"{name}_numbers", [k], hl.mux(k, [scale, most]))
    for stage in (lines, numbers):
        low.record[stage.name()].compute_root()
    return [lines, numbers]


def _exponential(low: Lowering, found: ByPatches, name: str) -> hl.Func:
    """Stage, once a call: the exponent of two as ``a + b * difference``."""
    k, unit = hl.Var("k"), f32(1 / math.log(2))
    level, scale = (f32(1) if each is None else pointwise.scalar(low, each) for each in (found.level, found.scale))
    func = low.stage(f"{name}_numbers", [k], hl.mux(k, [level * unit, -scale * unit]))
    low.record[func.name()].compute_root()
    return func


def define_extern(low: Lowering, name: str, spec: Any, arguments: list[Any], kind: Any, channels: int) -> Reader:
    """Stage: what an extern function computes, which ``spec`` writes.

    Its name tells the target, too: a library may have the same function compiled for several.
    """
    digest = hashlib.sha256(f"{spec!r} {low.target}".encode()).hexdigest()
    symbol = f"hf_{type(spec).__name__}_{digest[:12]}"
    low.externs[symbol] = spec.write(symbol)
    func = hl.Func(name)
    func.define_extern(symbol, [hl.ExternFuncArgument(a) for a in arguments], kind, 3 if channels > 1 else 2)
    low.stages.funcs[name] = func
    low.stages.loops[name] = {}
    if channels > 1:
        return lambda x, y, c: hl.Expr(func[x, y, c])
    return lambda x, y, c: hl.Expr(func[x, y])


def room(low: Lowering, name: str) -> hl.Func:
    """Stage: memory for the extern function, nothing in it."""
    return low.stage(f"{name}_room", [hl.Var("i"), hl.Var("j")], hl.undef(hl.Int(32)))


pointwise.STAGES["lookup"] = look_up
