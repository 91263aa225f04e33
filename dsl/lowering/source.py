"""Reading an image down its columns, a vector of columns at a time: fast where no border rule is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import Node, Size
from dsl.lowering import border, pointwise
from dsl.lowering.context import Group, Lowering, channel_count, size_of


@dataclass(frozen=True)
class Columns:
    """An image in blocks of as many columns as a vector has lanes.

    Parameters
    ----------
    image : Node
        What is read.
    group : Group
        The loop nest that reads it.
    channel : Var or int
        Which channel.
    packed : bool
        Whether columns are those of all channels, side by side.
    """

    low: Lowering
    image: Node
    group: Group
    channel: Any
    packed: bool = False

    @property
    def size(self) -> Size:
        """Whose size it has."""
        return size_of(self.image)

    @property
    def count(self) -> Any:
        """Elements of a row."""
        return self.low.columns(self.size) * (channel_count(self.image) if self.packed else 1)

    @property
    def blocks(self) -> Any:
        """Blocks of a row."""
        return (self.count + self.low.lanes - 1) // self.low.lanes

    def first(self, block: Any) -> Any:
        """Give the first column of a block: the last one is moved to the left, so that all are full."""
        return hl.max(hl.min(block * self.low.lanes, self.count - self.low.lanes), 0)

    def plain(self, top: Any, rows: Any, reach: Any) -> Any:
        """Tell whether rows from ``top`` on, and ``reach`` rows around them, need no constant, and blocks are full."""
        _, height = self.low.size(self.size)
        inside = (top >= reach) & (top + rows + reach <= height)
        return (self.count >= self.low.lanes) & ((self.low.border != border.CONSTANT) | inside)

    def general(self, block: Any, lane: Any, row: Any) -> Any:
        """Read under the border rule."""
        _, height = self.low.size(self.size)
        source = hl.Expr(border.row_index(self.low, self.size)[row])
        found = self.narrow_value(block, lane, hl.clamp(source, 0, height - 1))
        return hl.select(source < 0, pointwise.outside(self.low, self.image)(self.channel), found)

    def dense(self, block: Any, lane: Any, row: Any) -> Any:
        """Read where ``plain`` holds: no conditions, and loads that are dense."""
        _, height = self.low.size(self.size)
        source = hl.unsafe_promise_clamped(hl.Expr(border.row_index(self.low, self.size)[row]), 0, height - 1)
        return self.value(block, lane, source)

    def value(self, block: Any, lane: Any, y: Any) -> Any:
        """Read a row of the image where blocks are full."""
        return self._value(hl.unsafe_promise_clamped(self.first(block) + lane, 0, self.count - 1), y)

    def narrow_value(self, block: Any, lane: Any, y: Any) -> Any:
        """Read a row of the image, however narrow it is."""
        return self._value(hl.clamp(self.first(block) + lane, 0, self.count - 1), y)

    def _value(self, x: Any, y: Any) -> Any:
        if self.packed:
            channels = channel_count(self.image)
            return pointwise.value_at(self.low, self.image, self.group, x // channels, y, x % channels)
        return pointwise.value_at(self.low, self.image, self.group, x, y, self.channel)

    def add_edges(
        self,
        stage: str,
        at: Callable[[Any], tuple[Any, ...]],
        before: Any,
        behind: Any,
        gain: Any,
        loops: Sequence[str],
    ) -> None:
        """Add to a stage that holds rows, or what a linear filter made of them, the columns outside of the image.

        Parameters
        ----------
        at : function
            The place of a column in the stage.
        before, behind : Expr
            How many columns on either side.
        gain : Expr
            What a filter made of a constant.
        loops : sequence of str
            Of the stage, the others than that over columns; the first is the vector.
        """
        func, record = self.low.stages.funcs[stage], self.low.record
        sources = border.column_index(self.low, self.size)
        outside = pointwise.outside(self.low, self.image)(self.channel) * gain
        for side, start, count in (("before", -before, before), ("behind", self.count, behind)):
            edge = hl.RDom([(start, count)], f"{stage}_{side}")
            source = hl.Expr(sources[edge.x])
            copied = func[at(hl.clamp(source, 0, self.count - 1))]
            func[at(edge.x)] = hl.select(source < 0, outside, copied)
            self.low.stages.loops[stage][side] = edge.x
            update = record[stage].update(func.num_update_definitions() - 1)
            if loops[:1] == ["lane"]:
                update.reorder("lane", side, *loops[1:]).vectorize("lane")
            else:
                update.reorder(side, *loops)
