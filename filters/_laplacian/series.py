"""Sine series of the range function of local Laplacian filtering, d exp(-d^2 / 2 sigma^2).

With u = d / R on the value range R, and s = sigma / R, everything depends on s alone:

    f(d) / R  ~  sum_{k = 1 .. K} b_k sin(2 pi k u / T)        (T and b in units of R)

The paper takes T from an error estimate and b in closed form. Here b is fitted by least squares under the weight
that differences between a pixel and a pyramid level have in photographs, and T minimises that error: 5 to 9 dB
better at the same cost. A table over log s, read between its nodes, stands in for the fit inside compiled code.

Sumiya, Otsuka, Maeda, Fukushima: Gaussian Fourier pyramid. IEEE Signal Processing Letters 29 (2022) 11-15.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: A range function of one's own: from differences and sigma, both in the image's units, to what detail 1 adds.
Curve = Callable[[np.ndarray[Any, Any], float], np.ndarray[Any, Any]]


class OutOfReachError(ValueError):
    """No series, or no number of samples, reaches an accuracy."""


class Remap:
    """What detail 1 adds to differences: d exp(-d^2 / 2 sigma^2) or a function of one's own, in units of the range.

    Parameters
    ----------
    sigma : float
        In the image's units.
    size : float
        Width of the range.
    curve : function, optional
        From differences and sigma, in the image's units, to what is added.
    """

    #: Entries of a curve's table, from a difference of nothing to one of the whole range. They are as close as the
    #: squares of whole numbers: curves change most near nothing, some with an infinite slope.
    ENTRIES = 8193

    def __init__(self, sigma: float, size: float, curve: Curve | None = None) -> None:
        self.s, self.size = sigma / size, size
        self.table = None if curve is None else self._tabulated(curve, sigma)

    def _tabulated(self, curve: Curve, sigma: float) -> Array:
        differences = self.size * np.linspace(0.0, 1.0, self.ENTRIES) ** 2
        found = np.asarray(curve(differences, sigma), np.float64)
        if found.shape != differences.shape or not np.isfinite(found).all():
            raise ValueError(
                f"curve must give a finite number for each of {self.ENTRIES} differences; "
                f"an array of {found.shape} came" + ("" if np.isfinite(found).all() else " that is not finite")
            )
        result: Array = found / self.size
        return result

    def __call__(self, u: Array) -> Array:
        """Evaluate at differences in units of the range; it is odd."""
        if self.table is None:
            return _gaussian_detail(u, self.s)
        index = np.sqrt(np.abs(u)) * (self.ENTRIES - 1)
        result: Array = np.sign(u) * np.interp(index, np.arange(self.ENTRIES), self.table)
        return result

    def expected_accuracy(self, samples: int) -> float:
        """Estimate the PSNR in dB on photographs of so many samples over the range, linear in between."""
        u, step = (np.arange(4096) + 0.5) / 4096, 1 / (samples - 1)
        weight, error = _weight(u), 0.0
        for part in (np.arange(8) + 0.5) / 8:
            for d in (u, -u):
                between = (1 - part) * self(d + part * step) + part * self(d - (1 - part) * step)
                error += float((between - self(d)) ** 2 @ weight) / 16
        return _decibels(error)


@dataclass(frozen=True)
class Series:
    """A range function as sines: of ``2 pi k u / period``, with u in units of the range.

    Attributes
    ----------
    period : float
        In units of the range.
    terms : int
        How many.
    coefficients : tuple of float
        In units of the range; none where they differ from pixel to pixel.
    """

    period: float
    terms: int
    coefficients: tuple[float, ...] = ()


#: Nodes of the table: s from 0.02 to 8, evenly in log s. Linear reading loses 0.1 dB at most up to 100 dB.
NODES, SMALLEST, LARGEST = 512, 0.02, 8.0


def _weight(u: Array) -> Array:
    """Give how often photographs ask for a difference, adding up to one."""
    weight = (1.0 + 12.0 * u) ** -3 + 1e-3
    result: Array = weight / weight.sum()
    return result


_U: Array = (np.arange(256) + 0.5) / 256  # where f is compared with its series
_WEIGHT: Array = _weight(_U)
_PERIODS: Array = np.geomspace(1.02, 16.0, 128)
#: What coefficients are multiplied by as waves are kept in half precision: it counts like the error of the fit, so
#: that coefficients stay small.
_ROUNDING = 1e-4
_RIDGE = _ROUNDING**2
_SHARPNESS = 16
DEFAULT_TERMS = 4
#: Terms that a map may take, and that a sigma far below the range may.
MOST_TERMS, MANY_TERMS = 60, 256
_FLOOR = 3e-13  # prefers short periods once the error is below -110 dB


def _refinement(nodes: int, parts: int) -> Array:
    """Matrix of four-point Lagrange interpolation from nodes to ``parts`` samples per interval."""
    x = np.arange((nodes - 1) * parts + 1) / parts
    first = np.clip(x.astype(int) - 1, 0, nodes - 4)
    matrix = np.zeros((x.size, nodes))
    for j in range(4):
        weight = np.ones_like(x)
        for i in range(4):
            if i != j:
                weight *= (x - first - i) / (j - i)
        matrix[np.arange(x.size), first + j] = weight
    return matrix


def _gaussian_detail(u: Array, s: Any) -> Array:
    result: Array = u * np.exp(-0.5 * (u / s) ** 2)
    return result


def _target(s: Array) -> Array:
    return _gaussian_detail(_U, s[:, None])


def _basis(period: Array, terms: int, u: Array = _U) -> Array:
    result: Array = np.sin((2 * np.pi / period)[:, None, None] * np.arange(1, terms + 1)[:, None] * u)
    return result


def _solve(target: Array, period: Array, terms: int) -> Array:
    """Fit ``b`` (n, terms) for given functions (n) and periods (n), by weighted least squares."""
    root = np.sqrt(_WEIGHT)
    matrix = (_basis(period, terms) * root).swapaxes(1, 2)
    ridge = np.broadcast_to(math.sqrt(_RIDGE) * np.eye(terms), (len(matrix), terms, terms))
    q, r = np.linalg.qr(np.concatenate([matrix, ridge], 1))
    right = q[:, : _U.size].swapaxes(1, 2) @ (target * root)[:, :, None]
    result: Array = np.linalg.solve(r, right)[:, :, 0]
    return result


def fit(s: Array, terms: int) -> tuple[Array, Array]:
    """Give periods (n) and coefficients (n, terms) for values of s (n), both in units of the range.

    All candidate periods are compared at once by the energy that an orthonormal basis captures. The minimum is a
    soft one, so period and coefficients are continuous in s and a table of them can be read between its nodes.
    """
    return _fit(_target(s), terms)


def _fit(target: Array, terms: int) -> tuple[Array, Array]:
    weighted = _basis(_PERIODS, terms) * _WEIGHT
    gram = weighted @ _basis(_PERIODS, terms).swapaxes(1, 2)
    rows = np.linalg.solve(np.linalg.cholesky(gram + _RIDGE * np.eye(terms)), weighted)
    captured = ((rows.reshape(-1, _U.size) @ target.T) ** 2).reshape(len(rows), terms, -1).sum(1)
    refine = _refinement(len(_PERIODS), 4)
    periods = np.exp(refine @ np.log(_PERIODS))
    error = refine @ np.maximum((target**2 * _WEIGHT).sum(1) - captured, 0.0)
    error = np.maximum(error, 0.0) + _FLOOR * (periods**2)[:, None]
    share = (error.min(0) / error) ** _SHARPNESS
    period: Array = np.exp(np.log(periods) @ share / share.sum(0))
    return period, _solve(target, period, terms)


@functools.cache
def tables(terms: int) -> tuple[Array, ...]:
    """Give the table of periods and one for each coefficient, over log s.

    Rounded to what float32 code can use, so that the program that holds them is the same on every machine.
    """
    s = np.geomspace(SMALLEST, LARGEST, NODES)
    period, b = fit(s, terms)
    return (np.round(period, 6), *np.round(b.T, 7))


@functools.cache
def expected_accuracy(s: float, terms: int) -> float:
    """Estimate the PSNR in dB, peak R, on photographs at detail 1: from the error of the fit under its weight.

    The offset is the smallest one seen over ten photographs at four levels, s from 0.05 to 1, two to eight terms.
    """
    at = np.array([min(max(s, SMALLEST), LARGEST)])
    return _expected(_target(at), *fit(at, terms))


def _expected(target: Array, period: Array, b: Array) -> float:
    series = b @ _basis(period, b.shape[1])[0]
    return _decibels(float(((series - target) ** 2 * _WEIGHT).sum()) + _rounding(b))


def _rounding(b: Array) -> float:
    return _ROUNDING**2 * float((b**2).sum())


def _decibels(error: float) -> float:
    return -10 * math.log10(error + 1e-16) + 3.0


def of_remap(remap: Remap, terms: int | None, accuracy: float | None, most: int) -> Series:
    """Fit any range function; an accuracy takes the fewest terms, up to ``most``, that are expected to reach it.

    Raises
    ------
    OutOfReachError
        If none are.
    """
    target = remap(_U)[None]
    counts = [terms or DEFAULT_TERMS] if accuracy is None else range(1, most + 1)
    for count in counts:
        period, b = _fit(target, count)
        reached = _expected(target, period, b)
        if accuracy is None or reached >= accuracy:
            return Series(float(period[0]), count, tuple(b[0].tolist()))
    raise OutOfReachError(
        f"accuracy must be at most {reached:.0f} dB for this curve with {most} terms, not {accuracy!r}"
    )


@functools.lru_cache(maxsize=64)
def of_sigma(s: float, accuracy: float, step: int) -> Series:
    """Give a series in closed form, of a multiple of ``step`` terms: for sigmas far below the range.

    Raises
    ------
    OutOfReachError
        If more terms than :data:`MANY_TERMS` are needed.
    """
    size = max(_U.size, math.ceil(8 / s))
    u: Array = (np.arange(size) + 0.5) / size
    target, weight = _gaussian_detail(u, s), _weight(u)
    share = min(10 ** (-accuracy / 20) / s, 0.5)  # of sigma; the coefficients fall off as exp(-(k w sigma)^2 / 2)
    likely = math.sqrt(-2 * math.log(share)) / (2 * math.pi * s)
    for count in range(max(int(0.6 * likely) // step, 1) * step, MANY_TERMS + 1, step):
        for period in 1 + s * np.linspace(0.5, 5.0, 7):
            b = closed_form(s, float(period), count)
            error = (b @ _basis(np.array([period]), count, u)[0] - target) ** 2
            if _decibels(float(error @ weight) + _rounding(b)) >= accuracy:
                return Series(float(period), count, tuple(b.tolist()))
    raise OutOfReachError(
        f"sigma is {s:.2g} of the value range: {accuracy:.0f} dB take more than {MANY_TERMS} terms; "
        "give a narrower value_range, domain='log' or method='interpolated'"
    )


@functools.lru_cache(maxsize=64)
def of_maps(least: float, most: float, terms: int | None, error: float) -> Series:
    """Choose period and terms for every s from ``least`` to ``most``, in the closed form of the coefficients.

    The period follows from the largest s, which must not wrap around, the terms from the smallest. The error is the
    largest one of f for any difference.
    """
    s = np.geomspace(least, most, 9)
    periods = 1 + most * np.linspace(0.3, 6.0, 58)
    for count in [terms] if terms else range(1, MOST_TERMS + 1):
        errors = [_closed_form_error(s, period, count) for period in periods]
        best = int(np.argmin(errors))
        if terms or errors[best] <= error:
            return Series(float(periods[best]), count)
    raise ValueError(
        f"sigma must be everywhere at least some {1 / MOST_TERMS:.2g} of the value range; "
        f"its map goes down to {least:.2g} of it"
    )


def of_sigmas(least: float, most: float, terms: int | None, wanted: float, limit: int) -> tuple[Series, float]:
    """Choose a period, and terms where none are given, that serve every s from ``least`` to ``most``.

    Returns what reaches the wanted accuracy, or comes nearest with ``limit`` terms; and the accuracy.
    """
    target = _target(np.geomspace(least, most, 7))
    for count in [terms] if terms else range(1, limit + 1):
        each = [
            (min(_expected(target[i : i + 1], *_at(target[i : i + 1], p, count)) for i in range(7)), p)
            for p in _PERIODS[::4]
        ]
        reached, period = max(each)
        if terms or reached >= wanted:
            break
    return Series(float(period), count), reached


def _at(target: Array, period: float, terms: int) -> tuple[Array, Array]:
    periods = np.full(len(target), period)
    return periods, _solve(target, periods, terms)


def at(s: float, series: Series) -> tuple[float, ...]:
    """Give the coefficients for s, in units of the range, with the period of a series."""
    _, b = _at(_target(np.array([s])), series.period, series.terms)
    return tuple(b[0].tolist())


def closed_form(s: Any, period: float, terms: int) -> Array:
    """Give the coefficients (..., terms) of the exact Fourier series, as the paper does."""
    k, turns = np.arange(1, terms + 1), np.asarray(s)[..., None] * (2 * math.pi / period)
    b: Array = math.sqrt(2 / math.pi) * np.asarray(s)[..., None] * turns**2 * k * np.exp(-0.5 * (turns * k) ** 2)
    return b


def _closed_form_error(s: Array, period: float, terms: int) -> float:
    series = closed_form(s, period, terms) @ _basis(np.array([period]), terms)[0]
    return float(np.abs(series - _target(s)).max())


def position(log_s: Any) -> Any:
    """Give where in the tables s lies, from its logarithm: a number or one of the language."""
    step = (np.log(LARGEST) - np.log(SMALLEST)) / (NODES - 1)
    return (log_s - float(np.log(SMALLEST))) * float(1 / step)
