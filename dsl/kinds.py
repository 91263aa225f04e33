"""Programs for images of any kinds: functions of any keywords that are given the parameters that they have."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from dsl.tracing import Filter, filter
from dsl.values import Color, Image, Small, SmallColor

_KINDS: dict[int, tuple[type[Image], str]] = {1: (Image, "gray"), 3: (Color, "color")}
_SMALL: dict[int, type[Image]] = {1: Small, 3: SmallColor}


def kind_of(channels: int, *, small: bool = False) -> type[Image]:
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
) -> Filter:
    """Make a filter of a function of any keywords: of its parameters and their kinds."""
    defaults = defaults or {}
    named = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(key, named, annotation=kind, default=defaults.get(key, inspect.Parameter.empty))
        for key, kind in kinds.items()
    ]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    function.__signature__ = inspect.Signature(parameters, return_annotation=Image)
    function.__annotations__ = {**kinds, "return": Image}
    return filter(function)
