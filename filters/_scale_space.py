"""Gaussian scale space: an image blurred by several Gaussians, which share what they read."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

import dsl
from dsl import arrays
from dsl.arguments import number
from filters import _sliding
from filters._filter import public
from filters._gaussian import MAX_SIGMA, Border, by_method, faster_method, gaussian


@dsl.filter
def two_scales_program(
    src: dsl.Image, fine: dsl.Scalar, coarse: dsl.Scalar, terms: int = 3
) -> tuple[dsl.Image, dsl.Image]:
    """Gaussian blur by two sigmas."""
    first, second = (dsl.convolve(src, dsl.gaussian(sigma), terms=terms) for sigma in (fine, coarse))
    return first, second


@public(two_scales_program, several="sigmas")
def gaussian_scale_space(
    image: ArrayLike,
    sigmas: Sequence[float],
    *,
    terms: int | None = None,
    accuracy: float | None = None,
    method: Literal["auto", "fir", "sliding"] = "auto",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: tuple[np.ndarray[Any, Any], ...] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> tuple[np.ndarray[Any, Any], ...]:
    """Blur with a true Gaussian of each of several sigmas.

    Every image is blurred from the original, as ``gaussian`` would, two at a time: they read it together.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    sigmas : sequence of float
        Standard deviations in pixels, in any order; 0 leaves the image as it is.
    terms : int, optional
        Cosines the kernels are made of, 1 to 6, default 3: above 70 dB on any photograph; 5 reach 100 dB.
    accuracy : float, optional
        PSNR in dB that is guaranteed for any image, instead of ``terms``; the peak is the width of the value range.
    method : str
        ``"sliding"`` cosines, direct sums (``"fir"``), or ``"auto"``: the faster one for each sigma. NaN and infinity
        stay local with ``"fir"`` and ``"auto"``; ``"sliding"`` refuses them.
    border : str
        What lies outside: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : tuple of arrays, optional
        Where to write the results; they must not overlap ``image`` or one another.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    tuple of arrays
        One for each sigma, of the image's shape and dtype.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import gaussian_scale_space
    >>> image = np.zeros((5, 5), np.float32)
    >>> image[2, 2] = 100
    >>> [f"{scale[2, 2]:.1f}" for scale in gaussian_scale_space(image, [0.0, 1.0, 2.0])]
    ['100.0', '15.9', '6.4']
    """
    numbers = _sigmas(sigmas)
    terms, method = _sliding.terms_and_method(terms, accuracy, method)  # type: ignore[assignment]
    checked = arrays.check(image)
    into = [None] * len(numbers) if out is None else arrays.check_outs(out, len(numbers), checked, [checked])
    common: dict[str, Any] = {"border": border, "border_value": border_value}
    common |= {"target": target, "schedule": schedule, "threads": threads}
    results: dict[int, Any] = {}
    for places in _together(checked, numbers, terms, method, target):
        some = [numbers[i] for i in places]
        if len(some) == 1:
            (i,) = places
            results[i] = gaussian(checked, some[0], terms=terms, method=method, out=into[i], **common)
        else:
            outs = None if out is None else tuple(into[i] for i in places)
            results |= zip(places, _two(checked, some, terms, method, outs, common), strict=True)
    return tuple(results[i] for i in range(len(numbers)))


def _sigmas(sigmas: Any) -> list[float]:
    if isinstance(sigmas, (str, bytes)) or np.ndim(sigmas) != 1 or not len(sigmas):
        raise ValueError(f"sigmas must be a row of one number or more, not {sigmas!r}")
    return [number(sigma, f"sigmas[{i}]", least=0.0, most=MAX_SIGMA) for i, sigma in enumerate(sigmas)]


def _together(
    image: Any, sigmas: Sequence[float], terms: int, method: str, target: str | None
) -> Iterator[tuple[int, ...]]:
    """Say which scales are computed together: two at a time, of those that are best computed by the same method."""
    ways = [faster_method(image, (sigma, sigma), terms, target) if method == "auto" else method for sigma in sigmas]
    for way in dict.fromkeys(ways):
        alike = [i for i, other in enumerate(ways) if other == way]
        yield from (tuple(alike[i : i + 2]) for i in range(0, len(alike), 2))


def _two(image: Any, sigmas: Sequence[float], terms: int, method: str, out: Any, common: dict[str, Any]) -> Any:
    run = functools.partial(two_scales_program.run, (image,), sigmas, structural={"terms": terms}, **common)
    alike = sigmas[0], sigmas[0]  # the other is best computed by the same method
    return by_method(run, method, image, alike, terms, common["target"], common["schedule"], out)
