"""The scheduling layer: targets, schedules as data, the road from a lowered pipeline to native code.

This package knows no language and no filter: whoever has a Halide pipeline names a function that lowers it
(see :mod:`schedules.native.worker`) and gets a cached, callable kernel.
"""

from schedules.errors import CacheError, CompileError, NativeError, ScheduleError, TargetError
from schedules.options import config, threads
from schedules.schedule import Op, Schedule

__all__ = [
    "CacheError",
    "CompileError",
    "NativeError",
    "Op",
    "Schedule",
    "ScheduleError",
    "TargetError",
    "config",
    "threads",
]
