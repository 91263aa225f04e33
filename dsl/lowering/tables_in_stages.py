"""Tables of small pixels in memory: stages build those that a tile of the result needs, tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, weighted
from dsl.lowering.context import Group, Lowering, Reader, f32, size_of
from dsl.lowering.resampling import Axis, axis, most_between
from dsl.lowering.tabulated import Tables, curve, entry, number, padded, position, smooth
from schedules.devices import THREAD

#: Columns and rows of a tile whose tables are in memory together.
_TILE = 256, 64
#: Small pixels of a vector, whose tables are built together.
_CELLS = 16


@dataclass(frozen=True)
class _Tile:
    """The small pixels that a tile of the result reads, by slot: columns, and rows, from the first one on."""

    axes: tuple[Axis, Axis]  # across, down
    sides: tuple[Any, Any]  # of the small image
    slots: tuple[Any, Any]
    extent: tuple[Any, Any]  # of the tile

    @staticmethod
    def of(low: Lowering, node: Node, known: Tables) -> _Tile:
        kernel, source, target = str(node.attributes[0]), size_of(known.inputs), size_of(node)
        axes = [axis(low, kernel, source, target, vertical=vertical) for vertical in (False, True)]
        if low.device:  # whose kernels build all tables before others read them
            extent, between = low.size(target), low.size(source)
        else:
            extent = _TILE
            between = tuple(most_between(low, source, target, _TILE[v], vertical=bool(v)) for v in (0, 1))
        slots = [most + each.count for most, each in zip(between, axes, strict=True)]
        return _Tile((axes[0], axes[1]), low.size(source), (slots[0], slots[1]), extent)

    def cell(self, slots: tuple[Any, Any], tiles: tuple[Any, Any]) -> tuple[Any, Any]:
        """Write which small pixel is in a slot; those outside are the outermost ones."""
        starts = (self.axes[v].first[tiles[v] * self.extent[v]] for v in (0, 1))
        column, row = (hl.clamp(start + slots[v], 0, self.sides[v] - 1) for v, start in enumerate(starts))
        return column, row

    def slot(self, place: Any, k: int, v: int) -> Any:
        """Write which slot the pixel ``k`` is in, of those that a pixel of the result is made of."""
        first = self.axes[v].first
        start = first[place // self.extent[v] * self.extent[v]]
        return hl.clamp(first[place] - start + k, 0, self.slots[v] - 1)


#: Writes what a small pixel gives, of its slot and the tile.
_Term = Callable[[tuple[Any, Any], tuple[Any, Any]], list[Any]]


def _weighed(tile: _Tile, x: Any, y: Any, term: _Term) -> list[Any]:
    """Add up what small pixels give, by their weights."""
    found: list[Any] = []
    across, down = tile.axes
    for i in range(down.count):
        for j in range(across.count):
            slots = tile.slot(x, j, 0), tile.slot(y, i, 1)
            weight = down.weight[y, i] * across.weight[x, j]
            parts = [weight * each for each in term(slots, (x // tile.extent[0], y // tile.extent[1]))]
            found = [a + b for a, b in zip(found, parts, strict=True)] if found else parts
    return found


def read(low: Lowering, node: Node, known: Tables, group: Group) -> Reader:
    """Read tables that are built a tile at a time; or which share of the weight has seen such values."""
    tile = _Tile.of(low, node, known)
    group.columns, group.rows = _TILE
    low.notes[low.label(node)] = f"tables of {known.entries} entries in memory, a tile at a time"
    observed = node.attributes[1] == "observed"
    table: Any = None if observed else _Builder(low, node, known, tile, group).build()
    seen = _seen(low, known) if observed or known.beyond == "none" else None
    source = border.padded(low, node.args[1], group)  # tiles of several channels reach beyond the image

    def place(x: Any, y: Any) -> Any:
        return hl.clamp(position(low, known, source(x, y, 0)), f32(0), f32(known.entries - 1))

    def share(x: Any, y: Any, c: Any) -> Any:
        nearest = hl.cast(hl.Int(32), hl.round(place(x, y)))
        return _weighed(tile, x, y, lambda slots, tiles: [_is_seen(seen, tile.cell(slots, tiles), nearest)])[0]

    def value(x: Any, y: Any, c: Any) -> Any:
        at = place(x, y)
        first = hl.clamp(hl.cast(hl.Int(32), hl.floor(at)), 0, known.entries - 2)
        part, nearest = at - hl.cast(hl.Float(32), first), hl.cast(hl.Int(32), hl.round(at))

        def term(slots: tuple[Any, Any], tiles: tuple[Any, Any]) -> list[Any]:
            lower, upper = (
                hl.cast(hl.Float(32), table[slots[0], first + k, slots[1], tiles[0], tiles[1]]) for k in (0, 1)
            )
            found = lower + part * (upper - lower)
            if seen is None:
                return [found]
            inside = _is_seen(seen, tile.cell(slots, tiles), nearest)
            return [found, inside * found, inside]

        total, *inside = _weighed(tile, x, y, term)
        return hl.select(inside[1] > 0, inside[0] / hl.max(inside[1], f32(1e-30)), total) if inside else total

    return share if observed else value


def _seen(low: Lowering, known: Tables) -> hl.Func:
    """Stage, in full: the least and the greatest entry that the neighbours of a small pixel hold."""

    def make() -> hl.Func:
        entries, at = entry(low, known), weighted.neighbours(low, known.taps)
        name, (x, y) = f"{low.label(known.node)}_seen", (low.x, low.y)
        func = low.stage(name, [x, y], (hl.i16(known.entries), hl.i16(-1)))
        down, right, _ = at.at(at.loop.x)
        here = hl.cast(hl.Int(16), entries[x + right, y + down])
        func[x, y] = (hl.min(func[x, y][0], here), hl.max(func[x, y][1], here))
        low.stages.loops[name]["tap"] = at.loop.x
        low.in_full(name)
        low.record[name].split("x", "x", "xi", low.lanes, "GuardWithIf").vectorize("xi")
        update = low.record[name].update(0).split("x", "x", "xi", low.lanes, "GuardWithIf")
        update.reorder("xi", "tap", "x", "y").vectorize("xi")
        return func

    func: hl.Func = low.once(("seen", id(known.node)), make)
    return func


def _is_seen(seen: hl.Func, cell: tuple[Any, Any], nearest: Any) -> Any:
    """Write one where an entry is among those that a small pixel's neighbours hold, else zero."""
    least, most = (hl.cast(hl.Int(32), seen[cell][i]) for i in (0, 1))
    return hl.select((least <= nearest) & (nearest <= most), f32(1), f32(0))


