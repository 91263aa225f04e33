"""Arithmetic on vectors of floats, operation by operation: what the language's mean, rounded as on any machine."""

from __future__ import annotations

import math
from collections.abc import Callable

from llvmlite import ir

from dsl.registers.code import F32, I32, Code, splat, vector

#: Coefficients of 2^x by powers of x, the best on |x| <= 1 / 2: what is left is below 1e-7 of it.
_POWER_OF_TWO = [1.0, 0.69314700, 0.24022242, 0.05550734, 0.00967151, 0.00132647]
#: Beyond, 2^x would not be a normal number.
_LEAST, _MOST = -126.0, 127.0
#: Added to a number of some hundred it leaves whole numbers, in the last bits.
_WHOLE = 1.5 * 2**23
#: Products may be rounded together with what they are added to, where the machine has that.
_FUSED = ("contract",)


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
            "add": self.add,
            "sub": self.subtract,
            "mul": self.multiply,
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

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Add."""
        return self.build.fadd(a, b, flags=_FUSED)

    def subtract(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Subtract."""
        return self.build.fsub(a, b, flags=_FUSED)

    def multiply(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Multiply."""
        return self.build.fmul(a, b, flags=_FUSED)

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
        if isinstance(b, ir.Constant):  # a comparison with NaN fails: the other one is taken
            return self.build.select(self.build.fcmp_ordered(sign, b, a), b, a)
        first = self.build.or_(self.build.fcmp_ordered(sign, a, b), self.build.fcmp_unordered("uno", a, a))
        return self.build.select(first, a, b)

    def bounded(self, value: ir.Value, low: float, high: float) -> ir.Value:
        """Bring a value between two numbers; NaN stays NaN."""
        build, least, most = self.build, self.number(low), self.number(high)
        value = build.select(build.fcmp_ordered("<", value, least), least, value)
        return build.select(build.fcmp_ordered(">", value, most), most, value)

    def exponential(self, value: ir.Value) -> ir.Value:
        """Raise e to a power: 2^n for the nearest whole n, times a polynomial of the rest."""
        build = self.build
        value = self.bounded(self.multiply(value, self.number(1 / math.log(2))), _LEAST, _MOST)
        moved = build.fadd(value, self.number(_WHOLE))
        rest = build.fsub(value, build.fsub(moved, self.number(_WHOLE)))
        found: ir.Value = self.number(_POWER_OF_TWO[-1])
        for coefficient in reversed(_POWER_OF_TWO[:-1]):
            found = self.add(self.multiply(found, rest), self.number(coefficient))
        whole = vector(I32, self.lanes)
        exponent = build.shl(build.bitcast(moved, whole), splat(I32, self.lanes, 23))
        return build.bitcast(build.add(build.bitcast(found, whole), exponent), self.kind)


_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
