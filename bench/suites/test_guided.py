"""The guided filter with a gray guide, by radius."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2

import filters
from bench.suites.contenders import contests_of, numba, opencv, ours, torch, works
from bench.suites.contest import Contender, Contest, Entry, Scale
from bench.suites.pictures import guide_of
from filters import reference

_EPS = 900.0


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the radius."""
    others = (("uint8", 1), ("float32", 3))
    return contests_of(
        works("guided", scale, "radius", (2, 8, 32), 8, others=others, quick=True, eps=_EPS),
        scale,
        lambda work: _contenders(work.parameters["radius"]),
        lambda work: lambda image: reference.guided(image, guide_of(image), radius=work.parameters["radius"], eps=_EPS),
        lambda work: 2 * work.parameters["radius"],
    )


def test_guided(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _pair(image: Any) -> Any:
    return image, guide_of(image)


def _contenders(radius: int) -> Iterator[Contender]:
    yield ours("guided", filters.guided, make=_pair, radius=radius, eps=_EPS)
    yield ours("subsample=2", filters.guided, make=_pair, radius=radius, eps=_EPS, subsample=2)
    yield opencv(
        "ximgproc.guidedFilter",
        lambda pair, out: cv2.ximgproc.guidedFilter(pair[1], pair[0], radius, _EPS, dst=out),
        make=_pair,
        most=4,
    )
    yield numba("by box means", "guided", radius, _EPS, make=_pair, most=1)
    yield torch("kornia", "guided_blur", _by_kornia(radius), needs="kornia", most=0.3)


def _by_kornia(radius: int) -> Any:
    def blur(planes: Any) -> Any:
        import torch as framework
        from kornia.filters import guided_blur

        weights = framework.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        gray = planes if planes.shape[1] == 1 else (planes * weights).sum(1, keepdim=True)
        return guided_blur(255 - gray, planes, (2 * radius + 1,) * 2, _EPS, "reflect")

    return blur
