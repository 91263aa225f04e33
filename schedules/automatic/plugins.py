"""Runs an autoscheduler, in a worker: the only module that loads Halide's plug-ins."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schedules import targets
from schedules.apply import apply
from schedules.automatic.dialect import Names, parse
from schedules.errors import ScheduleError
from schedules.native import cache
from schedules.schedule import Op, Schedule

if TYPE_CHECKING:
    from schedules.native.worker import Lowered

#: Sides of the images and entries of the tables that schedules are made for.
_SIDE, _ENTRIES = 1024, 64
#: Numbers are this and up, all different: where terms would cancel, Mullapudi2016 breaks.
_NUMBER = 3.0
#: Small images have half the sides, or less.
_SMALLER = 4
#: Bytes a search may have.
_MEMORY = 6 << 30
#: Facts about the program that its own schedule states.
_FACTS = ("bound", "bound_extent")
#: Loops over pixels. What lies beyond an image can be computed, other coordinates than there are cannot.
_PIXELS = ("x", "y")


def search(lower: Callable[[], Lowered], choices: Schedule, request: Mapping[str, Any]) -> cache.Entry:
    """Find a schedule for the pipeline that a function lowers."""
    lowered = lower()
    if lowered.externs:
        raise ScheduleError(
            f"{', '.join(lowered.externs)} is native code of its own, which autoschedulers know nothing of; "
            "the choice lowering='plain' does without"
        )
    name = request["autoscheduler"]["name"]
    known = names(lowered)  # before the search schedules it: that changes loops
    text, seconds = _text(lowered, request)
    printed = parse(text, known)
    if targets.device(request["target"]) and not any(op.directive.startswith("gpu_") for op in printed):
        raise ScheduleError(f"{name} made a schedule for a CPU, not for a device")
    facts = [op for op in lowered.ops if op.directive in _FACTS]
    ops = _of_any_size([*facts, *_guarded(printed, _inside(lowered.ops))], lower, request["target"])
    found = Schedule(choices.choices, ops, lowered.stages.digest())
    return cache.Entry({"schedule": found.to_json(), "seconds": seconds, "text": text}, ())


def _text(lowered: Lowered, request: Mapping[str, Any]) -> tuple[str, float]:
    """Give what the autoscheduler prints, and the seconds it took."""
    import halide as hl

    given = request["autoscheduler"]
    plugin = os.path.join(hl.install_dir(), "lib64", f"libautoschedule_{given['plugin'].lower()}.so")
    hl.load_plugin(plugin)
    _estimate(lowered)
    _limit_memory()
    parameters = hl.AutoschedulerParams(given["plugin"], given["parameters"])
    start = time.perf_counter()
    found = hl.Pipeline(lowered.outputs).apply_autoscheduler(hl.Target(request["target"]), parameters)
    return found.schedule_source, time.perf_counter() - start


def _limit_memory() -> None:
    """Let a search fail instead of filling the machine's memory."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _estimate(lowered: Lowered) -> None:
    """Say how large images are, and what numbers to expect."""
    import halide as hl

    signature = lowered.signature
    images = [image for image in signature.images if not image.output]
    grids = {id(a): image.grid for a, image in zip(lowered.arguments, images, strict=False)}

    def ranges(dimensions: int, grid: int = 0) -> list[Any]:
        sides = [_SIDE // _SMALLER if grid else _SIDE] * 2
        channels = signature.images[0].layout.channels or 1
        return [hl.Range(0, extent) for extent in [*sides, channels][:dimensions]]

    for i, argument in enumerate(lowered.arguments):
        if not isinstance(argument, hl.ImageParam):
            whole = not argument.type().is_float()  # channels, and the border rule
            argument.set_estimate({"channels": 1}.get(argument.name(), 0) if whole else _NUMBER + i)
        elif argument.dimensions() == 1:
            argument.set_estimates([hl.Range(0, _ENTRIES)])
        else:
            argument.set_estimates(ranges(argument.dimensions(), grids.get(id(argument), 0)))
    for output in lowered.outputs:
        output.set_estimates(ranges(output.dimensions()))


def names(lowered: Lowered) -> Names:
    """Give the names by which a text speaks of a pipeline."""
    import halide as hl

    stages = lowered.stages
    return Names(
        {stage: hl.Func.name(func) for stage, func in stages.funcs.items()},  # which may not be what it was named
        {stage: {loop: var.name() for loop, var in loops.items()} for stage, loops in stages.all_loops().items()},
        [argument.name() for argument in lowered.arguments if isinstance(argument, hl.ImageParam)],
    )


# ------------------------------------------------------------------------- from the size it was made for to any size


def _inside(own: Iterable[Op]) -> set[str]:
    """Name the stages that read nothing beyond their domain, as the program's own schedule knows them."""
    return {op.stage for op in own if op.directive in ("split", "gpu_tile") and "GuardWithIf" in op.arguments}


def _guarded(ops: Iterable[Op], inside: set[str]) -> list[Op]:
    """Let loops end where their domain does, or beyond it where that can be computed, whatever its size.

    Autoschedulers take images to be as large as was estimated, and shift the last tile inwards; what reads through a
    border rule comes out wrong then (Halide 21, vectors of a tile's rows). Loops over pixels are not fused with others,
    for Halide does not see then where those end.
    """
    found = []
    over: dict[str, dict[str, str]] = {}  # of a stage, the loops over pixels: over rows or columns, or "both"
    for op in ops:
        pixels = over.setdefault(op.stage, {loop: loop for loop in _PIXELS})
        if op.directive == "fuse":
            first, second, made = map(str, op.arguments)
            if (first in pixels) != (second in pixels) and made == (first if first in pixels else second):
                continue
            if first in pixels:
                pixels[made] = "both"
        elif op.directive == "split":
            loop, *made_of_it = map(str, op.arguments[:3])
            axis, is_pure = pixels.pop(loop, None), ".update(" not in op.stage
            pixels.update((each, axis) for each in made_of_it if axis)
            beyond = axis in _PIXELS and op.stage not in inside
            if not beyond or is_pure:
                op = replace(op, arguments=(*op.arguments[:4], "RoundUp" if beyond else "GuardWithIf"))
        found.append(op)
    return found


_UNROLLED = re.compile(r"Can only unroll for loops over a constant extent\.\s+Loop over (?P<loop>\S+) has")
_ON_STACK = re.compile(r"allocate (?P<func>\S+?)(\.\d+)?\[(?P<type>\w+?)(?P<bits>\d+)(?P<extents>[^\]]*)\] in Stack")
#: Bytes that a stage may have on the stack of a thread.
_STACK = 64 << 10


def _of_any_size(ops: list[Op], lower: Callable[[], Lowered], target: str) -> list[Op]:
    """Leave out what holds for images of one size alone: loops of a known length, arrays that a stack has room for."""
    import halide as hl

    while any(op.directive in ("unroll", "store_in") for op in ops):
        lowered = lower()
        apply(ops, lowered.stages)
        try:
            stmt = _stmt(lowered, target)
        except hl.HalideError as error:
            match = _UNROLLED.search(str(error))
            if not match:
                raise
            kept = _without_outer(ops)
            if len(kept) == len(ops):
                stage, loop = _stage_and_loop(match["loop"], lowered)
                kept = [op for op in ops if (op.stage, op.directive, op.arguments) != (stage, "unroll", (loop,))]
            if len(kept) == len(ops):
                raise ScheduleError(f"{stage}: the loop {match['loop']} cannot be unrolled") from None
        else:
            large = {_actual(lowered)[match["func"]] for match in _ON_STACK.finditer(stmt) if not _is_small(match)}
            kept = [op for op in ops if not (op.directive == "store_in" and op.stage in large)]
            if len(kept) == len(ops):
                return ops
        ops = kept
    return ops


def _without_outer(ops: Sequence[Op]) -> list[Op]:
    """Leave out the unrolling of loops that are no inner part of a split: few of them have a known length."""
    inner = {(op.stage, op.arguments[2]) for op in ops if op.directive == "split"}
    return [op for op in ops if op.directive != "unroll" or (op.stage, op.arguments[0]) in inner]


def _stmt(lowered: Lowered, target: str) -> str:
    import halide as hl

    with cache.scratch() as folder:
        path = folder / "stmt"
        pipeline, form = hl.Pipeline(lowered.outputs), hl.StmtOutputFormat.Text
        pipeline.compile_to_lowered_stmt(str(path), lowered.arguments, form, hl.Target(target))
        return path.read_text(encoding="utf-8")


def _is_small(allocation: re.Match[str]) -> bool:
    extents = [each.strip() for each in allocation["extents"].split("*")[1:]]
    if not all(each.isdigit() for each in extents):
        return False
    return math.prod(map(int, extents)) * int(allocation["bits"]) <= 8 * _STACK


def _actual(lowered: Lowered) -> dict[str, str]:
    """Give our names of stages by Halide's."""
    import halide as hl

    return {hl.Func.name(func): stage for stage, func in lowered.stages.funcs.items()}


def _stage_and_loop(name: str, lowered: Lowered) -> tuple[str, str]:
    """Read the name of a loop nest, ``blur.s1.x.xi``: stage 1 of blur is its first update."""
    actual = _actual(lowered)
    match = re.fullmatch(r"(?P<func>.+?)\.s(?P<stage>\d+)\.(?P<loops>.+)", name)
    if not match or match["func"] not in actual:
        raise ScheduleError(f"no loop of the pipeline is called {name}")
    stage, index = actual[match["func"]], int(match["stage"])
    loop = match["loops"].rpartition(".")[2]
    ours = {var.name(): own for own, var in lowered.stages.all_loops()[stage].items()}
    return stage if index == 0 else f"{stage}.update({index - 1})", ours.get(loop, loop)
