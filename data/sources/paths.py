"""Paths that users give."""

from __future__ import annotations

import os

AnyPath = str | os.PathLike[str]


def absolute(path: AnyPath, argument: str) -> str:
    """Give the absolute path, with ``~`` expanded: it must mean the same in workers, which may run elsewhere.

    Raises
    ------
    TypeError
        If it is no path; the message names the argument.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{argument} must be a path, not {type(path).__name__}")
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def existing(path: AnyPath, argument: str) -> str:
    """Give the absolute path of a file or folder that is there.

    Raises
    ------
    FileNotFoundError
        If it is not; the message names the argument and the path.
    """
    found = absolute(path, argument)
    if not os.path.exists(found):
        raise FileNotFoundError(f"{argument}: there is no {found}")
    return found
