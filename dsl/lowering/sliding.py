"""Convolution by sliding cosines: two scans whose cost does not depend on the radius.

The image is gone through in *bands* of as many rows as a vector has lanes, from top to bottom:

1. Down the columns, in blocks of a vector of columns: every lane is a column (scan.py has the recurrence). The states
   of all columns stay in memory from band to band, so rows are read where they lie, once as they enter and once as
   they leave, and no row is computed twice.
2. The block, lanes by rows, is transposed by perfect shuffles, and put beside its neighbours: every lane is a row.
   Columns outside the image are copied by the border rule, before and behind.
3. Along the rows, likewise in blocks, whose states stay where they are from block to block.
4. Each block is transposed back, and the loops of the group that wanted the result read it.

Several bands in a row are a *chunk*, the unit of parallel work: only there a scan starts anew.

That states outlive the loop that computes them is no part of Halide's language. A scan is a stage whose definition is
``undef``, so nothing is stored before its updates; it is computed anew in every band (in every block) within an
allocation that ``hoist_storage`` puts outside of that loop, at the same place each time; and the first of its updates,
which set the states, run in the first band of a chunk (block of a row) alone. tests/dsl/test_sliding.py holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import kernels
from dsl.lowering.context import Group, Lowering, Reader, channel_count, size_of
from dsl.lowering.scan import Scan
from dsl.lowering.source import Columns

#: Reads what a scan wrote: (lane, step, block, channel) -> value.
Block = Callable[[Any, Any, Any, Any], Any]


def convolve(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a convolution: stages that are computed band by band within a group."""
    _, kernel_y, kernel_x = node.args
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    group.bands = True
    shape = _Shape(low, node, group)
    if kernel_y.op != "identity":
        block = _down(shape, kernels.sliding(low, kernel_y, terms))
    else:
        block = _read(shape)
    if kernel_x.op == "identity":
        return _laid_out(shape, block)
    osc = kernels.sliding(low, kernel_x, terms)
    turned = _turn(shape, block)
    # Steps are taken to the end of the last block, and read one radius ahead.
    steps = (shape.width + shape.lanes - 1) // shape.lanes * shape.lanes * shape.step
    behind = steps - shape.source.count + (osc.radius + 1) * shape.step
    shape.source.add_edges(
        f"{shape.name}_turned",
        lambda x: (shape.lane, x, *shape.rest),
        (osc.radius + 2) * shape.step,
        behind,
        kernels.gain(low, kernel_y, terms),
        ["lane", *shape.loops],
    )
    return _along(shape, osc, turned)


class _Shape:
    """What the stages of one convolution share: names, sizes, loops."""

    def __init__(self, low: Lowering, node: Node, group: Group) -> None:
        self.low, self.node, self.group = low, node, group
        self.name = f"{low.label(node)}_{group.name}"
        self.lanes, self.step = low.lanes, low.step
        self.size = size_of(node)
        self.width, _ = low.size(self.size)
        self.band, self.block, self.lane = hl.Var("band"), hl.Var("block"), hl.Var("lane")
        self.channels = channel_count(node)
        self.planes = [hl.Var("c")] if self.channels > 1 else []
        self.source = Columns(low, node.args[0], group, self.planes[0] if self.planes else 0)

    def stage(self, name: str, arguments: Sequence[Any]) -> hl.Func:
        """Define a stage that holds nothing yet, for every plane and band."""
        full = f"{self.name}_{name}"
        func = self.low.stage(full, [*arguments, *self.planes, self.band], hl.undef(hl.Float(32)))
        if self.planes:
            self.low.record[full].bound("c", 0, self.channels)
        return func

    def scan(self, name: str, osc: kernels.Oscillators, start: Any, channels: Any = 1) -> Scan:
        """Make a stage that slides a window through blocks of as many steps as there are lanes."""
        full = f"{self.name}_{name}"
        arguments = [self.block, *self.rest]
        return Scan(self.low, full, arguments, osc, steps=self.lanes, start=start, channels=channels)

    @property
    def rest(self) -> list[Any]:
        """The arguments that every stage ends with."""
        return [*self.planes, self.band]

    @property
    def loops(self) -> tuple[str, ...]:
        return tuple(var.name() for var in self.rest)

    def within(self, stage: str, directive: str, other: str, loop: str) -> None:
        getattr(self.low.record[f"{self.name}_{stage}"], directive)(other, loop)

    def of_group(self, stage: str) -> None:
        """Compute a stage in every band of the group."""
        self.within(stage, "compute_at", self.group.name, "yb")


