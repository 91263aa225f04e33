"""Averages by two guides, by the number of levels of the second; OpenCV's by one guide beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

import filters
from bench.suites.contenders import contests_of, numba, opencv, ours, works
from bench.suites.contest import Array, Contender, Contest, Entry, Scale
from bench.suites.pictures import guide_of
from filters import reference

_SIGMA = 30.0
_KINDS = (("uint8", 1), ("float32", 1))


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the radius."""
    return contests_of(
        works(
            "multilateral", scale, "radius", (3, 6), 6, swept=_KINDS, others=(),
            sample_shape=(192, 256), sigma_range=_SIGMA,
        ),
        scale,
        lambda work: _contenders(work.parameters["radius"]),
        lambda work: lambda image: reference.multilateral(
            image, _given(image)[1], **_options(work.parameters["radius"])
        ),
        lambda work: work.parameters["radius"],
    )  # fmt: skip


def test_multilateral(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _options(radius: int) -> dict[str, Any]:
    return {"radius": radius, "sigma_space": radius / 1.5, "sigma_range": _SIGMA}


def _given(image: Array) -> tuple[Array, list[Array]]:
    """Give the image and two guides: its brightness turned over, and that of the picture upside down."""
    guide = guide_of(image)
    return image, [guide, np.ascontiguousarray(guide[::-1])]


def _in_a_row(image: Array) -> tuple[Array, ...]:
    image, guides = _given(image)
    return image, *guides


def _contenders(radius: int) -> Iterator[Contender]:
    options = _options(radius)
    yield ours("exact", filters.multilateral, make=_given, method="exact", **options)
    for levels in (4, 8, 16):
        yield ours(
            f"{levels} levels",
            filters.multilateral,
            make=_given,
            method="decomposed",
            guide_levels=levels,
            most=1 if levels < 16 else 0.3,
            **options,
        )
    yield opencv(
        "ximgproc.jointBilateralFilter, one guide",
        lambda given, out: cv2.ximgproc.jointBilateralFilter(
            given[1][0], given[0], 2 * radius + 1, _SIGMA, options["sigma_space"], dst=out
        ),
        make=_given,
        most=1,
    )
    yield numba("by definition", "multilateral", options["sigma_space"], _SIGMA, radius, make=_in_a_row, most=1)
