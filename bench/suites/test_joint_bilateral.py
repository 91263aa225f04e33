"""The bilateral filter guided by another image, by radius."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2

import filters
from bench.suites.contenders import contests_of, opencv, ours, torch, works
from bench.suites.contest import Contender, Contest, Entry, Scale, Work
from bench.suites.pictures import guide_of
from filters import reference

_SIGMA = 30.0
_KINDS = (("uint8", 1), ("float32", 1))


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the radius."""
    return contests_of(
        works(
            "joint_bilateral", scale, "radius", (3, 6, 12), 6, swept=_KINDS, others=(("uint8", 3),),
            sample_shape=(256, 320), sigma_range=_SIGMA,
        ),
        scale,
        lambda work: _contenders(work, work.parameters["radius"]),
        lambda work: lambda image: reference.joint_bilateral(image, guide_of(image), **_options(work)),
        lambda work: work.parameters["radius"],
    )  # fmt: skip


def test_joint_bilateral(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _options(work: Work) -> dict[str, Any]:
    radius = work.parameters["radius"]
    return {"radius": radius, "sigma_space": radius / 1.5, "sigma_range": _SIGMA}


def _contenders(work: Work, radius: int) -> Iterator[Contender]:
    options = _options(work)

    def pair(image: Any) -> Any:
        return image, guide_of(image)

    yield ours("auto", filters.joint_bilateral, make=pair, **options)
    yield ours("exact", filters.joint_bilateral, make=pair, method="exact", **options)
    yield opencv(
        "ximgproc.jointBilateralFilter",
        lambda pair, out: cv2.ximgproc.jointBilateralFilter(
            pair[1], pair[0], 2 * radius + 1, _SIGMA, options["sigma_space"], dst=out
        ),
        make=pair,
        most=1 if radius > 6 else 4,
    )
    if radius <= 6 and work.channels == 1:
        yield torch(
            "kornia", "joint_bilateral_blur", _by_kornia(radius, options["sigma_space"]), needs="kornia", most=0.3
        )


def _by_kornia(radius: int, space: float) -> Any:
    def blur(planes: Any) -> Any:
        from kornia.filters import joint_bilateral_blur

        side = (2 * radius + 1,) * 2
        return joint_bilateral_blur(planes, 255 - planes, side, _SIGMA, (space, space), "reflect", "l1")

    return blur
