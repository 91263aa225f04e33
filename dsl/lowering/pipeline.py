"""Puts a pipeline together: decides which nodes are computed in full, lowers them in order, schedules their loops.

A node is *computed in full* (a loop nest of its own, a *group*) if it is a coarser level, or read through a stencil
after a stencil of its own; the outputs are one group together. Everything else is written into the loop nest that uses
it; what is read at neighbouring pixels there is a helper stage, computed row by row (or band by band: see sliding.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import halide as hl

from dsl.ir import INPUT_OPS, STENCIL_OPS, Image, Node, Program, Size
from dsl.lowering import (  # noqa: F401 (they register)
    border,
    convolution,
    direct,
    fused_windows,
    harmonics,
    levels,
    local_tables,
    mean,
    neighbours,
    pointwise,
    pyramids,
    resampling,
    tables,
    weighted,
)
from dsl.lowering.context import Group, Lowering, Reader, TupleReader, Variant, channel_count, hl_type, size_of
from schedules.native import signature as sig
from schedules.native.worker import Lowered
from schedules.schedule import Schedule

#: Rows that one task computes.
_STRIP = 32
#: From this level on there are few pixels, and one code for borders and all else is compiled faster.
_COARSE = 4
#: The size of results.
_FULL = (0, 0)
#: Operands that are not computed in full or looked at for their size alone, where those are not all.
_READ: dict[str, tuple[int, int | None]] = {"interpolated": (1, None), "resize": (0, 1)}


def lower(request: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower a program: ``{"program": ..., "variant": ..., "names": ...}``; names are those of a library's arguments."""
    program = Program.from_json(request["program"])
    nodes = program.nodes()
    variant = Variant.from_json(request["variant"])
    low = Lowering(nodes, variant, schedule, target)
    names = request.get("names") or default_names(program)
    _arguments(low, program, names)
    outputs = low.outputs = [nodes[i] for i in program.outputs]
    roots = set() if fused_windows.of_program(low) else _full_nodes(low)
    _lower_once(low, [node for node in nodes if id(node) in roots])
    for node in nodes:
        if id(node) in roots and id(node) not in low.roots:
            (_lower_levels if node.op == "interpolated" else _lower_full)(low, node)
    func = _lower_outputs(low, outputs)
    arguments = [*low.images, *low.tables, *low.scalars, low.channels, low.border, low.border_value]
    made = signature(program, variant, names)
    return Lowered(arguments, [func], low.stages, low.record.ops, made, low.externs, low.notes)


def _full_nodes(low: Lowering) -> set[int]:
    found = full_nodes([n for n in low.nodes if not is_leveled(n)], low.outputs, _slides(low))
    return found | {id(n) for n in low.nodes if n.op == "interpolated" and not fused_windows.of_levels(low, n)}


def _slides(low: Lowering) -> Callable[[Node], bool]:
    return lambda node: convolution.method(low, node) == "sliding"


def default_names(program: Program) -> dict[str, list[str]]:
    """Name the arguments of a kernel that only Python calls."""
    return {
        "images": [f"image{i}" for i in range(len(program.images))],
        "tables": [f"table{i}" for i in range(program.tables)],
        "scalars": [f"scalar{i}" for i in range(program.scalars)],
        "outputs": sig.numbered("result", len(program.outputs)),
    }


def signature(program: Program, variant: Variant, names: Mapping[str, list[str]]) -> sig.Signature:
    """Describe the arguments of the compiled pipeline."""
    images = []
    for i, name in enumerate([*names["images"], *names["outputs"]]):
        is_output = i >= len(program.images)
        channels = program.images[0 if is_output else i]
        plane = variant.mode == "color" and not channels
        layout = sig.Layout(1) if plane else sig.Layout(variant.pitch, channels, variant.planar)
        grid = 0 if is_output else program.grids[i]
        images.append(sig.Image(name, variant.dtypes[i], layout, is_output, grid))  # type: ignore[arg-type]
    return sig.Signature(tuple(images), tuple(names["tables"]), tuple(names["scalars"]))


