"""Norms of rows: sums of sizes, largest sizes, sums of squares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import halide as hl

from compress.lowering.building import Building
from schedules.native.worker import Lowered
from schedules.schedule import Schedule

#: Vectors of a row that are summed in float32, before they are added up in float64.
_SUMMED = 64


def rows(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower the norms of (rows, numbers)."""
    b = Building(target)
    weights = b.input("weights", "float32", 2)
    width = weights.dim(0).extent()
    lane, k, r = hl.Var("lane"), hl.Var("k"), hl.Var("r")
    part = b.stage("part", [lane, k, r], (hl.f32(0), hl.f32(0), hl.f32(0)))
    (v,) = b.taps("part", v=_SUMMED)
    at = (k * _SUMMED + v) * b.lanes + lane
    value = hl.abs(hl.select(at < width, weights[hl.clamp(hl.likely(at), 0, width - 1), r], 0))
    size, largest, square = (hl.Expr(part[lane, k, r][i]) for i in range(3))
    part[lane, k, r] = (size + value, hl.max(largest, value), square + value * value)

    norms = b.stage("norms", [r], (hl.f64(0), hl.f64(0), hl.f64(0)))
    lanes, blocks = b.taps("norms", lanes=b.lanes, blocks=(width + b.lanes * _SUMMED - 1) // (b.lanes * _SUMMED))
    found = [hl.cast(hl.Float(64), part[lanes, blocks, r][i]) for i in range(3)]
    known = [hl.Expr(norms[r][i]) for i in range(3)]
    norms[r] = (known[0] + found[0], hl.max(known[1], found[1]), known[2] + found[2])

    which = hl.Var("which")
    result = b.stage("result", [which, r], hl.mux(which, [norms[r][i] for i in range(3)]))
    b.record["result"].bound("which", 0, 3).unroll("which").parallel("r")
    b.record["norms"].compute_at("result", "r").update(0).reorder("lanes", "blocks", "r")
    b.record["part"].compute_at("norms", "blocks").bound_extent("lane", b.lanes).vectorize("lane")
    b.record["part"].update(0).reorder("lane", "v").vectorize("lane")
    return b.lowered((result, "float64"))
