"""Kernels as they are named on a command line: files, functions in a user's file, and some built-in ones."""

from __future__ import annotations

import math
import os
import runpy
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl import fitting
from dsl.lowering.radius import MAX

Array = NDArray[np.float64]


class RefusedError(ValueError):
    """An argument that cannot be used; the message names it, what came and what is accepted."""


class ScriptError(RuntimeError):
    """A mistake in the user's own file, told with its line."""


@dataclass(frozen=True)
class _BuiltIn:
    """A kernel with parameters; it reaches ``reach`` times the first of them."""

    parameters: tuple[str, ...]
    reach: int
    weights: Callable[..., Array]


def _normalized(weights: Array) -> Array:
    normalized: Array = weights / weights.sum()
    return normalized


def _gaussian(r: Array, sigma: float) -> Array:
    return _normalized(np.exp(-((r / sigma) ** 2) / 2))


_BUILT_IN = {
    "gaussian": _BuiltIn(("SIGMA",), 7, _gaussian),
    "box": _BuiltIn(("RADIUS",), 1, lambda r, radius: _normalized((abs(r) <= radius) * 1.0)),
    "derivative": _BuiltIn(("SIGMA",), 7, lambda r, sigma: -r / sigma**2 * _gaussian(r, sigma)),
    "gabor": _BuiltIn(
        ("SIGMA", "WAVELENGTH"),
        7,
        lambda r, sigma, wavelength: _gaussian(r, sigma) * np.cos(2 * np.pi / wavelength * r),
    ),
    "exponential": _BuiltIn(("LENGTH",), 30, lambda r, length: _normalized(np.exp(-abs(r) / length))),
}
_FORMS = [f"{name}:{','.join(built_in.parameters)}" for name, built_in in _BUILT_IN.items()]
ACCEPTED = f"FILE.py:NAME, FILE.npy, FILE.txt, FILE.csv, {', '.join(_FORMS[:-1])} or {_FORMS[-1]}"


def read(text: str, *, radius: int | None = None) -> Array:
    """Give the weights that a text on the command line stands for, r = 0 in the middle.

    Parameters
    ----------
    text : str
        A file with numbers, a function or an array in a Python file, or a built-in kernel.
    radius : int, optional
        Where a function ends; by default where it has decayed.

    Raises
    ------
    RefusedError, ScriptError
        If there is no such kernel, or none that could be fitted.
    """
    if radius is not None and not 0 <= radius <= MAX:
        raise RefusedError(f"--radius must be from 0 to {MAX}, not {radius}")
    path, colon, name = text.rpartition(":")
    kind, _, parameters = text.partition(":")
    if Path(text).suffix.lower() in (".npy", ".txt", ".csv"):
        found = _numbers_of(text)
    elif colon and path.lower().endswith(".py"):
        found = _object_of(text, path, name)
    elif kind in _BUILT_IN:
        return _checked(text, _built_in(text, kind, parameters, radius))
    else:
        raise RefusedError(f"KERNEL takes {ACCEPTED}, not {text!r}")
    if callable(found):
        try:
            found = fitting.sampled(found, radius=radius)
        except Exception as error:
            raise _blamed(text, path, error) from error
    elif radius is not None:
        raise RefusedError(f"--radius is for functions, and KERNEL {text} is an array; leave out --radius {radius}")
    return _checked(text, found)


def _numbers_of(text: str) -> Any:
    path = Path(text)
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, allow_pickle=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty file: refused later, as an array without weights
            return np.loadtxt(path, np.float64, delimiter="," if path.suffix.lower() == ".csv" else None, ndmin=1)
    except (OSError, EOFError, ValueError) as error:
        raise RefusedError(f"KERNEL {text}: {getattr(error, 'strerror', None) or error}") from None


def _object_of(text: str, path: str, name: str) -> Any:
    """Run a Python file and give what has a name in it."""
    if not Path(path).is_file():
        raise RefusedError(f"KERNEL {text}: there is no file {path}")
    folder = str(Path(path).resolve().parent)
    if folder not in sys.path:  # as for a script that is run by Python
        sys.path.insert(0, folder)
    try:
        names = runpy.run_path(path)
    except (Exception, SystemExit) as error:
        raise _blamed(text, path, error) from error
    if name not in names:
        others = ", ".join(other for other in names if not other.startswith("_")) or "nothing"
        raise RefusedError(f"KERNEL {text}: {path} defines no {name!r}, but {others}")
    return names[name]


def _blamed(text: str, path: str, error: BaseException) -> Exception:
    """Tell an error at the line of the user's file that it comes from, if it comes from there."""
    if isinstance(error, SyntaxError) and error.filename:
        return ScriptError(f"{error.filename}:{error.lineno}: {error.msg}")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if os.path.abspath(frame.filename) == os.path.abspath(path)]
    if lines:
        return ScriptError(f"{path}:{lines[-1]}: {type(error).__name__}: {error}")
    return RefusedError(f"KERNEL {text}: {error}")


def _built_in(text: str, kind: str, parameters: str, radius: int | None) -> Array:
    built_in = _BUILT_IN[kind]
    most = MAX // built_in.reach
    try:
        values = [float(word) for word in parameters.split(",")]
    except ValueError:
        values = []
    fits = len(values) == len(built_in.parameters) and all(0 < value < math.inf for value in values)
    if not fits or values[0] > most:
        form = f"{kind}:{','.join(built_in.parameters)}"
        count = "a number" if len(built_in.parameters) == 1 else f"{len(built_in.parameters)} numbers"
        limit = f"{built_in.parameters[0]} at most {most}"
        raise RefusedError(f"KERNEL {form} takes {count} above 0, {limit}, not {text!r}")
    reach = math.ceil(built_in.reach * values[0]) if radius is None else radius
    with np.errstate(all="ignore"):  # what overflows for tiny parameters is worth 0
        return built_in.weights(np.arange(-reach, reach + 1.0), *values)


def _checked(text: str, values: Any) -> Array:
    """Give weights as float64, or say why they cannot be fitted."""
    try:
        with np.errstate(all="ignore"):
            fitting.fit(values, 1)
            kernel: Array = np.asarray(values).astype(np.float64)
            energy = float(kernel @ kernel)
    except (TypeError, ValueError) as error:
        raise RefusedError(f"KERNEL {text}: {error}") from None
    if not sys.float_info.min < energy < math.inf:
        largest = np.abs(kernel).max()
        raise RefusedError(
            f"KERNEL {text}: the sum of squared weights must be finite and above 0; the largest is {largest}"
        )
    return kernel
