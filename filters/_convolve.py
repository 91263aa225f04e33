"""Convolution with kernels of one's own, and Gabor filters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import fitting
from dsl.arguments import number
from dsl.lowering.radius import MAX as MAX_RADIUS
from filters import _convolution, _separable, _sliding
from filters._filter import public
from filters._gaussian import Border

Weights = ArrayLike | Callable[[int], float]
#: Guaranteed PSNR in dB of sliding sums, where nothing is asked for: less than 8-bit images can show.
DEFAULT_ACCURACY = 60.0
#: Of a Gabor filter, whose kernels sum to little: errors are smaller than the guarantee by as much.
GABOR_ACCURACY = 40.0
MAX_SIGMA = 2000.0


@public(_separable.sliding_program)
def convolve(
    image: ArrayLike,
    kernel: Weights | tuple[Weights, Weights],
    *,
    terms: int | None = None,
    accuracy: float | None = None,
    method: Literal["auto", "fir", "sliding", "fourier"] = "auto",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Convolve with any kernel: by direct sums, by cosines and sines at a cost that does not grow with it, or by FFT.

    The result at (y, x) is the sum of ``kernel[r] * image[y - r_y, x - r_x]``, as scipy.ndimage.convolve has it.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    kernel : array, function, pair of them, or 2-D array
        Weights of odd length, the middle one for distance 0; one for both axes, or (kernel_y, kernel_x). A function is
        called with int distances as far as it has not decayed. A 2-D kernel of odd sides becomes a sum of as few
        separable ones as are needed, is summed as it is, or transformed, whatever is fastest.
    terms : int, optional
        Cosines (and sines, if the kernel is not symmetric) that sliding sums are made of, 1 to 6.
    accuracy : float, optional
        PSNR in dB that is guaranteed for any image, instead of ``terms``; the peak is the width of the value range.
        With neither, sliding sums have 60. Fourier transforms have 110 and more.
    method : str
        ``"sliding"``, ``"fourier"`` (transforms down the columns, for large 2-D kernels), direct sums (``"fir"``,
        exact), or ``"auto"``: what is fastest of those that are as accurate as asked for. NaN and infinity stay local
        with ``"fir"`` and ``"auto"``; the others refuse them.
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

    References
    ----------
    Kanetaka, Takagi, Maeda, Fukushima: SlidingConv. IEEE Access 12 (2024) 7563-7583.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import convolve
    >>> row = np.float32([[0, 0, 1, 0, 0, 0]])
    >>> convolve(row, ([1], [1, 2, 3]))
    array([[0., 1., 2., 3., 0., 0.]], dtype=float32)
    """
    return _convolution.run(
        image,
        _kernels(kernel, accuracy),
        terms=terms,
        accuracy=accuracy,
        default=DEFAULT_ACCURACY,
        method=method,
        out=out,
        border=border,
        border_value=border_value,
        target=target,
        schedule=schedule,
        threads=threads,
    )


