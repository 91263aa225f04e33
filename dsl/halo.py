"""How far a pixel of the result sees into the image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dsl.ir import Image, Node, Program

_ARITHMETIC: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "min": min,
    "max": max,
    "neg": lambda a: -a,
    "abs": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
}


def _entries(table: Node) -> int:
    if table.op != "table":
        raise ValueError("the halo depends on a table, which is not known ahead of a call")
    return len(table.attributes[0])  # type: ignore[arg-type]


class MissingError(Exception):
    """A halo depends on the run-time number of this index, which is not given."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def halo(program: Program, scalars: Sequence[float | None]) -> tuple[int, int]:
    """Give the rows and columns around a pixel that its results depend on, for given run-time numbers."""
    nodes = program.nodes()
    numbers = {id(node): i for i, node in enumerate(nodes)}
    reach: list[tuple[int, int]] = []

    def at(node: Node) -> tuple[int, int]:
        return reach[numbers[id(node)]]

    def widest(args: Sequence[Node]) -> tuple[int, int]:
        images = [at(arg) for arg in args if isinstance(arg.type, Image)]
        return (max((r for r, _ in images), default=0), max((c for _, c in images), default=0))

    def value(node: Node) -> float:
        if node.op == "constant":
            return float.fromhex(str(node.attributes[0]))
        if node.op == "parameter":
            index = int(node.attributes[0])  # type: ignore[arg-type]
            given = scalars[index]
            if given is None:
                raise MissingError(index)
            return float(given)
        if node.op in _ARITHMETIC:
            return float(_ARITHMETIC[node.op](*(value(arg) for arg in node.args)))
        raise ValueError(f"the halo depends on {node.op}, which is not known ahead of a call")

    def radius(kernel: Node, terms: int) -> int:
        from dsl.lowering.radius import direct_radius, sliding_radius

        if kernel.op == "identity":
            return 0
        if kernel.op == "samples":
            return _entries(kernel.args[0]) // 2
        if kernel.op == "oscillators":
            return max(radius(Node("samples", (), kernel.args[:1]), terms), round(value(kernel.args[2])) + 1)
        size = value(kernel.args[0])
        if kernel.op == "box":
            return round(size)
        return max(direct_radius(size, terms), sliding_radius(size, terms) + 1)

    for node in nodes:
        rows, columns = widest(node.args)
        scale = 1 << node.type.level if isinstance(node.type, Image) else 1
        if node.op in ("resize", "resample", "warp", "around", "read"):
            raise ValueError("the halo depends on the sizes that images are resampled between")
        if node.op == "average":
            raise ValueError("an average is of the whole image")
        if node.op == "shift":
            dy, dx = (abs(int(a)) for a in node.attributes)  # type: ignore[arg-type]
            rows, columns = rows + dy * scale, columns + dx * scale
        elif node.op == "window":
            _, ry, rx = node.attributes
            rows, columns = rows + int(ry) * scale, columns + int(rx) * scale  # type: ignore[arg-type]
        elif node.op == "convolve":
            terms = int(node.attributes[0])  # type: ignore[arg-type]
            rows += radius(node.args[1], terms) * scale
            columns += radius(node.args[2], terms) * scale
        elif node.op == "convolve_2d":
            across = round(value(node.args[2]))
            down = _entries(node.args[1]) // across
            rows, columns = rows + down // 2 * scale, columns + across // 2 * scale
        elif node.op == "near":
            reach_of_taps = round(value(node.args[1].args[1]))
            rows, columns = rows + reach_of_taps * scale, columns + reach_of_taps * scale
        elif node.op == "down":  # two finer pixels on each side
            rows, columns = rows + scale, columns + scale
        elif node.op == "up":  # one coarser pixel on each side
            rows, columns = rows + 2 * scale, columns + 2 * scale
        reach.append((rows, columns))
    return widest([nodes[output] for output in program.outputs])