def _arguments(low: Lowering, program: Program, names: Mapping[str, list[str]]) -> None:
    for i, channels in enumerate(program.images):
        image = hl.ImageParam(hl_type(low.variant.dtypes[i]), 3 if channels else 2, names["images"][i])
        _constrain(low, image, channels)
        low.images.append(image)
    low.tables = [hl.ImageParam(hl.Float(32), 1, name) for name in names["tables"]]
    for table in low.tables:
        table.dim(0).set_min(0)
    low.scalars = [hl.Param(hl.Float(32), name) for name in names["scalars"]]
    for grid in range(max(program.grids) + 1):
        low.sides.append(_sides(low, low.images[program.grids.index(grid)]))


def _sides(low: Lowering, image: Any) -> tuple[Any, Any]:
    """Give width and height in pixels."""
    columns = image.dim(0).extent()
    return columns / low.channels if low.variant.mode == "rows" else columns, image.dim(1).extent()


def _constrain(low: Lowering, buffer: Any, channels: int) -> None:
    """Tell Halide what the entry guarantees of a buffer, so that loads are dense."""
    _set_strides(low, buffer, channels)
    buffer.dim(0).set_min(0)
    buffer.dim(1).set_min(0)
    if channels:
        buffer.dim(2).set_bounds(0, channels)


def _set_strides(low: Lowering, buffer: Any, channels: int) -> None:
    variant = low.variant
    plane = variant.mode == "color" and not channels
    buffer.dim(0).set_stride(1 if plane else variant.pitch or 1)
    buffer.dim(1).set_stride(hl.Expr())
    if channels:
        buffer.dim(2).set_stride(hl.Expr() if variant.planar else 1)


# ----------------------------------------------------------------------------------- what is computed in full


def full_nodes(nodes: list[Node], outputs: list[Node], slides: Callable[[Node], bool]) -> set[int]:
    """Find the nodes that get a loop nest before that of the outputs; ``slides`` tells which convolutions slide."""

    def loops_over_channels(node: Node) -> bool:
        across_sizes = node.op == "resize" or (node.op == "near" and node.args[1].op == "around")
        return across_sizes or (node.op == "convolve" and slides(node))

    roots = {id(n) for n in nodes if n.op == "down"}
    for node in nodes:  # in order, so an operand's own stencils are decided before it is asked about
        if node.op == "interpolated":
            # What does not vary is the same at all levels.
            once = levels.unvarying(node)
            roots |= {id(n) for n in once if any(inner.op in STENCIL_OPS for inner in inlined([n], roots))}
        elif node.op in STENCIL_OPS and not is_varying(node.args[0]):
            for operand in node.args[: 2 if node.op == "tabulate" else 1]:
                stencils = any(inner.op in STENCIL_OPS for inner in inlined([operand], roots))
                looped = channel_count(operand) > 1 and operand.op not in INPUT_OPS and loops_over_channels(node)
                if stencils or looped:
                    roots.add(id(operand))
    groups = [inlined([node], roots - {id(node)}) for node in nodes if id(node) in roots]
    users = Counter(id(inner) for group in [*groups, inlined(outputs, roots)] for inner in group)
    shared = (n for n in nodes if n.op in ("convolve", "window", "mean") and users[id(n)] > 1)
    return roots | {id(n) for n in shared if not is_varying(n)}


def is_varying(node: Node) -> bool:
    """Tell whether a node varies over taps: then it lives in the loop over them."""
    return isinstance(node.type, Image) and node.type.varying


def is_leveled(node: Node) -> bool:
    """Tell whether a node varies over levels: then it lives in the loop over them."""
    return isinstance(node.type, Image) and node.type.leveled


def inlined(nodes: Sequence[Node], roots: set[int]) -> Iterator[Node]:
    """Go through what is written into the loop nest of some nodes: their operands, up to those computed in full."""
    seen: set[int] = set()
    pending = list(nodes)
    while pending:
        current = pending.pop()
        if id(current) in seen or id(current) in roots or not isinstance(current.type, Image):
            continue
        seen.add(id(current))
        yield current
        first, last = _READ.get(current.op, (0, None))
        pending += current.args[first:last]


# -------------------------------------------------------------------------------------------------- loop nests


