"""The programs: one for every kind of image and guides, made where it is asked for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any

import dsl

#: Channels of an image, and what parameters and names call it.
_KINDS: dict[int, tuple[type[dsl.Image], str]] = {1: (dsl.Image, "gray"), 3: (dsl.Color, "color")}


@functools.cache
def program(image: int, guides: tuple[int, ...]) -> dsl.Filter:
    """Give the program for an image and guides of 1 or 3 channels each.

    Its parameters are ``image``, ``guide0``, ``guide1``, ..., ``taps``, ``radius``, and ``scales``: one over the
    standard deviation of each guide's Gaussian.
    """
    kinds: dict[str, Any] = {"image": _KINDS[image][0]}
    kinds |= {f"guide{i}": _KINDS[channels][0] for i, channels in enumerate(guides)}
    kinds |= {"taps": dsl.Table, "radius": dsl.Scalar, "scales": dsl.Table}

    def multilateral(**given: Any) -> dsl.Image:
        found = [given[f"guide{i}"] for i in range(len(guides))]
        return _average(given["image"], found, given["taps"], given["radius"], given["scales"])

    colours = "_".join(_KINDS[channels][1] for channels in guides)
    multilateral.__name__ = multilateral.__qualname__ = f"{_KINDS[image][1]}_by_{colours}"
    multilateral.__doc__ = "Average where all guides are similar."
    _declare(multilateral, kinds)
    return dsl.filter(multilateral)


def _average(
    image: dsl.Image, guides: Sequence[dsl.Image], taps: dsl.Table, radius: dsl.Scalar, scales: dsl.Table
) -> dsl.Image:
    near = dsl.taps(taps, radius)
    distances = [scales[i] * dsl.distance(guide[near], guide, "l2") for i, guide in enumerate(guides)]
    first, *others = (distance * distance for distance in distances)
    return dsl.weighted_mean(image[near], dsl.exp(-0.5 * sum(others, first)))


def _declare(function: Any, kinds: dict[str, Any]) -> None:
    """Give a function of any keywords the parameters that it has."""
    named = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, named, annotation=kind) for name, kind in kinds.items()]
    function.__signature__ = inspect.Signature(parameters, return_annotation=dsl.Image)
    function.__annotations__ = {**kinds, "return": dsl.Image}


def __getattr__(name: str) -> dsl.Filter:
    """Find a program by its name, as pickles do."""
    channels = {word: count for count, (_, word) in _KINDS.items()}
    image, by, guides = name.partition("_by_")
    words = [image, *guides.split("_")]
    if not by or any(word not in channels for word in words):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    first, *others = (channels[word] for word in words)
    return program(first, tuple(others))
