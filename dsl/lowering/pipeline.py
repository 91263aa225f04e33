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

from dsl.ir import INPUT_OPS, POINTWISE, STENCIL_OPS, Image, Node, Program, Size
from dsl.lowering import (  # noqa: F401 (they register)
    average,
    border,
    convolution,
    direct,
    fused_windows,
    harmonics,
    level_weights,
    levels,
    local_tables,
    mean,
    neighbours,
    pointwise,
    pyramids,
    resampling,
    tables,
    warping,
    weighted,
)
from dsl.lowering.context import Group, Lowering, Reader, TupleReader, Variant, channel_count, hl_type, size_of
from schedules.devices import for_device
from schedules.errors import ScheduleError
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
_READ: dict[str, tuple[int, int | None]] = {"interpolated": (1, None)}
_READ |= dict.fromkeys(("resize", "resample", "warp"), (0, 1))


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
    ops = for_device(low.record.ops, low.stages, low.places) if low.device else low.record.ops
    return Lowered(arguments, [func], low.stages, ops, made, low.externs, low.notes, low.tunables)


def _full_nodes(low: Lowering) -> set[int]:
    found = full_nodes([n for n in low.nodes if not is_leveled(n)], low.outputs, _slides(low))
    found |= {id(n) for n in _arithmetic_of_stencils(low.nodes) if id(n) not in found and _is_to_be_full(low, n)}
    return found | {id(n) for n in low.nodes if n.op == "interpolated" and not fused_windows.of_levels(low, n)}


def _arithmetic_of_stencils(nodes: Sequence[Node]) -> Iterator[Node]:
    """Go through the arithmetic that stencils read: row by row as it is needed, unless it is to be computed in full."""
    operands = {id(n.args[0]): n.args[0] for n in nodes if n.op in STENCIL_OPS and n.args}
    return (n for n in operands.values() if n.op in POINTWISE and not is_varying(n) and not is_leveled(n))


def _is_to_be_full(low: Lowering, node: Node) -> bool:
    # Long arithmetic is not to be done for every border, too; and branches are in what is computed in full.
    usual = "full" if pointwise.stages_apart(low, [node], branches=not low.plain) else "rows"
    place = low.tunable(f"{low.label(node)}.place", default=usual, values=("rows", "full"))
    if place not in ("rows", "full"):
        raise ScheduleError(f"{low.label(node)}.place = {place!r}: arithmetic is computed by 'rows' or in 'full'")
    return bool(place == "full")


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
        pitch, planar = variant.layout(output=is_output)
        layout = sig.Layout(1) if plane else sig.Layout(pitch, channels, planar)
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


def _constrain(low: Lowering, buffer: Any, channels: int, *, output: bool = False) -> None:
    """Tell Halide what the entry guarantees of a buffer, so that loads are dense."""
    _set_strides(low, buffer, channels, output=output)
    buffer.dim(0).set_min(0)
    buffer.dim(1).set_min(0)
    if channels:
        buffer.dim(2).set_bounds(0, channels)


def _set_strides(low: Lowering, buffer: Any, channels: int, *, output: bool) -> None:
    pitch, planar = low.variant.layout(output=output)
    plane = low.variant.mode == "color" and not channels
    buffer.dim(0).set_stride(1 if plane else pitch or 1)
    buffer.dim(1).set_stride(hl.Expr())
    if channels:
        buffer.dim(2).set_stride(hl.Expr() if planar else 1)


# ----------------------------------------------------------------------------------- what is computed in full

#: What is computed once for all groups that use it.
#: Convolutions by direct sums or sliding ones.
_CONVOLUTIONS = ("convolve", "convolve_2d")
_COSTLY = (*_CONVOLUTIONS, "window", "mean", "resample", "warp")


def full_nodes(nodes: list[Node], outputs: list[Node], slides: Callable[[Node], bool]) -> set[int]:
    """Find the nodes that get a loop nest before that of the outputs; ``slides`` tells which convolutions slide."""
    roots = _read_by_stencils(nodes, {id(n) for n in nodes if n.op == "down"}, slides)
    shared = _shared(nodes, outputs, roots)
    resampled = {id(n) for n in nodes if id(n) in shared and n.op in ("resample", "warp")}
    if not resampled:
        return roots | shared
    # Where an image is computed in full anyway, arithmetic on it need not be: it is read like one that came.
    roots = _read_by_stencils(nodes, resampled | {id(n) for n in nodes if n.op == "down"}, slides)
    return roots | _shared(nodes, outputs, roots)


