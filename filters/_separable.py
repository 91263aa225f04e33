"""Convolutions with kernels of one's own, as sums of separable ones: their fits, and the programs that run them."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import dsl
from dsl import fitting

#: Separable kernels that one program adds up; more take several calls, added up in float32.
MOST = 4
MAX_TERMS = 6
#: Part of the error allowed that splitting a 2-D kernel may take; the axes share the rest.
SEPARATION = 0.25
Pair = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dsl.filter
def direct_program(src: dsl.Image, samples_y: dsl.Table, samples_x: dsl.Table, rank: int = 1) -> dsl.Image:
    """Convolution with a sum of separable kernels."""
    parts = ((dsl.kernel(samples_y.part(i, rank)), dsl.kernel(samples_x.part(i, rank))) for i in range(rank))
    return functools.reduce(lambda a, b: a + b, (dsl.convolve(src, down, along) for down, along in parts))


@dsl.filter
def direct_2d_program(src: dsl.Image, weights: dsl.Table, columns: dsl.Scalar) -> dsl.Image:
    """Convolution with weights that are no product, nor a sum of few."""
    return dsl.convolve_2d(src, weights, columns)


@dsl.filter
def sliding_program(
    src: dsl.Image,
    samples_y: dsl.Table,
    samples_x: dsl.Table,
    numbers_y: dsl.Table,
    numbers_x: dsl.Table,
    radius_y: dsl.Scalar,
    radius_x: dsl.Scalar,
    rank: int = 1,
    terms_y: int = 3,
    terms_x: int = 3,
    parity_y: str = "both",
    parity_x: str = "both",
) -> dsl.Image:
    """Convolution with a sum of separable kernels, each made of cosines and sines over a window."""

    def part(i: int) -> dsl.Image:
        down = dsl.oscillators(
            samples_y.part(i, rank), numbers_y.part(i, rank), radius_y, terms=terms_y, parity=parity_y
        )
        along = dsl.oscillators(
            samples_x.part(i, rank), numbers_x.part(i, rank), radius_x, terms=terms_x, parity=parity_x
        )
        return dsl.convolve(src, down, along)

    return functools.reduce(lambda a, b: a + b, map(part, range(rank)))


@dsl.filter
def adding_program(
    total: dsl.Image, src: dsl.Image, samples_y: dsl.Table, samples_x: dsl.Table, rank: int = 1
) -> dsl.Image:
    """Add a convolution to what was summed before."""
    parts = ((dsl.kernel(samples_y.part(i, rank)), dsl.kernel(samples_x.part(i, rank))) for i in range(rank))
    return functools.reduce(lambda a, b: a + b, (dsl.convolve(src, down, along) for down, along in parts), total)


@dataclass(frozen=True)
class AxisFit:
    """The kernels of one axis, fitted over one window with as many oscillators each.

    Attributes
    ----------
    fits : tuple of Fit
        One of each kernel.
    error : float
        Of the whole sum, as a part of the peak, for any image.
    """

    fits: tuple[fitting.Fit, ...]
    error: float

    @property
    def terms(self) -> int:
        """Oscillators of each fit."""
        return self.fits[0].terms

    @property
    def radius(self) -> int:
        """Of the window."""
        return self.fits[0].radius

    @property
    def parity(self) -> str:
        """What holds for all."""
        parities = {fit.parity for fit in self.fits}
        return parities.pop() if len(parities) == 1 else "both"

    @property
    def numbers(self) -> np.ndarray[Any, Any]:
        """What native code takes, one fit after the other."""
        return np.concatenate([fit.numbers() for fit in self.fits])


@dataclass(frozen=True, eq=False)
class Kernels:
    """A sum of separable kernels.

    Attributes
    ----------
    pairs : tuple of pairs
        Of weights down and along, of odd length, one length an axis.
    whole : array, optional
        The 2-D kernel that they sum to, where one was given.
    """

    pairs: tuple[Pair, ...]
    whole: np.ndarray[Any, Any] | None = None

    @property
    def taps(self) -> int:
        """Of direct sums, both axes, all kernels."""
        return sum(down.size + along.size for down, along in self.pairs)

    def samples(self, axis: int, pairs: Sequence[Pair] | None = None) -> np.ndarray[Any, Any]:
        """Give all weights of an axis, one kernel after the other."""
        return np.concatenate([pair[axis] for pair in (self.pairs if pairs is None else pairs)])

    def fit(self, axis: int, terms: int) -> AxisFit:
        """Fit the kernels of an axis with so many oscillators."""
        kernels = [pair[axis] for pair in self.pairs]
        # The strongest one says how wide the window is: its error weighs most.
        strongest = max(range(len(kernels)), key=lambda i: math.prod(float(np.abs(k).sum()) for k in self.pairs[i]))
        first = fitting.fit(kernels[strongest], terms)
        fits = tuple(
            first if i == strongest else fitting.fit(kernel, terms, radius=first.radius)
            for i, kernel in enumerate(kernels)
        )
        errors = [10 ** (-fitting.guaranteed(fit, kernel) / 20) for fit, kernel in zip(fits, kernels, strict=True)]
        gains = [float(np.abs(pair[1 - axis]).sum()) for pair in self.pairs]
        return AxisFit(fits, sum(error * gain for error, gain in zip(errors, gains, strict=True)))

    def least_terms(self, axis: int) -> int:
        """Give the fewest oscillators an axis can do with: none if it is a box, which its constant is exactly."""
        weights = [np.trim_zeros(pair[axis]) for pair in self.pairs]
        return 0 if all(not w.size or np.ptp(w) == 0 for w in weights) else 1


@dataclass(frozen=True)
class Fitted:
    """The fits of both axes."""

    down: AxisFit
    along: AxisFit

    @property
    def accuracy(self) -> float:
        """PSNR in dB for any image, peak: its largest value, its smallest being 0."""
        error = self.down.error + self.along.error
        return -20 * math.log10(error) if error > 0 else math.inf


def split(kernel: np.ndarray[Any, Any], error: float) -> Kernels:
    """Split a 2-D kernel into as few separable ones as are needed for an error, as a part of its sum of sizes."""
    return _split(kernel.astype(np.float64).tobytes(), kernel.shape[1], error)


@functools.lru_cache(maxsize=64)
def _split(numbers: bytes, columns: int, error: float) -> Kernels:
    whole = np.frombuffer(numbers).reshape(-1, columns)
    pairs = fitting.low_rank(whole, error)[0]
    return Kernels(tuple(pairs), whole) if pairs else kernels([(np.zeros(whole.shape[0]), np.zeros(columns))])


def kernels(pairs: Sequence[Pair]) -> Kernels:
    """Give the object for some weights, the same for the same ones, so that they are fitted once."""
    return _kernels(
        tuple((down.astype(np.float64).tobytes(), along.astype(np.float64).tobytes()) for down, along in pairs)
    )


@functools.lru_cache(maxsize=64)
def _kernels(keys: tuple[tuple[bytes, bytes], ...]) -> Kernels:
    return Kernels(tuple((np.frombuffer(down), np.frombuffer(along)) for down, along in keys))


@functools.lru_cache(maxsize=64)
def _fitted(found: Kernels, terms: int) -> Fitted:
    return Fitted(found.fit(0, terms), found.fit(1, terms))


@functools.lru_cache(maxsize=64)
def _accurate(found: Kernels, accuracy: float) -> Fitted | None:
    """Fit with few oscillators, as many on both axes (every number of them is a program), but none where none help."""
    error = (1 - SEPARATION) * 10 ** (-accuracy / 20)
    for terms in range(1, MAX_TERMS + 1):
        axes = [found.fit(axis, terms * found.least_terms(axis)) for axis in (0, 1)]
        if sum(axis.error for axis in axes) <= error:
            return Fitted(*axes)
    return None


def fits(found: Kernels, terms: int | None, accuracy: float) -> Fitted | None:
    """Fit with so many oscillators, or as few as an accuracy in dB needs; None where sliding sums have none."""
    if len(found.pairs) > MOST:
        return None
    return _accurate(found, accuracy) if terms is None else _fitted(found, terms)


def cannot_slide(found: Kernels, wanted: float) -> str:
    """Say why there are no fits."""
    if len(found.pairs) > MOST:
        return f"kernel is a sum of {len(found.pairs)} separable ones; method='sliding' takes {MOST}, method='fir' any"
    best = _fitted(found, MAX_TERMS).accuracy
    return (
        f"kernel cannot be made of {MAX_TERMS} cosines and sines an axis to {wanted:g} dB ({best:.1f} dB is reached); "
        "give terms= or a lower accuracy=, or method='fir'"
    )