@dataclass(frozen=True)
class _Taps:
    """The neighbours that a table is made from, by number."""

    near: weighted.Neighbours
    entries: hl.Func
    outputs: hl.Func
    x: Any  # of the small pixel
    y: Any
    last: int  # entry
    within: list[Any]

    def _read(self, stage: hl.Func, tap: Any) -> Any:
        down, right, _ = self.near.at(tap)
        return hl.Expr(stage[self.x + right, self.y + down])

    def entry(self, tap: Any) -> Any:
        """Read the entry of a tap's input."""
        return hl.clamp(hl.cast(hl.Int(32), self._read(self.entries, tap)), 0, self.last)

    def output(self, tap: Any) -> Any:
        """Read the output of a tap."""
        return self._read(self.outputs, tap)

    def bins(self, tap: Any) -> tuple[Any, Any]:
        """Write the entry of a tap's input, and that of its output, both as float32."""
        least, most = self.within
        output = hl.round((self.output(tap) - least) * (f32(self.last) / hl.max(most - least, f32(1e-30))))
        return hl.cast(hl.Float(32), self.entry(tap)), output


class _Builder:
    """The stages of a table: known entries, the nearest of these before and behind, lines between, their averages."""

    def __init__(self, low: Lowering, node: Node, known: Tables, tile: _Tile, group: Group) -> None:
        self.low, self.known, self.tile, self.group = low, known, tile, group
        self.name, self.last = f"{low.label(node)}_{group.name}", known.entries - 1
        self.column, self.entry, self.row, *self.tiles = map(hl.Var, ("column", "entry", "row", "across", "down"))
        self.tap = hl.Var("tap")
        self.inner: list[str] = []

    def build(self) -> hl.Func:
        """Write all stages; give the one that is read."""
        averages = self._averages(self._lines(self._known()))
        value = self._anchored(averages) if self.known.anchored else averages
        func = self.low.stage(f"{self.name}_table", list(self._place(self.entry)), value)
        name, lanes = func.name(), _CELLS
        loops = self.low.record[name].split("column", "column", "ci", lanes, "RoundUp")
        loops.reorder("ci", "entry", "column", "row", "across", "down").vectorize("ci")
        for stage in self.inner:
            self.low.record[stage].compute_at(name, "column")
        self.group.strips.append(name)
        return func

    def _place(self, entry: Any) -> tuple[Any, ...]:
        return self.column, entry, self.row, *self.tiles

    def _stage(self, suffix: str, value: Any, along: Any = None) -> hl.Func:
        """Make a stage that holds tables of a vector of small pixels, or what they have of each tap."""
        along = self.entry if along is None else along
        found = self.low.stage(f"{self.name}_{suffix}", list(self._place(along)), value)
        self._vectorize(self.low.record[found.name()], along.name())
        self.low.places[found.name()] = THREAD
        self.inner.append(found.name())
        return found

    def _vectorize(self, loops: Any, *inner: str) -> None:
        loops.split("column", "column", "ci", _CELLS, "GuardWithIf")
        loops.reorder("ci", *inner, "column", "row", "across", "down").vectorize("ci")

    def _update(self, func: hl.Func, loop: str, variable: Any, *outer: str) -> None:
        """Schedule the last update of a stage: its loops inside, but for the vector."""
        self.low.stages.loops[func.name()][loop] = variable
        self._vectorize(self.low.record[func.name()].update(func.num_update_definitions() - 1), loop, *outer)

    def _known(self) -> hl.Func:
        """Stage: known outputs by entry, each with what speaks for it, which is zero where none is known."""
        low, known = self.low, self.known
        near, entries, outputs = weighted.neighbours(low, known.taps), entry(low, known), padded(low, known.outputs)
        x, y = self.tile.cell((self.column, self.row), (self.tiles[0], self.tiles[1]))
        func = self._stage("known", (f32(0), f32(0)))
        taps = _Taps(near, entries, outputs, x, y, self.last, [number(low, each) for each in known.within])
        if known.keep == "path":
            steps = hl.RDom([(0, near.count)], f"{self.name}_step")
            tap = self._path(taps)[self._place(near.count - 1 - steps.x)]
            # Where a path has fewer steps, the first tap stands for those it has not, and for nothing.
            one = hl.clamp(tap, 0, near.count - 1)
            output, here = taps.output(one), self._place(taps.entry(one))
            func[here] = tuple(hl.select(tap >= 0, new, func[here][i]) for i, new in enumerate((output, f32(1))))
            self._update(func, "step", steps.x)
            return func
        here, output = self._place(taps.entry(near.loop.x)), taps.output(near.loop.x)
        if known.keep == "last":
            func[here] = (output, f32(1))
        else:
            score = hl.Expr(self._scores(taps)[self._place(near.loop.x)])
            better = score >= func[here][1]
            func[here] = tuple(hl.select(better, new, func[here][i]) for i, new in enumerate((output, score)))
        self._update(func, "tap", near.loop.x)
        return func

    def _scores(self, taps: _Taps) -> hl.Func:
        """Stage: for each tap the weights of all whose input and output fall into the same of ``entries`` bins."""
        func = self._stage("scores", f32(0), self.tap)
        loop = hl.RDom([(0, taps.near.count)], f"{self.name}_other")
        one, other = taps.bins(self.tap), taps.bins(loop.x)
        same = (one[0] == other[0]) & (one[1] == other[1])
        func[self._place(self.tap)] += hl.select(same, taps.near.at(loop.x)[2], f32(0))
        self._update(func, "other", loop.x, "tap")
        return func

    def _path(self, taps: _Taps) -> hl.Func:
        """Stage: the taps of the path that most speaks for, from its end to its start; -1 where there are no more."""
        count, scores = taps.near.count, self._scores(taps)
        chain = self._stage("chain", (hl.i32(-1), hl.Expr(scores[self._place(self.tap)])), self.tap)
        # A path of as many steps as there are taps needs as many rounds, unless steps come in order.
        loop = hl.RDom([(0, count), (0, count), (0, count)], f"{self.name}_link")
        one, other, here = taps.bins(loop.y), taps.bins(loop.x), self._place(loop.y)
        steps = [a - b for a, b in zip(one, other, strict=True)]
        rises = (steps[0] >= 0) & (steps[1] >= 0) & (steps[0] + steps[1] > 0)
        score = scores[here] + chain[self._place(loop.x)][1] - hl.abs(steps[0] - steps[1])
        better = rises & (score > chain[here][1])
        # What is compared comes last: vectors of it are stored before what comes behind is computed.
        chain[here] = tuple(hl.select(better, new, chain[here][i]) for i, new in enumerate((loop.x, score)))
        for name, variable in (("round", loop.z), ("one", loop.y)):
            self.low.stages.loops[chain.name()][name] = variable
        self._update(chain, "other", loop.x, "one", "round")
        walk = self._stage("walk", hl.i32(-1), self.tap)
        best = hl.RDom([(0, count)], f"{self.name}_best")
        first = self._place(0)
        last_best = chain[self._place(hl.clamp(walk[first], 0, count - 1))][1]
        better = (walk[first] < 0) | (chain[self._place(best.x)][1] > last_best)
        walk[first] = hl.select(better, best.x, walk[first])
        self._update(walk, "best", best.x)
        back = hl.RDom([(1, count - 1)], f"{self.name}_back")
        before = walk[self._place(back.x - 1)]
        walk[self._place(back.x)] = hl.select(before < 0, -1, chain[self._place(hl.clamp(before, 0, count - 1))][0])
        self._update(walk, "back", back.x)
        return walk

    def _nearest(self, known: hl.Func, suffix: str, step: int) -> hl.Func:
        """Stage: for each entry the nearest known one from it on, and its output; one far outside if there is none."""
        none = -1 if step > 0 else self.last + 1
        is_known = known[self._place(self.entry)][1] > 0
        value = hl.select(is_known, known[self._place(self.entry)][0], f32(0))
        func = self._stage(suffix, (hl.select(is_known, self.entry, none), value))
        loop = hl.RDom([(1, self.last)], f"{self.name}_{suffix}_entry")
        at = loop.x if step > 0 else self.last - loop.x
        here, before = self._place(at), self._place(at - step)
        is_known = known[here][1] > 0
        func[here] = tuple(hl.select(is_known, func[here][i], func[before][i]) for i in (0, 1))
        self._update(func, "step", loop.x)
        return func

    def _lines(self, known: hl.Func) -> hl.Func:
        """Stage: outputs of all entries, on lines between known ones, and beyond them."""
        before, behind = self._nearest(known, "before", 1), self._nearest(known, "behind", -1)
        here, entry = self._place(self.entry), hl.cast(hl.Float(32), self.entry)
        left, lower = hl.cast(hl.Float(32), before[here][0]), before[here][1]
        right, upper = hl.cast(hl.Float(32), behind[here][0]), behind[here][1]
        between = lower + (upper - lower) * ((entry - left) / hl.max(right - left, f32(1)))
        slopes = self._slopes(before[self._place(self.last)], behind[self._place(0)])
        falls, rises = self._changes(right - entry, slopes[0]), self._changes(entry - left, slopes[1])
        value = hl.select(left < 0, upper - falls, hl.select(right > self.last, lower + rises, between))
        least, most = (number(self.low, each) for each in self.known.within)
        return self._stage("lines", hl.clamp(value, least, most))

    def _changes(self, distance: Any, slope: Any) -> Any:
        """Write how outputs change from a known entry to one that far beyond."""
        if self.known.beyond != "curve":
            return slope * distance
        change, share = (curve(self.low, self.known, i, hl.cast(hl.Int(32), distance)) for i in (0, 1))
        return change + slope * share

    def _slopes(self, last: Any, first: Any) -> tuple[Any, Any]:
        """Write the slopes, from entry to entry, before the first known entry and behind the last."""
        known = self.known
        (left, lower), (right, upper) = (
            (hl.cast(hl.Float(32), found[0]), hl.Expr(found[1])) for found in (first, last)
        )
        if known.beyond in ("linear", "curve"):
            a_step = (number(self.low, known.high) - number(self.low, known.low)) / self.last
            least, most = (number(self.low, each) * a_step for each in known.slopes)
            slope = hl.clamp((upper - lower) / hl.max(right - left, f32(1)), least, most)
            return slope, slope
        if known.beyond == "ends":
            start, end = (number(self.low, each) for each in known.ends)
            return (lower - start) / hl.max(left, f32(1)), (end - upper) / hl.max(self.last - right, f32(1))
        return f32(0), f32(0)

    def _averages(self, lines: hl.Func) -> Any:
        """Write averages over neighbouring entries, of fewer towards the ends; summed where they are used."""
        low, here = self.low, self._place(self.entry)
        radius = smooth(self.low, self.known)
        loop = hl.RDom([(-radius, 2 * radius + 1)], f"{self.name}_average")
        reach = hl.min(radius, hl.min(self.entry, self.last - self.entry))
        value = lines[self._place(hl.clamp(self.entry + loop.x, 0, self.last))]
        total = low.stage(f"{self.name}_sum", list(here), f32(0))
        total[here] += hl.select(hl.abs(loop.x) <= hl.cast(hl.UInt(32), reach), value, f32(0))
        self._vectorize(low.record[total.name()], "entry")
        self._update(total, "average", loop.x, "entry")
        low.places[total.name()] = THREAD
        low.record[total.name()].compute_at(f"{self.name}_{'averages' if self.known.anchored else 'table'}", "entry")
        return hl.Expr(total[here]) / hl.cast(hl.Float(32), 2 * reach + 1)

    def _anchored(self, averages: Any) -> Any:
        """Write tables that are moved, so that each gives for its own pixel's input the output that it has."""
        low, known, column = self.low, self.known, self._place(self.entry)
        func = self._stage("averages", averages)
        x, y = self.tile.cell((self.column, self.row), (self.tiles[0], self.tiles[1]))
        at = hl.clamp(position(low, known, padded(low, known.inputs)[x, y]), f32(0), f32(self.last))
        first = hl.clamp(hl.cast(hl.Int(32), hl.floor(at)), 0, self.last - 1)
        lower, upper = (func[self._place(first + k)] for k in (0, 1))
        found = lower + (at - hl.cast(hl.Float(32), first)) * (upper - lower)
        least, most = (number(low, each) for each in known.within)
        own = self._stage("own", padded(low, known.outputs)[x, y] - found, self.tap)
        return hl.clamp(func[column] + own[self._place(0)], least, most)
