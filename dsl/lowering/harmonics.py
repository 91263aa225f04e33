"""Harmonics: cos(k v) and sin(k v) for k = 1 .. terms from one cosine and one sine.

The angle is a small multiple of a range-limited value, so no range reduction is needed beyond a few periods: it is
brought into (-pi, pi], halved twice for polynomials that are accurate to float32 rounding, and doubled back.
"""

from __future__ import annotations

import math
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import pointwise
from dsl.lowering.context import Lowering, f32

#: Taylor coefficients in t^2 on |t| <= pi / 4: truncation below 4e-8 (sine) and 3e-9 (cosine).
_SINE = [1.0, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880]
_COSINE = [1.0, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800]


def _polynomial(square: Any, coefficients: list[float]) -> Any:
    value = f32(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * square + f32(coefficient)
    return value


def cos_sin(angle: Any) -> tuple[Any, Any]:
    """Write cosine and sine of any angle of up to some thousand radians, to about 2e-7."""
    turns = hl.round(angle * f32(1 / (2 * math.pi)))
    high, low = 6.28125, 2 * math.pi - 6.28125  # the first factor has few bits: turns * high is exact
    quarter = (angle - turns * f32(high) - turns * f32(low)) * f32(0.25)
    square = quarter * quarter
    s, c = quarter * _polynomial(square, _SINE), _polynomial(square, _COSINE)
    for _ in range(2):
        s, c = 2 * s * c, 1 - 2 * s * s
    return c, s


def _harmonics(low: Lowering, node: Node, operands: list[list[Any]]) -> list[Any]:
    """Recur from one harmonic to the next: c_{k+1} = 2 c_1 c_k - c_{k-1}, and the sines alike."""
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    c1, s1 = cos_sin(operands[0][0])
    cosines, sines = [f32(1), c1], [f32(0), s1]
    for _ in range(terms - 1):
        cosines.append(2 * c1 * cosines[-1] - cosines[-2])
        sines.append(2 * c1 * sines[-1] - sines[-2])
    return cosines[1:] + sines[1:]


pointwise.BUNDLES["harmonics"] = _harmonics
