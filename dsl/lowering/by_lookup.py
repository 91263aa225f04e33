"""Weighted means whose weight is a look-up of the distance between a guide's colours: ``lookup(table, s * distance)``.

What the lowerings of such a mean share: recognising it, and its table as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import SCALAR, TAP_NUMBERS, Node
from dsl.lowering import pointwise, tables, weighted
from dsl.lowering.context import Lowering, channel_count
from dsl.tap_table import GROUP


@dataclass(frozen=True)
class ByLookup:
    """A weighted mean whose weight is a table's entry at a distance between colours."""

    image: Node
    guide: Node
    table: Node
    scale: Node | None  # entries a unit of distance; None: one
    norm: str
    taps: Node

    @property
    def images(self) -> list[Node]:
        """What is read at every tap: what is averaged, and the guide, if it is another one."""
        return [self.image] if self.image is self.guide else [self.image, self.guide]

    def index(self, low: Lowering, distance: Any) -> Any:
        """Write where in the table a distance is."""
        return distance if self.scale is None else distance * pointwise.scalar(low, self.scale)


def recognise(node: Node) -> ByLookup | None:
    """Recognise such a mean."""
    values, weights, taps = node.args
    if values.op != "near" or weights.op != "lookup":
        return None
    table, index = weights.args
    scale, index = _scaled(index)
    if index.op != "distance":
        return None
    near, guide = sorted(index.args, key=lambda arg: arg.op != "near")
    if near.op != "near" or near.args[0] is not guide:
        return None
    return ByLookup(values.args[0], guide, table, scale, str(index.attributes[0]), taps)


@dataclass(frozen=True)
class ByPatches:
    """A weighted mean whose weight depends on how much the patches around pixels differ, squared.

    It is a table's entry there, or an exponential: ``exp(min(level - scale * difference, 0))``.
    """

    image: Node
    table: Node | None
    level: Node | None
    scale: Node | None
    radius: tuple[int, int]
    taps: Node


def recognise_patches(node: Node) -> ByPatches | None:
    """Recognise such a mean: by a function of ``window(d * d, radius)`` of a distance by Euclid."""
    values, weights, taps = node.args
    if values.op != "near" or weights.op not in ("lookup", "exp"):
        return None
    if weights.op == "lookup":
        (table, difference), level = weights.args, None
    else:
        parts = _level_and_rest(weights.args[0])
        if parts is None:
            return None
        table, (level, difference) = None, parts
    scale, index = _scaled(difference)
    if index.op != "window" or index.attributes[0] != "sum" or index.args[0].op != "mul":
        return None
    first, second = index.args[0].args
    if first is not second or first.op != "distance":
        return None
    near, image = sorted(first.args, key=lambda arg: arg.op != "near")
    is_own = near.op == "near" and near.args[0] is image and image is values.args[0]
    if not is_own or (channel_count(image) > 1 and first.attributes[0] != "l2"):
        return None
    _, ry, rx = index.attributes
    return ByPatches(image, table, level, scale, (int(ry), int(rx)), taps)  # type: ignore[arg-type]


def _level_and_rest(exponent: Node) -> tuple[Node, Node] | None:
    """Give what is of ``min(number - rest, 0)``, or None if that is not what it is."""
    if exponent.op != "min":
        return None
    bound, value = sorted(exponent.args, key=lambda arg: arg.op != "constant")
    is_zero = bound.op == "constant" and float.fromhex(str(bound.attributes[0])) == 0
    if not is_zero or value.op != "sub" or value.args[0].type != SCALAR:
        return None
    level, rest = value.args
    return level, rest


def _scaled(index: Node) -> tuple[Node | None, Node]:
    """Part a number from what it is multiplied to."""
    if index.op == "mul" and SCALAR in (index.args[0].type, index.args[1].type):
        scale, index = sorted(index.args, key=lambda arg: arg.type != SCALAR)
        return scale, index
    return None, index


