"""Formats that fit weights: for each channel the split of bits and the clipping threshold that err least."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.kernels import Format, decode, encode, errors, native, norms
from dsl.arguments import whole

#: Clipping thresholds that are tried, as parts of the largest weight.
_THRESHOLDS = np.concatenate([np.linspace(0.15, 0.7, 12, endpoint=False), np.linspace(0.7, 1, 20)])


@dataclass(frozen=True)
class Fitted:
    """Weights as codes of small floating point.

    Attributes
    ----------
    bits : int
        Of a code.
    exponents : ndarray
        (C,) uint8: exponent bits of each channel.
    scales : ndarray
        (C,) float32: what one of the format is worth.
    codes : ndarray
        uint8, of the shape of the weights.
    error : float
        Mean squared difference, weighted as it was fitted.
    """

    bits: int
    exponents: NDArray[np.uint8]
    scales: NDArray[np.float32]
    codes: NDArray[np.uint8]
    error: float

    @property
    def weights(self) -> NDArray[np.float32]:
        """The numbers of the codes."""
        found = np.empty(self.codes.shape, np.float32)
        for format, rows in _by_format(self.bits, self.exponents):
            found[rows] = decode(format, self.codes[rows], self.scales[rows])
        return found

    @property
    def effective_bits(self) -> float:
        """Bits of a weight, with those of its channel's scale (32) and split (3)."""
        return self.bits + 35 * len(self.codes) / self.codes.size


def formats(bits: int) -> list[Format]:
    """Give the splits of so many bits; that of one exponent bit is whole numbers.

    Splits with more than five exponent bits have larger steps than any weights want.
    """
    whole(bits, "bits", 3, 8)
    return [Format(exponent, bits - 1 - exponent) for exponent in range(1, min(bits - 1, 6))]


def fit(
    weights: Any,
    bits: int,
    *,
    clip: bool = True,
    importance: Any = None,
    among: Sequence[Format] | None = None,
    per_channel: bool = True,
    threads: int | None = None,
) -> Fitted:
    """Find the format and the clipping threshold of each channel, by the error that they make of these weights.

    Parameters
    ----------
    weights : array_like or tensor
        float32, (C, ...).
    bits : int
        Of a weight with its sign, 3 to 8.
    clip : bool
        Whether thresholds below the largest weight are tried.
    importance : array_like, optional
        What a squared difference counts, of the weights' shape.
    among : sequence of Format, optional
        The splits that are tried; by default all.
    per_channel : bool
        Whether each channel has a split of its own, or all the one that errs least together.
    threads : int, optional
        Most threads to use.

    References
    ----------
    Mineo, Maeda, Hamamoto: Quantisation by small floating point that fits the distribution of weights. PCSJ/IMPS 2023.
    """
    array = native.floats(weights, "weights")
    tried = list(formats(bits) if among is None else among)
    largest = norms(array, threads=threads).largest
    parts = _THRESHOLDS if clip else np.ones(1)
    thresholds = (np.where(largest > 0, largest, 1)[:, None] * parts).astype(np.float32)
    found = errors(array, tried, thresholds, importance=importance, threads=threads)
    if not per_channel:
        best = found.min(axis=2).sum(axis=0).argmin()
        tried, found = [tried[best]], found[:, best : best + 1]
    flat = found.reshape(len(found), -1)
    chosen, threshold = np.unravel_index(flat.argmin(axis=1), found.shape[1:])
    used = np.array([tried[each].exponent for each in chosen], np.uint8)
    tops = np.array([1 / tried[each].largest for each in chosen], np.float32)
    scales = np.take_along_axis(thresholds, threshold[:, None], 1)[:, 0] * tops
    codes = np.empty(array.shape, np.uint8)
    for format, rows in _by_format(bits, used):
        codes[rows] = encode(format, array[rows], scales[rows], threads=threads)
    return Fitted(bits, used, scales, codes, float(flat.min(axis=1).sum() / array.size))


def noise(layers: Iterable[NDArray[np.float32]], bits: int, among: Sequence[Format] | None = None) -> float:
    """Sum up the squared differences that the formats make of the weights of several layers, with clipping."""
    return sum(fit(each, bits, among=among).error * each.size for each in layers)


def _by_format(bits: int, exponents: NDArray[np.uint8]) -> list[tuple[Format, NDArray[np.int64]]]:
    """Give the channels of each format."""
    return [
        (Format(int(exponent), bits - 1 - int(exponent)), np.flatnonzero(exponents == exponent))
        for exponent in np.unique(exponents)
    ]
