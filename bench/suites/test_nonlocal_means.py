"""Non-local means by the radius that is searched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2

import filters
from bench.suites.contenders import contests_of, opencv, ours, peer, works
from bench.suites.contest import Array, Contender, Contest, Entry, Scale, Work
from filters import reference

_STRENGTH, _PATCH = 12.0, 3
_KINDS = (("uint8", 1), ("float32", 1))


def contests(scale: Scale) -> Iterator[Contest]:
    """Sweep the radius of the search."""
    return contests_of(
        works(
            "nonlocal_means", scale, "search_radius", (5, 10), 5, swept=_KINDS, others=(("uint8", 3),),
            sample_shape=(160, 208), strength=_STRENGTH, patch_radius=_PATCH,
        ),
        scale,
        lambda work: _contenders(work, work.parameters["search_radius"]),
        lambda work: lambda image: reference.nonlocal_means(
            image, strength=_STRENGTH, search_radius=work.parameters["search_radius"], patch_radius=_PATCH
        ),
        lambda work: work.parameters["search_radius"] + _PATCH,
    )  # fmt: skip


def test_nonlocal_means(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


def _contenders(work: Work, search: int) -> Iterator[Contender]:
    yield ours("auto", filters.nonlocal_means, strength=_STRENGTH, search_radius=search, patch_radius=_PATCH)
    if work.dtype == "uint8":
        yield opencv(
            "fastNlMeansDenoising",
            lambda image, out: cv2.fastNlMeansDenoising(image, out, _STRENGTH, 2 * _PATCH + 1, 2 * search + 1),
            most=1,
        )
    yield peer(
        "scikit-image", "denoise_nl_means", lambda image, out: _by_skimage(search, image), needs="skimage", most=0.3
    )


def _by_skimage(search: int, image: Array) -> Array:
    from skimage.restoration import denoise_nl_means

    axis = 2 if image.ndim == 3 else None
    result: Array = denoise_nl_means(
        image, 2 * _PATCH + 1, search, _STRENGTH, fast_mode=True, preserve_range=True, channel_axis=axis
    )
    return result
