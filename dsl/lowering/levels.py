"""Levels: what varies over them is computed for one after another, and added up; for any filter at each level.

Stages that vary over levels have the level as their last dimension, which no one else sees: :meth:`Lowering.stage`
adds it. They are computed within the loop over levels, so memory holds one level at a time.

Where all that varies is of another size, but arithmetic with what is resampled from it, that is kept of all levels, and
a strip of rows at a time goes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from dsl.ir import POINTWISE, Image, Node
from dsl.lowering import pointwise, tables
from dsl.lowering.context import Group, Lowering, Reader, channel_count


def unvarying(node: Node) -> list[Node]:
    """List what does not vary over levels of what an interpolation takes: it is computed once, for all levels."""
    return [each for each in _reached(node) if not _varies(each)]


def varying(node: Node) -> list[Node]:
    """List what varies over levels of what an interpolation takes."""
    return [each for each in _reached(node) if isinstance(each.type, Image) and each.type.leveled]


def _reached(node: Node) -> list[Node]:
    """List the images that an interpolation is of, from what does not vary on."""
    values, *guides, _ = node.args
    found: dict[int, Node] = {}
    pending = [values, *guides]
    while pending:
        current = pending.pop()
        if id(current) in found or not isinstance(current.type, Image):
            continue
        found[id(current)] = current
        pending += current.args if _varies(current) else ()
    return list(found.values())


def _varies(node: Node) -> bool:
    """Tell whether a node varies over levels, or over taps, which may be those of what varies over levels."""
    return isinstance(node.type, Image) and (node.type.leveled or node.type.varying)


def start(node: Node) -> Node | None:
    """Find the one image of another size that all which varies is resampled from; None if it is not so."""
    found: dict[int, Node] = {}
    for each in varying(node):
        if each.type.size != node.type.size:  # type: ignore[union-attr]
            continue
        if each.op == "resize" and each.attributes[0] != "area":  # that has no strips
            found[id(each.args[0])] = each.args[0]
        elif each.op not in (*POINTWISE, "stack", "component"):
            return None
    return next(iter(found.values())) if len(found) == 1 else None


def count(low: Lowering, levels: Node) -> Any:
    """Give the number of combinations of levels."""
    lengths = [tables.table(low, table)[1] for table in levels.args]
    found = lengths[0]
    for length in lengths[1:]:
        found = found * length
    return found


def numbers(low: Lowering, levels: Node) -> hl.Func:
    """Stage, once a call: the guides' values at every combination, then one over the steps before, and behind."""

    def make() -> hl.Func:
        j, m = hl.Var("j"), hl.Var("m")
        coordinates, before, behind, rest = [], [], [], hl.Expr(m)
        for table in levels.args:
            values, length = tables.table(low, table)
            i, rest = rest % length, rest / length
            here, lower, upper = values[i], values[hl.max(i - 1, 0)], values[hl.min(i + 1, length - 1)]
            coordinates.append(here)
            before.append(hl.select(here > lower, hl.f32(1) / (here - lower), hl.f32(0)))
            behind.append(hl.select(upper > here, hl.f32(1) / (upper - here), hl.f32(0)))
        func = low.stage(f"{low.label(levels)}_numbers", [j, m], hl.mux(j, [*coordinates, *before, *behind]))
        low.record[func.name()].compute_root()
        return func

    found: hl.Func = low.once(("levels", id(levels)), make)
    return found


def accumulate(low: Lowering, node: Node, lower_full: Callable[[Node], None], inner: Sequence[Node]) -> Reader:
    """Stage: the interpolation of what varies; ``inner`` are the nodes that are computed in full at each level."""
    values, name = node.args[0], f"{low.label(node)}_sum"
    with low.at_levels(name):
        for each in (*inner, values):
            lower_full(each)
    read, loops = _sum(low, node, name, low.stages.funcs[low.label(values)])
    inside = ["x", "c"] if channel_count(node) > 1 else ["x"]
    loops.reorder("xi", *inside, "y", "yo", "level").vectorize("xi").parallel("yo")
    low.notes[low.label(node)] = "level by level"
    return read


