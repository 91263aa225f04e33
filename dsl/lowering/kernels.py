"""Kernels: the weights of a direct sum, or the oscillators of a sliding one, computed inside the pipeline.

Nothing here needs Python at run time: a library built from a script takes sigma as an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl import fitting
from dsl.ir import Node
from dsl.lowering import pointwise, tables
from dsl.lowering import radius as radius_of
from dsl.lowering.context import Lowering, f32

_ZERO = f32(0)


def _f64(value: Any) -> Any:
    return hl.cast(hl.Float(64), value)


def _once_per_call(low: Lowering, name: str, value: Any) -> Any:
    """Compute a number once per call."""
    func = low.stage(name, [hl.Var("i")], value)
    low.record[name].compute_root()
    return hl.Expr(func[0])


def _ceiling(value: Any) -> Any:
    """Write a number rounded up, so that Halide folds it where the number is one that a schedule is made for."""
    whole = hl.cast(hl.Int(32), value)
    return whole + hl.select(value > whole, 1, 0)


def _positive(sigma: Any) -> Any:
    """Keep a sigma of zero (no blur at all) and below out of the divisions."""
    return hl.max(_f64(sigma), hl.f64(1e-3))


@dataclass(frozen=True)
class Weights:
    """A kernel as samples: ``weight[r]`` for ``|r| <= radius``."""

    weight: Any
    radius: Any


def direct(low: Lowering, node: Node, terms: int) -> Weights:
    """Lower a kernel to its samples; ``terms`` says how accurate a Gaussian is to be."""
    weights: Weights = low.once(("direct", id(node), terms), lambda: _direct(low, node, terms))
    return weights


def _direct(low: Lowering, node: Node, terms: int) -> Weights:
    name = f"{low.label(node)}_direct"
    if node.op == "identity":
        return Weights(lambda r: f32(1), 0)
    if node.op in ("samples", "oscillators"):
        values, count = tables.table(low, node.args[0])
        radius = (count - 1) // 2
        return Weights(lambda r: values[hl.clamp(radius - r, 0, count - 1)], radius)
    size = pointwise.inline_scalar(low, node.args[0])
    r = hl.Var("r")
    if node.op == "box":
        radius = hl.clamp(hl.cast(hl.Int(32), hl.round(size)), 0, radius_of.MAX)
        weight = hl.f32(1) / hl.cast(hl.Float(32), 2 * radius + 1)
        return Weights(lambda _: weight, radius)
    sigma = _positive(size)
    slope, less = (hl.f64(number) for number in radius_of.DIRECT[terms])
    radius = hl.clamp(_ceiling(slope * sigma - less), 1, radius_of.MAX)
    sample = low.stage(f"{name}_sample", [r], hl.exp(_f64(-r * r) / (2 * sigma * sigma)))
    low.record[f"{name}_sample"].compute_root()
    window = hl.RDom([(-radius, 2 * radius + 1)], f"{name}_window")
    total = total_of(low, f"{name}_total", sample[window.x], hl.f64(0))
    low.stage(f"{name}_weight", [r], hl.cast(hl.Float(32), sample[r] / total))
    low.record[f"{name}_weight"].compute_root()
    weight = low.stages.funcs[f"{name}_weight"]
    return Weights(lambda at: weight[at], radius)


def gain(low: Lowering, node: Node, terms: int) -> Any:
    """Give the sum of a kernel: one, but for samples of one's own."""
    if node.op not in ("samples", "oscillators"):
        return f32(1)

    def make() -> Any:
        weights = direct(low, node, terms)
        taps = hl.RDom([(-weights.radius, 2 * weights.radius + 1)], f"{low.label(node)}_gain_taps")
        return total_of(low, f"{low.label(node)}_gain", weights.weight(taps.x))

    return low.once(("gain", id(node)), make)


def total_of(low: Lowering, name: str, weight: Any, nothing: Any = _ZERO) -> Any:
    """Stage, once a call: the sum of weights over the taps that they are written for."""
    func = low.stage(name, [hl.Var("i")], nothing)
    func[hl.Var("i")] += weight
    low.record[name].compute_root()
    return hl.Expr(func[0])


