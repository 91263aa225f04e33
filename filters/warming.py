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
_IMAGES = ("guide", "low_source", "low_result")
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


def _calls_of(name: str, function: Callable[..., Any]) -> Iterator[Callable[[], Any]]:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    required = [
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
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
    return ((image, image),) if name in _SEVERAL_IMAGES else _EXAMPLES.get(name) or _BY_SIZE[name]
