"""Convolution by sliding cosines on devices: a thread goes down a chunk of a column, or along a chunk of a row.

The recurrence is that of scan.py, its states in a thread's registers, while blocks of steps, written out, follow one
another. Sums down the columns lie in memory column by column: threads side by side, each in a row of its own, then read
places side by side when they go along the rows. How far a window reaches matters only where a chunk starts.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, kernels, pointwise
from dsl.lowering.chunks import chunk_rows
from dsl.lowering.context import Group, Lowering, Reader, channel_count, size_of
from dsl.lowering.kernels import Oscillators
from dsl.lowering.scan import Sample, Scan
from schedules.devices import AS_GIVEN

#: Steps that are written out, and threads of a block, which lie side by side.
_STEPS, _THREADS = 16, 64


def convolve(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a convolution to a kernel for each of its passes."""
    image, kernel_y, kernel_x = node.args
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    low.notes[low.label(node)] = f"sliding sums (a thread each chunk of a column or row, {low.device})"
    name, read = f"{low.label(node)}_{group.name}", border.padded_for_few(low, image, group)
    if kernel_x.op == "identity":
        return _down(low, f"{name}_down", kernels.sliding(low, kernel_y, terms), node, read, by_columns=False)
    if kernel_y.op != "identity":
        summed = _down(low, f"{name}_down", kernels.sliding(low, kernel_y, terms), node, read, by_columns=True)
        gain, outside = kernels.gain(low, kernel_y, terms), pointwise.outside(low, image)
        read = functools.partial(border.through_border, low, node, summed, lambda c: gain * outside(c))
    return _along(low, f"{name}_along", kernels.sliding(low, kernel_x, terms), node, read)


def _down(low: Lowering, name: str, osc: Oscillators, node: Node, read: Reader, *, by_columns: bool) -> Reader:
    """Stage: sums down the columns."""
    column, block = hl.Var("column"), hl.Var("block")
    planes = [hl.Var("c")] if channel_count(node) > 1 else []
    _, height = low.size(size_of(node))

    def sample(distance: Any, _: Any) -> Any:
        return read(column, block * _STEPS + distance, planes[0] if planes else 0)

    func = _kernel(low, name, osc, sample, [block, column, *planes], height)
    if not by_columns:
        low.record[name].reorder_storage("column", "step", "block", *(var.name() for var in planes))
    return lambda x, y, c: hl.Expr(func[(y % _STEPS, y // _STEPS, x, *([c] if planes else []))])


def _along(low: Lowering, name: str, osc: Oscillators, node: Node, read: Reader) -> Reader:
    """Stage: sums along the rows; of each interleaved channel by a thread of its own."""
    row, block = hl.Var("row"), hl.Var("block")
    planes = [hl.Var("c")] if channel_count(node) > 1 else []
    elements = [hl.Var("element")] if low.variant.mode == "rows" else []
    width, _ = low.size(size_of(node))

    def sample(distance: Any, _: Any) -> Any:
        column = block * _STEPS + distance
        return read(column * low.step + elements[0] if elements else column, row, planes[0] if planes else 0)

    func = _kernel(low, name, osc, sample, [block, row, *elements, *planes], width)
    names = [[var.name() for var in some] for some in (elements, planes)]
    low.record[name].reorder_storage(*names[0], "step", "block", "row", *names[1])
    if elements:
        low.stages.symbols["channels"] = low.step
        low.record[name].bound("element", 0, "channels")

    def reader(x: Any, y: Any, c: Any) -> Any:
        column = x // low.step if elements else x
        element = hl.unsafe_promise_clamped(x - column * low.step, 0, low.step - 1)  # Halide does not see that it is
        rest = [element] if elements else [c] if planes else []
        return hl.Expr(func[(column % _STEPS, column // _STEPS, y, *rest)])

    return reader


def _kernel(low: Lowering, name: str, osc: Oscillators, sample: Sample, loops: Sequence[Any], length: Any) -> hl.Func:
    """Stage: the results of scans, by step and block of steps, then by what threads lie along; the rest are planes."""
    symbol = f"{name}_blocks"
    low.stages.symbols[symbol] = chunk_rows(length, hl.min, hl.max) // _STEPS
    step, start = hl.Var("step"), loops[0] % low.stages.symbols[symbol] == 0
    scan = Scan(low, f"{name}_scan", loops, osc, steps=_STEPS, start=start, vectors=False)
    states = scan.define(sample)
    func = low.stage(name, [step, *loops], states[(scan.result(step), *loops)])

    block, side, *planes = (loop.name() for loop in loops)
    low.in_full(name)
    kernel = low.record[name].bound("step", 0, _STEPS)
    kernel.split(block, "chunk", block, symbol, "RoundUp").split(side, side, "thread", _THREADS, "RoundUp")
    kernel.reorder("step", block, "thread", side, "chunk", *planes).unroll("step")
    kernel.never_partition(block, "thread", side, "chunk", *planes)
    kernel.gpu_blocks(side, "chunk", *planes).gpu_threads("thread")
    low.record[f"{name}_scan"].compute_at(name, block).hoist_storage(name, "thread")
    low.places |= dict.fromkeys((name, f"{name}_scan"), AS_GIVEN)
    return func