@dataclass(frozen=True)
class Drives:
    """What drives oscillators when the window moves, by type of transform; all from one identity.

    With w(r) = a cos(phi r) + b sin(phi r),

        Z(x) - 2 cos(phi) Z(x - 1) + Z(x - 2) = w(R) f(x + R) - w(R + 1) f(x + R - 1)
                                              + w(-R) f(x - R - 2) - w(-R - 1) f(x - R - 1)

    The frequencies of a type make of w(R + 1) plus or minus w(R), nothing, or leave it. What is needed of the step
    before is kept: f(x + R - 1) and f(x - R - 2) were f(x + R) and f(x - R - 1) then.

    Attributes
    ----------
    pieces : function
        Of f(x + R) and f(x - R - 1): what is kept until the next step.
    pushes : dict
        By parity: sums of the pieces now and those of the step before, and the name of their weight. With
        A = a cos(phi R), A1 = a cos(phi (R + 1)), B = b sin(phi R), B1 = b sin(phi (R + 1)).
    """

    pieces: Callable[[Any, Any], list[Any]]
    pushes: dict[str, list[tuple[Callable[[list[Any], list[Any]], Any], str]]]


_DRIVES = {
    5: Drives(
        lambda enters, leaves: [enters - leaves],
        {"even": [(lambda now, past: now[0] - past[0], "A")], "odd": [(lambda now, past: now[0] + past[0], "B")]},
    ),
    7: Drives(
        lambda enters, leaves: [enters + leaves],
        {"even": [(lambda now, past: now[0] + past[0], "A")], "odd": [(lambda now, past: now[0] - past[0], "B")]},
    ),
    3: Drives(
        lambda enters, leaves: [enters, leaves],
        {
            "even": [(lambda now, past: now[0] + past[1], "A")],
            "odd": [(lambda now, past: now[0] - past[1], "B"), (lambda now, past: now[1] - past[0], "B1")],
        },
    ),
    1: Drives(
        lambda enters, leaves: [enters, leaves],
        {
            "even": [(lambda now, past: now[0] + past[1], "A"), (lambda now, past: now[1] + past[0], "-A1")],
            "odd": [(lambda now, past: now[1] - past[0], "B1")],
        },
    ),
}


@dataclass(frozen=True)
class Oscillators:
    """Weights ``dc + sum_k (a_k cos(phi_k r) + b_k sin(phi_k r))`` of the samples ``|r| <= radius``, and two beyond.

    Every number is float32, computed in float64 once per call.

    Attributes
    ----------
    terms : int
        Oscillators besides the constant.
    radius : Expr
        Of the window.
    dc : Expr or None
        The constant.
    damp : list of Expr
        ``4 sin^2(phi_k / 2)``.
    pieces, pushes : function, list of function
        What drives all oscillators; see Drives.
    drive : list of list of Expr
        For each oscillator its weights of the pushes.
    outer : (Expr, Expr) or None
        Weights of the samples at ``-radius - 1`` and ``radius + 1``; one expression if they are equal.
    waves : Func
        ``waves[j, r]``: 1, then the cosines of ``phi_k r``, then the sines.
    begin : list of tuple of Expr
        For each oscillator a, b and the four numbers that make D from sums of cosines and sines and the two samples
        at the ends: see scan.py.
    """

    terms: int
    radius: Any
    dc: Any
    damp: list[Any]
    pieces: Callable[[Any, Any], list[Any]]
    pushes: list[Callable[[list[Any], list[Any]], Any]]
    drive: list[list[Any]]
    outer: tuple[Any, Any] | None
    waves: hl.Func | None
    begin: list[tuple[Any, ...]]


@dataclass(frozen=True)
class _Waves:
    """A kernel before it is turned into numbers: functions of k give float64 expressions."""

    type: int
    parity: str
    terms: int
    radius: Any
    first: Any
    dc: Any
    cosine: Callable[[Any], Any]
    sine: Callable[[Any], Any]
    outer: tuple[Any, Any] | None

    def angle(self, k: Any) -> Any:
        longer, shift = fitting.TYPES[self.type]
        return hl.f64(2 * math.pi) * (_f64(self.first + k) + hl.f64(shift)) / _f64(2 * self.radius + longer)


