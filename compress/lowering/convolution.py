"""Convolution with ReLU: vectors of positions, at exactly as many channels as there are.

A tile of two vectors of positions by some channels stays in registers while all products are added to it: of weights,
and of what lies at fixed distances from the tile's first position, one for each channel and tap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import halide as hl

from compress.lowering.building import Building
from compress.shapes import ACROSS
from schedules.native.worker import Lowered
from schedules.schedule import Schedule

#: Tiles of positions whose inputs are gathered together where there is one tap.
_NEAR = 8


def pointwise(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower a convolution of one tap, of (images, channels, positions).

    What some tiles read is gathered first: channels lie far apart, where caches and TLBs hold few of them.
    """
    b = Building(target)
    features, span = b.input("features", "float32", 3), ACROSS * b.lanes
    x, c, n, u, k, q = (hl.Var(name) for name in ("x", "c", "n", "u", "k", "q"))
    last = features.dim(0).extent() - 1
    near = b.stage("near", [u, k, q, n], features[hl.clamp(hl.likely(q * span + u), 0, last), k, n])
    dot = _dot(b, program, features.dim(1).extent(), lambda r, u, q, n: near[u, r, q, n])
    result = b.stage("result", [x, c, n], _activated(program, dot[(x % span, x / span, *_tile(program, c), n)]))
    record = b.record["result"].split("c", "o", "t", program["tile"], "GuardWithIf")
    record.split("x", "near", "x", _NEAR * span, "GuardWithIf").split("x", "x", "ui", span, "GuardWithIf")
    record.split("ui", "v", "ui", b.lanes).reorder("ui", "v", "t", "x", "o", "near", "n")
    record.vectorize("ui").unroll("v").unroll("t").parallel("n").parallel("near")
    b.record["dot"].compute_at("result", "x")
    record = b.record["near"].compute_at("result", "near").bound_extent("u", span)
    record.split("u", "u", "ui", b.lanes).reorder("ui", "u", "q", "k", "n").vectorize("ui").unroll("u")
    return b.lowered((result, "float32"))


