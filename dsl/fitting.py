"""Kernels as a few cosines and sines over a window: what a sliding transform convolves with at any radius alike.

For ``|r| <= R``, with ``phi_j = 2 pi (first + j + k0) / T``,

    k(r) = dc + sum_{j < terms} ( a_j cos(phi_j r) + b_j sin(phi_j r) )

then one free weight at either end, ``|r| = R + 1``, and zero beyond. T and k0 are those of a cosine transform:

    type    T       k0     dc
    1       2R      0      yes
    3       2R + 2  1/2    no
    5       2R + 1  0      yes
    7       2R + 1  1/2    no

The even and the odd part of a kernel are fitted apart: cosines and sines are orthogonal over the window. Among
themselves they are so too, up to one term at the ends of the window: their Gram matrix is ``D + rho s s^T`` with D
diagonal and s of signs (rho = 1 for the cosines of type 1, -1 for the sines of type 3, else 0). Its inverse is
known, so the error of a radius costs one inner product per frequency, and a search over radii needs no solver.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsl.lowering.radius import MAX

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_TERMS = 64
#: T - 2R and k0, by type of transform.
TYPES = {1: (0, 0.0), 3: (2, 0.5), 5: (1, 0.0), 7: (1, 0.5)}

_ROUNDING = 1e-12  # of the largest weight: how far from its mirror image an even (odd) kernel may be
_FLOOR = 1e-14  # of the energy: errors below are rounding, and equal
_ALL = 48  # radii up to here are all tried
_STEP = 1.1  # from one radius of the first round to the next, above
_KEPT, _PARTS = 3, 6  # ranges of radii that a round keeps, besides their neighbours, and the parts it cuts each into
_CHUNK = 1 << 16  # samples of waves held at once


@dataclass(frozen=True)
class Fit:
    """A kernel as oscillators over a window.

    Attributes
    ----------
    type : int
        Of the transform: 1, 3, 5 or 7.
    radius : int
        R of the window.
    first : int
        Place of the lowest frequency on the grid: at least 1 with a dc (types 1 and 5), at least 0 without.
    dc : float
        Constant within the window; 0 for types 3 and 7.
    cosines, sines : tuple of float
        Gains, one of each per oscillator.
    outer : (float, float)
        Weights at ``-radius - 1`` and ``radius + 1``.
    """

    type: int
    radius: int
    first: int
    dc: float
    cosines: tuple[float, ...]
    sines: tuple[float, ...]
    outer: tuple[float, float]

    @property
    def terms(self) -> int:
        """Oscillators besides the constant."""
        return len(self.cosines)

    @property
    def parity(self) -> str:
        """``"even"``, ``"odd"`` or ``"both"``: which oscillators there are."""
        left, right = self.outer
        if left == right and not any(self.sines):
            return "even"
        return "odd" if left == -right and not (self.dc or any(self.cosines)) else "both"

    @property
    def frequencies(self) -> tuple[float, ...]:
        """``phi_j`` of each oscillator, in radians per sample."""
        extra, k0 = TYPES[self.type]
        step = 2 * math.pi / (2 * self.radius + extra)
        return tuple(step * (self.first + j + k0) for j in range(self.terms))

    def numbers(self) -> Array:
        """Give what native code needs besides the radius: first, dc, the outer weights, cosines, sines."""
        return np.array([self.first, self.dc, *self.outer, *self.cosines, *self.sines])

    def samples(self) -> Array:
        """Give the weights for r from ``-radius - 1`` to ``radius + 1``."""
        r = np.arange(self.radius + 2)
        even, odd = np.full(r.size, self.dc), np.zeros(r.size)
        for phi, a, b in zip(self.frequencies, self.cosines, self.sines, strict=True):
            even += a * np.cos(phi * r)
            odd += b * np.sin(phi * r)
        right, left = even + odd, even - odd
        left[-1], right[-1] = self.outer
        return np.concatenate([left[:0:-1], right])


@dataclass(frozen=True)
class _Half:
    """The even or the odd part of a kernel: what r and -r carry together, for r >= 0.

    Attributes
    ----------
    wave : function
        Its oscillators: ``np.cos`` or ``np.sin``.
    weight : array
        ``k(r) + k(-r)`` or ``k(r) - k(-r)``; ``k(0)`` or 0 first. One zero follows the last.
    sum : array
        Of the weights up to r.
    kept : float or None
        The moment that the fit is to have too: of order 0 if even, 1 if odd.
    """

    wave: Callable[[Array], Array]
    weight: Array
    sum: Array
    kept: float | None

    @property
    def even(self) -> bool:
        return self.wave is np.cos


@dataclass(frozen=True)
class _Target:
    """A kernel as a fit sees it; ``carrier`` is the frequency about which its energy lies."""

    halves: tuple[_Half, ...]
    radius: int
    energy: float
    carrier: float


def fit(kernel: ArrayLike, terms: int, *, type: int = 5, radius: int | None = None) -> Fit:
    """Fit a kernel by least squares over all r.

    The sum of the weights is kept exactly, so that constants survive; of an odd kernel the first moment is, so that
    ramps do. An even kernel gets no sines, an odd one neither a constant nor cosines.

    Parameters
    ----------
    kernel : array
        Weights as a function of r; an odd number, the middle one is that of r = 0.
    terms : int
        Oscillators besides the constant. 0, a box, is for types 1 and 5.
    type : int
        Of the transform: 1, 3, 5 or 7.
    radius : int, optional
        Of the window. By default, the one of least error: of what is cut off together with the misfit inside. It is
        looked for with waves around the frequency where the kernel has most of its energy; of noise, which does not
        slide at all, another window may be the best.
    """
    values = _kernel(kernel)
    type = _type(type)
    terms = _terms(terms, type)
    if radius is None:
        return _best(values, terms, type)
    least = _least_radius(terms, type)
    if not least <= _whole(radius, "radius") <= MAX:
        accepted = f"from {least} to {MAX} with type={type} and terms={terms}"
        raise ValueError(f"radius must be {accepted}, not {radius!r}")
    target = _target(values, terms)
    _, first = _errors(target, np.array([radius]), terms, type)
    return _solve(target, int(radius), int(first[0]), terms, type)


def guaranteed(fit: Fit, kernel: ArrayLike) -> float:
    """Give the PSNR in dB that the 1-D convolution of any image has: values from 0 to the peak.

    The worst image is the peak where a weight is too large and 0 elsewhere, or the reverse.
    """
    worst = _worst(_difference(fit, _kernel(kernel)))
    return -20 * math.log10(worst) if worst > 0 else math.inf


def choose(kernel: ArrayLike, accuracy: float, *, most: int = 6, type: int = 5) -> Fit | None:
    """Give the fit with the fewest terms that reaches an accuracy, or None.

    Parameters
    ----------
    kernel : array
        As for :func:`fit`. A box needs no terms.
    accuracy : float
        In dB, as :func:`guaranteed` tells it.
    most : int
        Terms to try.
    type : int
        Of the transform: 1, 3, 5 or 7.
    """
    values = _kernel(kernel)
    if not math.isfinite(_real(accuracy, "accuracy")):
        raise ValueError(f"accuracy must be finite, in dB, not {accuracy!r}")
    type = _type(type)
    most = _terms(most, type, name="most")
    for terms in range(0 if _has_dc(type) and np.ptp(_trimmed(values)) == 0 else 1, most + 1):
        found = _best(values, terms, type)
        if guaranteed(found, values) >= accuracy:
            return found
    return None


def best_type(kernel: ArrayLike, terms: int) -> int:
    """Tell which transform has the least squared error with so many terms; the cheaper one where two are equal."""
    values = _kernel(kernel)
    terms = _terms(terms, 5)
    types = [type for type in (5, 3, 7, 1) if terms or _has_dc(type)]

    def error(type: int) -> float:
        squared = float((_difference(_best(values, terms, type), values) ** 2).sum())
        return max(squared, _FLOOR * float((values**2).sum()))

    return min(types, key=error)


def sampled(function: Callable[[int], float], *, radius: int | None = None) -> Array:
    """Sample a function of an integer for ``|r| <= radius``.

    By default the radius is the first of 8, 16, ... 16384 such that the samples beyond, up to twice as far, have
    less than 1e-6 of the sum of all magnitudes.
    """
    if not callable(function):
        raise TypeError(f"function must be a function of an int, not {function.__class__.__name__}")
    if radius is not None:
        if not 0 <= _whole(radius, "radius") <= MAX:
            raise ValueError(f"radius must be from 0 to {MAX}, not {radius!r}")
        return _samples(function, -radius, radius)
    reached, inside = 8, _samples(function, -8, 8)
    while reached <= MAX:
        left = _samples(function, -2 * reached, -reached - 1)
        right = _samples(function, reached + 1, 2 * reached)
        beyond = float(np.abs(left).sum() + np.abs(right).sum())
        total = beyond + float(np.abs(inside).sum())
        share = beyond / total if total else 1.0  # all zero so far: it may begin further out
        if share < 1e-6:
            return inside
        reached, inside = 2 * reached, np.concatenate([left, inside, right])
    raise ValueError(
        f"function must decay, and not be zero: {share:.2g} of its magnitudes lie beyond {MAX}, "
        "less than 1e-6 may; radius= cuts it off where it is to end"
    )


def low_rank(kernel: ArrayLike, tolerance: float) -> tuple[list[tuple[Array, Array]], float]:
    """Split a 2-D kernel into a sum of separable ones.

    Parameters
    ----------
    kernel : array
        Two axes, of any sizes.
    tolerance : float
        Largest error of any image with values from 0 to 1, in units of the sum of the kernel's magnitudes.

    Returns
    -------
    list of (column, row)
        As few as keep the tolerance. The kernel is nearly the sum of ``np.outer(column, row)``.
    float
        The error that is left, in the unit of ``tolerance``.
    """
    values = _numbers(kernel, "kernel")
    if values.ndim != 2 or not values.size:
        raise ValueError(f"kernel must have two axes and at least one weight, not shape {values.shape}")
    if not 0 <= _real(tolerance, "tolerance") < math.inf:
        raise ValueError(f"tolerance must be finite and at least 0, not {tolerance!r}")
    unit = float(np.abs(values).sum()) or 1.0
    columns, strengths, rows = np.linalg.svd(values, full_matrices=False)
    pairs: list[tuple[Array, Array]] = []
    left = values.copy()
    for column, strength, row in zip(columns.T, strengths, rows, strict=True):
        if _worst(left) <= tolerance * unit or strength <= _ROUNDING * strengths[0]:
            break
        scale = math.copysign(math.sqrt(strength), column[np.abs(column).argmax()])
        pairs.append((column * scale, row * scale))
        left -= np.outer(*pairs[-1])
    return pairs, _worst(left) / unit


def _best(values: Array, terms: int, type: int) -> Fit:
    """Fit at the radius of least error."""
    target = _target(values, terms)
    radius, first = _search(target, terms, type)
    return _solve(target, radius, first, terms, type)


def _has_dc(type: int) -> bool:
    return TYPES[type][1] == 0


def _least_radius(terms: int, type: int) -> int:
    """Give the least radius at which so many frequencies are below pi, and their waves independent."""
    return terms + 1 if type == 1 else terms


def _last(radius: Ints, terms: int, type: int) -> Ints:
    """Give the highest place on the grid that the lowest of so many frequencies may have."""
    return radius + _has_dc(type) - _least_radius(terms, type)


def _target(values: Array, terms: int) -> _Target:
    values = _trimmed(values)
    radius = values.size // 2
    right, left = values[radius:], values[radius::-1]
    slack = _ROUNDING * np.abs(values).max()
    is_even = bool((np.abs(right - left) <= slack).all())
    is_odd = not is_even and bool((np.abs(right + left) <= slack).all())
    halves = []
    if not is_odd:
        weight = np.append(right + left, 0.0)
        weight[0] /= 2
        total = weight.cumsum()
        halves.append(_Half(np.cos, weight, total, float(total[-1])))
    if not is_even:
        weight = np.append(right - left, 0.0)
        kept = float(weight @ np.arange(weight.size)) if is_odd else None
        halves.append(_Half(np.sin, weight, weight.cumsum(), kept))
    return _Target(tuple(halves), radius, float(values @ values), _carrier(values, terms))


def _carrier(values: Array, terms: int) -> float:
    """Give the middle of the band, as wide as the oscillators of a likely window, that holds the most energy."""
    size = 1 << (4 * values.size - 1).bit_length()
    power = np.abs(np.fft.rfft(values, size)) ** 2
    radius = values.size // 2
    within = np.cumsum(values**2 + values[::-1] ** 2)[: radius + 1][::-1]  # energy of |r| >= 0, 1, ...
    likely = int(np.count_nonzero(within > 1e-3 * within[0]))
    width = min(max(terms * size // (2 * likely + 1), 1), power.size)
    sums = np.concatenate([[0.0], power.cumsum()])
    start = int((sums[width:] - sums[:-width]).argmax())
    band = power[start : start + width]
    middle = start + float(band @ np.arange(width)) / (float(band.sum()) or 1.0)
    return 2 * math.pi * middle / size


def _search(target: _Target, terms: int, type: int) -> tuple[int, int]:
    """Find radius and first frequency of least error: ranges of radii, cut finer round by round.

    A range is tried at the radius whose grid has a band with the carrier at its middle: what a kernel that
    oscillates fits depends on that, and swings with the radius.
    """
    least = _least_radius(terms, type)
    most = min(max(2 * target.radius + terms, least), MAX)
    swing = _swing(target, np.arange(least, most + 1), terms, type)
    edges = list(range(least, min(most, max(_ALL, least)) + 1))
    while edges[-1] <= most:
        edges.append(max(edges[-1] + 1, min(int(edges[-1] * _STEP), most + 1)))
    edges += [r for r in (target.radius, target.radius + 1) if least < r <= most]  # a kernel may end with a jump
    ranges = list(pairwise(sorted(set(edges))))
    best = (math.inf, 0, 0, 0)
    while ranges:
        radii = np.array([a + int(swing[a - least : b - least].argmin()) for a, b in ranges])
        errors, firsts = _errors(target, radii, terms, type)
        # Of equal errors: a window as wide as the kernel, whose outer weights are zero.
        ties = np.abs(radii - target.radius)
        order = np.lexsort((ties, errors))
        top = int(order[0])
        best = min(best, (float(errors[top]), int(ties[top]), int(radii[top]), int(firsts[top])))
        near = {int(i) + d for i in order[:_KEPT] for d in (-1, 0, 1)}
        ranges = [part for i in sorted(near) if 0 <= i < len(ranges) for part in _parts(*ranges[i])]
    return best[2:]


def _parts(start: int, stop: int) -> list[tuple[int, int]]:
    if stop - start == 1:
        return []
    edges = sorted({start + (stop - start) * i // _PARTS for i in range(_PARTS + 1)})
    return list(pairwise(edges))


def _place(target: _Target, radius: Ints, terms: int, type: int) -> Array:
    """Give where on the grid the lowest frequency would lie, were the carrier the middle of the band."""
    extra, k0 = TYPES[type]
    period = 2 * radius.astype(np.float64) + extra
    return target.carrier / (2 * math.pi) * period - k0 - (terms - 1) / 2


def _swing(target: _Target, radius: Ints, terms: int, type: int) -> Array:
    """Give how far from the grid that is; nothing where the band starts at the lowest frequency anyway."""
    place = _place(target, radius, terms, type)
    return np.where(place < _has_dc(type), 0.0, np.abs(place - np.rint(place)))


def _errors(target: _Target, radius: Ints, terms: int, type: int) -> tuple[Array, Ints]:
    """Give the squared error at each radius, over all r, and the first frequency it takes."""
    near = np.rint(_place(target, radius, terms, type)).astype(np.int64) - 1
    last = _last(radius, terms, type)
    bands = 3 if terms and bool((near + 2 > _has_dc(type)).any()) else 1
    start = np.clip(near, _has_dc(type), np.maximum(last - bands + 1, _has_dc(type)))
    explained = np.zeros((radius.size, bands))
    for half in target.halves:
        system = _system(half, radius, start, bands, terms, type)
        explained += system.dot(system.right, system.right)
        if half.kept is not None:
            explained -= system.miss(half.kept) ** 2 / system.dot(system.moment, system.moment)
    error = np.where(start[:, None] + np.arange(bands) <= last[:, None], target.energy - explained, math.inf)
    band = error.argmin(1)
    return np.maximum(error.min(1), _FLOOR * target.energy), start + band


def _solve(target: _Target, radius: int, first: int, terms: int, type: int) -> Fit:
    """Fit at a radius and a first frequency."""
    dc, cosines, sines, left, right = 0.0, (0.0,) * terms, (0.0,) * terms, 0.0, 0.0
    for half in target.halves:
        system = _system(half, np.array([radius]), np.array([first]), 1, terms, type)
        found = system.solution(half.kept)[0, 0].tolist()
        gains, outer = tuple(found[-1 - terms : -1]), found[-1]
        if half.even:
            dc, cosines = found[0] if _has_dc(type) else 0.0, gains
            left, right = left + outer, right + outer
        else:
            sines = gains
            left, right = left - outer, right + outer
    return Fit(type, radius, first, dc, cosines, sines, (left, right))


@dataclass(frozen=True)
class _System:
    """Normal equations ``(D + rho s s^T) x = right``, for radii times bands; the last axis is of unknowns.

    Unknowns are the constant, if there is one, the oscillators, and the pair of outer weights.

    Attributes
    ----------
    diagonal, sign : array
        D and s.
    rho : int
        -1, 0 or 1.
    right : array
        Inner products with the kernel.
    moment : array
        What each unknown adds to the moment that is kept.
    """

    diagonal: Array
    sign: Array
    rho: int
    right: Array
    moment: Array

    def inverse(self, vector: Array) -> Array:
        """Apply the inverse of the matrix (Sherman and Morrison)."""
        plain = vector / self.diagonal
        if not self.rho:
            return plain
        signed = self.sign / self.diagonal
        share = self.rho * (self.sign * plain).sum(-1) / (1 + self.rho * (self.sign * signed).sum(-1))
        result: Array = plain - share[..., None] * signed
        return result

    def dot(self, left: Array, right: Array) -> Array:
        """Give the inner product under the inverse."""
        result: Array = (left * self.inverse(right)).sum(-1)
        return result

    def miss(self, kept: float) -> Array:
        """Give how far the unconstrained solution is from the moment to be kept; rounding is none."""
        parts = self.moment * self.inverse(self.right)
        miss = kept - parts.sum(-1)
        return np.where(np.abs(miss) <= 4e-15 * (abs(kept) + np.abs(parts).sum(-1)), 0.0, miss)

    def solution(self, kept: float | None) -> Array:
        """Solve, with the moment kept or without."""
        free = self.inverse(self.right)
        if kept is None:
            return free
        step = self.inverse(self.moment)
        result: Array = free + step * (self.miss(kept) / (self.moment * step).sum(-1))[..., None]
        return result


def _system(half: _Half, radius: Ints, start: Ints, bands: int, terms: int, type: int) -> _System:
    """Set up the equations of ``bands`` bands, the lowest with its lowest frequency at ``start``."""
    extra, k0 = TYPES[type]
    wide: Array = radius.astype(np.float64)
    period = (2 * wide + extra)[:, None]
    place = start[:, None] + np.arange(terms + bands - 1)
    phi = 2 * math.pi * (place + k0) / period
    window = wide[:, None] + 0.5
    sine, half_sine = np.sin(window * phi), np.sin(phi / 2)
    if half.even:  # the sum of a cosine over the window; else minus its derivative by phi
        moment = sine / half_sine
    else:
        moment = (sine * np.cos(phi / 2) / 2 - window * np.cos(window * phi) * half_sine) / half_sine**2
    lead = int(half.even and _has_dc(type))

    def unknowns(constant: Array, oscillators: Array, outer: Array) -> Array:
        result = np.empty((radius.size, bands, lead + terms + 1))
        result[:, :, :lead] = constant[:, None, None]
        for band in range(bands):
            result[:, band, lead:-1] = oscillators[:, band : band + terms]
        result[:, :, -1] = outer[:, None]
        return result

    one = np.ones(radius.size)
    inside, outside = np.minimum(radius, half.sum.size - 1), np.minimum(radius + 1, half.weight.size - 1)
    return _System(
        unknowns(period[:, 0], np.broadcast_to(period / 2, phi.shape), 2 * one),
        unknowns(one, np.where(place % 2, -1.0, 1.0), 0 * one),
        {(1, True): 1, (3, False): -1}.get((type, half.even), 0),
        unknowns(half.sum[inside], _projections(half, radius, phi), half.weight[outside]),
        unknowns(2 * wide + 1, moment, 2 * one if half.even else 2 * (wide + 1)),
    )


def _projections(half: _Half, radius: Ints, phi: Array) -> Array:
    """Give the inner product of the windowed kernel with each wave: a row per radius, which ascend."""
    result = np.empty(phi.shape)
    begin = 0
    while begin < radius.size:
        end = begin + 1
        while end < radius.size and (end + 1 - begin) * phi.shape[1] * int(radius[end]) <= _CHUNK:
            end += 1
        r = np.arange(min(int(radius[end - 1]) + 1, half.weight.size))
        weight = np.where(r <= radius[begin:end, None], half.weight[: r.size], 0.0)
        waves = half.wave(phi[begin:end, :, None] * r)
        result[begin:end] = (waves @ weight[:, :, None])[:, :, 0]
        begin = end
    return result


def _trimmed(values: Array) -> Array:
    """Drop zeros that both ends have."""
    middle = values.size // 2
    used = np.flatnonzero(values) - middle
    radius = int(np.abs(used).max(initial=0))
    return values[middle - radius : middle + radius + 1]


def _difference(fit: Fit, values: Array) -> Array:
    """Give fit minus kernel over all r."""
    radius = max(values.size // 2, fit.radius + 1)
    result = np.zeros(2 * radius + 1)
    result[radius - fit.radius - 1 : radius + fit.radius + 2] = fit.samples()
    result[radius - values.size // 2 : radius + values.size // 2 + 1] -= values
    return result


def _worst(difference: Array) -> float:
    """Give the error of the worst image with values from 0 to 1, for an error of the kernel."""
    return float(max(difference.clip(min=0).sum(), -difference.clip(max=0).sum()))


def _numbers(value: ArrayLike, name: str) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be an array of real numbers, not of {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{name} must be finite; {name}[{', '.join(map(str, bad))}] is {array[tuple(bad)]}")
    return array


def _kernel(value: ArrayLike) -> Array:
    array = _numbers(value, "kernel")
    if array.ndim != 1 or array.size % 2 == 0:
        raise ValueError(f"kernel must have one axis and an odd number of weights, not shape {array.shape}")
    return array


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, not {value.__class__.__name__}")
    return int(value)


def _real(value: Any, name: str) -> float:
    try:
        if isinstance(value, (bool, str, complex)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {value.__class__.__name__}") from None


def _type(value: Any) -> int:
    if _whole(value, "type") not in TYPES:
        raise ValueError(f"type must be 1, 3, 5 or 7, not {value!r}")
    return int(value)


def _terms(value: Any, type: int, name: str = "terms") -> int:
    least = 0 if _has_dc(type) else 1
    if not least <= _whole(value, name) <= MAX_TERMS:
        raise ValueError(f"{name} must be from {least} to {MAX_TERMS} with type={type}, not {value!r}")
    return int(value)


def _samples(function: Callable[[int], float], first: int, last: int) -> Array:
    return np.array([_sample(function, r) for r in range(first, last + 1)])


def _sample(function: Callable[[int], float], r: int) -> float:
    value = _real(function(r), f"function({r})")
    if not math.isfinite(value):
        raise ValueError(f"function must give finite numbers; function({r}) gave {value!r}")
    return value
