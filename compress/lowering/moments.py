"""Second moments of channels: sums of products of all pairs, by squares of channels on and above the diagonal.

A square is made of tiles whose sums stay in registers for some positions, in float32; those are added up in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import halide as hl

from compress.lowering.building import Building
from compress.shapes import ROWS, SIDE, TILE, VECTORS
from schedules.native.worker import Lowered
from schedules.schedule import Schedule

#: Positions whose sum is one of float32.
_SUMMED = 64


def planes(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower moments of channels whose positions lie in whole vectors, at distances that are the same for each channel.

    Some vectors are summed in registers, tile by tile, while the rows of a tile are near; these sums in float64.
    """
    b = Building(target)
    features, squares, block = _arguments(b, 2)
    away, near = b.input("away", "int32", 1), b.scalar("near")
    last, channels = features.dim(0).extent() - b.lanes, features.dim(1).extent()
    count = away.dim(0).extent()
    lane, j, i, tj, ti, s, k = (hl.Var(name) for name in ("lane", "j", "i", "tj", "ti", "s", "k"))
    square = [lane, j, i, tj, ti, s]

    def value(r: Any, c: Any) -> Any:
        at = hl.unsafe_promise_clamped(away[hl.clamp(hl.likely(r), 0, count - 1)], 0, last) + lane
        return _rectified(program, features[at, hl.clamp(hl.likely(c), 0, channels - 1)])

    dot = b.stage("dot", [*square, k], hl.f32(0))
    (v,) = b.taps("dot", lambda v: k * block + v < count, v=block)
    r = k * block + v
    dot[(*square, k)] += value(r, squares[0, s] + ti * TILE + i) * value(r, squares[1, s] + tj * TILE + j)
    total = b.stage("total", square, hl.f64(0))
    (blocks,) = b.taps("total", k=(count + block - 1) // block)
    total[tuple(square)] += hl.cast(hl.Float(64), dot[(*square, blocks)])
    gram = b.stage("gram", square[1:], hl.f64(0))
    (lanes,) = b.taps("gram", lanes=b.lanes)
    gram[tuple(square[1:])] += total[(lanes, *square[1:])]

    inner = ("lane", "j", "i", "tj", "ti")
    record = b.record["gram"].bound("j", 0, TILE).bound("i", 0, TILE)
    record.bound("tj", 0, SIDE // TILE).bound("ti", 0, SIDE // TILE).parallel("s")
    b.record["gram"].update(0).reorder("lanes", *inner[1:], "s").parallel("s")
    b.record["dot"].compute_at("total", "tj").vectorize("lane").unroll("j").unroll("i")
    b.record["dot"].update(0).reorder("lane", "j", "i", "v").vectorize("lane").unroll("j").unroll("i")
    b.stages.symbols["near"] = near
    b.record["total"].compute_root().bound_extent("lane", b.lanes).vectorize("lane").parallel("s")
    update = b.record["total"].update(0).split("k", "k", "ki", "near", "GuardWithIf")
    update.reorder(*inner, "ki", "s", "k").vectorize("lane").unroll("j").unroll("i").parallel("s")

    return b.lowered((gram, "float64"), (_sums_of_planes(b, count, block, value), "float64"))


def pixels(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower moments of (positions, channels), of at least as many channels as a square has."""
    b = Building(target)
    features, squares, block = _arguments(b, 2)
    channels, count = (features.dim(i).extent() for i in range(2))
    lane, j, i, ti, s, k = (hl.Var(name) for name in ("lane", "j", "i", "ti", "s", "k"))

    def value(p: Any, c: Any) -> Any:
        at = hl.unsafe_promise_clamped(c, 0, channels - 1), hl.clamp(hl.likely(p), 0, count - 1)
        return _rectified(program, features[at])

    place = [lane, j, i, ti, s, k]
    dot = b.stage("dot", place, hl.f32(0))
    (v,) = b.taps("dot", v=block)
    p = k * block + v
    row = hl.select(p < count, value(p, squares[0, s] + ti * ROWS + i), 0)
    dot[tuple(place)] += row * value(p, squares[1, s] + j * b.lanes + lane)

    gram = b.stage("gram", place[:5], hl.f64(0))
    (blocks,) = b.taps("gram", k=(count + block - 1) // block)
    gram[tuple(place[:5])] += hl.cast(hl.Float(64), dot[(*place[:5], blocks)])

    record = b.record["gram"].bound("lane", 0, b.lanes).bound("j", 0, VECTORS).bound("i", 0, ROWS)
    record.bound("ti", 0, VECTORS * b.lanes // ROWS).vectorize("lane").parallel("s")
    b.record["gram"].update(0).reorder("lane", "j", "i", "ti", "k", "s").vectorize("lane").parallel("s")
    b.record["dot"].compute_at("gram", "ti").vectorize("lane").unroll("j").unroll("i")
    b.record["dot"].update(0).reorder("lane", "j", "i", "v").vectorize("lane").unroll("j").unroll("i")
    return b.lowered((gram, "float64"), (_sums_of_pixels(b, program, features), "float64"))


def _arguments(b: Building, dimensions: int) -> tuple[Any, Any, Any]:
    """Declare the features, the first channels of each square, and positions of a block."""
    return b.input("features", "float32", dimensions), b.input("squares", "int32", 2), b.scalar("block")


def _rectified(program: Mapping[str, Any], value: Any) -> Any:
    return hl.max(value, 0) if program["relu"] else value


def _sums_of_planes(b: Building, count: Any, block: Any, value: Callable[[Any, Any], Any]) -> hl.Func:
    """Stage: the sum of each channel, some vectors at a time."""
    lane, c, k = hl.Var("lane"), hl.Var("c"), hl.Var("k")
    part = b.stage("part", [lane, c, k], hl.f32(0))
    (v,) = b.taps("part", lambda v: k * block + v < count, v=block)
    part[lane, c, k] += value(k * block + v, c)
    sums = b.stage("sums", [c], hl.f64(0))
    lanes, blocks = b.taps("sums", lanes=b.lanes, blocks=(count + block - 1) // block)
    sums[c] += hl.cast(hl.Float(64), part[lanes, c, blocks])
    b.record["sums"].compute_root()
    b.record["sums"].update(0).reorder("lanes", "blocks", "c").parallel("c")
    b.record["part"].compute_at("sums", "blocks").bound_extent("lane", b.lanes).vectorize("lane")
    b.record["part"].update(0).reorder("lane", "v").vectorize("lane")
    return sums


def _sums_of_pixels(b: Building, program: Mapping[str, Any], features: Any) -> hl.Func:
    """Stage: the sum of each channel, some positions at a time."""
    channels, count = (features.dim(i).extent() for i in range(2))
    c, k = hl.Var("c"), hl.Var("k")
    part = b.stage("part", [c, k], hl.f32(0))
    (v,) = b.taps("part", v=_SUMMED)
    p = k * _SUMMED + v
    value = _rectified(program, features[hl.clamp(hl.likely(c), 0, channels - 1), hl.clamp(hl.likely(p), 0, count - 1)])
    part[c, k] += hl.select(p < count, value, 0)
    sums = b.stage("sums", [c], hl.f64(0))
    (blocks,) = b.taps("sums", blocks=(count + _SUMMED - 1) // _SUMMED)
    sums[c] += hl.cast(hl.Float(64), part[c, blocks])
    b.record["sums"].compute_root()
    b.record["sums"].update(0).split("c", "c", "ci", b.lanes, "GuardWithIf").reorder("ci", "blocks", "c").parallel("c")
    b.record["part"].compute_at("sums", "blocks").split("c", "c", "ci", b.lanes, "RoundUp").vectorize("ci")
    b.record["part"].update(0).split("c", "c", "ci", b.lanes, "RoundUp").reorder("ci", "v", "c").vectorize("ci")
    return sums