# ----------------------------------------------------------------------------------------------------- the passes


def _down(shape: _Shape, osc: kernels.Oscillators) -> Block:
    """Scan down the columns."""
    first = shape.band % shape.low.bands_per_chunk(shape.size) == 0
    scan = shape.scan("down", osc, first)
    source, top = shape.source, shape.band * shape.lanes
    func = scan.define_two(
        lambda distance, channel: source.general(shape.block, scan.lane, top + distance),
        lambda distance, channel: source.dense(shape.block, scan.lane, top + distance),
        source.plain(top, shape.lanes, osc.radius + 2),
    )
    shape.of_group("down")
    shape.within("down", "hoist_storage", shape.group.name, "yc")
    return lambda lane, step, block, c: func[(lane, scan.result(step), block, *c, shape.band)]


def _read(shape: _Shape) -> Block:
    """Stage: blocks of the image as it is, for a convolution along the rows alone."""
    source, top = shape.source, shape.band * shape.lanes
    plain = source.plain(top, shape.lanes, 0)
    step = hl.Var("step")
    func = shape.stage("read", [shape.lane, step, shape.block])
    full = f"{shape.name}_read"
    for update, (name, read, where) in enumerate((("general", source.general, ~plain), ("plain", source.dense, plain))):
        row = hl.RDom([(0, shape.lanes)], f"{full}_{name}")
        row.where(where)
        func[(shape.lane, row.x, shape.block, *shape.rest)] = read(shape.block, shape.lane, top + row.x)
        shape.low.stages.loops[full][name] = row.x
        shape.low.record[full].update(update).reorder("lane", name, "block", *shape.loops).vectorize("lane")
    shape.low.record[full].update(1).unroll("plain")
    shape.low.record[full].bound_extent("lane", shape.lanes)
    shape.of_group("read")
    return lambda lane, step, block, c: func[(lane, step, block, *c, shape.band)]