def sliding(low: Lowering, node: Node, terms: int) -> Oscillators:
    """Lower a kernel to oscillators; a box is the constant alone, and exact."""
    found: Oscillators = low.once(("sliding", id(node), terms), lambda: _sliding(low, node, terms))
    return found


def _sliding(low: Lowering, node: Node, terms: int) -> Oscillators:
    name = f"{low.label(node)}_sliding"
    waves = {"box": _box, "gaussian": _gaussian, "oscillators": _fitted}[node.op](low, name, node, terms)
    dc = None if waves.dc is None else _once_per_call(low, f"{name}_dc", hl.cast(hl.Float(32), waves.dc))
    outer = waves.outer
    if outer is not None:
        first = _once_per_call(low, f"{name}_outer", hl.cast(hl.Float(32), outer[0]))
        same = outer[0] is outer[1]
        outer = (first, first if same else _once_per_call(low, f"{name}_outer1", hl.cast(hl.Float(32), outer[1])))
    if not waves.terms:
        return Oscillators(0, waves.radius, dc, [], _DRIVES[waves.type].pieces, [], [], outer, None, [])
    return _numbers(low, name, waves, dc, outer)


def _numbers(low: Lowering, name: str, waves: _Waves, dc: Any, outer: Any) -> Oscillators:
    """Stages: the numbers of every oscillator, and samples of its waves."""
    k, i, j, r = (hl.Var(n) for n in ("k", "i", "j", "r"))
    terms, radius = waves.terms, waves.radius
    phi, a, b = waves.angle(k), waves.cosine(k), waves.sine(k)
    half = hl.sin(phi / 2)
    edge, beyond = phi * _f64(radius), phi * _f64(radius + 1)
    weights = {"A": a * hl.cos(edge), "A1": a * hl.cos(beyond), "B": b * hl.sin(edge), "B1": b * hl.sin(beyond)}
    weights["-A1"] = -weights["A1"]
    parities = ("even", "odd") if waves.parity == "both" else (waves.parity,)
    drives = _DRIVES[waves.type]
    pushes = [push for parity in parities for push in drives.pushes[parity]]
    slow, turn = 2 * half * half, hl.sin(phi)  # 1 - cos(phi), without cancellation
    kinds = [
        4 * half * half,
        *(weights[weight] for _, weight in pushes),
        *(a, b, a * slow - b * turn, b * slow + a * turn, weights["A1"] + weights["B1"], weights["A"] - weights["B"]),
    ]
    low.stage(f"{name}_number", [i, k], hl.cast(hl.Float(32), hl.mux(i, kinds)))
    low.record[f"{name}_number"].compute_root().bound_extent("i", len(kinds)).unroll("i")
    number = low.stages.funcs[f"{name}_number"]
    phase = waves.angle(hl.select(j <= terms, j - 1, j - 1 - terms)) * _f64(r)
    wave = hl.select(j == 0, hl.f64(1), j <= terms, hl.cos(phase), hl.sin(phase))
    low.stage(f"{name}_waves", [j, r], hl.cast(hl.Float(32), wave))
    low.record[f"{name}_waves"].compute_root()
    count = len(pushes)
    return Oscillators(
        terms,
        radius,
        dc,
        [hl.Expr(number[0, n]) for n in range(terms)],
        drives.pieces,
        [push for push, _ in pushes],
        [[hl.Expr(number[1 + d, n]) for d in range(count)] for n in range(terms)],
        outer,
        low.stages.funcs[f"{name}_waves"],
        [tuple(hl.Expr(number[1 + count + d, n]) for d in range(6)) for n in range(terms)],
    )


def _nothing(k: Any) -> Any:
    return hl.f64(0)


