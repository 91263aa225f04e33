"""Tables: numbers of the program or of the call, read by index or between entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import pointwise
from dsl.lowering.context import Lowering, f32


class _Part:
    """Entries of a table from some place on."""

    def __init__(self, whole: Any, start: Any) -> None:
        self.whole, self.start = whole, start

    def __getitem__(self, index: Any) -> Any:
        return self.whole[self.start + index]


def table(low: Lowering, node: Node) -> tuple[Any, Any]:
    """Give something to index by ``[i]``, and the number of entries."""
    if node.op == "argument":
        image = low.tables[int(node.attributes[0])]  # type: ignore[arg-type]
        return image, image.dim(0).extent()
    if node.op == "part":
        index, parts = (int(a) for a in node.attributes)  # type: ignore[arg-type]
        whole, length = table(low, node.args[0])
        return _Part(whole, length // parts * index), length // parts
    values = [float.fromhex(v) for v in node.attributes[0]]  # type: ignore[union-attr]
    return low.once(("table", id(node)), lambda: constant(low, values)), len(values)


def constant(low: Lowering, values: Sequence[float]) -> Any:
    """Embed numbers in the pipeline."""
    buffer = hl.Buffer(hl.Float(32), [len(values)])  # Halide's own memory: nothing to keep alive
    for i, value in enumerate(values):
        buffer[i] = value
    low.constants.append(buffer)
    return buffer


def _element(low: Lowering, node: Node, operands: list[list[Any]]) -> list[Any]:
    values, count = table(low, node.args[0])
    index = int(node.attributes[0])  # type: ignore[arg-type]
    return [values[hl.clamp(index, 0, count - 1)]]


def between(low: Lowering, node: Node, index: Any) -> Any:
    """Read a table at an index of float32, between its entries."""
    values, count = table(low, node)
    position = hl.clamp(index, f32(0), hl.cast(hl.Float(32), count - 1))
    entry = hl.clamp(hl.cast(hl.Int(32), position), 0, hl.max(count - 2, 0))
    part = position - hl.cast(hl.Float(32), entry)
    first, second = values[entry], values[hl.min(entry + 1, count - 1)]
    return first + part * (second - first)


def _lookup(low: Lowering, node: Node, operands: list[list[Any]]) -> list[Any]:
    return [between(low, node.args[0], index) for index in operands[1]]


pointwise.BUNDLES["element"] = _element
pointwise.BUNDLES["lookup"] = _lookup
