"""Arithmetic: evaluates a node at a column and a row, down to what is already computed there."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from dsl.ir import INPUT_OPS, POINTWISE, SCALAR, STENCIL_OPS, TABLE, TABLES, Image, Node
from dsl.lowering import apart
from dsl.lowering.apart import Apart
from dsl.lowering.context import Function, Group, Lowering, Reader, TupleReader, channel_count, f32, hl_type


def _propagating(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Minimum or maximum that gives NaN if an operand is NaN, as numpy's do."""
    return lambda a, b: (
        hl.select(hl.is_nan(a) | compare(a, b), a, b) if a.type().is_float() else hl.select(compare(a, b), a, b)
    )


def _bounded(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Minimum or maximum of a value and a constant: NaN, which compares with nothing, stays."""
    return lambda value, constant: hl.select(compare(value, constant), constant, value)


def _arithmetic(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: operation(*_same_type(a, b))


def _same_type(a: Any, b: Any) -> tuple[Any, Any]:
    """Bring two operands to one type: float32, unless both were cast to an integer type by the script."""
    if a.type() == b.type():
        return a, b
    if a.type().is_float() or b.type().is_float():
        return hl.cast(hl.Float(32), a), hl.cast(hl.Float(32), b)
    return hl.cast(hl.Int(32), a), hl.cast(hl.Int(32), b)


def store(dtype: str, value: Any) -> Any:
    """Convert as a store does: round half to even and saturate."""
    if dtype.startswith("float"):
        return hl.cast(hl_type(dtype), value)
    low, high = {"uint8": (0, 255), "uint16": (0, 65535), "int32": (-(2**31), 2**31 - 128)}[dtype]
    if value.type().is_float():
        return hl.cast(hl_type(dtype), hl.clamp(hl.round(value), f32(low), f32(high)))
    return hl.saturating_cast(hl_type(dtype), value)


_TRUE, _FALSE = f32(1), f32(0)


def _flag(condition: Any) -> Any:
    """Conditions are numbers, 1 and 0, so that they can be counted and multiplied."""
    return hl.select(condition, _TRUE, _FALSE)


def _test(value: Any) -> Any:
    return value != hl.cast(value.type(), 0)


def _unbounded(value: Any) -> Any:
    """Keep Halide from asking what interval a float32 lies in.

    Of a root or a logarithm it takes those of the operand's ends, which may be negative: so NaN, which it then clamps
    to where a table is read at such a value.
    """
    return hl.reinterpret(hl.Float(32), hl.reinterpret(hl.UInt(32), value))


def sqrt(value: Any) -> Any:
    """Write a square root."""
    return _unbounded(hl.sqrt(value))


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return _arithmetic(lambda a, b: _flag(compare(a, b)))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "neg": lambda a: -a,
    "abs": lambda a: hl.abs(a) if a.type().is_float() else hl.cast(a.type(), hl.abs(a)),
    "sqrt": sqrt,
    "exp": hl.exp,
    "log": lambda a: _unbounded(hl.log(a)),
    "sin": hl.sin,
    "cos": hl.cos,
    "floor": hl.floor,
    "ceil": hl.ceil,
    "round": hl.round,
    "not": lambda a: _flag(a == hl.cast(a.type(), 0)),
    "cast_uint8": lambda a: store("uint8", a),
    "cast_uint16": lambda a: store("uint16", a),
    "cast_int32": lambda a: store("int32", a),
    "cast_float32": lambda a: store("float32", a),
    "add": _arithmetic(lambda a, b: a + b),
    "sub": _arithmetic(lambda a, b: a - b),
    "mul": _arithmetic(lambda a, b: a * b),
    "div": _arithmetic(lambda a, b: a / b),
    "mod": _arithmetic(lambda a, b: a - b * hl.floor(a / b) if a.type().is_float() else a % b),
    "pow": _arithmetic(hl.pow),
    "atan2": _arithmetic(hl.atan2),
    "min": _arithmetic(_propagating(lambda a, b: a < b)),
    "max": _arithmetic(_propagating(lambda a, b: a > b)),
    **{name: _comparison(compare) for name, compare in _COMPARISONS.items()},
    "and": lambda a, b: _flag(_test(a) & _test(b)),
    "or": lambda a, b: _flag(_test(a) | _test(b)),
    "select": lambda c, a, b: hl.select(_test(c), *_same_type(a, b)),
}

#: The same as above where an operand is a constant.
_BOUNDED = {"min": _arithmetic(_bounded(lambda a, b: a >= b)), "max": _arithmetic(_bounded(lambda a, b: a <= b))}

#: Lowerings of the nodes that need more than the pixel itself: they give a reader, made once per group.
STENCILS: dict[str, Callable[[Lowering, Node, Group], Reader]] = {}
#: What a stencil makes of a constant, where that is not the constant itself: (low, node) -> factor.
GAINS: dict[str, Callable[[Lowering, Node], Any]] = {}
#: What other nodes are outside the image under the constant border, by channel: (low, node) -> value of a channel.
OUTSIDES: dict[str, Callable[[Lowering, Node], Callable[[Any], Any]]] = {}
#: Lowerings of other nodes that give several channels: (low, node, operands) -> values.
BUNDLES: dict[str, Callable[[Lowering, Node, list[list[Any]]], list[Any]]] = {}
#: Lowerings of pointwise nodes as a stage of their own, where that is possible: else None.
STAGES: dict[str, Callable[[Lowering, Node, Group], Reader | None]] = {}
#: Reads a leaf, an input or what is computed in full: (node, x, y) -> one value per channel.
Leaf = Callable[[Node, Any, Any], list[Any]]


def is_leaf(low: Lowering, node: Node) -> bool:
    """Tell whether a node is read from memory: an input, or what is computed in full."""
    return node.op in INPUT_OPS or id(node) in low.roots


def leaf_reader(low: Lowering, node: Node) -> Reader:
    """Read an input or what is computed in full, inside its domain, in float32."""
    if id(node) in low.roots:
        return low.roots[id(node)]
    image = low.images[int(node.attributes[0])]  # type: ignore[arg-type]
    if channel_count(node) > 1:
        return lambda x, y, c: hl.cast(hl.Float(32), image[x, y, c])
    return lambda x, y, c: hl.cast(hl.Float(32), image[x, y])


def channel_of(values: Callable[[Any, Any], list[Any]], channels: int) -> Reader:
    """Make a reader of one channel from what gives all of them."""
    return lambda x, y, c: pick(values(x, y), c if channels > 1 else 0)


def pick(values: list[Any], c: Any) -> Any:
    """Choose one channel, by number or by a loop."""
    return values[c] if isinstance(c, int) else hl.mux(c, values)


def evaluate(low: Lowering, node: Node, group: Group, x: Any, y: Any, leaf: Leaf | None = None) -> list[Any]:
    """Write the value of a node at a column and row inside its domain, one expression per channel."""
    return evaluate_all(low, [node], group, x, y, leaf)[0]


def evaluate_all(
    low: Lowering,
    nodes: list[Node],
    group: Group,
    x: Any,
    y: Any,
    leaf: Leaf | None = None,
    *,
    staged: bool = False,
    functions: list[Function] | None = None,
) -> list[list[Any]]:
    """Write the values of nodes at a column and row; what they share is one expression.

    Parameters
    ----------
    leaf : function, optional
        How to read what the arithmetic starts from, instead of directly.
    staged : bool
        Whether nodes may become stages that are computed a strip of the group at a time.
    functions : list, optional
        Takes the stages that are to be computed, in order, where these values are: see :func:`keep_in_registers`.
        Without it Halide writes them into what calls them.
    """
    made: dict[int, TupleReader] = {}
    for each in stages_apart(low, nodes, branches=functions is not None):  # in order, each in terms of those before
        known = {key: read(low.x, low.y, 0) for key, read in made.items()}
        name = f"{low.label(each.node)}_{group.name}_{len(low.stages.funcs)}"
        wanted = list(each.node.args[1:]) if each.branch else [each.node]
        values = _written(low, wanted, group, low.x, low.y, leaf, staged, known)
        values = _chosen(low, name, each.node, *values) if each.branch else values[0]
        made[id(each.node)] = low.tuple_stage(name, 1, _constantly(values), None)
        if functions is not None:
            functions.append(Function(name, each))
    return _written(low, nodes, group, x, y, leaf, staged, {key: read(x, y, 0) for key, read in made.items()})


def _constantly(values: list[Any]) -> TupleReader:
    return lambda x, y, c: values


def keep_in_registers(low: Lowering, functions: list[Function], stage: str, loop: str, columns: int) -> None:
    """Schedule values that are stages of their own: in a loop of the stage that they are used in, which has columns."""
    names = {id(function.apart.node): function.name for function in functions}
    for function in functions:
        name, choice = function.name, function.apart.within
        if choice is None:
            low.record[name].compute_at(stage, loop).bound_extent("x", columns)
        else:
            low.record[name].compute_at(names[id(choice)], "x").bound_extent("x", low.lanes)
        low.record[name].store_in("Stack").bound_extent("y", 1)
        low.record[name].split("x", "x", "xi", low.lanes, "RoundUp").unroll("x").vectorize("xi")
        if function.apart.branch:
            low.record[name].specialize(f"{name}_if")


def _chosen(low: Lowering, name: str, choice: Node, first: list[Any], second: list[Any]) -> list[Any]:
    """Write a choice by a number, the same for all pixels, which its stage is specialized for."""
    condition = low.stages.symbols[f"{name}_if"] = _condition(low, choice.args[0])
    arms = [arm * channel_count(choice) if len(arm) == 1 else arm for arm in (first, second)]
    return [hl.select(condition, *_same_type(a, b)) for a, b in zip(*arms, strict=True)]


def _condition(low: Lowering, node: Node) -> Any:
    """Write a run-time condition as a truth, not as a number."""
    if node.op not in _COMPARISONS:
        return _test(inline_scalar(low, node))
    return _COMPARISONS[node.op](*_same_type(*(inline_scalar(low, arg) for arg in node.args)))


def _written(
    low: Lowering,
    nodes: list[Node],
    group: Group,
    x: Any,
    y: Any,
    leaf: Leaf | None,
    staged: bool,
    known: dict[int, list[Any]],
) -> list[list[Any]]:
    """Write the values of nodes, some of which are known: see :func:`evaluate_all`."""
    memo = known

    def value(inner: Node) -> list[Any]:
        if id(inner) not in memo:
            memo[id(inner)] = compute(inner)
        return memo[id(inner)]

    def compute(inner: Node) -> list[Any]:
        if not isinstance(inner.type, Image):
            return [scalar(low, inner)] if inner.type == SCALAR else []
        if is_leaf(low, inner):
            if leaf is not None:
                return leaf(inner, x, y)
            read = leaf_reader(low, inner)
            return [read(x, y, c) for c in range(channel_count(inner))]
        if inner.op in STENCILS:
            read = stencil(low, inner, group)
            return [read(x, y, c) for c in range(channel_count(inner))]
        found = stage_of(low, inner, group) if staged and inner.op in STAGES else None
        if found is not None:
            return [found(x, y, c) for c in range(channel_count(inner))]
        return _combine(low, inner, [value(arg) for arg in inner.args])

    return [value(node) for node in nodes]


def stages_apart(low: Lowering, nodes: Sequence[Node], *, branches: bool) -> list[Apart]:
    """Find what arithmetic is a stage of its own: see apart.py."""
    return apart.find(nodes, lambda node: is_leaf(low, node) or node.op in STENCILS, branches=branches)


def value_at(low: Lowering, node: Node, group: Group, x: Any, y: Any, c: Any) -> Any:
    """Write one channel of a node at a column and row inside its domain; ``c`` may be a loop if the node is a leaf."""
    if is_leaf(low, node):
        return leaf_reader(low, node)(x, y, c)
    return evaluate(low, node, group, x, y)[c]


def stencil(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a node that looks at other pixels, once per group, and read it."""
    key = (node.op, id(node))
    if key not in group.readers:
        group.readers[key] = STENCILS[node.op](low, node, group)
    return group.readers[key]


def stage_of(low: Lowering, node: Node, group: Group) -> Reader | None:
    """Lower a pointwise node to a stage, once per group, and read it; None if it is none."""
    key = ("stage", id(node))
    if key not in group.readers:
        found = STAGES[node.op](low, node, group)
        if found is None:
            return None
        group.readers[key] = found
    return group.readers[key]


def outside(low: Lowering, node: Node) -> Callable[[Any], Any]:
    """Give, by channel, what a node is worth outside the image under the constant border.

    That is its operations on the constant. They are computed once per call, in a stage of their own: written into
    every stage that reads through the border they would be most of the code.
    """
    if node.op in INPUT_OPS:
        return lambda c: low.border_value
    if node.op in OUTSIDES:
        return OUTSIDES[node.op](low, node)
    if node.op in STENCIL_OPS and node.op not in GAINS:
        return outside(low, node.args[0])

    def make() -> hl.Func:
        name, c = f"outside_{low.label(node)}", hl.Var("c")
        value = channel_of(lambda x, y: _on_constant(low, node), channel_count(node))(0, 0, c)
        func = low.stage(name, [c], hl.f32(0) if low.plain else value)
        if low.plain:  # what is updated is not written into what reads it: autoschedulers break where terms cancel
            func[c] += value
        low.record[name].compute_root().bound("c", 0, channel_count(node)).unroll("c")
        return func

    func: hl.Func = low.once(("outside", id(node)), make, varies=node.type.leveled)  # type: ignore[union-attr]
    return lambda c: hl.Expr(func[c])


def _on_constant(low: Lowering, node: Node) -> list[Any]:
    """Write a node for an image that is the border's constant everywhere."""
    memo: dict[int, list[Any]] = {}
    alone = {id(each.node) for each in stages_apart(low, node.args, branches=False)}

    def value(inner: Node) -> list[Any]:
        if id(inner) not in memo:
            memo[id(inner)] = compute(inner)
        return memo[id(inner)]

    def compute(inner: Node) -> list[Any]:
        if not isinstance(inner.type, Image):
            return [scalar(low, inner)] if inner.type == SCALAR else []
        apart = id(inner) in alone or id(inner) in low.roots or inner.op in (*STENCIL_OPS, *INPUT_OPS)
        if inner is not node and apart:
            read = outside(low, inner)
            return [read(c) for c in range(channel_count(inner))]
        if inner.op in STENCIL_OPS:
            gain = GAINS[inner.op](low, inner)
            read = outside(low, inner.args[0])
            return [read(c) * gain for c in range(channel_count(inner))]
        return _combine(low, inner, [value(arg) for arg in inner.args])

    return value(node)


def _combine(low: Lowering, node: Node, operands: list[list[Any]]) -> list[Any]:
    if node.op == "stack":
        return [v for operand in operands for v in operand]
    if node.op == "component":
        return [operands[0][int(node.attributes[0])]]  # type: ignore[arg-type]
    if node.op in BUNDLES:
        return BUNDLES[node.op](low, node, operands)
    count, operation = channel_count(node), OPERATIONS[node.op]
    wide = [operand * count if len(operand) == 1 else operand for operand in operands]
    constant = [arg.op == "constant" for arg in node.args]
    if node.op in _BOUNDED and any(constant):
        operation, wide = _BOUNDED[node.op], wide[::-1] if constant[0] else wide
    return [operation(*(operand[i] for operand in wide)) for i in range(count)]


def scalar(low: Lowering, node: Node) -> Any:
    """Write a run-time number. Those that take arithmetic are computed once per call, all in one stage."""
    if node.op in _PLAIN_SCALARS:
        return inline_scalar(low, node)
    func, place = low.once("scalars", lambda: _scalars(low))
    return hl.Expr(func[place[id(node)]])


_PLAIN_SCALARS = ("constant", "parameter")


def _scalars(low: Lowering) -> tuple[hl.Func, dict[int, int]]:
    """Stage: the numbers that images and their tables use and that take arithmetic; and the place of each in it."""
    users = [node for node in low.nodes if isinstance(node.type, Image) or node.type == TABLES]
    used = {id(a): a for user in users for a in user.args if a.type == SCALAR}
    wanted = [node for node in used.values() if node.op not in _PLAIN_SCALARS]
    values = [inline_scalar(low, node) for node in wanted]
    func = low.stage("scalars", [hl.Var("i")], hl.mux(hl.Var("i"), values) if len(values) > 1 else values[0])
    low.record["scalars"].compute_root().bound_extent("i", len(values)).unroll("i")
    return func, {id(node): place for place, node in enumerate(wanted)}


def inline_scalar(low: Lowering, node: Node) -> Any:
    """Write a run-time number as an expression of the arguments alone, as loop bounds must be."""
    if node.op == "constant":
        return f32(float.fromhex(str(node.attributes[0])))
    if node.op == "parameter":
        return low.scalars[int(node.attributes[0])]  # type: ignore[arg-type]
    return _scalar_value(low, node, inline_scalar)


def _scalar_value(low: Lowering, node: Node, operand: Callable[[Lowering, Node], Any]) -> Any:
    values = [[operand(low, arg)] if arg.type != TABLE else [] for arg in node.args]
    if node.op in POINTWISE:
        return OPERATIONS[node.op](*(value[0] for value in values))
    return BUNDLES[node.op](low, node, values)[0]
