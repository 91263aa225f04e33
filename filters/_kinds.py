"""Programs for images of any kinds: functions of any keywords that are given the parameters that they have."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import dsl

_KINDS: dict[int, tuple[type[dsl.Image], str]] = {1: (dsl.Image, "gray"), 3: (dsl.Color, "color")}
_SMALL: dict[int, type[dsl.Image]] = {1: dsl.Small, 3: dsl.SmallColor}


def kind_of(channels: int, *, small: bool = False) -> type[dsl.Image]:
    """Give the annotation of an image of so many channels."""
    return _SMALL[channels] if small else _KINDS[channels][0]


def word(channels: int) -> str:
    """Name an image of so many channels."""
    return _KINDS[channels][1]


def channels_of(name: str) -> int:
    """Give the channels of an image that is so named; 0 if none is."""
    return next((channels for channels, (_, known) in _KINDS.items() if known == name), 0)


def declare(
    function: Any, name: str, doc: str, kinds: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> dsl.Filter:
    """Make a filter of a function of any keywords: of its parameters and their kinds."""
    defaults = defaults or {}
    named = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(key, named, annotation=kind, default=defaults.get(key, inspect.Parameter.empty))
        for key, kind in kinds.items()
    ]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    function.__signature__ = inspect.Signature(parameters, return_annotation=dsl.Image)
    function.__annotations__ = {**kinds, "return": dsl.Image}
    return dsl.filter(function)
