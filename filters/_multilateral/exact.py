"""The programs: one for every kind of image and guides, made where it is asked for."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import dsl
from dsl.kinds import channels_of, declare, kind_of, word


@functools.cache
def program(image: int, guides: tuple[int, ...]) -> dsl.Filter:
    """Give the program for an image and guides of 1 or 3 channels each.

    Its parameters are ``image``, ``guide0``, ``guide1``, ..., ``taps``, ``radius``, and ``scales``: one over the
    standard deviation of each guide's Gaussian.
    """
    kinds: dict[str, Any] = {"image": kind_of(image)}
    kinds |= {f"guide{i}": kind_of(channels) for i, channels in enumerate(guides)}
    kinds |= {"taps": dsl.Table, "radius": dsl.Scalar, "scales": dsl.Table}

    def multilateral(**given: Any) -> dsl.Image:
        found = [given[f"guide{i}"] for i in range(len(guides))]
        return _average(given["image"], found, given["taps"], given["radius"], given["scales"])

    name = f"{word(image)}_by_{'_'.join(map(word, guides))}"
    return declare(multilateral, name, "Average where all guides are similar.", kinds)


def _average(
    image: dsl.Image, guides: Sequence[dsl.Image], taps: dsl.Table, radius: dsl.Scalar, scales: dsl.Table
) -> dsl.Image:
    near = dsl.taps(taps, radius)
    distances = [scales[i] * dsl.distance(guide[near], guide, "l2") for i, guide in enumerate(guides)]
    first, *others = (distance * distance for distance in distances)
    return dsl.weighted_mean(image[near], dsl.exp(-0.5 * sum(others, first)))


def __getattr__(name: str) -> dsl.Filter:
    """Find a program by its name, as pickles do."""
    image, by, guides = name.partition("_by_")
    first, *others = (channels_of(word) for word in [image, *guides.split("_")])
    if not by or not all((first, *others)):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return program(first, tuple(others))
