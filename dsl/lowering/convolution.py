"""Convolution: chooses between direct sums, sliding cosines and Fourier transforms, as the schedule says."""

from __future__ import annotations

from typing import Any

from dsl.ir import Node
from dsl.lowering import direct, direct_2d, fourier, kernels, pointwise, sliding, sliding_in_threads
from dsl.lowering.context import Group, Lowering, Reader
from schedules.errors import ScheduleError

#: Sliding convolutions of a program, beyond which it takes LLVM more than minutes.
_MANY = 12


def can_slide(node: Node) -> bool:
    """Tell whether a convolution has a sliding form: no kernel of it is known by its samples alone."""
    return all(kernel.op != "samples" for kernel in node.args[1:])


def method(low: Lowering, node: Node) -> str:
    """Give the lowering a convolution takes: ``"sliding"`` or ``"direct"``."""
    if low.schedules_any:  # which states that outlive a loop are not for
        low.notes[low.label(node)] = "direct sums (plain lowering)"
        return "direct"
    possible = can_slide(node)
    many = sum(each.op == "convolve" for each in low.nodes) > _MANY
    default = "sliding" if possible and not many else "direct"
    if many:
        low.notes[low.label(node)] = f"direct sums (of more than {_MANY} convolutions)"
    wanted = low.schedule.choice(low.label(node), "convolve", default=default)
    if wanted not in ("sliding", "direct"):
        raise ScheduleError(f"{low.label(node)} = {wanted!r}: a convolution is 'sliding' or 'direct'")
    if wanted == "sliding" and not possible:
        raise ScheduleError(f"{low.label(node)} = 'sliding': a kernel of samples alone cannot; one of dsl.fit can")
    return str(wanted)


def _convolve(low: Lowering, node: Node, group: Group) -> Reader:
    slide = sliding_in_threads.convolve if low.device else sliding.convolve
    lower = slide if method(low, node) == "sliding" else direct.convolve
    return lower(low, node, group)


def _gain(low: Lowering, node: Node) -> Any:
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    return kernels.gain(low, node.args[1], terms) * kernels.gain(low, node.args[2], terms)


def _convolve_2d(low: Lowering, node: Node, group: Group) -> Reader:
    wanted = low.schedule.choice(low.label(node), "convolve_2d", default="direct")
    if wanted not in ("direct", "fourier"):
        raise ScheduleError(f"{low.label(node)} = {wanted!r}: a convolution in 2-D is 'direct' or 'fourier'")
    if wanted == "fourier" and low.plain:
        low.notes[low.label(node)] = f"direct sums ({low.plainly})"
        wanted = "direct"
    lower = fourier.convolve_2d if wanted == "fourier" else direct_2d.convolve_2d
    return lower(low, node, group)


pointwise.GAINS["convolve"] = _gain
pointwise.STENCILS["convolve"] = _convolve
pointwise.GAINS["convolve_2d"] = direct_2d.gain
pointwise.STENCILS["convolve_2d"] = _convolve_2d
