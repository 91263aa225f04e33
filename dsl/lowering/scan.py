"""A window of oscillators that slides: the recurrence, written as the updates of a stage.

A kernel is a sum of oscillators w_k(r) = a cos(phi_k r) + b sin(phi_k r) over |r| <= R, a constant, and a weight on
either side (kernels.Oscillators). Moving the window by one pixel updates each product sum Z_k from the samples that
enter and leave; with the difference D_k as state (Reinsch's form) rounding errors do not grow with R:

    sum <- sum + f(x + R) - f(x - R - 1)
    D_k <- D_k + (pushes, weighted) - 4 sin^2(phi_k / 2) Z_k
    Z_k <- Z_k + D_k                  result(x) = dc sum + sum_k Z_k + outer (f(x - R - 1) + f(x + R + 1))

It starts from direct sums around the pixel before the first, with C = sum cos(phi r) f(r) and S likewise:

    Z_k = a C + b S        D_k = (a (1 - cos phi) - b sin phi) C + (b (1 - cos phi) + a sin phi) S
                                 + w(R + 1) f(R) - w(-R) f(-R - 1)

A step is a sequence of assignments to named slots, one loop that is written out, and so are the steps of a block. Each
sample is loaded once; a slot lies at a constant place within a small piece of memory, so that the compiler keeps it in
a register until the block ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import halide as hl

from dsl.lowering.context import Lowering, f32
from dsl.lowering.kernels import Oscillators

#: Gives the pixel so far from the first of the block, of an interleaved channel.
Sample = Callable[[Any, Any], Any]
Assignment = tuple[str, Any]
#: Pairs of rows that start sums of columns take at a time: rows are read from side to side, in the order they lie in
#: memory, and sums are loaded and stored once for all of these.
PAIRS = 4
#: Assignments that are written out in a row. With more, LLVM takes long and no longer keeps slots in registers; then
#: only so many steps are written out, instead of a block of them.
MOST_WRITTEN, FEWER_STEPS = 256, 4


class Scan:
    """The updates of a stage ``func[lane, place, *arguments]``: a block of ``steps`` steps, lane by lane in vectors.

    On devices threads take the place of lanes: ``func[place, *arguments]``.

    Parameters
    ----------
    name : str
        Of the stage.
    arguments : list of Var
        Behind lane and place.
    osc : Oscillators
        The kernel.
    steps : int
        In a block.
    start : Expr
        Whether the block sets the states, instead of going on from what it finds.
    channels : Expr
        Interleaved along the scan; each has slots and results of its own.
    vectors : bool
        Whether there are lanes.
    """

    def __init__(
        self,
        low: Lowering,
        name: str,
        arguments: Sequence[Any],
        osc: Oscillators,
        *,
        steps: int,
        start: Any,
        channels: Any = 1,
        vectors: bool = True,
    ) -> None:
        self.low, self.name, self.arguments, self.osc = low, name, list(arguments), osc
        self.steps, self.start, self.channels = steps, start, channels
        self.lane, self.place = hl.Var("lane"), hl.Var("place")
        self.lanes = [self.lane] if vectors else []
        self.func = low.stage(name, [*self.lanes, self.place, *arguments], hl.undef(hl.Float(32)))
        if vectors:
            low.record[name].bound_extent("lane", low.lanes)
        pieces = len(osc.pieces(f32(0), f32(0))) if osc.terms else 0
        self.past = [f"past{i}" for i in range(pieces)]
        self.now = [f"now{i}" for i in range(pieces)]
        self.push = [f"push{i}" for i in range(len(osc.pushes))]
        kept = [*self._sums(), *self.past, "right"]
        self.slots = {slot: i for i, slot in enumerate([*kept, "left", *self.now, *self.push])}

    def _sums(self) -> list[str]:
        """Name the states: the cosine sums before the sine sums they start from, which the differences replace."""
        constant = ["sum"] if self.osc.dc is not None else []
        terms = range(self.osc.terms)
        return [*constant, *(f"z{k}" for k in terms), *(f"d{k}" for k in terms)]

    # -------------------------------------------------------------------------------------------------- memory

    def result(self, step: Any, channel: Any = 0) -> Any:
        """Say at which place the result of a step lies: behind the slots."""
        return channel * (len(self.slots) + self.steps) + len(self.slots) + step

    def at(self, place: Any) -> Any:
        """Read a place."""
        return hl.Expr(self.func[(*self.lanes, place, *self.arguments)])

    def _reader(self, channel: Any) -> Callable[[str], Any]:
        base = channel * (len(self.slots) + self.steps)
        return lambda slot: self.at(base + self.slots[slot])

    # ------------------------------------------------------------------------------------------------- updates

    def define(self, sample: Sample) -> hl.Func:
        """Write all updates."""
        self._clear("clear", sample, self.start)
        self._add("sums", sample, self.start)
        self._begin("begin", sample, self.start)
        self._walk("steps", sample, None, unroll=True)
        return self.func

    def define_two(self, sample: Sample, plain_sample: Sample, plain: Any) -> hl.Func:
        """Write all updates twice: where ``plain`` holds, ``plain_sample`` is right too, and fast."""
        both = (("", sample, ~plain), ("plain_", plain_sample, plain))
        for kind, read, where in both:
            self._clear(f"{kind}clear", read, self.start & where)
            added = self._add_rows(f"{kind}rows", read, self.start & where) if kind else 0
            self._add(f"{kind}sums", read, self.start & where, added)
            self._begin(f"{kind}begin", read, self.start & where)
        for kind, read, where in both:
            self._walk(f"{kind}steps", read, where, unroll=bool(kind))
        return self.func

    def _clear(self, name: str, sample: Sample, where: Any) -> None:
        """Begin the sums of cosines with the middle sample, those of sines with nothing."""
        sums = self._sums()
        slot, channel = self._domain(name, [(0, len(sums))], where)
        middle = hl.select(slot < len(sums) - self.osc.terms, sample(-1, channel), f32(0))
        self._update(name, (slot, channel), self._base(channel) + slot, middle, 1)

    def _add(self, name: str, sample: Sample, where: Any, added: Any = 0) -> None:
        """Add up cosines and sines, two samples at a time, from behind those distances that were added."""
        sums = self._sums()
        slot, r, channel = self._domain(name, [(0, len(sums)), (added + 1, self.osc.radius - added)], where)
        place = self._base(channel) + slot
        self._update(name, (slot, r, channel), place, self.at(place) + self._pair(slot, r, sample, channel), 1)

    def _pair(self, slot: Any, r: Any, sample: Sample, channel: Any) -> Any:
        """Give what two samples at one distance add to a sum."""
        right, left = sample(r - 1, channel), sample(-1 - r, channel)
        pair = hl.select(slot < len(self._sums()) - self.osc.terms, right + left, right - left)
        shift = 0 if self.osc.dc is not None else 1
        wave = f32(1) if self.osc.waves is None else hl.Expr(self.osc.waves[slot + shift, r])
        return wave * pair

    def _add_rows(self, name: str, sample: Sample, where: Any) -> Any:
        """Add up rows of all columns, some pairs after the other; returns how many distances that makes."""
        groups = self.osc.radius // PAIRS
        extents = [(0, len(self._sums())), (0, PAIRS), (0, groups)]
        slot, near, far, channel = self._domain(name, extents, where)
        place = self._base(channel) + slot
        value = self.at(place) + self._pair(slot, far * PAIRS + near + 1, sample, channel)
        record = self._update(name, (slot, near, far, channel), place, value, 2)
        record.reorder("lane", f"{name}0", f"{name}1", "block", f"{name}2")
        return groups * PAIRS

    def _begin(self, name: str, sample: Sample, where: Any) -> None:
        """Turn the sums into states."""
        slot, channel = self._domain(name, [(0, self._count(self._first))], where)
        self._assign(name, slot, (channel,), self._first(self._reader(channel), lambda d: sample(d, channel)), 1)

    def _walk(self, name: str, sample: Sample, where: Any, *, unroll: bool) -> None:
        """Go through the steps of a block."""
        count = self._count(self._step)
        slot, step, channel = self._domain(name, [(0, count), (0, self.steps)], where)
        steps = self._step(self._reader(channel), lambda d: sample(step + d, channel))
        record = self._assign(name, slot, (step, channel), steps, 1)
        if unroll and self.steps * count <= MOST_WRITTEN:
            record.unroll(f"{name}1")
        elif unroll:
            record.split(f"{name}1", f"{name}1", f"{name}_step", FEWER_STEPS)
            record.reorder("lane", f"{name}0", f"{name}_step", f"{name}1").unroll(f"{name}_step")

    def _count(self, assignments: Callable[..., Iterator[Assignment]]) -> int:
        return sum(1 for _ in assignments(lambda slot: f32(0), lambda distance: f32(0)))

    def _first(self, slot: Callable[[str], Any], sample: Callable[[Any], Any]) -> Iterator[Assignment]:
        """Give the assignments that turn sums into states."""
        osc = self.osc
        yield "right", sample(osc.radius - 1)
        yield "left", sample(-osc.radius - 2)
        for k, (a, b, of_cosine, of_sine, enters, leaves) in enumerate(osc.begin):
            cosine, sine = slot(f"z{k}"), slot("push0")  # where the sum of sines stays while D takes its place
            yield "push0", slot(f"d{k}")
            ends = enters * slot("right") - leaves * slot("left")
            yield f"d{k}", of_cosine * cosine + of_sine * sine + ends
            yield f"z{k}", a * cosine + b * sine
        if osc.terms:
            yield from zip(self.past, osc.pieces(slot("right"), slot("left")), strict=True)
        yield "right", sample(osc.radius)

    def _step(self, slot: Callable[[str], Any], sample: Callable[[Any], Any]) -> Iterator[Assignment]:
        """Give the assignments of one step, in order."""
        osc = self.osc
        yield "left", sample(-osc.radius - 1)
        enters, leaves = slot("right"), slot("left")
        if osc.dc is not None:
            yield "sum", slot("sum") + (enters - leaves)
        if osc.terms:
            yield from zip(self.now, osc.pieces(enters, leaves), strict=True)
            now, past = [slot(name) for name in self.now], [slot(name) for name in self.past]
            yield from ((name, push(now, past)) for name, push in zip(self.push, osc.pushes, strict=True))
            yield from zip(self.past, now, strict=True)
        for k in range(osc.terms):
            pushed = slot(f"d{k}")
            for weight, push in zip(osc.drive[k], self.push, strict=True):
                pushed = pushed + weight * slot(push)
            yield f"d{k}", pushed - osc.damp[k] * slot(f"z{k}")
            yield f"z{k}", slot(f"z{k}") + slot(f"d{k}")
        yield "right", sample(osc.radius + 1)
        yield "", self._value(slot)

    def _value(self, slot: Callable[[str], Any]) -> Any:
        """Give the result of a step."""
        osc = self.osc
        parts = [] if osc.dc is None else [osc.dc * slot("sum")]
        parts += [slot(f"z{k}") for k in range(osc.terms)]
        if osc.outer is not None:
            left, right = osc.outer
            both = left * (slot("left") + slot("right"))
            parts.append(both if left is right else left * slot("left") + right * slot("right"))
        value = parts[0]
        for part in parts[1:]:
            value = value + part
        return value

    # ------------------------------------------------------------------------------------------ Halide's side

    def _base(self, channel: Any) -> Any:
        return channel * (len(self.slots) + self.steps)

    def _domain(self, name: str, extents: Sequence[tuple[Any, Any]], where: Any) -> tuple[Any, ...]:
        """Make the loops of an update, channels outermost, that run under a condition."""
        domain = hl.RDom([*extents, (0, self.channels)], f"{self.name}_{name}")
        if where is not None:
            domain.where(where)
        return (domain.x, domain.y, domain.z, domain.w)[: len(extents) + 1]

    def _assign(
        self, name: str, slot: Any, loops: tuple[Any, ...], assignments: Iterator[Assignment], unroll: int
    ) -> Any:
        """Make assignments the update of a stage, numbered by ``slot``; the one to no slot is the result of a step."""
        names, values = zip(*assignments, strict=True)
        channel = loops[-1]
        result = self.result(loops[0], channel)
        places = [self._base(channel) + self.slots[name] if name else result for name in names]
        return self._update(name, (slot, *loops), hl.mux(slot, places), hl.mux(slot, list(values)), unroll)

    def _update(self, name: str, loops: Sequence[Any], place: Any, value: Any, unroll: int) -> Any:
        """Add an update, with the first so many of its loops written out."""
        self.func[(*self.lanes, place, *self.arguments)] = value
        names = [f"{name}{i}" for i in range(len(loops))]
        self.low.stages.loops[self.name] |= dict(zip(names, loops, strict=True))
        record = self.low.record[self.name].update(self.func.num_update_definitions() - 1)
        lanes = [lane.name() for lane in self.lanes]
        record.reorder(*lanes, *names, *(argument.name() for argument in self.arguments))
        for lane in lanes:
            record.vectorize(lane)
        for loop in names[:unroll]:
            record.unroll(loop)
        return record
