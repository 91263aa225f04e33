"""What lowerings of tables of small pixels start from: their operands; small images in memory, and their entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, pointwise, tables
from dsl.lowering.context import Group, Lowering, f32
from dsl.registers.local_tables import MAX_SMOOTH


@dataclass(frozen=True)
class Tables:
    """The operands of ``tabulate``, by name."""

    node: Node
    inputs: Node
    outputs: Node
    taps: Node
    low: Node
    high: Node
    smooth: Node
    slopes: tuple[Node, Node]
    ends: tuple[Node, Node]
    within: tuple[Node, Node]
    curve: tuple[Node, Node]

    @staticmethod
    def of(node: Node) -> Tables:
        """Name the operands of a node."""
        inputs, outputs, taps, low, high, smooth, *pairs = node.args
        return Tables(node, inputs, outputs, taps, low, high, smooth, *zip(pairs[::2], pairs[1::2], strict=True))

    @property
    def entries(self) -> int:
        """How many entries a table has."""
        return int(self.node.attributes[0])  # type: ignore[arg-type]

    @property
    def keep(self) -> str:
        """Which of several outputs counts: see :data:`dsl.ir.KEEP`."""
        return str(self.node.attributes[1])

    @property
    def anchored(self) -> bool:
        """Whether a table gives for its own pixel's input the output that it has."""
        return bool(self.node.attributes[3])

    @property
    def beyond(self) -> str:
        """What lies beyond known entries: see :data:`dsl.ir.BEYOND`."""
        return str(self.node.attributes[2])


def number(low: Lowering, node: Node) -> Any:
    """Write a number of the program or the call."""
    return pointwise.scalar(low, node)


def curve(low: Lowering, known: Tables, which: int, distance: Any) -> Any:
    """Read one of the two tables of ``beyond="curve"`` at a number of entries."""
    values, count = tables.table(low, known.curve[which])
    return values[hl.clamp(distance, 0, count - 1)]


def smooth(low: Lowering, known: Tables) -> Any:
    """Write how many entries are averaged on each side: a bound of a loop."""
    entries = hl.cast(hl.Int(32), hl.round(pointwise.inline_scalar(low, known.smooth)))
    return hl.clamp(entries, 0, min(known.entries - 1, MAX_SMOOTH))


def padded(low: Lowering, node: Node) -> hl.Func:
    """Stages, in full: a small image with its surroundings."""

    def make() -> hl.Func:
        inner = low.once("small", lambda: Group("small"))
        before = list(inner.local)
        found = border.padded_stage(low, node, inner)
        for stage in inner.local[len(before) :]:
            low.in_full(stage)
            low.record[stage].split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
        return found

    found: hl.Func = low.once(("padded", id(node)), make)
    return found


def position(low: Lowering, known: Tables, value: Any) -> Any:
    """Write where a value lies among the entries."""
    first, last = number(low, known.low), number(low, known.high)
    return (value - first) * (f32(known.entries - 1) / hl.max(last - first, f32(1e-30)))


def entry(low: Lowering, known: Tables) -> hl.Func:
    """Stage, in full: the entry that a small pixel's input is nearest to."""

    def make() -> hl.Func:
        inputs = padded(low, known.inputs)
        at = position(low, known, inputs[low.x, low.y])
        entry = hl.clamp(
            hl.cast(hl.Int(32), hl.round(hl.clamp(at, f32(0), f32(known.entries - 1)))), 0, known.entries - 1
        )
        func = low.stage(f"{low.label(known.node)}_entry", [low.x, low.y], hl.cast(hl.UInt(8), entry))
        low.in_full(func.name())
        low.record[func.name()].split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
        return func

    func: hl.Func = low.once(("entry", id(known.node)), make)
    return func
