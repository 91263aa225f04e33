"""The decomposition in the language: a base filter along the first guide, run at levels of what other guides hold."""

from __future__ import annotations

import functools
from typing import Any, Literal

import dsl
from dsl.kinds import declare, kind_of, word
from filters._guided.programs import Base, doubled, guided_by, halved, means_over

BaseName = Literal["joint_bilateral", "gaussian", "guided"]
BASES: tuple[BaseName, ...] = ("joint_bilateral", "gaussian", "guided")


@functools.cache
def program(base: BaseName, image: int, guide: int, coordinates: int) -> dsl.Filter:
    """Give the program for an image of 1 or 3 channels, a first guide of so many, and so many coordinates of others.

    Its parameters are ``image``, ``guide`` (but with the Gaussian base), ``coordinate0``, ...; those of the base:
    ``taps`` and ``radius``, or ``radius`` and ``eps``; ``middles``, which are subtracted from image and guide first;
    ``scales`` of the Gaussians, first that of the guide; and tables of levels.
    """
    names = [f"coordinate{i}" for i in range(coordinates)]
    tables = [f"levels{i}" for i in range(coordinates)]
    kinds: dict[str, Any] = {"image": kind_of(image)}
    kinds |= {} if base == "gaussian" else {"guide": kind_of(guide)}
    kinds |= dict.fromkeys(names, dsl.Image)
    kinds |= (
        {"radius": dsl.Scalar, "eps": dsl.Scalar} if base == "guided" else {"radius": dsl.Scalar, "taps": dsl.Table}
    )
    kinds |= {"middles": dsl.Table, "scales": dsl.Table, **dict.fromkeys(tables, dsl.Table)}
    kinds |= {"halvings": int} if base == "gaussian" else {}

    def decomposed(**given: Any) -> dsl.Image:
        middle = given["middles"][0]
        if not names:  # of one guide alone the base is left
            return middle + _base(base, given)(given["image"] - middle)  # type: ignore[no-any-return]
        found = dsl.decompose(
            _base(base, given),
            given["image"] - middle,
            [given[name] for name in names],
            [given["scales"][1 + i] for i in range(coordinates)],
            [given[name] for name in tables],
        )
        return middle + found  # type: ignore[no-any-return]

    by = f"_by_{word(guide)}" if base != "gaussian" else ""
    name = f"{base}_{word(image)}{by}_at_{coordinates}_levels"
    return declare(decomposed, name, "A base filter, extended by guides.", kinds, {"halvings": 0})


def _base(base: BaseName, given: dict[str, Any]) -> Base:
    if base == "guided":
        guide = given["guide"] - given["middles"][1]
        return guided_by(guide, given["eps"], means_over("box", given["radius"], together=False))
    near = dsl.taps(given["taps"], given["radius"])
    if base == "gaussian":
        return functools.partial(_gaussian, near=near, halvings=given["halvings"])
    guide, scale = given["guide"], given["scales"][0]
    distance = scale * dsl.distance(guide[near], guide, "l2")
    return lambda image: dsl.weighted_mean(image[near], dsl.exp(-0.5 * distance * distance))


def _gaussian(image: dsl.Image, near: dsl.Taps, halvings: int) -> dsl.Image:
    """Average by the weights of places alone, of an image that was halved so often."""
    return doubled(dsl.weighted_mean(halved(image, halvings)[near]), image, halvings)


def __getattr__(name: str) -> dsl.Filter:
    """Find a program by its name, as pickles do."""
    for base in BASES:
        for image in (1, 3):
            for guide in (1, 3):
                for coordinates in range(10):
                    found = program(base, image, guide, coordinates)
                    if found.__name__ == name:
                        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
