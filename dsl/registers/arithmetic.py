"""Arithmetic on vectors of floats, operation by operation: what the language's mean, rounded as on any machine."""

from __future__ import annotations

import math
from collections.abc import Callable

from llvmlite import ir

from dsl.registers.code import F32, I32, Code, splat, vector

#: Coefficients of e^x by powers of x, on |x| <= log(2) / 2: what is left is below 2e-8 of it.
_EXPONENTIAL = [1 / math.factorial(k) for k in range(7)]
#: Beyond, e^x would not be a normal number.
_LEAST, _MOST = -87.0, 88.0
#: log(2) in two parts, the first of which has few bits: whole multiples of it are exact.
_LN2_HIGH = 0.693359375
_LN2_LOW = math.log(2) - _LN2_HIGH


class Arithmetic:
    """Writes operations on vectors of so many ``lanes``; conditions are numbers, 1 and 0."""

    def __init__(self, code: Code, lanes: int) -> None:
        self.code, self.build, self.lanes = code, code.build, lanes
        self.kind = vector(F32, lanes)
        build = self.build
        self.operations: dict[str, Callable[..., ir.Value]] = {
            "neg": build.fneg,
            "abs": lambda a: self._unary("fabs", a),
            "sqrt": lambda a: self._unary("sqrt", a),
            "floor": lambda a: self._unary("floor", a),
            "exp": self.exponential,
            "add": build.fadd,
            "sub": build.fsub,
            "mul": build.fmul,
            "div": build.fdiv,
            "min": lambda a, b: self._propagating("<", a, b),
            "max": lambda a, b: self._propagating(">", a, b),
            "and": lambda a, b: self._flag(build.and_(self._test(a), self._test(b))),
            "or": lambda a, b: self._flag(build.or_(self._test(a), self._test(b))),
            "not": lambda a: self._flag(build.fcmp_ordered("==", a, self.number(0))),
            "select": lambda c, a, b: build.select(self._test(c), a, b),
            **{name: self._comparison(sign) for name, sign in _SIGNS.items()},
        }

    def number(self, value: float) -> ir.Constant:
        """Give a vector of one number."""
        return splat(F32, self.lanes, value)

    def _unary(self, name: str, value: ir.Value) -> ir.Value:
        return self.code.call(f"llvm.{name}.v{self.lanes}f32", self.kind, value)

    def _test(self, value: ir.Value) -> ir.Value:
        return self.build.fcmp_unordered("!=", value, self.number(0))

    def _flag(self, condition: ir.Value) -> ir.Value:
        return self.build.select(condition, self.number(1), self.number(0))

    def _comparison(self, sign: str) -> Callable[..., ir.Value]:
        compare = self.build.fcmp_unordered if sign == "!=" else self.build.fcmp_ordered
        return lambda a, b: self._flag(compare(sign, a, b))

    def _propagating(self, sign: str, a: ir.Value, b: ir.Value) -> ir.Value:
        """Choose one of two; NaN if one is NaN."""
        first = self.build.or_(self.build.fcmp_ordered(sign, a, b), self.build.fcmp_unordered("uno", a, a))
        return self.build.select(first, a, b)

    def bounded(self, value: ir.Value, low: float, high: float) -> ir.Value:
        """Bring a value between two numbers; NaN stays NaN."""
        build, least, most = self.build, self.number(low), self.number(high)
        value = build.select(build.fcmp_ordered("<", value, least), least, value)
        return build.select(build.fcmp_ordered(">", value, most), most, value)

    def exponential(self, value: ir.Value) -> ir.Value:
        """Raise e to a power: 2^n for the nearest whole n, times a polynomial."""
        build = self.build
        value = self.bounded(value, _LEAST, _MOST)
        turns = self._unary("rint", build.fmul(value, self.number(1 / math.log(2))))
        rest = build.fsub(value, build.fmul(turns, self.number(_LN2_HIGH)))
        rest = build.fsub(rest, build.fmul(turns, self.number(_LN2_LOW)))
        found: ir.Value = self.number(_EXPONENTIAL[-1])
        for coefficient in reversed(_EXPONENTIAL[:-1]):
            found = build.fadd(build.fmul(found, rest), self.number(coefficient))
        whole = vector(I32, self.lanes)
        # NaN has no whole part: a polynomial of NaN is NaN whatever it is multiplied to.
        known = build.select(build.fcmp_unordered("uno", turns, turns), self.number(0), turns)
        exponent = build.add(build.fptosi(known, whole), splat(I32, self.lanes, 127))
        return build.fmul(found, build.bitcast(build.shl(exponent, splat(I32, self.lanes, 23)), self.kind))


_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
