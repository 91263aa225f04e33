"""Runs an autoscheduler, in a worker: the only module that loads Halide's plug-ins."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
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
    known = names(lowered)  # before the search schedules it: that changes loops
    text, seconds = _text(lowered, request)
    printed = parse(text, known)
    if targets.device(request["target"]) and not any(op.directive.startswith("gpu_") for op in printed):
        raise ScheduleError(f"{request['autoscheduler']['name']} made a schedule for a CPU, not for a device")
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
    )


# ------------------------------------------------------------------------- from the size it was made for to any size


def _inside(own: Iterable[Op]) -> set[str]:
    """Name the stages that read nothing beyond their domain, as the program's own schedule knows them."""
    return {op.stage for op in own if op.directive == "split" and "GuardWithIf" in op.arguments}


def _guarded(ops: Iterable[Op], inside: set[str]) -> list[Op]:
    """Let loops end where their domain does, whatever its size, where nothing beyond can be computed.

    Autoschedulers take images to be as large as was estimated, and shift the last tile inwards or round up. Loops over
    pixels are not fused with others, for Halide does not see then where those end.
    """
    found = []
    pixels: dict[str, set[str]] = {}  # of a stage, the loops that go over pixels
    for op in ops:
        known = pixels.setdefault(op.stage, set(_PIXELS))
        if op.directive == "fuse":
            first, second, made = map(str, op.arguments)
            if (first in known) != (second in known) and made == (first if first in known else second):
                continue
            pixels[op.stage] = known | {made} if {first, second} <= known else known - {made}
        if op.directive == "split":
            loop, *made_of_it = map(str, op.arguments[:3])
            pixels[op.stage] = known.union(made_of_it) if loop in known else known.difference(made_of_it)
            if op.stage in inside or loop not in known:
                op = replace(op, arguments=(*op.arguments[:4], "GuardWithIf"))
        found.append(op)
    return found


_UNROLLED = re.compile(r"Can only unroll for loops over a constant extent\.\s+Loop over (?P<loop>\S+) has")


def _of_any_size(ops: list[Op], lower: Callable[[], Lowered], target: str) -> list[Op]:
    """Leave out the unrolling of loops whose length follows the size of the image."""
    import halide as hl

    while True:
        lowered = lower()
        apply(ops, lowered.stages)
        try:
            with cache.scratch() as folder:
                path, form = str(folder / "stmt"), hl.StmtOutputFormat.Text
                hl.Pipeline(lowered.outputs).compile_to_lowered_stmt(path, lowered.arguments, form, hl.Target(target))
            return ops
        except hl.HalideError as error:
            match = _UNROLLED.search(str(error))
            if not match:
                raise
        stage, loop = _stage_and_loop(match["loop"], lowered)
        kept = [op for op in ops if not (op.directive == "unroll" and op.stage == stage and op.arguments == (loop,))]
        if len(kept) == len(ops):
            raise ScheduleError(f"{stage}: the loop {match['loop']} cannot be unrolled")
        ops = kept


def _stage_and_loop(name: str, lowered: Lowered) -> tuple[str, str]:
    """Read the name of a loop nest, ``blur.s1.x.xi``: stage 1 of blur is its first update."""
    import halide as hl

    actual = {hl.Func.name(func): stage for stage, func in lowered.stages.funcs.items()}
    match = re.fullmatch(r"(?P<func>.+?)\.s(?P<stage>\d+)\.(?P<loops>.+)", name)
    if not match or match["func"] not in actual:
        raise ScheduleError(f"no loop of the pipeline is called {name}")
    stage, index = actual[match["func"]], int(match["stage"])
    loop = match["loops"].rpartition(".")[2]
    ours = {var.name(): own for own, var in lowered.stages.all_loops()[stage].items()}
    return stage if index == 0 else f"{stage}.update({index - 1})", ours.get(loop, loop)