def _lower_full(low: Lowering, node: Node) -> None:
    name, channels = low.label(node), channel_count(node)
    group = Group(name)
    if node.op == "down":
        value, uniform, stored = pyramids.down(low, node, group), True, str(node.attributes[0])
    elif node.op == "resize" or (node.op == "mean" and weighted.is_plain(node)):
        value, uniform, stored = pointwise.stencil(low, node, group), True, "float32"
    else:
        value, uniform, stored = _value(low, node, group), channels == 1, "float32"
    reader = low.image_stage(name, channels, value, None, uniform=uniform, stored=stored)
    low.in_full(name)
    # A coarser level may be computed beyond its domain (and is read there: see pyramids.py), an input not, nor sums.
    size = size_of(node)
    if not size[1] or any(inner.op == "convolve" for inner in inlined([node], set(low.roots))):
        low.inside.add(id(node))
    _schedule_loops(low, group, "GuardWithIf" if id(node) in low.inside else "RoundUp", size)
    low.roots[id(node)] = reader


def _lower_once(low: Lowering, roots: Sequence[Node]) -> None:
    """Lower what levels have in common, if it is a chain of windows: in one loop nest."""
    interpolated = [node for node in low.nodes if node.op == "interpolated"]
    once = {id(each) for node in interpolated for each in levels.unvarying(node)}
    together = [node for node in roots if id(node) in once]
    chain = fused_windows.of_nodes(low, together) if together else None
    if chain is None:
        return
    group = Group("once")
    read = low.tuple_stage("once", 1, fused_windows.read(low, chain, group, "once_windows"), None)
    low.in_full("once")
    _schedule_loops(low, group, "GuardWithIf")
    for i, node in enumerate(together):
        low.roots[id(node)] = _component(read, i)


def _component(read: TupleReader, index: int) -> Reader:
    return lambda x, y, c: read(x, y, c)[index]


def _lower_levels(low: Lowering, node: Node) -> None:
    """Lower an interpolation, and what it is of: full nodes at each level."""
    first = levels.start(node)
    last = node.args[0] if first is None else first
    of_values = {id(n) for n in levels.varying(node)}
    leveled = [n for n in low.nodes if id(n) in of_values and (first is None or size_of(n) != size_of(node))]
    inner = full_nodes(leveled, [last], _slides(low)) - set(low.roots) - {id(last)}
    full = [n for n in leveled if id(n) in inner]
    if first is None:
        found = levels.accumulate(low, node, lambda each: _lower_full(low, each), full)
    else:
        found = levels.accumulate_strips(low, node, first, lambda each: _lower_full(low, each), full)
    low.forget([*full, last])
    low.roots[id(node)] = found


def _value(low: Lowering, node: Node, group: Group) -> Reader:
    return pointwise.channel_of(lambda x, y: pointwise.evaluate(low, node, group, x, y), channel_count(node))


def _lower_outputs(low: Lowering, nodes: list[Node]) -> hl.Func:
    """Lower all outputs to one stage, a tuple if there are several: what they share is computed once."""
    group, channels, dtypes = Group("output"), channel_count(nodes[0]), low.variant.dtypes[-len(nodes) :]
    tile = channels > 1
    values = _tile(low, nodes, group) if tile else _values(low, nodes, group)

    def stored(x: Any, y: Any, c: Any) -> list[Any]:
        return list(map(pointwise.store, dtypes, values(x, y, c)))

    low.tuple_stage("output", channels, stored, None)
    func = low.stages.funcs["output"]
    _constrain_outputs(low, func, channels if tile else 0)
    _schedule_loops(low, group, "GuardWithIf", tile=tile)
    return func


def _values(low: Lowering, nodes: list[Node], group: Group, leaf: pointwise.Leaf | None = None) -> TupleReader:
    chain = fused_windows.of_program(low)
    if chain is not None:
        return fused_windows.read(low, chain, group, "windows")

    def values(x: Any, y: Any, c: Any) -> list[Any]:
        found = pointwise.evaluate_all(low, nodes, group, x, y, leaf, staged=leaf is None)
        return [pointwise.pick(each, c) for each in found]

    return values


def _tile(low: Lowering, nodes: list[Node], group: Group) -> TupleReader:
    """Stage: a tile of all channels, computed before they are stored side by side.

    It may reach beyond the image, so inputs are read through the border rule: tails of its own would double the code.
    """

    def leaf(inner: Node, x: Any, y: Any) -> list[Any]:
        read = border.padded(low, inner, group) if inner.op == "input" else low.roots[id(inner)]
        return [read(x, y, c) for c in range(channel_count(inner))]

    channels = channel_count(nodes[0])
    return low.tuple_stage("tile", channels, _values(low, nodes, group, leaf), None, uniform=channels == 1)