@public(_separable.sliding_program)
def gabor(
    image: ArrayLike,
    sigma: float,
    wavelength: float,
    orientation: float = 0.0,
    phase: float = 0.0,
    *,
    accuracy: float | None = None,
    method: Literal["auto", "fir", "sliding"] = "auto",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Convolve with a wave under a Gaussian: ``g(y, x) cos(2 pi (x cos o + y sin o) / wavelength + phase)``.

    ``g`` is a Gaussian that sums to one. The result has both signs: give a float32 image, as integers saturate at 0.
    A wave along neither axis is the sum of two separable kernels.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    sigma : float
        Of the Gaussian, in pixels.
    wavelength : float
        In pixels, at least 2.
    orientation : float
        Direction in which the wave runs, in radians from the x axis towards the y axis.
    phase : float
        In radians; 0 gives an even kernel, -pi / 2 an odd one.
    accuracy : float, optional
        PSNR in dB that sliding sums guarantee for any image, default 40; the peak is the width of the value range.
    method : str
        ``"sliding"``, direct sums (``"fir"``), or ``"auto"``.
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

    Examples
    --------
    >>> import numpy as np
    >>> from filters import gabor
    >>> x = np.arange(64)
    >>> wave = np.tile(np.float32(100 * np.cos(2 * np.pi * x / 8)), (8, 1))
    >>> gabor(wave, 6.0, 8.0)[0, 30:35].round() + 0
    array([ 0., 35., 50., 35.,  0.], dtype=float32)
    """
    waves = _gabor_pairs(
        number(sigma, "sigma", least=0.1, most=MAX_SIGMA),
        number(wavelength, "wavelength", least=2.0),
        number(orientation, "orientation"),
        number(phase, "phase"),
    )
    return _convolution.run(
        image,
        _separable.kernels(waves),
        terms=None,
        accuracy=accuracy,
        default=GABOR_ACCURACY,
        method=method,
        methods=_sliding.METHODS,
        out=out,
        border=border,
        border_value=border_value,
        target=target,
        schedule=schedule,
        threads=threads,
    )


def _gabor_pairs(sigma: float, wavelength: float, orientation: float, phase: float) -> list[_separable.Pair]:
    """Split a wave by the cosine of a sum: two separable kernels, one if it runs along an axis."""
    radius = math.ceil(5 * sigma)
    r = np.arange(-radius, radius + 1)
    envelope = np.exp(-0.5 * (r / sigma) ** 2)
    envelope /= envelope.sum()
    along = 2 * math.pi * math.cos(orientation) / wavelength * r + phase
    down = 2 * math.pi * math.sin(orientation) / wavelength * r
    pairs = [(envelope * np.cos(down), envelope * np.cos(along)), (-envelope * np.sin(down), envelope * np.sin(along))]
    weights = [np.abs(y).sum() * np.abs(x).sum() for y, x in pairs]
    return [pair for pair, weight in zip(pairs, weights, strict=True) if weight > 1e-9 * max(weights)]


# ------------------------------------------------------------------------------------------ kernels as given


def _kernels(kernel: Any, accuracy: Any) -> _separable.Kernels:
    """Turn what the user gave into separable kernels."""
    if isinstance(kernel, tuple):
        if len(kernel) != 2:
            raise ValueError(f"kernel must be one kernel or a pair (kernel_y, kernel_x), not a tuple of {len(kernel)}")
        return _separable.kernels([(_weights(kernel[0], "kernel[0]"), _weights(kernel[1], "kernel[1]"))])
    if callable(kernel) or np.ndim(kernel) != 2:
        weights = _weights(kernel, "kernel")
        return _separable.kernels([(weights, weights)])
    values = _numbers(kernel, "kernel")
    error = 1e-6
    if accuracy is not None:
        allowed = _separable.SEPARATION * 10 ** (-number(accuracy, "accuracy", least=0.0) / 20)
        error = allowed / max(float(np.abs(values).sum()), 1e-300)
    return _separable.split(values, error)


def _weights(kernel: Any, name: str) -> np.ndarray[Any, Any]:
    if callable(kernel):
        try:
            return fitting.sampled(kernel)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    values = _numbers(kernel, name)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; an axis takes a row of weights")
    return values


def _numbers(kernel: Any, name: str) -> np.ndarray[Any, Any]:
    try:
        values = np.asarray(kernel, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be weights or a function of a distance, not {type(kernel).__name__}") from None
    if values.ndim not in (1, 2) or not values.size:
        raise ValueError(f"{name} has shape {values.shape}; a row of weights or a 2-D array is accepted")
    if any(side % 2 == 0 for side in values.shape):
        raise ValueError(f"{name} has shape {values.shape}; sides must be odd, the middle weight is for distance 0")
    if max(values.shape) > 2 * MAX_RADIUS + 1:
        raise ValueError(f"{name} has shape {values.shape}; at most {2 * MAX_RADIUS + 1} weights an axis")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinity; finite weights are needed")
    return values
