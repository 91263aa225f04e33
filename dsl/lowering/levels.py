"""Levels: what varies over them is computed for one after another, and added up; for any filter at each level.

Stages that vary over levels have the level as their last dimension, which no one else sees: :meth:`Lowering.stage`
adds it. They are computed for a batch of levels, as many as memory is meant for; what is of full size for one.

Where all that varies is of another size, but arithmetic with what is resampled from it, that is kept of all levels, and
a strip of rows at a time goes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import OF_ANY_WIDTH, POINTWISE, Image, Node, Size
from dsl.lowering import pointwise, tables
from dsl.lowering.context import Group, Lowering, Reader, channel_count, size_of


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
        if each.op == "resize" and each.attributes[0] not in OF_ANY_WIDTH:  # that has no strips
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


@dataclass(frozen=True)
class Inner:
    """What levels are made of.

    Attributes
    ----------
    batch, part : sequence of Node
        What is computed in full for a batch of levels: up to the last halving, for the weights of many levels are made
        of few exponentials; and what is for a part of it at a time, for that stays in cache.
    lower_full : function
        Lowers one of them.
    lower_values : function
        Lowers what is interpolated, given the loops it is computed in: of a tile, and of a row of tiles; a stage and a
        loop.
    """

    batch: Sequence[Node]
    part: Sequence[Node]
    lower_full: Callable[[Node], None]
    lower_values: Callable[[tuple[str, str], tuple[str, str]], None]

    def sizes(self, low: Lowering, full: Size, number: Any) -> tuple[Any, int]:
        """Give the levels of a batch, and of a part of it: as many as memory is meant for; of full size one."""
        kept = (self.batch, _KEPT), (self.part, _KEPT_A_PART)
        most, few = (_fitting(low, full, nodes, memory) for nodes, memory in kept)
        most, few = (most, min(few, _FEW)) if self.batch and most > 1 else (1, 1)
        batches = (number + most - 1) / most
        return (number + batches - 1) / batches, few


#: Columns and rows of a tile: few, so that its pixels lie next to few levels.
_COLUMNS, _ROWS = 64, 16
#: Levels that a strip of tiles goes through at a time at most, so that what it reads stays in cache.
_FEW = 6
#: Size of what a batch, and a part of it, keep in memory, in images of the size of the result.
_KEPT, _KEPT_A_PART = 3.0, 1.0
#: And levels of a batch at most.
_MOST = 1024


def _fitting(low: Lowering, full: Size, nodes: Sequence[Node], kept: float) -> int:
    """Give how many levels of some nodes fit in a size; one, if any is not of a fraction of the full size."""
    grid, level = full
    stored = [(channel_count(node), size_of(node)) for node in nodes if id(node) not in low.nested]
    if any(size[0] != grid or size[1] <= level for _, size in stored):
        return 1
    each = sum(channels / 4 ** (size[1] - level) for channels, size in stored)
    return max(int(kept / max(each, kept / _MOST)), 1)


def accumulate(low: Lowering, node: Node, inner: Inner) -> Reader:
    """Stage: the interpolation of what varies, a batch of levels after another, and in parts of them.

    What is interpolated is computed for a tile at a time, at those levels that any of its pixels lies next to.
    """
    name, at, number = f"{low.label(node)}_sum", _places(low, node), count(low, node.args[-1])
    together, few = inner.sizes(low, size_of(node), number)
    loop = hl.RDom([(0, (together + few - 1) / few), (0, (number + together - 1) / together)], f"{name}_batch")
    total = _cleared(low, node, name, _ROWS)
    tile = _tile(low, node, name, together, few, inner)
    total[tuple(at)] += tile[(*at, low.x / _COLUMNS, low.y / _ROWS, loop.x, loop.y)]
    low.stages.loops[name] |= {"part": loop.x, "batch": loop.y}
    update = low.record[name].update(0).split("y", "ty", "y", _ROWS, "GuardWithIf")
    update.split("x", "tx", "x", _COLUMNS, "GuardWithIf").split("x", "x", "xi", low.lanes, "GuardWithIf")
    update.reorder("xi", "x", *_planes(node), "y", "tx", "ty", "part", "batch").vectorize("xi").parallel("ty")
    low.notes[low.label(node)] = "level by level"
    return _reader(node, total)


def accumulate_by_kernels(
    low: Lowering, node: Node, lower_full: Callable[[Node], None], inner: Sequence[Node]
) -> Reader:
    """Stages: the interpolation, to which a device adds a level after another, and what it needs at that level.

    ``inner`` is computed in full, each for one level at a time; the last of it is what is interpolated.
    """
    name, at = f"{low.label(node)}_sum", _places(low, node)
    total = _cleared(low, node, name, _STRIP)
    with low.at_levels((name, "level")):
        for each in inner:
            lower_full(each)
    loop = hl.RDom([(0, count(low, node.args[-1]))], f"{name}_level")
    total[tuple(at)] += _share_of(low, node, name, low.stages.funcs[low.label(inner[-1])], loop.x)
    low.stages.loops[name]["level"] = loop.x
    low.notes[low.label(node)] = f"level by level ({low.plainly})"
    return _reader(node, total)


#: Rows of a strip that goes through all levels: as many as what is resampled is kept for (resampling.py).
_STRIP = 32


def accumulate_strips(
    low: Lowering, node: Node, first: Node, lower_full: Callable[[Node], None], inner: Sequence[Node]
) -> Reader:
    """Stages: at all levels what others are resampled from; and the interpolation, a strip at a time."""
    name, at = f"{low.label(node)}_sum", _places(low, node)
    group = Group(name)
    with low.at_levels((low.label(first), "level")):
        for each in inner:
            lower_full(each)
    with low.at_levels():
        lower_full(first)
        values = pointwise.evaluate(low, node.args[0], group, low.x, low.y)
        found = low.stage(f"{name}_values", at, pointwise.pick(values, at[2] if _planes(node) else 0))
    loop = hl.RDom([(0, count(low, node.args[-1]))], f"{name}_level")
    total = _cleared(low, node, name, _STRIP)
    total[tuple(at)] += _share_of(low, node, name, found, loop.x)
    low.stages.loops[name]["level"] = loop.x
    for stage in group.strips:
        low.record[stage].compute_at(name, "level")
    update = low.record[name].update(0).split("y", "ty", "y", _STRIP, "GuardWithIf")
    update.split("x", "x", "xi", low.lanes, "GuardWithIf")
    update.reorder(*_planes(node), "xi", "x", "y", "level", "ty").vectorize("xi").parallel("ty")
    if _planes(node):
        update.unroll("c")
    low.notes[low.label(node)] = "strip by strip, level by level"
    return _reader(node, total)


def _planes(node: Node) -> list[str]:
    """Name the loop over channels, if there are several."""
    return ["c"] if channel_count(node) > 1 else []


def _places(low: Lowering, node: Node) -> list[Any]:
    return [low.x, low.y, *map(hl.Var, _planes(node))]


def _cleared(low: Lowering, node: Node, name: str, rows: int) -> hl.Func:
    """Stage: zeros, that levels are added to."""
    total = low.stage(name, _places(low, node), hl.f32(0))
    low.record[name].compute_root()
    loops = low.record[name].split("y", "ty", "y", rows).split("x", "x", "xi", low.lanes, "GuardWithIf")
    loops.reorder("xi", "x", *_planes(node), "y", "ty").vectorize("xi").parallel("ty")
    return total


def _share_of(low: Lowering, node: Node, name: str, found: hl.Func, level: Any) -> Any:
    """Write what a level adds: what a stage holds of it, by the share that the guides give it."""
    _, *guides, levels = node.args
    here = [pointwise.evaluate(low, guide, Group(name), low.x, low.y)[0] for guide in guides]
    return _share(low, here, levels, level) * hl.Expr(hl.Func.__getitem__(found, (*_places(low, node), level)))


def _reader(node: Node, total: hl.Func) -> Reader:
    return lambda x, y, c: hl.Expr(total[(x, y, *([c] if _planes(node) else []))])


def _tile(low: Lowering, node: Node, name: str, together: Any, few: int, inner: Inner) -> hl.Func:
    """Stage: what some levels add, by column, row, channel, place of the tile, and part and number of the batch."""
    values, *guides, levels = node.args
    tx, ty, part, batch = (hl.Var(loop) for loop in ("tx", "ty", "part", "batch"))
    places = [*_places(low, node), tx, ty, part, batch]
    tile = low.stage(f"{name}_tile", places, hl.f32(0))
    loop, number = hl.RDom([(0, few)], f"{name}_level"), count(low, levels)
    within = part * few + loop.x
    loop.where((within < together) & (batch * together + within < number))
    level = hl.min(batch * together + hl.min(within, together - 1), number - 1)
    for condition in _needed(low, _extremes(low, node, name), tx, ty, levels, level, len(guides)):
        loop.where(condition)
    for loop_of_nodes, nodes in (("batch", inner.batch), ("part", inner.part)):
        with low.at_levels((name, loop_of_nodes)):
            for each in nodes:
                inner.lower_full(each)
    with low.at_levels():
        inner.lower_values((tile.name(), "level"), (name, "ty"))
    tile[tuple(places)] += _share_of(low, node, name, low.stages.funcs[low.label(values)], level)
    low.stages.loops[tile.name()]["level"] = loop.x
    low.record[tile.name()].split("x", "x", "xi", low.lanes, "GuardWithIf").vectorize("xi")
    update = low.record[tile.name()].update(0).split("x", "x", "xi", low.lanes, "GuardWithIf")
    update.reorder("xi", "x", "y", *_planes(node), "level", "tx", "ty", "part", "batch").vectorize("xi")
    low.record[tile.name()].compute_at(name, "tx")
    return tile


def _extremes(low: Lowering, node: Node, name: str) -> hl.Func:
    """Stage, once a call: the least and the largest value of each guide in a tile."""
    guides = node.args[1:-1]
    column, tx, ty = hl.Var("column"), hl.Var("tx"), hl.Var("ty")
    start = tuple(hl.f32(sign * float("inf")) for _ in guides for sign in (1, -1))

    def extend(found: hl.Func, places: Sequence[Any], values: Sequence[Any]) -> None:
        before = [hl.Expr(found[tuple(places)][i]) for i in range(len(start))]
        pick = [hl.min, hl.max] * len(guides)
        found[tuple(places)] = tuple(f(a, b) for f, a, b in zip(pick, before, values, strict=True))

    rows, columns = hl.RDom([(0, _ROWS)], f"{name}_rows"), hl.RDom([(0, _COLUMNS)], f"{name}_columns")
    along = low.stage(f"{name}_along", [column, tx, ty], start)
    size = size_of(node)
    x = hl.clamp(hl.likely(tx * _COLUMNS + column), 0, low.columns(size) - 1)
    y = hl.min(ty * _ROWS + rows.x, low.size(size)[1] - 1)
    values = [pointwise.evaluate(low, guide, Group(name), x, y)[0] for guide in guides]
    extend(along, [column, tx, ty], [value for value in values for _ in range(2)])
    found = low.stage(f"{name}_extremes", [tx, ty], start)
    extend(found, [tx, ty], [hl.Expr(along[columns.x, tx, ty][i]) for i in range(len(start))])
    low.stages.loops[along.name()]["rows"] = rows.x
    low.record[along.name()].split("column", "column", "lane", low.lanes).vectorize("lane")
    update = low.record[along.name()].update(0).split("column", "column", "lane", low.lanes)
    update.reorder("lane", "column", "rows", "tx", "ty").vectorize("lane")
    low.record[found.name()].compute_root().parallel("ty")
    low.record[found.name()].update(0).parallel("ty")
    low.record[along.name()].compute_at(found.name(), "tx")
    return found


def _needed(low: Lowering, extremes: hl.Func, tx: Any, ty: Any, levels: Node, level: Any, axes: int) -> list[Any]:
    """Write whether any value between the extremes of a tile has a share of a level."""
    given, found = numbers(low, levels), []
    for k in range(axes):
        least, largest = (hl.Expr(extremes[tx, ty][2 * k + i]) for i in range(2))
        found.append(1 + (largest - given[k, level]) * given[axes + k, level] > 0)
        found.append(1 - (least - given[k, level]) * given[2 * axes + k, level] > 0)
    return found


def _share(low: Lowering, guides: Sequence[Any], levels: Node, level: Any) -> Any:
    """Write the share that a level has where guides' values are: tents about its coordinates."""
    given, axes, found = numbers(low, levels), len(guides), hl.f32(1)
    for k, guide in enumerate(guides):
        distance = guide - given[k, level]
        rising, falling = 1 + distance * given[axes + k, level], 1 - distance * given[2 * axes + k, level]
        found = found * hl.max(hl.min(rising, falling), hl.f32(0))  # one of them is at most 1
    return found


def _level(low: Lowering, node: Node, operands: list[list[Any]]) -> list[Any]:
    levels, coordinate = node.args[0], int(node.attributes[0])  # type: ignore[arg-type]
    if low.by_coordinate:
        values, _ = tables.table(low, levels.args[coordinate])
        return [values[low.level]]
    return [hl.Expr(numbers(low, levels)[coordinate, low.level])]


def _outside(low: Lowering, node: Node) -> Callable[[Any], Any]:
    """Interpolate what the values are outside at every level, to where the guides are outside."""
    values, *guides, levels = node.args
    channels = channel_count(node)

    def make() -> hl.Func:
        name, c = f"outside_{low.label(node)}", hl.Var("c")
        loop = hl.RDom([(0, count(low, levels))], f"{name}_level")
        with low.at_levels():
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