def _read_by_stencils(nodes: list[Node], roots: set[int], slides: Callable[[Node], bool]) -> set[int]:
    """Add to nodes in full those that others look at the surroundings of, and that do so themselves."""
    roots = set(roots)

    def loops_over_channels(node: Node) -> bool:
        across_sizes = node.op in ("resize", "resample", "warp") or (node.op == "near" and node.args[1].op == "around")
        return across_sizes or (node.op == "convolve" and slides(node))

    for node in nodes:  # in order, so an operand's own stencils are decided before it is asked about
        if node.op == "interpolated":
            # What does not vary is the same at all levels.
            once = levels.unvarying(node)
            roots |= {id(n) for n in once if any(inner.op in STENCIL_OPS for inner in inlined([n], roots))}
        elif node.op == "average":  # arithmetic is done again where it is added up
            roots |= {id(inner) for inner in inlined(node.args, roots) if inner.op in STENCIL_OPS}
        elif node.op in STENCIL_OPS and not is_varying(node.args[0]):
            for operand in node.args[: 2 if node.op == "tabulate" else 1]:
                stencils = any(inner.op in STENCIL_OPS for inner in inlined([operand], roots))
                looped = channel_count(operand) > 1 and operand.op not in INPUT_OPS and loops_over_channels(node)
                if stencils or looped:
                    roots.add(id(operand))
    return roots


def _shared(nodes: list[Node], outputs: list[Node], roots: set[int]) -> set[int]:
    """Give the costly nodes that several loop nests would compute."""
    groups = [inlined([node], roots - {id(node)}) for node in nodes if id(node) in roots]
    users = Counter(id(inner) for group in [*groups, inlined(outputs, roots)] for inner in group)
    return {id(n) for n in nodes if n.op in _COSTLY and users[id(n)] > 1 and not is_varying(n)}


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
    group = _define_full(low, node)
    low.in_full(group.name)
    _schedule_loops(low, group, "GuardWithIf" if id(node) in low.inside else "RoundUp", size_of(node))


def _define_full(low: Lowering, node: Node, *, tiled: bool = False) -> Group:
    """Stage: a node that is computed in full; its group, whose loops are yet to be scheduled."""
    name, channels = low.label(node), channel_count(node)
    group = Group(name, tiled=tiled)
    if node.op == "down":
        # Half precision saves what CPUs read; not all devices have it.
        kept = "float32" if low.device else str(node.attributes[0])
        value, uniform, stored = pyramids.down(low, node, group), True, kept
    elif node.op in ("resize", "resample", "warp") or (node.op == "mean" and weighted.is_plain(node)):
        value, uniform, stored = pointwise.stencil(low, node, group), True, "float32"
    else:
        value, uniform, stored = _value(low, node, group), channels == 1, "float32"
    reader = low.image_stage(name, channels, value, None, uniform=uniform, stored=stored)
    # A coarser level may be computed beyond its domain (and is read there: see pyramids.py), an input not, nor sums.
    if not size_of(node)[1] or any(inner.op in _CONVOLUTIONS for inner in inlined([node], set(low.roots))):
        low.inside.add(id(node))
    low.roots[id(node)] = reader
    return group


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
    """Lower an interpolation, and what it is of: full nodes at some levels at a time."""
    first = None if low.device else levels.start(node)
    last = node.args[0] if first is None else first
    of_values = {id(n) for n in levels.varying(node)}
    leveled = [n for n in low.nodes if id(n) in of_values and (first is None or size_of(n) != size_of(node))]
    inner = full_nodes(leveled, [last], _slides(low)) - set(low.roots) - {id(last)}
    full = [n for n in leveled if id(n) in inner]
    if low.device:
        found = levels.accumulate_by_kernels(low, node, lambda each: _lower_full(low, each), [*full, last])
    elif first is None:
        found = levels.accumulate(low, node, _inner(low, last, leveled, full))
    else:
        found = levels.accumulate_strips(low, node, first, lambda each: _lower_full(low, each), full)
    low.forget([*full, last])
    low.roots[id(node)] = found


