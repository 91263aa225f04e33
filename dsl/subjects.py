"""The filters of a script as what can be tuned: ``SCRIPT.py`` or ``SCRIPT.py:FILTER``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from dsl.tracing import Filter, Parameter
from dsl.values import Image, Scalar, Small, Table
from schedules.pictures import picture
from schedules.subjects import Call, Wanted

#: Values of what has no default: a number, entries of a table, and by how much small images are smaller.
_NUMBER, _TABLE, _SMALLER = 3.0, [0.25, 0.5, 0.25], 4


def of_script(name: str, wanted: Wanted) -> list[Call] | None:
    """Give the calls of a script's filters, or of the one after a colon; None if the name is no script's."""
    path, _, only = name.partition(":")
    if not path.endswith(".py"):
        return None
    from dsl.commands import load

    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    found = load(Path(path))
    if only and only not in found:
        raise ValueError(f"{path} defines no filter {only}; it has {', '.join(found) or 'none'}")
    return [_call(each, wanted) for each in found.values() if only in ("", each.__name__)]


def _call(chosen: Filter, wanted: Wanted) -> Call:
    known = {parameter.name: parameter for parameter in chosen.parameters}
    if unknown := [name for name in wanted.parameters if name not in known]:
        raise ValueError(f"{chosen.__name__} has no parameter {unknown[0]!r}; it has {', '.join(known)}")
    values = {name: _value(each, wanted) for name, each in known.items()}
    return Call(chosen.__name__, lambda: chosen(**values, target=wanted.target))


def _value(parameter: Parameter, wanted: Wanted) -> Any:
    if issubclass(parameter.kind, Image):
        part = _SMALLER if issubclass(parameter.kind, Small) else 1
        return picture(wanted.height // part, wanted.width // part, wanted.channels, wanted.dtype)
    given = wanted.parameters.get(parameter.name)
    if given is not None:
        from dsl.commands import value

        return value(parameter, given)
    examples = {Scalar: _NUMBER, Table: _TABLE}
    if parameter.default is not inspect.Parameter.empty:
        return parameter.default
    return examples[parameter.kind] if parameter.kind in examples else parameter.kind()
