"""Small floating point: rounding to it, and the error that formats and scales make of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import halide as hl

from compress.lowering.building import Building
from compress.shapes import SCALES
from schedules.native.worker import Lowered
from schedules.schedule import Schedule

#: The exponent of 1 in float32, and where it begins.
_BIAS, _SHIFT = 127, 23
#: Numbers whose errors are added up in float32.
_SUMMED = 64


def rounding(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower the rounding of (rows, numbers), each row with its scale."""
    b = Building(target)
    values, scales = b.input("values", "float32", 2), b.input("scales", "float32", 1)
    mantissa, largest = b.scalar("mantissa"), b.scalar("largest", "float32")
    i, r = hl.Var("i"), hl.Var("r")
    scale = scales[r]
    rounded = b.stage("rounded", [i, r], _rounded(values[i, r] * (1 / scale), mantissa, largest) * scale)
    b.record["rounded"].split("i", "i", "ii", 2 * b.lanes, "GuardWithIf").vectorize("ii").parallel("r")
    return b.lowered((rounded, "float32"))


def encoding(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower the codes of (rows, numbers), each row with its scale; the sign is bit ``sign``, below it the exponent."""
    b = Building(target)
    values, scales = b.input("values", "float32", 2), b.input("scales", "float32", 1)
    mantissa, largest, sign = b.scalar("mantissa"), b.scalar("largest", "float32"), b.scalar("sign")
    i, r = hl.Var("i"), hl.Var("r")
    rounded = _rounded(values[i, r] * (1 / scales[r]), mantissa, largest)
    bits, size = hl.reinterpret(hl.Int(32), rounded), hl.abs(rounded)
    # From 1 on a number's own exponent and mantissa are those of the code, below it is a number of steps.
    steps = hl.cast(hl.Int(32), size * hl.cast(hl.Float(32), 1 << mantissa))
    own = ((bits & 0x7FFFFFFF) >> (_SHIFT - mantissa)) - ((_BIAS - 1) << mantissa)
    code = hl.select(size < 1, steps, own) | hl.select(bits < 0, 1 << sign, 0)
    codes = b.stage("codes", [i, r], hl.cast(hl.UInt(8), code))
    b.record["codes"].split("i", "i", "ii", 4 * b.lanes, "GuardWithIf").vectorize("ii").parallel("r")
    return b.lowered((codes, "uint8"))


def decoding(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower the numbers of (rows, codes), each row with its scale."""
    b = Building(target)
    codes, scales = b.input("codes", "uint8", 2), b.input("scales", "float32", 1)
    mantissa, sign = b.scalar("mantissa"), b.scalar("sign")
    i, r = hl.Var("i"), hl.Var("r")
    code = hl.cast(hl.Int(32), codes[i, r])
    place = code & ((1 << sign) - 1)
    # As in the codes' making: below 1 a number of steps, from there on a number's own exponent and mantissa.
    step = hl.reinterpret(hl.Float(32), (_BIAS - mantissa) << _SHIFT)
    own = hl.reinterpret(hl.Float(32), (place + ((_BIAS - 1) << mantissa)) << (_SHIFT - mantissa))
    size = hl.select(place < (1 << mantissa), hl.cast(hl.Float(32), place) * step, own) * scales[r]
    bits = hl.reinterpret(hl.Int(32), size) | (((code >> sign) & 1) << 31)
    values = b.stage("decoded", [i, r], hl.reinterpret(hl.Float(32), bits))
    b.record["decoded"].split("i", "i", "ii", 2 * b.lanes, "GuardWithIf").vectorize("ii").parallel("r")
    return b.lowered((values, "float32"))


def error(program: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower sums of squared errors of (rows, numbers): for each row, format and scale."""
    b = Building(target)
    values, scales, weights = b.input("values", "float32", 2), b.input("scales", "float32", 2), None
    if program["weighted"]:
        weights = b.input("weights", "float32", 2)
    mantissas, largest = b.input("mantissas", "int32", 1), b.input("largest", "float32", 2)
    width = values.dim(0).extent()
    s, f, r, k = (hl.Var(name) for name in ("s", "f", "r", "k"))
    part = b.stage("part", [s, f, r, k], hl.f32(0))
    (v,) = b.taps("part", v=_SUMMED)
    at = k * _SUMMED + v
    inside = hl.clamp(hl.likely(at), 0, width - 1)
    value, scale = hl.select(at < width, values[inside, r], 0), scales[s, r] * largest[1, f]
    difference = value - _rounded(value * (1 / scale), mantissas[f], largest[0, f]) * scale
    squared = difference * difference
    part[s, f, r, k] += squared if weights is None else squared * weights[inside, r]
    errors = b.stage("errors", [s, f, r], hl.f64(0))
    (blocks,) = b.taps("errors", blocks=(width + _SUMMED - 1) // _SUMMED)
    errors[s, f, r] += hl.cast(hl.Float(64), part[s, f, r, blocks])
    b.record["errors"].compute_root().bound("s", 0, SCALES).vectorize("s").parallel("r")
    b.record["errors"].update(0).reorder("s", "blocks", "f", "r").vectorize("s").parallel("r")
    b.record["part"].compute_at("errors", "blocks").bound("s", 0, SCALES)
    b.record["part"].split("s", "s", "si", b.lanes, "RoundUp").unroll("s").vectorize("si")
    update = b.record["part"].update(0).split("s", "s", "si", b.lanes, "RoundUp")
    update.reorder("si", "s", "v").unroll("s").vectorize("si")
    return b.lowered((errors, "float64"))


def _rounded(value: Any, mantissa: Any, largest: Any) -> Any:
    """Round to a grid: steps of ``2 ** -mantissa`` below 2, twice as large from each power of two on; up to a largest.

    ``value + c - c`` is rounded to the last bit of c, half to even: c is 1.5 times the power of two for which that is a
    step.
    """
    bits = hl.reinterpret(hl.Int(32), value)
    exponent = hl.max((bits >> _SHIFT) & 255, _BIAS)
    anchor = hl.reinterpret(hl.Float(32), ((exponent - mantissa + _SHIFT) << _SHIFT) | (1 << (_SHIFT - 1)))
    size = hl.abs(value)
    # With strict_float in the target nothing of this is rearranged.
    rounded = hl.min(size + anchor - anchor, largest)
    sign = bits & hl.cast(hl.Int(32), -(1 << 31))
    return hl.reinterpret(hl.Float(32), hl.reinterpret(hl.Int(32), rounded) | sign)
