"""Kernels: the weights of a direct sum, or the oscillators of a sliding one, computed inside the pipeline.

Nothing here needs Python at run time: a library built from a script takes sigma as an argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import pointwise, tables
from dsl.lowering import radius as radius_of
from dsl.lowering.context import Lowering, f32


def _f64(value: Any) -> Any:
    return hl.cast(hl.Float(64), value)


def _once_per_call(low: Lowering, name: str, value: Any) -> Any:
    """Compute a number once per call."""
    func = low.stage(name, [hl.Var("i")], value)
    low.record[name].compute_root()
    return hl.Expr(func[0])


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
    if node.op == "samples":
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
    radius = hl.clamp(hl.cast(hl.Int(32), hl.ceil(sigma * hl.f64(radius_of.DIRECT[terms]))), 1, radius_of.MAX)
    sample = low.stage(f"{name}_sample", [r], hl.exp(_f64(-r * r) / (2 * sigma * sigma)))
    low.record[f"{name}_sample"].compute_root()
    window = hl.RDom([(-radius, 2 * radius + 1)], f"{name}_window")
    total = low.stage(f"{name}_total", [hl.Var("i")], hl.f64(0))
    total[hl.Var("i")] += sample[window.x]
    low.record[f"{name}_total"].compute_root()
    low.stage(f"{name}_weight", [r], hl.cast(hl.Float(32), sample[r] / total[0]))
    low.record[f"{name}_weight"].compute_root()
    weight = low.stages.funcs[f"{name}_weight"]
    return Weights(lambda at: weight[at], radius)


def gain(low: Lowering, node: Node, terms: int) -> Any:
    """Give the sum of a kernel: one, but for samples of one's own."""
    if node.op != "samples":
        return f32(1)

    def make() -> Any:
        weights = direct(low, node, terms)
        name = f"{low.label(node)}_gain"
        taps = hl.RDom([(-weights.radius, 2 * weights.radius + 1)], f"{name}_taps")
        total = low.stage(name, [hl.Var("i")], f32(0))
        total[hl.Var("i")] += weights.weight(taps.x)
        low.record[name].compute_root()
        return hl.Expr(total[0])

    return low.once(("gain", id(node)), make)


@dataclass(frozen=True)
class Oscillators:
    """A kernel as ``gain[0] + sum_k gain[k] cos(phi_k r)`` for ``|r| <= radius``, and a tap at ``|r| = radius + 1``.

    With ``phi_k = 2 pi k / (2 radius + 1)`` (DCT-5). Each expression is a float32 number computed once per call.

    Attributes
    ----------
    terms : int
        Cosines besides the constant.
    radius : Expr
        Of the window.
    gain : list of Expr
        ``terms + 1`` gains.
    damp : list of Expr
        ``4 sin^2(phi_k / 2)`` for ``k >= 1``.
    drive : list of Expr
        ``gain[k] cos(phi_k radius)`` for ``k >= 1``.
    tap : Expr or None
        Weight of each of the two taps just outside the window.
    start : Func
        ``start[j, r]``: weight of sample ``-radius - 2 <= r < radius`` in the sum that state j starts from.
    """

    terms: int
    radius: Any
    gain: list[Any]
    damp: list[Any]
    drive: list[Any]
    tap: Any
    start: hl.Func


def sliding(low: Lowering, node: Node, terms: int) -> Oscillators:
    """Lower a Gaussian or a box to oscillators; a box is the constant alone, and exact."""
    found: Oscillators = low.once(("sliding", id(node), terms), lambda: _sliding(low, node, terms))
    return found


def _sliding(low: Lowering, node: Node, terms: int) -> Oscillators:
    name = f"{low.label(node)}_sliding"
    size = pointwise.inline_scalar(low, node.args[0])
    if node.op == "box":
        terms = 0
        radius = hl.cast(hl.Int(32), hl.round(size))
    else:
        radius = hl.cast(hl.Int(32), hl.floor(_f64(radius_of.SLIDING[terms]) * _positive(size) - hl.f64(0.5)))
    radius = hl.clamp(radius, terms, radius_of.MAX)
    period = _f64(2 * radius + 1)
    k = hl.Var("k")
    angle = hl.f64(2 * math.pi) * _f64(k) / period
    if node.op == "box":
        tap, gain = None, hl.f64(1) / period + _f64(k) * 0
    else:
        sigma = _positive(size)
        response, at_zero, total = _gaussian_response(low, name, sigma, angle, k, terms)
        outside = _f64(radius + 1)
        edge = hl.exp(-outside * outside / (2 * sigma * sigma)) / total
        tap = _once_per_call(low, f"{name}_tap", hl.cast(hl.Float(32), edge))
        fitted = 2 * (response[k] / at_zero - 2 * edge * hl.cos(angle * _f64(radius)))
        gain = hl.select(k == 0, 1 - 2 * edge, fitted) / period
    gains = low.stage(f"{name}_gain", [k], gain)
    half = hl.sin(angle / 2)
    damps = low.stage(f"{name}_damp", [k], hl.cast(hl.Float(32), 4 * half * half))
    drives = low.stage(f"{name}_drive", [k], hl.cast(hl.Float(32), gains[k] * hl.cos(angle * _f64(radius))))
    # The sums a scan starts from, before its step to pixel 0: Z_k(-1), then D_k = Z_k(-1) - Z_k(-2).
    j, r = hl.Var("j"), hl.Var("r")
    of = hl.select(j <= terms, j, j - terms)
    phase = hl.f64(2 * math.pi) * _f64(of) / period

    def wave(at: Any) -> Any:
        inside = (at >= -radius) & (at <= radius)
        return hl.select(inside, hl.cos(phase * _f64(at)), hl.f64(0))

    weight = hl.select(j <= terms, wave(r + 1), wave(r + 1) - wave(r + 2)) * gains[hl.clamp(of, 0, terms)]
    start = low.stage(f"{name}_start", [j, r], hl.cast(hl.Float(32), weight))
    for stage in ("gain", "damp", "drive", "start"):
        low.record[f"{name}_{stage}"].compute_root()
    return Oscillators(
        terms,
        radius,
        [hl.cast(hl.Float(32), gains[i]) for i in range(terms + 1)],
        [damps[i] for i in range(1, terms + 1)],
        [drives[i] for i in range(1, terms + 1)],
        tap,
        start,
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