def accumulate_strips(
    low: Lowering, node: Node, first: Node, lower_full: Callable[[Node], None], inner: Sequence[Node]
) -> Reader:
    """Stages: at all levels what others are resampled from; and the interpolation, a strip at a time."""
    values, name, channels = node.args[0], f"{low.label(node)}_sum", channel_count(node)
    with low.at_levels(low.label(first)):
        for each in inner:
            lower_full(each)
    group = Group(name)
    with low.at_levels(""):
        lower_full(first)
        low.stages.loops[low.label(first)]["level"] = low.level
        c = hl.Var("c")
        at = [low.x, low.y, c] if channels > 1 else [low.x, low.y]
        value = pointwise.pick(pointwise.evaluate(low, values, group, low.x, low.y), c if channels > 1 else 0)
        low.stage(f"{name}_values", at, value)
    read, loops = _sum(low, node, name, low.stages.funcs[f"{name}_values"])
    for stage in group.strips:
        low.record[stage].compute_at(name, "level")
    loops.reorder(*(["c"] if channels > 1 else []), "xi", "x", "y", "level", "yo").vectorize("xi").parallel("yo")
    if channels > 1:
        loops.unroll("c")
    low.notes[low.label(node)] = "strip by strip, level by level"
    return read


def _sum(low: Lowering, node: Node, name: str, found: hl.Func) -> tuple[Reader, Any]:
    """Stage: what a stage has at all levels, added up by the shares that guides give them; and its loops."""
    _, *guides, levels = node.args
    channels = channel_count(node)
    x, y, c = low.x, low.y, hl.Var("c")
    at = [x, y, c] if channels > 1 else [x, y]
    loop = hl.RDom([(0, count(low, levels))], f"{name}_level")
    total = low.stage(name, at, hl.f32(0))
    share = _share(low, [pointwise.evaluate(low, guide, Group(name), x, y)[0] for guide in guides], levels, loop.x)
    total[tuple(at)] += share * hl.Expr(hl.Func.__getitem__(found, (*at, loop.x)))
    low.stages.loops[name]["level"] = loop.x
    low.record[name].compute_root()
    inside = ["x", "c"] if channels > 1 else ["x"]
    init = low.record[name].split("y", "yo", "y", _ROWS).split("x", "x", "xi", low.lanes, "GuardWithIf")
    init.reorder("xi", *inside, "y", "yo").vectorize("xi").parallel("yo")
    update = low.record[name].update(0)
    update.split("y", "yo", "y", _ROWS, "GuardWithIf").split("x", "x", "xi", low.lanes, "GuardWithIf")
    return _reader(total, channels), update


def _reader(total: hl.Func, channels: int) -> Reader:
    return (lambda x, y, c: hl.Expr(total[x, y, c])) if channels > 1 else (lambda x, y, c: hl.Expr(total[x, y]))


#: Rows of a task that adds up.
_ROWS = 32


def _share(low: Lowering, guides: Sequence[Any], levels: Node, level: Any) -> Any:
    """Write the share that a level has where guides' values are: tents about its coordinates."""
    given, axes, found = numbers(low, levels), len(guides), hl.f32(1)
    for k, guide in enumerate(guides):
        distance = guide - given[k, level]
        rising, falling = 1 + distance * given[axes + k, level], 1 - distance * given[2 * axes + k, level]
        found = found * hl.clamp(hl.min(rising, falling), hl.f32(0), hl.f32(1))
    return found


def _level(low: Lowering, node: Node, operands: list[list[Any]]) -> list[Any]:
    return [hl.Expr(numbers(low, node.args[0])[int(node.attributes[0]), low.level])]  # type: ignore[arg-type]


def _outside(low: Lowering, node: Node) -> Callable[[Any], Any]:
    """Interpolate what the values are outside at every level, to where the guides are outside."""
    values, *guides, levels = node.args
    channels = channel_count(node)

    def make() -> hl.Func:
        name, c = f"outside_{low.label(node)}", hl.Var("c")
        loop = hl.RDom([(0, count(low, levels))], f"{name}_level")
        with low.at_levels(name):
            read = pointwise.outside(low, values)
            found = low.stage(f"{name}_values", [c], pointwise.pick([read(k) for k in range(channels)], c))
        low.record[f"{name}_values"].compute_root()
        total = low.stage(name, [c], hl.f32(0))
        share = _share(low, [pointwise.outside(low, guide)(0) for guide in guides], levels, loop.x)
        total[c] += share * hl.Expr(hl.Func.__getitem__(found, (c, loop.x)))
        low.record[name].compute_root().bound("c", 0, channels)
        return total

    func: hl.Func = low.once(("outside", id(node)), make)
    return lambda c: hl.Expr(func[c])


pointwise.BUNDLES["level"] = _level
pointwise.OUTSIDES["interpolated"] = _outside
