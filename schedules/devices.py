"""Schedules for devices (GPUs), made from those for CPUs: what was a loop over pixels becomes blocks of threads.

Stages that a CPU computes in full, or row by row inside another one, a device computes in full: a kernel each, a thread
for every pixel. A lowering may say of a stage that it has another place (:data:`INLINE`, :data:`SHARED`,
:data:`THREAD`). Sums that a CPU keeps in registers are kept in those of the thread that uses them. What a CPU computes
where it is read, so does a device. Stages of one dimension, indices and weights, are made by the CPU; it also goes
through levels, each of which is some kernels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schedules.apply import Stages
from schedules.schedule import Argument, Op, Recorder

#: Places of stages: where they are read; once for a block of threads, in its shared memory; by the thread that reads;
#: and as their ops say, which are for devices already.
INLINE, SHARED, THREAD, AS_GIVEN = "inline", "shared", "thread", "as given"
#: Threads of a block, along rows and down columns.
THREADS = (32, 8)
#: Memory of sums that stay in registers, in the words of CPU schedules.
_REGISTERS = "Stack"
#: Loops over pixels, along rows and down columns: of images, and of tables of small pixels.
_PIXELS = (("x", "y"), ("column", "row"))
#: What is said of a stage's memory holds on devices, too.
_OF_MEMORY = ("bound", "reorder_storage")
#: The loop that the CPU goes through, starting kernels.
_LEVELS = "level"


def for_device(ops: Iterable[Op], stages: Stages, places: Mapping[str, str]) -> list[Op]:
    """Give the ops of a schedule for a device, of those of a schedule for a CPU.

    ``places`` are those of some stages; one in shared memory, or of a thread, a CPU computes within what reads it.
    """
    given = list(ops)
    registers = {op.stage: THREAD for op in given if op.directive == "store_in" and op.arguments == (_REGISTERS,)}
    within = {op.stage: op.arguments for op in given if op.directive in ("compute_root", "compute_at")}
    return _Devices(given, stages, {**registers, **places}, within, Recorder()).ops()


@dataclass(frozen=True)
class _Devices:
    """What is known of the schedule for a CPU, and what is recorded of that for a device."""

    given: list[Op]
    stages: Stages
    places: Mapping[str, str]
    within: Mapping[str, tuple[Argument, ...]]  # stage -> the stage and its loop that a CPU computes it in; or nothing
    record: Recorder

    def ops(self) -> list[Op]:
        last = next(reversed(self.stages.funcs))
        for name in self.stages.funcs:
            place = self.places.get(name)
            if place == INLINE or (name not in self.within and name != last):
                continue
            if place == THREAD:
                user, loop = map(str, self.within[name])
                self.record[name].compute_at(user, "xi" if loop in itertools.chain(*_PIXELS) else loop)
                continue
            for op in self.given:
                if op.stage.partition(".update(")[0] == name and (place == AS_GIVEN or op.directive in _OF_MEMORY):
                    self.record.add(op)
            if place == AS_GIVEN:
                continue
            if place == SHARED:
                self.record[name].compute_at(str(self.within[name][0]), "x")
                self._by_block(name)
                continue
            level = self._level(name)
            if level is not None:
                self.record[name].compute_at(level, _LEVELS)
            elif name != last:
                self.record[name].compute_root()
            self._in_threads(name)
        return self.record.ops

    def _level(self, name: str) -> str | None:
        """Name the stage in whose loop over levels one that varies over them is computed."""
        varies = _LEVELS in self.stages.loops[name]
        while varies and len(self.within.get(name, ())) == 2:
            name, loop = map(str, self.within[name])
            if loop == _LEVELS:
                return name
        return None

    def _is_unrolled(self, name: str) -> bool:
        return Op(name, "unroll", ("c",)) in self.given

    def _by_planes(self, name: str) -> bool:
        """Tell whether each channel of a stage has blocks of its own: those of what is in shared memory fill it."""
        shared = (each for each, place in self.places.items() if place == SHARED)
        inner = (each for each in shared if self.within.get(each, ())[:1] == (name,))
        return not self._is_unrolled(name) and any("c" in self.stages.loops[each] for each in inner)

    def _in_threads(self, name: str) -> None:
        """Let a thread compute each pixel of a stage, all of its channels unless they have blocks of their own."""
        func, loops = self.stages.funcs[name], self.stages.loops[name]
        pixels = next((each for each in _PIXELS if {*each} <= set(loops)), None)
        if pixels is None:
            return
        self._tile(name, pixels, [str(each) for each in func.args()], [])
        for i in range(func.num_update_definitions()):
            # An update's own loops are those that it writes by their names: as an expression a name prints otherwise.
            pairs = zip(func.args(), func.update_args(i), strict=True)
            free = [pure.name() for pure, written in pairs if str(written) == str(type(written)(pure))]
            self._tile(f"{name}.update({i})", pixels, free, [each for each in loops if each == _LEVELS])

    def _tile(self, definition: str, pixels: tuple[str, str], free: list[str], reduced: list[str]) -> None:
        """Split a definition's loops over pixels into blocks of threads, around what is left but for levels."""
        name, loops = definition.partition(".update(")[0], self.record[definition]
        found = [loop for loop in self.stages.loops[name] if loop in free]
        planes = ["c"] if "c" in found and self._by_planes(name) else []
        within = [loop for loop in found if loop not in (*pixels, *planes)]
        outside = [loop for loop in reduced if loop not in free]
        if {*pixels} <= {*found}:
            x, y = pixels
            loops.gpu_tile(x, y, "xi", "yi", *THREADS, "GuardWithIf")
            loops.reorder(*within, "xi", "yi", x, y, *planes, *outside)
            if planes:
                loops.gpu_blocks(*planes)
            # Threads at a border branch: code for the inside alone would only be one more.
            loops.never_partition("xi", "yi", x, y)
        if self._is_unrolled(name) and "c" in within:
            loops.unroll("c")

    def _by_block(self, name: str) -> None:
        """Let the threads of a block compute the part of a stage that they read, as many pixels at a time as they are.

        Those of each channel one after another, unless all are made of the same.
        """
        x, y = THREADS
        loops = self.record[name].split("x", "x", "xi", x, "GuardWithIf").split("y", "y", "yi", y, "GuardWithIf")
        planes, unrolled = ["c"] if "c" in self.stages.loops[name] else [], self._is_unrolled(name)
        loops.reorder(*(planes if unrolled else []), "xi", "yi", "x", "y", *([] if unrolled else planes))
        loops.gpu_threads("xi", "yi").never_partition("x", "y", "xi", "yi")
        if unrolled:
            loops.unroll("c")