def _inner(low: Lowering, values: Node, leveled: Sequence[Node], full: Sequence[Node]) -> levels.Inner:
    """Tell what an interpolation is of, and how that is lowered: full nodes at the levels of a batch."""
    within = list(inlined([values], {id(n) for n in full} | set(low.roots)))
    whole = any(n.op in STENCIL_OPS and n.op != "up" for n in within)  # what sees far around is not for tiles
    low.nested |= {id(n) for n in full if _is_nested(n, leveled, [] if whole else within)}
    groups: dict[int, Group] = {}

    def lower_full(each: Node) -> None:
        if each.op != "down" and id(each) not in low.nested:
            _lower_full(low, each)
            return
        group = groups[id(each)] = _define_full(low, each, tiled=each.op == "down")
        if id(each) not in low.nested:
            low.in_full(group.name)
            finer = each.args[0]
            _schedule_halving(low, group, size_of(each), groups[id(finer)] if id(finer) in low.nested else None)

    def lower_values(tile: tuple[str, str], strip: tuple[str, str]) -> None:
        if whole:
            return
        _lower_for_tiles(low, values, tile, strip)
        for user in within:
            coarse = groups.get(id(user.args[0])) if user.op == "up" else None
            if coarse is not None:
                _schedule_nested_up(low, coarse, pyramids.tall_name(low, user, low.label(values)))

    first = max((i + 1 for i, each in enumerate(full) if each.op == "down"), default=0)
    return levels.Inner(full[:first], [*full[first:], *([values] if whole else [])], lower_full, lower_values)


def _is_nested(node: Node, nodes: Sequence[Node], tiled: Sequence[Node]) -> bool:
    """Tell whether a node at levels, of half the size, is computed within the loops of the only one that reads it.

    That is halved or doubled again; the latter among what is computed for tiles.
    """
    users = [n for n in nodes if any(arg is node for arg in (n.args[:1] if n.op == "up" else n.args))]
    if node.op not in ("down", "up") or size_of(node)[1] != 1 or len(users) != 1 or users[0].op != node.op:
        return False
    return node.op == "down" or any(users[0] is n for n in tiled)


#: Columns and rows of a tile of what was halved, at all levels of a batch: what it is made of stays in cache.
_TILE = (96, 24)


def _schedule_halving(low: Lowering, group: Group, size: Size, finer: Group | None) -> None:
    """Schedule a halving at levels: tiles, levels, rows; what does not vary is computed once for each tile.

    ``finer`` is a halving before it, computed within its loops. An image that is wrapped is one tile, for its rows
    outside are far away.
    """
    name = group.name
    loops, wraps = low.record[name], low.border == border.WRAP
    for axis, extent, most in zip(("x", "y"), low.size(size), _TILE, strict=True):
        parts = hl.select(wraps, 1, (extent + most - 1) / most)
        low.stages.symbols[f"{name}_{axis}_tile"] = (extent + parts - 1) / parts
        loops.split(axis, f"{axis}o", axis, f"{name}_{axis}_tile", "RoundUp")
    channels = ("c",) if "c" in low.stages.loops[name] else ()
    loops.split("x", "x", "xi", low.lanes, "GuardWithIf").reorder("xi", "x", *channels, "y", "level", "xo", "yo")
    loops.vectorize("xi").parallel("yo")
    if finer is not None:
        loops = low.record[finer.name].split("x", "x", "xi", low.lanes, "RoundUp").reorder("xi", "x", *channels, "y")
        loops.vectorize("xi").compute_at(name, "level")
    for inner in (group, *([finer] if finer is not None else [])):
        for each in (*inner.local, *inner.planes):
            _vectorize_local(low, each)
            if low.varies(each) and each not in inner.planes:
                low.record[each].store_at(name, "level").compute_at(inner.name, "y")
            else:
                low.record[each].compute_at(name, "xo")


def _schedule_nested_up(low: Lowering, group: Group, tall: str) -> None:
    """Schedule a doubling within the loops of the next one, for each level by itself."""
    _vectorize(low, group, group.name, "RoundUp", ("y",))
    low.record[group.name].compute_at(tall, "level")
    for name in group.local:
        _vectorize_local(low, name)
        low.record[name].compute_at(tall, "level")


def _vectorize_local(low: Lowering, name: str) -> None:
    vectors = low.tunable(f"{name}.vectors", default=1, values=(1, 2, 4))
    low.record[name].split("x", "x", "xi", vectors * low.lanes, "RoundUp").vectorize("xi")
    if name in low.mixed:
        low.record[name].reorder("c", "xi", "x", "y").unroll("c")


def _lower_for_tiles(low: Lowering, node: Node, tile: tuple[str, str], strip: tuple[str, str]) -> None:
    """Lower a node within the loop over tiles, its helper stages in the loop over strips of them."""
    name, channels = low.label(node), channel_count(node)
    group = Group(name)
    low.image_stage(name, channels, _value(low, node, group), None, uniform=channels == 1)
    _vectorize(low, group, name, "GuardWithIf", ("y",))
    low.record[name].compute_at(*tile)
    for each in group.local:
        _vectorize_local(low, each)
        low.record[each].compute_at(*strip)


