"""Compiling ahead: small calls that ask for the variants which photos will ask for."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from filters.images import Array
from schedules import subjects
from schedules.pictures import picture
from schedules.subjects import Wanted

log = logging.getLogger("halide_filters")

_DTYPES = ("uint8", "float32")
_CHANNELS = (1, 3)
_SIDE = 32
#: Values for the parameters without a default. Several, where they lead to different code.
_EXAMPLES: dict[str, tuple[Any, ...]] = {
    "sigma": (1.0, 10.0),  # sums over a window, then sliding ones
    "sigmas": ((0.5, 1.0, 10.0, 20.0),),
    "radius": (2, 40),
    "sigma_space": (2.0,),
    "sigma_range": (25.0,),
    "strength": (10.0,),
    "eps": (100.0,),
    "kernel": (np.array([0.25, 0.5, 0.25]),),
    "table": (np.linspace(1.0, 0.0, 64),),
    "spatial_kernel": (np.full((3, 3), 1 / 9),),
}
#: Values for parameters with a default that follows the size of the image: those of 0.3 to 17 megapixels; or that have
#: none, but others may be given instead.
_BY_SIZE: dict[str, tuple[Any, ...]] = {"levels": (8, 9, 10), "scale": (4.0,)}
_SMALL_IMAGES, _SMALLER = ("low_source", "low_result"), 4
_IMAGES = ("guide", *_SMALL_IMAGES)
_SEVERAL_IMAGES = ("guides",)


@dataclass(frozen=True)
class Call:
    """A call that makes a filter compile what it has not compiled yet."""

    filter: str
    run: Callable[[], Any]


def calls(filters: Mapping[str, Callable[..., Any]]) -> list[Call]:
    """List the calls that compile filters for 8-bit and float images, gray and colour.

    Parameters
    ----------
    filters : mapping
        Name to filter.
    """
    return [Call(name, call) for name, function in filters.items() for call in _calls_of(name, function)]


def subject(name: str, wanted: Wanted) -> list[subjects.Call] | None:
    """Give the calls of a filter of this package that can be tuned; None if it has none of the name."""
    import filters

    function = getattr(filters, name, None) if name in filters.__all__ else None
    if not isinstance(function, filters.Filter):
        return None
    image = picture(wanted.height, wanted.width, wanted.channels, wanted.dtype)
    small = picture(wanted.height // _SMALLER, wanted.width // _SMALLER, wanted.channels, wanted.dtype)
    parameters = inspect.signature(function).parameters
    if unknown := [each for each in wanted.parameters if each not in parameters]:
        raise ValueError(f"{name} has no parameter {unknown[0]!r}; it has {', '.join(list(parameters)[1:])}")
    given = {each: _read(text) for each, text in wanted.parameters.items()}
    required = [each for each in _required(function) if each not in given]
    found = []
    for options in _options(required, image):
        options |= {each: small for each in _SMALL_IMAGES if each in options}
        told = ", ".join(f"{each}={value}" for each, value in {**options, **given}.items() if np.ndim(value) == 0)
        call = functools.partial(function, image, **options, **given, target=wanted.target)
        found.append(subjects.Call(f"{name}({told})", call))
    return found


def _read(text: str) -> Any:
    """Read a value from a command: a number, numbers with commas between, else a word."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        return text
    whole = [int(number) if number.is_integer() and "." not in text else number for number in numbers]
    return whole[0] if len(whole) == 1 else np.array(whole, dtype=np.float64)


def _required(function: Callable[..., Any]) -> list[str]:
    """Name the parameters beside the image that have no default."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters if p.default is p.empty and p.kind in kinds]


def _calls_of(name: str, function: Callable[..., Any]) -> Iterator[Callable[[], Any]]:
    parameters, required = list(inspect.signature(function).parameters.values())[1:], _required(function)
    unknown = [p for p in required if p not in (*_EXAMPLES, *_IMAGES, *_SEVERAL_IMAGES)]
    if unknown:
        log.warning("%s is not compiled ahead: there is no example for %s", name, ", ".join(unknown))
        return
    for image in _images():
        for options in _options([*required, *(p.name for p in parameters if p.name in _BY_SIZE)], image):
            yield functools.partial(function, image, **options)


def _images() -> Iterator[Array]:
    for dtype in _DTYPES:
        for channels in _CHANNELS:
            shape = (_SIDE, _SIDE) if channels == 1 else (_SIDE, _SIDE, channels)
            yield np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def _options(names: list[str], image: Array) -> list[dict[str, Any]]:
    """Combine the examples of some parameters."""
    found: list[dict[str, Any]] = [{}]
    for name in names:
        values = _values(name, image)
        found = [{**options, name: value} for options in found for value in values]
    return found


def _values(name: str, image: Array) -> tuple[Any, ...]:
    if name in _IMAGES:
        return (image,)
    if name in _SEVERAL_IMAGES:
        return ((image, image),)
    if name not in _EXAMPLES and name not in _BY_SIZE:
        raise ValueError(f"there is no example for {name}: say which value is meant, --set {name}=...")
    return _EXAMPLES.get(name) or _BY_SIZE[name]
