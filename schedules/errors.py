"""What can go wrong below the language: targets, schedules, compilation, native code, the cache."""


class TargetError(ValueError):
    """A target string that names no machine, or one that this machine cannot run."""


class ScheduleError(ValueError):
    """A schedule that does not fit the pipeline it is applied to."""


class CompileError(RuntimeError):
    """A program that could not be turned into native code."""


class NativeError(RuntimeError):
    """An error that native code reported while it ran, with Halide's text."""


class CacheError(RuntimeError):
    """A cache directory that must not be trusted."""