def _transposed(
    shape: _Shape, name: str, block: Callable[[Any, Any], Any], arguments: Sequence[Any]
) -> tuple[list[str], Callable[..., Any]]:
    """Stages: transpose a square block by perfect shuffles, each of which halves the distance of what belongs together.

    Returns the names of the stages, and what reads ``(lane, step, *arguments)`` of the result.
    """
    low, lanes = shape.low, shape.lanes
    pair, half = hl.Var("pair"), hl.Var("half")
    names, read = [], block
    for level in range(lanes.bit_length() - 1):
        full = f"{shape.name}_{name}{level}"
        even, odd = read(pair // 2, half), read(pair // 2, half + lanes // 2)
        func = low.stage(full, [pair, half, *arguments, *shape.rest], hl.select(pair % 2 == 0, even, odd))
        low.record[full].bound_extent("pair", 2 * lanes).bound_extent("half", lanes // 2)
        low.record[full].vectorize("pair").unroll("half").store_in("Stack")
        names.append(full)

        def read(lane: Any, step: Any, func: hl.Func = func) -> Any:
            return hl.Expr(func[(lane + lanes * (step % 2), step // 2, *arguments, *shape.rest)])

    last = func

    def result(lane: Any, step: Any, *at: Any) -> Any:
        return hl.Expr(last[(lane + lanes * (step % 2), step // 2, *at)])

    return names, result


def _turn(shape: _Shape, block: Block) -> hl.Func:
    """Stage ``turned[lane, x]``: the band, rows side by side."""
    low, lanes = shape.low, shape.lanes
    names, read = _transposed(
        shape, "turn", lambda lane, step: block(lane, step, shape.block, shape.planes), [shape.block]
    )
    turned = shape.stage("turned", [shape.lane, low.x])
    full = f"{shape.name}_turned"
    inner = hl.RDom([(0, lanes), (0, shape.source.blocks)], f"{full}_inner")
    place = shape.source.first(inner.y) + inner.x
    turned[(shape.lane, place, *shape.rest)] = read(shape.lane, inner.x, inner.y, *shape.rest)
    low.stages.loops[full] |= {"column": inner.x, "block": inner.y}
    record = low.record[full]
    record.bound_extent("lane", lanes).reorder_storage("lane", "x", *shape.loops)
    record.update(0).reorder("lane", "column", "block", *shape.loops).vectorize("lane").unroll("column")
    for name in names:
        low.record[name].compute_at(full, "block")
    shape.of_group("turned")
    return turned


def _along(shape: _Shape, osc: kernels.Oscillators, turned: hl.Func) -> Reader:
    """Scan along the rows, and put the results back into rows."""
    low, lanes, step = shape.low, shape.lanes, shape.step
    first = shape.block * lanes
    scan = shape.scan("along", osc, shape.block == 0, step)

    def sample(distance: Any, channel: Any) -> Any:
        return turned[(shape.lane, (first + distance) * step + channel, *shape.rest)]

    func = scan.define(sample)
    piece = hl.Var("piece")
    places = _places(shape, scan)

    def block(lane: Any, row: Any) -> Any:
        return hl.Expr(func[(lane, places(piece * lanes + row), shape.block, *shape.rest)])

    names, read = _transposed(shape, "back", block, [piece, shape.block])
    blocks = (shape.width + lanes - 1) // lanes
    # By blocks: a row after the other would put the rows of a block as far apart as the image is wide, and where that
    # is a power of two, all into the same few lines of the cache.
    result = shape.stage("rows", [shape.lane, low.y, low.x])
    full = f"{shape.name}_rows"
    inner = hl.RDom([(0, step), (0, blocks)], f"{full}_inner")
    value = read(shape.lane, low.y, inner.x, inner.y, *shape.rest)
    result[(shape.lane, low.y, inner.y * step + inner.x, *shape.rest)] = value
    low.stages.loops[full] |= {"piece": inner.x, "block": inner.y}
    record = low.record[full]
    record.bound_extent("lane", lanes).bound_extent("y", lanes)
    record.update(0).reorder("lane", "y", "piece", "block", *shape.loops).vectorize("lane").unroll("y")
    shape.of_group("rows")
    shape.within("along", "compute_at", full, "block")
    shape.within("along", "hoist_storage", shape.group.name, "yb")
    for name in names:
        low.record[name].compute_at(full, "piece")

    def reader(x: Any, y: Any, c: Any) -> Any:
        planes = [c] if shape.planes else []
        return hl.Expr(result[(x % lanes, y % lanes, x // lanes, *planes, y // lanes)])

    return reader


def _places(shape: _Shape, scan: Scan) -> Callable[[Any], Any]:
    """Say where in a scan an element of a block of pixels lies; a stage, where channels are interleaved."""
    if isinstance(shape.step, int):
        return scan.result
    low, name = shape.low, f"{shape.name}_places"
    element = hl.Var("element")
    func = low.stage(name, [element], scan.result(element // shape.step, element % shape.step))
    low.record[name].compute_root()
    most = scan.result(shape.lanes - 1, shape.step - 1)
    return lambda element: hl.unsafe_promise_clamped(hl.Expr(func[element]), 0, most)


def _laid_out(shape: _Shape, block: Block) -> Reader:
    """Stage: blocks of columns beside one another in rows, for a convolution down the columns alone."""
    low, lanes = shape.low, shape.lanes
    result = shape.stage("rows", [low.x, low.y])
    full = f"{shape.name}_rows"
    inner = hl.RDom([(0, lanes), (0, shape.source.blocks)], f"{full}_inner")
    value = block(inner.x, low.y, inner.y, shape.planes)
    result[(shape.source.first(inner.y) + inner.x, low.y, *shape.rest)] = value
    low.stages.loops[full] |= {"lane": inner.x, "block": inner.y}
    low.record[full].bound_extent("y", lanes)
    rows = low.record[full].update(0).allow_race_conditions()  # the last two blocks overlap, and hold the same there
    rows.reorder("lane", "y", "block", *shape.loops).vectorize("lane").unroll("y")
    shape.of_group("rows")

    def reader(x: Any, y: Any, c: Any) -> Any:
        planes = [c] if shape.planes else []
        return hl.Expr(result[(x, y % lanes, *planes, y // lanes)])

    return reader