def reason_against_bytes(low: Lowering, found: ByLookup | None) -> str:
    """Say why a mean cannot be of bytes; empty if it can."""
    if found is None:
        return "its weight is no look-up of a distance from the pixel"
    if reason := reason_against_images(low, found.images):
        return reason
    if channel_count(found.guide) > 1 and found.norm != "l1":
        return "the distance of bytes is a sum of absolute differences"
    return ""


def reason_against_images(low: Lowering, images: list[Node]) -> str:
    """Say why images cannot be read as bytes; empty if they can."""
    dtypes = low.variant.dtypes
    if all(i.op == "input" and dtypes[int(i.attributes[0])] == "uint8" for i in images):  # type: ignore[arg-type]
        return ""
    return "its images are not uint8 as they came"


@dataclass(frozen=True)
class ByteTables:
    """Stages: taps as whole numbers, by fours of taps a byte table, the weight of the pixel itself.

    A four that is not full has fillers, which are the pixel itself: at difference 0, so what they add to sums is known,
    and taken off the weight of the pixel itself.
    """

    taps: hl.Func
    table: hl.Func
    own: hl.Func


def entry_of(low: Lowering, found: ByLookup, entries: int, span: int) -> Callable[[Any], Any]:
    """Give what writes an entry of a byte table: of ``entries`` for differences below ``span``."""
    step = span // entries

    def entry(e: Any) -> Any:
        first, *others = (
            tables.between(low, found.table, found.index(low, hl.cast(hl.Float(32), e * step + i))) for i in range(step)
        )
        beyond = tables.between(low, found.table, found.index(low, hl.f32((span + 255) // 2)))
        mean = sum(others, first) / hl.f32(step)
        # The last entry is for all differences beyond it, too: as if they were in the middle.
        return hl.select((e == entries - 1) & (span < 256), beyond, mean)

    return entry


def byte_tables(
    low: Lowering, taps_node: Node, name: str, entries: int, write: Callable[[Any], Any], most: Any
) -> ByteTables:
    """Make them, once a call: tables of so many entries, which ``write`` gives, with weights up to ``most``."""
    at = weighted.neighbours(low, taps_node)
    k, t, e, q = hl.Var("k"), hl.Var("t"), hl.Var("e"), hl.Var("q")
    place = (t + 1) * TAP_NUMBERS  # the pixel itself is not among the fours
    filler = hl.cast(hl.Int(32), at.numbers[place + 2] == 0)
    taps = low.stage(f"{name}_taps", [k, t], hl.mux(k, [at.offset(place), at.offset(place + 1), filler]))

    entry = low.stage(f"{name}_entry", [e], write(e))
    peak = low.stage(f"{name}_peak", [k], hl.f32(0))
    entry_loop = hl.RDom([(0, entries)], f"{name}_entry_loop")
    tap_loop = hl.RDom([(0, at.count)], f"{name}_tap_loop")
    peak[0] = hl.max(peak[0], entry[entry_loop.x])
    peak[1] = hl.max(peak[1], at.numbers[tap_loop.x * TAP_NUMBERS + 2])
    limit = hl.cast(hl.Float(32), most)
    gain = limit / (peak[0] * peak[1])

    def weight(spatial: Any, entry: Any) -> Any:
        return hl.clamp(hl.round(spatial * entry * gain), hl.f32(0), limit)

    spatial = at.numbers[(1 + GROUP * q) * TAP_NUMBERS + 2]
    table = low.stage(f"{name}_table", [e, q], hl.cast(hl.UInt(8), weight(spatial, entry[e])))
    own = low.stage(f"{name}_own", [k], hl.cast(hl.Int(32), weight(at.numbers[2], entry[0])))
    fours = hl.RDom([(0, at.count // GROUP * GROUP)], f"{name}_fours")
    own[k] -= taps[2, fours.x] * hl.cast(hl.Int(32), table[0, fours.x // GROUP])
    for stage in (taps, entry, peak, own, table):
        low.record[stage.name()].compute_root()
    low.record[table.name()].split("e", "e", "ei", low.lanes).vectorize("ei")
    return ByteTables(taps, table, own)