def _value(low: Lowering, node: Node, group: Group) -> Reader:
    functions = None if low.plain else group.functions
    last = low.columns(size_of(node)) - 1

    def inside(inner: Node, x: Any, y: Any) -> list[Any]:
        read = pointwise.leaf_reader(low, inner)
        return [read(hl.clamp(hl.likely(x), 0, last), y, c) for c in range(channel_count(inner))]

    # What is in registers is made for whole vectors, beyond a row's end.
    leaf = inside if functions is not None and pointwise.stages_apart(low, [node], branches=True) else None
    return pointwise.channel_of(
        lambda x, y: pointwise.evaluate_all(low, [node], group, x, y, leaf, functions=functions)[0], channel_count(node)
    )


def _lower_outputs(low: Lowering, nodes: list[Node]) -> hl.Func:
    """Lower all outputs to one stage, a tuple if there are several: what they share is computed once."""
    group, channels, dtypes = Group("output"), channel_count(nodes[0]), low.variant.dtypes[-len(nodes) :]
    tile = channels > 1 and not low.device
    values = _tile(low, nodes, group) if tile else _values(low, nodes, group)

    def stored(x: Any, y: Any, c: Any) -> list[Any]:
        return list(map(pointwise.store, dtypes, values(x, y, c)))

    low.tuple_stage("output", channels, stored, None, uniform=tile or channels == 1)
    func = low.stages.funcs["output"]
    _constrain_outputs(low, func, channels if channels > 1 else 0)
    _schedule_loops(low, group, "GuardWithIf", tile=tile)
    return func


def _values(low: Lowering, nodes: list[Node], group: Group, leaf: pointwise.Leaf | None = None) -> TupleReader:
    chain = fused_windows.of_program(low)
    if chain is not None:
        return fused_windows.read(low, chain, group, "windows")

    def values(x: Any, y: Any, c: Any) -> list[Any]:
        functions = None if leaf is None or low.plain else group.functions
        found = pointwise.evaluate_all(low, nodes, group, x, y, leaf, staged=leaf is None, functions=functions)
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
    _constrain(low, first, channels, output=True)
    first.dim(0).set_bounds(0, low.columns(_FULL))
    first.dim(1).set_bounds(0, low.size(_FULL)[1])
    for buffer in others:
        _set_strides(low, buffer, channels, output=True)


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
        loops.split("y", "yo", "y", _rows(low, group), tail)
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
        pointwise.keep_in_registers(low, group.functions, group.name, "x", 2 * lanes)
    else:
        columns = _vectorize(low, group, group.name, tail, rows)
        pointwise.keep_in_registers(low, group.functions, group.name, "x", columns)
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
            _vectorize_local(low, name)
    if size[1] >= _COARSE:
        for name in (group.name, *group.local):
            record[name].never_partition("x", "y")


def _rows(low: Lowering, group: Group) -> int | str:
    """Give the rows of a task."""
    if group.rows is None:
        rows: int = low.tunable(f"{group.name}.strip", "strip", default=_STRIP, values=(4, 8, 16, 32, 64, 128))
        return rows
    symbol = f"{group.name}_rows"
    low.stages.symbols[symbol] = group.rows
    return symbol


def _vectorize(low: Lowering, group: Group, stage: str, tail: str, rows: Sequence[str]) -> int:
    """Vectorise a row, and tell how many columns its innermost loop goes through.

    Where it reads half as many columns, even and odd ones each have their own code.
    """
    loops = low.record[stage]
    if group.parity:
        vectors = 2
        loops.split("x", "x", "xi", 2 * low.lanes, tail).split("xi", "xi", "xp", 2, "RoundUp")
        loops.reorder("xp", "xi", "x").unroll("xp").vectorize("xi")
    elif group.sums and stage == group.name:
        vectors = low.tunable(f"{stage}.vectors", default=direct.TILE // group.block, values=(1, 2, 4, 8))
        loops.split("x", "x", "xi", vectors * low.lanes, tail).split("xi", "xu", "xi", low.lanes, "RoundUp")
        if group.block > 1:
            loops.split("y", "y", "yi", group.block, tail).reorder("xi", "xu", "yi", "x", "y").unroll("yi")
        loops.unroll("xu").vectorize("xi")
    else:
        vectors = low.tunable(f"{stage}.vectors", default=4 if group.wide else 1, values=(1, 2, 4))
        loops.split("x", "x", "xi", vectors * low.lanes, tail).vectorize("xi")
    if stage in low.mixed:
        loops.reorder("c", *(("xp",) if group.parity else ()), "xi", "x", *rows).unroll("c")
    return int(vectors) * low.lanes
