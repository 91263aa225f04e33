"""Mistakes in a DSL script, told in the script's terms."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PACKAGE = str(Path(__file__).parent) + os.sep


def caller() -> tuple[str, int]:
    """Find the line of the script that is being traced: the nearest frame outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class DSLError(TypeError, ValueError):
    """A script that says something the language does not have.

    Parameters
    ----------
    message : str
        What came and what was expected.
    where : (str, int), optional
        File and line; by default the line being traced. No file for a program that was not traced.
    """

    def __init__(self, message: str, where: tuple[str, int] | None = None) -> None:
        self.message = message
        self.filename, self.lineno = where or caller()
        super().__init__(f"{self.filename}:{self.lineno}: {message}" if self.filename else message)
