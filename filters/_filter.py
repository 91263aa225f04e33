"""What every public filter is: a function with a signature, and the DSL program behind it."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dsl


class Filter:
    """A filter: called like a function, and built, printed and measured like a DSL filter.

    Pickles by name. ``inspect.signature``, ``help`` and doctest see the function.

    Attributes
    ----------
    several : str or None
        The argument that has an entry for each result, of a filter that returns a tuple.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        program: dsl.Filter,
        color_program: dsl.Filter | None,
        several: str | None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.__name__: str = function.__name__
        self.__signature__ = inspect.signature(function)
        self._function = function
        self._program, self._color_program = program, color_program
        self.several = several

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Filter an image."""
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<filter {self.__name__}{self.__signature__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _by_name, (self.__name__,)

    def source(self, **structural: Any) -> str:
        """Print the program of the filter: one node a line."""
        return self._program.source(**structural)

    def halo(self, **parameters: Any) -> tuple[int, int]:
        """Tell how far a pixel of the result sees, in rows and columns, for the program's parameters."""
        return self._program.halo(**parameters)

    def build(self, directory: str | Path, **options: Any) -> dict[str, Path]:
        """Build a native library of the filter: shared and static, an object and a C header.

        Parameters
        ----------
        directory : path
            Where to put it; made if it is not there.
        **options
            ``dtype``, ``channels``, ``target``, ``schedule``, ``name``, and the program's structural parameters. A
            filter that tells colours apart takes ``color="separate"`` too, to filter one channel a call instead.

        Returns
        -------
        dict
            ``"header"``, ``"object"``, ``"static"`` and, where there is a linker, ``"shared"``: the files.
        """
        program = self._program
        if self._color_program is not None:
            by_luminance = options.pop("color", "luminance") == "luminance"
            program = self._color_program if by_luminance and options.get("channels", 1) >= 3 else program
        return program.build(directory, **{"name": self.__name__, **options})


def public(
    program: dsl.Filter, color_program: dsl.Filter | None = None, *, several: str | None = None
) -> Callable[[Callable[..., Any]], Filter]:
    """Make a public filter of a function: a decorator that says which program is behind it.

    ``color_program`` is the one for images whose channels are told apart, if there is another; ``several`` names the
    argument that has an entry for each result, if the filter returns a tuple.
    """
    return lambda function: Filter(function, program, color_program, several)


def _by_name(name: str) -> Any:
    return getattr(importlib.import_module("filters"), name)