def planes(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower a convolution of (images, channels, height, width), line by line."""
    b = Building(target)
    rows, span = program["rows"], ACROSS * b.lanes
    x, y, c, n = (hl.Var(name) for name in ("x", "y", "c", "n"))
    dot = _dot(b, program, *_padded(b, program))
    result = b.stage("result", [x, y, c, n], _activated(program, dot[(x, y, *_tile(program, c), n)]))
    record = _strips(b, program).split("y", "y", "line", rows, "GuardWithIf")
    record.split("x", "x", "ui", span // rows, "GuardWithIf").split("ui", "v", "ui", b.lanes)
    record.reorder("ui", "v", "line", "t", "x", "y", "o", "s", "n").parallel("n").parallel("o")
    record.vectorize("ui").unroll("v").unroll("line").unroll("t")
    b.record["dot"].compute_at("result", "x")
    b.record["padded"].compute_at("result", "n")
    return b.lowered((result, "float32"))


def folded(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower a convolution of (images, channels, height, width), whose short lines follow one another in vectors.

    Either tiles go on from line to line (``through``), or some images' numbers lie side by side (``together``). Sums
    are put where they belong afterwards.
    """
    b = Building(target)
    together, span = program["together"], ACROSS * b.lanes
    x, y, c, n, u, line, t, o, g = (hl.Var(name) for name in ("x", "y", "c", "n", "u", "line", "t", "o", "g"))
    dot = _dot(b, program, *_padded(b, program))
    sums = b.stage("sums", [u, line, t, o, g], dot[u, line, t, o, g])
    across = x * together + n % together + (y * b.stages.symbols["to_line"] if program["through"] else 0)
    found = sums[(across, 0 if program["through"] else y, *_tile(program, c), n / together)]
    result = b.stage("result", [x, y, c, n], _activated(program, found))
    record = _strips(b, program).split("n", "g", "n", together, "GuardWithIf")
    record.split("x", "x", "xi", min(b.lanes, span // together), "GuardWithIf").vectorize("xi")
    record.reorder("xi", "x", "n", "y", "t", "o", "s", "g").parallel("g").parallel("o")
    record = b.record["sums"].compute_at("result", "o").bound_extent("t", program["tile"])
    record.split("u", "u", "ui", span, "RoundUp").split("ui", "v", "ui", b.lanes)
    record.reorder("ui", "v", "t", "u", "line", "o").vectorize("ui").unroll("v").unroll("t")
    b.record["dot"].compute_at("sums", "u")
    b.record["padded"].compute_at("result", "g")
    return b.lowered((result, "float32"))


def _strips(b: Building, program: Mapping[str, Any]) -> Any:
    """Schedule the result in strips of lines, and these in tiles of channels."""
    b.stages.symbols["strip"] = b.scalar("strip")
    record = b.record["result"].split("c", "o", "t", program["tile"], "GuardWithIf")
    return record.split("y", "s", "y", "strip", "GuardWithIf")


def _dot(b: Building, program: Mapping[str, Any], count: Any, source: Callable[..., Any]) -> hl.Func:
    """Stage: a tile of sums over channels and taps, in registers."""
    weights, bias = b.input("weights", "float32", 3), b.input("bias", "float32", 2)
    rows, tile = program["rows"], program["tile"]
    place = [hl.Var(name) for name in ("u", "line", "t", "o", "g")]
    u, line, t, o, g = place
    dot = b.stage("dot", place, bias[t, o])
    (r,) = b.taps("dot", r=count)
    dot[tuple(place)] += weights[t, r, o] * source(r, u, line, g)
    # Of known size: else it would be memory from the heap, for every tile.
    record = b.record["dot"].bound_extent("u", ACROSS * b.lanes // rows).bound_extent("line", rows)
    record.bound_extent("t", tile).bound_extent("o", 1).bound_extent("g", 1)
    record.split("u", "u", "ui", b.lanes).vectorize("ui").unroll("u").unroll("line").unroll("t")
    update = b.record["dot"].update(0).split("u", "u", "ui", b.lanes).reorder("ui", "u", "line", "t", "r")
    update.vectorize("ui").unroll("u").unroll("line").unroll("t")
    return dot


def _tile(program: Mapping[str, Any], c: Any) -> tuple[Any, Any]:
    """Give where a channel is: in its tile, and of which."""
    return c % program["tile"], c / program["tile"]


def _activated(program: Mapping[str, Any], value: Any) -> Any:
    return hl.max(value, 0) if program["relu"] else value


def _padded(b: Building, program: Mapping[str, Any]) -> tuple[Any, Callable[..., Any]]:
    """Stage: planes with zeros around; give how many numbers a sum has, and what reads them.

    With a stride there is a plane for each phase that taps read, of its lines and columns alone.
    """
    features, away = b.input("features", "float32", 4), b.input("away", "int32", 1)
    pad, to_line, to_plane, size = (b.scalar(name) for name in ("pad", "to_line", "to_plane", "size"))
    b.stages.symbols["to_line"] = to_line
    together, stride, phases = program["together"], program["stride"], program["phases"]
    width, height, channels, images = (features.dim(i).extent() for i in range(4))
    u, g = hl.Var("u"), hl.Var("g")
    padded = b.stage("padded", [u, g], hl.f32(0))
    b.record["padded"].split("u", "u", "ui", b.lanes, "GuardWithIf").vectorize("ui")
    for i, (py, px) in enumerate(phases):
        (left, wide), (top, high) = _inside(width, pad, px, stride), _inside(height, pad, py, stride)
        rx, ry, k = b.taps("padded", **{f"rx{i}": wide * together, f"ry{i}": high, f"k{i}": channels})
        column, line, image = left + rx / together, top + ry, hl.clamp(g * together + rx % together, 0, images - 1)
        value = features[column * stride + px - pad, line * stride + py - pad, k, image]
        padded[(k * len(phases) + i) * to_plane + line * to_line + left * together + rx, g] = value
        # Each number is written once.
        record = b.record["padded"].update(i).allow_race_conditions()
        record.split(f"rx{i}", f"rx{i}", "xi", b.lanes, "GuardWithIf").vectorize("xi")

    def source(r: Any, u: Any, line: Any, g: Any) -> Any:
        return padded[line * to_line + u + hl.unsafe_promise_clamped(away[r], 0, size - 1), g]

    return away.dim(0).extent(), source


def _inside(size: Any, pad: Any, phase: int, stride: int) -> tuple[Any, Any]:
    """Give the first line or column of a phase that is of the image, and how many are."""
    first = (pad - phase + stride - 1) / stride
    return first, (size - 1 + pad - phase) / stride - first + 1
