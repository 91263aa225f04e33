"""Gaussian blur and unsharp masking."""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

import dsl
from dsl.arguments import number, pair
from dsl.lowering.radius import direct_radius
from filters import _sliding
from filters._filter import public

#: Largest sigma: its window still fits in the radius that the native code is made for.
MAX_SIGMA = 2000.0

Border = Literal["reflect101", "reflect", "replicate", "wrap", "constant"]


@dsl.filter
def gaussian_program(src: dsl.Image, sigma_y: dsl.Scalar, sigma_x: dsl.Scalar, terms: int = 3) -> dsl.Image:
    """Gaussian blur."""
    return dsl.convolve(src, dsl.gaussian(sigma_y), dsl.gaussian(sigma_x), terms=terms)


@dsl.filter
def unsharp_program(
    src: dsl.Image, sigma_y: dsl.Scalar, sigma_x: dsl.Scalar, amount: dsl.Scalar, terms: int = 3
) -> dsl.Image:
    """Unsharp masking."""
    blurred = dsl.convolve(src, dsl.gaussian(sigma_y), dsl.gaussian(sigma_x), terms=terms)
    result: dsl.Image = src + amount * (src - blurred)
    return result


@public(gaussian_program)
def gaussian(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    *,
    terms: int | None = None,
    accuracy: float | None = None,
    method: Literal["auto", "fir", "sliding"] = "auto",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Blur with a true Gaussian, at a cost that does not grow with sigma.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    sigma : float or (float, float)
        Standard deviation in pixels, for rows and columns alike or each its own; 0 leaves an axis as it is.
    terms : int, optional
        Cosines the kernel is made of, 1 to 6, default 3: above 70 dB on any photograph; 5 reach 100 dB.
    accuracy : float, optional
        PSNR in dB that is guaranteed for any image, instead of ``terms``; the peak is the width of the value range.
    method : str
        ``"sliding"`` cosines, direct sums (``"fir"``), or ``"auto"``: the faster one for sigma. NaN and infinity
        stay local with ``"fir"`` and ``"auto"``; ``"sliding"`` refuses them.
    border : str
        What lies outside: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap ``image``.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    array
        Of the image's shape and dtype.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    References
    ----------
    Kanetaka, Takagi, Maeda, Fukushima: SlidingConv. IEEE Access 12 (2024) 7563-7583.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import gaussian
    >>> image = np.zeros((5, 5), np.float32)
    >>> image[2, 2] = 100
    >>> gaussian(image, 1.0)[2].round(1)
    array([ 4.3,  9.8, 15.9,  9.8,  4.3], dtype=float32)
    """
    sigma_y, sigma_x = _sigmas(sigma)
    terms, method = _sliding.terms_and_method(terms, accuracy, method)  # type: ignore[assignment]
    run = functools.partial(
        gaussian_program.run,
        (image,),
        (sigma_y, sigma_x),
        structural={"terms": terms},
        border=border,
        border_value=border_value,
        target=target,
        schedule=schedule,
        threads=threads,
    )
    return by_method(run, method, image, (sigma_y, sigma_x), terms, target, schedule, out)  # type: ignore[no-any-return]


@public(unsharp_program)
def unsharp(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    amount: float = 1.0,
    *,
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Sharpen: ``image + amount * (image - gaussian(image, sigma))``, in one pass.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    sigma : float or (float, float)
        Of the Gaussian, in pixels, for rows and columns alike or each its own.
    amount : float
        How much of the difference is added; negative values blur.
    border : str
        What lies outside: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap ``image``.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    array
        Of the image's shape and dtype; integers saturate.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import unsharp
    >>> ramp = np.float32([[0, 0, 0, 100, 100, 100]])
    >>> unsharp(ramp, 1.0, 0.5).round()
    array([[ -0., -3., -15., 115., 103., 100.]], dtype=float32)
    """
    sigma_y, sigma_x = _sigmas(sigma)
    run = functools.partial(
        unsharp_program.run,
        (image,),
        (sigma_y, sigma_x, number(amount, "amount")),
        structural={"terms": _sliding.DEFAULT_TERMS},
        border=border,
        border_value=border_value,
        target=target,
        schedule=schedule,
        threads=threads,
    )
    sigmas, terms = (sigma_y, sigma_x), _sliding.DEFAULT_TERMS
    return by_method(run, "auto", image, sigmas, terms, target, schedule, out)  # type: ignore[no-any-return]


def _sigmas(sigma: Any) -> tuple[float, float]:
    sigma_y, sigma_x = pair(sigma, "sigma")
    return number(sigma_y, "sigma", least=0.0, most=MAX_SIGMA), number(sigma_x, "sigma", least=0.0, most=MAX_SIGMA)


def by_method(
    run: functools.partial[Any],
    method: str,
    image: ArrayLike,
    sigmas: tuple[float, float],
    terms: int,
    target: str | None,
    schedule: Any,
    out: Any,
) -> Any:
    """Run a program of Gaussians by a method; ``auto`` takes the faster one for a pair of sigmas, down and across."""
    return _sliding.run(
        lambda into: run(choices=_sliding.FIR, out=into),
        lambda into: run(choices=_sliding.SLIDING, out=into),
        method,
        faster_method(image, sigmas, terms, target),
        out,
        schedule,
    )


def faster_method(image: ArrayLike, sigmas: tuple[float, float], terms: int, target: str | None) -> str:
    """Choose a method by cost."""
    taps = sum(2 * direct_radius(sigma, terms) + 1 for sigma in sigmas)
    return _sliding.faster(image, taps, 2 * terms, target)
