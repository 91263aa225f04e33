"""Schedules for devices (GPUs), made from those for CPUs: what was a loop over pixels becomes blocks of threads.

Stages that a CPU computes in full, or row by row inside another one, a device computes in full: a kernel each, a thread
for every pixel. Sums that a CPU keeps in registers are kept in the registers of the thread that uses them. What a CPU
computes where it is read, so does a device. Stages of one dimension, indices and weights, are made by the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from schedules.apply import Stages
from schedules.schedule import Op, Recorder

#: Threads of a block, along rows and down columns.
THREADS = (32, 8)
#: Memory of sums that stay in registers, in the words of CPU schedules.
_REGISTERS = "Stack"


def for_device(ops: Iterable[Op], stages: Stages) -> list[Op]:
    """Give the ops of a schedule for a device, of those of a schedule for a CPU."""
    given = list(ops)
    record = Recorder()
    in_threads = {op.stage for op in given if op.directive == "store_in" and op.arguments == (_REGISTERS,)}
    places = {op.stage: op.arguments for op in given if op.directive in ("compute_root", "compute_at")}
    last = next(reversed(stages.funcs))
    for name in stages.funcs:
        place = places.get(name)
        if place and name in in_threads:
            record[name].compute_at(place[0], "xi")
            continue
        if place is None and name != last:
            continue
        if name != last:
            record[name].compute_root()
        for kept in (op for op in given if op.stage == name and op.directive in ("bound", "reorder_storage")):
            record.add(kept)
        _in_threads(record, name, stages, unrolled=Op(name, "unroll", ("c",)) in given)
    return record.ops


def _in_threads(record: Recorder, name: str, stages: Stages, *, unrolled: bool) -> None:
    """Let a thread compute each pixel of a stage, all of its channels."""
    func = stages.funcs[name]
    if not {"x", "y"} <= set(stages.loops[name]):
        return
    definitions = [(record[name], [str(each) for each in func.args()])]
    for i in range(func.num_update_definitions()):
        definitions.append((record[name].update(i), [str(each) for each in func.update_args(i)]))
    for each, places in definitions:
        free = [loop for loop in stages.loops[name] if loop in places]
        over = [loop for loop in ("x", "y") if loop in free]
        within = [loop for loop in free if loop not in over]
        if over == ["x", "y"]:
            each.gpu_tile("x", "y", "xi", "yi", *THREADS, "GuardWithIf").reorder(*within, "xi", "yi", "x", "y")
        elif over:  # the columns of an edge, say
            (loop,) = over
            each.split(loop, loop, "xi", math.prod(THREADS), "GuardWithIf").reorder(*within, "xi", loop)
            each.gpu_blocks(loop).gpu_threads("xi")
        if over:  # threads at a border branch: code for the inside alone would only be one more
            each.never_partition(*(["xi", "yi", "x", "y"] if len(over) > 1 else ["xi", *over]))
        if unrolled and "c" in within:
            each.unroll("c")