def _box(low: Lowering, name: str, node: Node, terms: int) -> _Waves:
    size = pointwise.inline_scalar(low, node.args[0])
    radius = hl.clamp(hl.cast(hl.Int(32), hl.round(size)), 0, radius_of.MAX)
    return _Waves(5, "even", 0, radius, 1, hl.f64(1) / _f64(2 * radius + 1), _nothing, _nothing, None)


def _gaussian(low: Lowering, name: str, node: Node, terms: int) -> _Waves:
    """Fit a Gaussian in closed form: its spectrum is known. The weights beyond the window are the Gaussian's own."""
    sigma = _positive(pointwise.inline_scalar(low, node.args[0]))
    radius = hl.cast(hl.Int(32), hl.floor(hl.f64(radius_of.SLIDING[terms]) * sigma - hl.f64(0.5)))
    radius = hl.clamp(radius, terms, radius_of.MAX)
    period = _f64(2 * radius + 1)
    k = hl.Var("k")
    angle = hl.f64(2 * math.pi) * _f64(k) / period
    response, at_zero, total = _gaussian_response(low, name, sigma, angle, k, terms)
    outside = _f64(radius + 1)
    edge = _once_per_call(low, f"{name}_edge", hl.exp(-outside * outside / (2 * sigma * sigma)) / total)

    def cosine(k: Any) -> Any:
        turn = hl.cos(hl.f64(2 * math.pi) * _f64(k + 1) / period * _f64(radius))
        return 2 * (response[k + 1] / at_zero - 2 * edge * turn) / period

    return _Waves(5, "even", terms, radius, 1, (1 - 2 * edge) / period, cosine, _nothing, (edge, edge))


def _fitted(low: Lowering, name: str, node: Node, terms: int) -> _Waves:
    """Take a fit made by dsl/fitting.py, mirrored: a convolution sees its kernel so."""
    kind, count, parity = int(node.attributes[0]), int(node.attributes[1]), str(node.attributes[2])  # type: ignore[arg-type]
    values, _ = tables.table(low, node.args[1])
    radius = hl.clamp(hl.cast(hl.Int(32), hl.round(pointwise.inline_scalar(low, node.args[2]))), count, radius_of.MAX)
    at = [_f64(values[i]) for i in range(4)]
    dc = at[1] if fitting.TYPES[kind][1] == 0 and parity != "odd" else None
    outer = (at[2], at[2]) if parity == "even" else (at[3], at[2])
    return _Waves(
        kind,
        parity,
        count,
        radius,
        hl.cast(hl.Int(32), hl.round(values[0])),
        dc,
        lambda k: _f64(values[hl.clamp(4 + k, 0, 4 + count - 1)]),
        lambda k: -_f64(values[hl.clamp(4 + count + k, 0, 4 + 2 * count - 1)]),
        outer,
    )


def _gaussian_response(low: Lowering, name: str, sigma: Any, angle: Any, k: Any, terms: int) -> tuple[Any, Any, Any]:
    """Give the spectrum of the sampled Gaussian at phi_k (a stage), at 0, and the sum of its samples.

    Poisson's formula (five aliases) where the Gaussian is wide, the sum over eleven samples where it is narrow:
    each is exact to rounding on its side of sigma = 1/2.
    """

    def wide(phi: Any) -> Any:
        aliases = [sigma * (phi + hl.f64(2 * math.pi * m)) for m in (-2, -1, 0, 1, 2)]
        return sum((hl.exp(-a * a / 2) for a in aliases), hl.f64(0))

    def narrow(phi: Any) -> Any:
        samples = [hl.exp(hl.f64(-n * n) / (2 * sigma * sigma)) * hl.cos(phi * hl.f64(n)) for n in range(1, 6)]
        return 1 + 2 * sum(samples, hl.f64(0))

    is_wide = sigma >= hl.f64(0.5)
    response = low.stage(f"{name}_response", [k], hl.select(is_wide, wide(angle), narrow(angle)))
    low.record[f"{name}_response"].compute_root()
    at_zero = response[0]
    total = at_zero * hl.select(is_wide, sigma * hl.f64(math.sqrt(2 * math.pi)), hl.f64(1))
    return response, at_zero, total
