"""The local Laplacian filter by sigma: Fourier terms, interpolated samples, and OpenCV's pyramids from Python."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import filters
from bench.loading import by_opencv
from bench.suites.contenders import contests_of, opencv, ours, works
from bench.suites.contest import Array, Contender, Contest, Entry, Scale
from filters import reference

_DETAIL, _LEVELS = 1.0, 4
_SHARED: dict[str, Any] = {"levels": _LEVELS, "value_range": (0.0, 255.0)}


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep sigma."""
    return contests_of(
        works(
            "local_laplacian", scale, "sigma", (15, 30, 60), 30, others=(("uint8", 1), ("float32", 3)),
            sample_shape=(256, 384), detail=_DETAIL, levels=_LEVELS,
        ),
        scale,
        lambda work: _contenders(work.parameters["sigma"]),
        lambda work: lambda image: reference.local_laplacian(image, work.parameters["sigma"], _DETAIL, **_SHARED),
        lambda work: 2 << _LEVELS,
    )  # fmt: skip


def test_local_laplacian(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _contenders(sigma: float) -> Iterator[Contender]:
    for terms in (2, 3, 4, 6):
        yield ours(f"terms={terms}", filters.local_laplacian, sigma, _DETAIL, terms=terms, **_SHARED)
    for accuracy in (45, 55):
        interpolated = {"method": "interpolated", "accuracy": accuracy}
        yield ours(
            f"interpolated, accuracy={accuracy}", filters.local_laplacian, sigma, _DETAIL, **interpolated, **_SHARED
        )
    for samples in (8, 16):
        yield opencv(f"pyramids of {samples} samples", functools.partial(_by_opencv, sigma, samples), most=1)


def _by_opencv(sigma: float, samples: int, image: Array, out: Array) -> Array:
    return by_opencv(image, sigma, _DETAIL, samples)
