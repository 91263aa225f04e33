"""Convolution: chooses between direct sums and sliding cosines, as the schedule says."""

from __future__ import annotations

from typing import Any

from dsl.ir import Node
from dsl.lowering import direct, kernels, pointwise, sliding
from dsl.lowering.context import Group, Lowering, Reader


def can_slide(node: Node, mode: str) -> bool:
    """Tell whether a convolution has a sliding form: its kernels are Gaussians or boxes, its channels alike."""
    smooth = all(kernel.op in ("gaussian", "box", "identity") for kernel in node.args[1:])
    return smooth and mode == "rows"


def method(low: Lowering, node: Node) -> str:
    """Give the lowering a convolution takes: ``"sliding"`` or ``"direct"``."""
    possible = can_slide(node, low.variant.mode)
    wanted = low.schedule.choice(low.label(node), "convolve", default="sliding" if possible else "direct")
    return "sliding" if wanted == "sliding" and possible else "direct"


def _convolve(low: Lowering, node: Node, group: Group) -> Reader:
    lower = sliding.convolve if method(low, node) == "sliding" else direct.convolve
    return lower(low, node, group)


def _gain(low: Lowering, node: Node) -> Any:
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    return kernels.gain(low, node.args[1], terms) * kernels.gain(low, node.args[2], terms)


pointwise.GAINS["convolve"] = _gain
pointwise.STENCILS["convolve"] = _convolve
