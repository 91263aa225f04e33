"""What the command lines of all packages share: errors on one line, and what is logged."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("halide_filters")


def one_line(error: Exception) -> str:
    """Give the first line of what an error says, with its name where the line alone would mean little."""
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    known = isinstance(error, (ImportError, OSError, TypeError, ValueError, RuntimeError)) and text
    return text if known else f"{type(error).__name__}: {text}"


class _Lines(logging.Handler):
    """Shows what is logged, such as the compilation of a kernel, as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        print(prefix + record.getMessage(), file=sys.stderr, flush=True)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Show what the packages log from a level on."""
    if not any(isinstance(handler, _Lines) for handler in log.handlers):
        log.addHandler(_Lines())
        log.propagate = False
    log.setLevel(level)
