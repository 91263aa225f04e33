"""Weighted means whose weight is a product of Gaussians of guides: ``exp(-0.5 * (d * d + e * e + ...))``.

Each of d, e, ... is a distance, times numbers: so exponents add up over guides, and by Euclid over their channels.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import SCALAR, Node
from dsl.lowering import by_lookup, pointwise
from dsl.lowering.by_lookup import ByteTables
from dsl.lowering.context import Lowering, channel_count, f32
from dsl.registers.gaussians_bytes import STEPS

#: Of exponents, so that a difference of zero has a weight whatever the scale.
_MOST = 1e30


@dataclass(frozen=True)
class Term:
    """What a guide adds to the exponent: ``-factor * (scale * ... * distance) ** 2``."""

    guide: Node
    norm: str
    factor: float
    scales: tuple[Node, ...]

    def times(self, low: Lowering, number: float) -> Any:
        """Write what its squared distance is multiplied by, times a number."""
        scales = (pointwise.inline_scalar(low, scale) for scale in self.scales)
        return hl.min(
            functools.reduce(lambda all, each: all * each * each, scales, f32(self.factor * number)), f32(_MOST)
        )


@dataclass(frozen=True)
class ByGaussians:
    """A weighted mean whose weight is a product of Gaussians."""

    image: Node
    terms: tuple[Term, ...]
    taps: Node

    @property
    def images(self) -> list[Node]:
        """What is read at every tap: what is averaged, and guides that are others."""
        return list(dict.fromkeys((self.image, *(term.guide for term in self.terms))))

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels of those."""
        return tuple(map(channel_count, self.images))

    @property
    def guides(self) -> tuple[int, ...]:
        """Which of those each guide is."""
        return tuple(self.images.index(term.guide) for term in self.terms)


def recognise(node: Node) -> ByGaussians | None:
    """Recognise such a mean."""
    values, weights, taps = node.args
    if values.op != "near" or weights.op != "exp":
        return None
    terms = [_term(*_factors(each)) for each in _summands(weights.args[0], 1.0)]
    found = tuple(term for term in terms if term is not None)
    return ByGaussians(values.args[0], found, taps) if found and len(found) == len(terms) else None


#: A node, what it is multiplied by, and the numbers of the call that it is multiplied by.
_Product = tuple[float, tuple[Node, ...]]


def _summands(node: Node, sign: float, others: tuple[Node, ...] = ()) -> list[_Product]:
    """Part a sum, and what multiplies it: products of nodes, with a number of the program each."""
    if node.op == "add":
        return [each for arg in node.args for each in _summands(arg, sign, others)]
    if node.op == "neg":
        return _summands(node.args[0], -sign, others)
    if node.op == "mul":
        first, second = sorted(node.args, key=lambda arg: arg.type == SCALAR)  # a number last
        if first.type != SCALAR and second.op == "constant":
            return _summands(first, sign * float.fromhex(str(second.attributes[0])), others)
        if first.type != SCALAR and second.type == SCALAR:
            return _summands(first, sign, (*others, second))
    return [(sign, (*others, node))]


def _factors(product: _Product) -> tuple[float, list[Node]]:
    """Part a product all the way down: a number of the program, and what else there is."""
    number, nodes = product[0], list(product[1])
    found = []
    while nodes:
        node = nodes.pop()
        if node.op == "mul":
            nodes += node.args
        elif node.op == "neg":
            number, nodes = -number, [*nodes, *node.args]
        elif node.op == "constant":
            number *= float.fromhex(str(node.attributes[0]))
        else:
            found.append(node)
    return number, found


def _term(number: float, factors: list[Node]) -> Term | None:
    """Give what a guide adds, if it is a squared distance, times squares, times a number below zero."""
    counts = {node: sum(node is other for other in factors) for node in factors}
    guides = [node for node in counts if node.type != SCALAR]
    if not -math.inf < number < 0 or len(guides) != 1 or counts[guides[0]] != 2 or guides[0].op != "distance":
        return None
    if any(count % 2 for count in counts.values()):
        return None
    near, guide = sorted(guides[0].args, key=lambda arg: arg.op != "near")
    if near.op != "near" or near.args[0] is not guide:
        return None
    norm = "l2" if channel_count(guide) == 1 else str(guides[0].attributes[0])
    scales = tuple(node for node, count in counts.items() if node.type == SCALAR for _ in range(count // 2))
    return Term(guide, norm, -number, scales)


def reason_against_bytes(low: Lowering, found: ByGaussians) -> str:
    """Say why a mean cannot be of bytes; empty if it can."""
    if reason := by_lookup.reason_against_images(low, found.images):
        return reason
    return "" if all(term.norm == "l2" for term in found.terms) else "steps add up over channels by Euclid only"


def factors(low: Lowering, found: ByGaussians, name: str) -> hl.Func:
    """Stage, once a call: what each squared distance is multiplied by, for powers of two."""
    numbers = [-term.times(low, 1 / math.log(2)) for term in found.terms]
    return _row(low, f"{name}_factors", numbers)


def _row(low: Lowering, name: str, numbers: list[Any]) -> hl.Func:
    k = hl.Var("k")
    func = low.stage(name, [k], hl.mux(k, numbers) if len(numbers) > 1 else numbers[0])
    low.record[name].compute_root()
    return func


def byte_tables(low: Lowering, found: ByGaussians, name: str, entries: int, most: int) -> ByteTables:
    """Make, once a call, tables of so many entries for sums of steps, the last of which is no weight."""
    step, size = STEPS // entries, f32(1 / steps_of_one(most))

    def weight(steps: Any) -> Any:
        return hl.select(steps < STEPS - 1, hl.exp(hl.cast(hl.Float(32), steps) * -size), hl.f32(0))

    def entry(e: Any) -> Any:
        return sum((weight(e * step + i) for i in range(1, step)), weight(e * step)) / hl.f32(step)

    return by_lookup.byte_tables(low, found.taps, name, entries, entry, most)


def steps_of_one(most: int) -> float:
    """Give the steps of an exponent of one: the last step is where weights up to ``most`` round to none."""
    return (STEPS - 1) / math.log(2 * most)


def steps(low: Lowering, found: ByGaussians, name: str, spans: tuple[tuple[int, int], ...], most: int) -> hl.Func:
    """Stage, once a call: tables of the steps of differences; entries, then guides by span."""
    e, row = hl.Var("e"), hl.Var("row")
    factors = _row(low, f"{name}_factors", [term.times(low, steps_of_one(most)) for term in found.terms])
    count = len(found.terms)
    squares = [_square(e, *each, is_last=each is spans[-1]) for each in spans]
    square = hl.mux(row // count, squares) if len(squares) > 1 else squares[0]
    most_steps = hl.min(hl.round(square * factors[row % count]), f32(STEPS - 1))
    func = low.stage(f"{name}_steps", [e, row], hl.cast(hl.UInt(8), most_steps))
    low.record[func.name()].compute_root()
    return func


def _square(e: Any, entries: int, span: int, *, is_last: bool) -> Any:
    """Write the mean square of an entry's differences; where no larger span follows the last is for all beyond it."""
    step = span // entries
    parts = [hl.cast(hl.Float(32), e * step + i) for i in range(step)]
    mean = sum((part * part for part in parts[1:]), parts[0] * parts[0]) / f32(step)
    if span == 256 or not is_last:
        return mean
    return hl.select(e == entries - 1, f32(((span + 255) // 2) ** 2), mean)  # as if they were in the middle