def _constrain_outputs(low: Lowering, func: hl.Func, channels: int) -> None:
    """Constrain the buffers of the outputs; Halide itself demands that the sizes of all are those of the first."""
    first, *others = func.output_buffers()
    _constrain(low, first, channels)
    first.dim(0).set_bounds(0, low.columns(_FULL))
    first.dim(1).set_bounds(0, low.size(_FULL)[1])
    for buffer in others:
        _set_strides(low, buffer, channels)


def _schedule_loops(low: Lowering, group: Group, tail: str, size: Size = _FULL, *, tile: bool = False) -> None:
    """Schedule a group: strips of rows in parallel, rows in vectors, helper stages row by row within a strip."""
    record, lanes = low.record, low.lanes
    loops = record[group.name]
    if group.bands:
        outer = "yb"
        symbol = f"{group.name}_bands"
        low.stages.symbols[symbol] = low.bands_per_chunk(size)
        loops.split("y", "yb", "y", lanes, tail).split("yb", "yc", "yb", symbol, tail)
        rows: tuple[str, ...] = ("y", "yb", "yc")
    else:
        outer = "yo"
        strip = low.schedule.choice(f"{group.name}.strip", "strip", default=_rows(low, group))
        loops.split("y", "yo", "y", strip, tail)
        rows = ("y", "yo")
        if group.columns is not None:
            outer, rows = "xo", ("y", "xo", "yo")
            symbol = f"{group.name}_columns"
            low.stages.symbols[symbol] = group.columns
            loops.split("x", "xo", "x", symbol, tail).reorder("y", "xo")
    if tile:
        loops.split("x", "x", "xi", 2 * lanes, tail).reorder("c", "xi", "x", *rows).unroll("c").vectorize("xi")
        _vectorize(low, group, "tile", "RoundUp", ("y",))
        record["tile"].compute_at(group.name, "x")
    else:
        _vectorize(low, group, group.name, tail, rows)
        if "c" in low.stages.loops[group.name] and group.name not in low.mixed:
            loops.reorder("x", "c", *rows)
    loops.parallel(rows[-1])
    if tail == "GuardWithIf":
        loops.never_partition(*rows)
    for name in group.sums:
        if tile or group.parity:
            direct.keep_rows(low, group, name)
        else:
            record[f"{name}_sum"].compute_at(group.name, "x")
    for name in group.strips:
        record[name].compute_at(group.name, outer)
    for name in group.local:
        record[name].store_at(group.name, outer).compute_at(group.name, "y")
        if name not in group.own_columns:
            record[name].split("x", "x", "xi", lanes, "RoundUp").vectorize("xi")
            if name in low.mixed:
                record[name].reorder("c", "xi", "x", "y").unroll("c")
    if size[1] >= _COARSE:
        for name in (group.name, *group.local):
            record[name].never_partition("x", "y")


def _rows(low: Lowering, group: Group) -> int | str:
    """Give the rows of a task."""
    if group.rows is None:
        return _STRIP
    symbol = f"{group.name}_rows"
    low.stages.symbols[symbol] = group.rows
    return symbol


def _vectorize(low: Lowering, group: Group, stage: str, tail: str, rows: Sequence[str]) -> None:
    """Vectorise a row; where it reads half as many columns, even and odd ones each have their own code."""
    loops = low.record[stage]
    if group.parity:
        loops.split("x", "x", "xi", 2 * low.lanes, tail).split("xi", "xi", "xp", 2, "RoundUp")
        loops.reorder("xp", "xi", "x").unroll("xp").vectorize("xi")
    elif group.sums and stage == group.name:
        loops.split("x", "x", "xi", direct.TILE * low.lanes, tail).split("xi", "xu", "xi", low.lanes, "RoundUp")
        loops.unroll("xu").vectorize("xi")
    else:
        loops.split("x", "x", "xi", (4 if group.wide else 1) * low.lanes, tail).vectorize("xi")
    if stage in low.mixed:
        loops.reorder("c", *(("xp",) if group.parity else ()), "xi", "x", *rows).unroll("c")
