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
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Nodes of the table: s from 0.02 to 8, evenly in log s. Linear reading loses 0.1 dB at most up to 100 dB.
NODES, SMALLEST, LARGEST = 512, 0.02, 8.0

_U: Array = (np.arange(256) + 0.5) / 256  # where f is compared with its series
_WEIGHT: Array = ((1.0 + 12.0 * _U) ** -3 + 1e-3) / 256  # how often photographs ask for it
_PERIODS: Array = np.geomspace(1.02, 16.0, 128)
_RIDGE = 1e-15
_SHARPNESS = 16
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


def _target(s: Array) -> Array:
    result: Array = _U * np.exp(-0.5 * (_U / s[:, None]) ** 2)
    return result


def _basis(period: Array, terms: int) -> Array:
    result: Array = np.sin((2 * np.pi / period)[:, None, None] * np.arange(1, terms + 1)[:, None] * _U)
    return result


def solve(s: Array, period: Array, terms: int) -> Array:
    """Fit ``b`` (n, terms) for given s (n) and periods (n), by weighted least squares."""
    root = np.sqrt(_WEIGHT)
    q, r = np.linalg.qr((_basis(period, terms) * root).swapaxes(1, 2))
    right = q.swapaxes(1, 2) @ (_target(s) * root)[:, :, None]
    result: Array = np.linalg.solve(r, right)[:, :, 0]
    return result


def fit(s: Array, terms: int) -> tuple[Array, Array]:
    """Give periods (n) and coefficients (n, terms) for values of s (n), both in units of the range.

    All candidate periods are compared at once by the energy that an orthonormal basis captures. The minimum is a
    soft one, so period and coefficients are continuous in s and a table of them can be read between its nodes.
    """
    target = _target(s)
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
    return period, solve(s, period, terms)


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
    period, b = fit(at, terms)
    series = b @ _basis(period, terms)[0]
    error = float(((series - _target(at)) ** 2 * _WEIGHT).sum() / _WEIGHT.sum())
    return -10 * float(np.log10(max(error, 1e-16))) + 3.0


def position(log_s: Any) -> Any:
    """Give where in the tables s lies, from its logarithm: a number or one of the language."""
    step = (np.log(LARGEST) - np.log(SMALLEST)) / (NODES - 1)
    return (log_s - float(np.log(SMALLEST))) * float(1 / step)
