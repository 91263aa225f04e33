"""The language: every kind of node, what it takes and what it gives.

    image  = input <index> <channels>           an argument of the filter; 0 channels: each is filtered alone
           | small <index> <channels>           an argument of another size, which all of these have
           | POINTWISE value+                   arithmetic; an image if any operand is one (see pointwise.py)
           | shift <dy> <dx> image              the neighbour that far down and to the right
           | window <op> <ry> <rx> image ...    a reduction over a window (sum, min, max)
           | convolve <terms> image kernel_y kernel_x
           | convolve_2d image table columns     by weights that are no product, row by row in the table
           | down <stored> image                blur by 1 4 6 4 1, keep even pixels; size (n + 1) // 2
           | up image like                      insert zeros to the size of `like`, blur, gain one everywhere
           | resize <kernel> image like         resampled to the size of `like`, see RESAMPLING
           | harmonics <terms> image            cos v, cos 2v, ..., sin v, sin 2v, ...: 2 * terms channels
           | stack image+                       channels side by side
           | component <index> image            one channel
           | lookup table value                 linear between entries, the end entries beyond them
           | distance <norm> image image        between colours: sum of absolute differences (l1) or Euclid's (l2)
           | near image taps                    the pixel at each tap, which varies over the taps
           | mean image weights taps            the mean over the taps, by weight
           | level <index> levels               a coordinate of each level, which varies over the levels
           | interpolated image guide ... levels    between the levels where the guides' values lie, linearly
           | read <kernel> <what> tables image  the neighbouring pixels' tables at the values of an image of any size
    scalar = parameter <index>                  a run-time number
           | constant <value>                   a number of the program
           | element <index> table              one entry
    table  = table <values>  | argument <index> numbers of the program, or given at run time
           | part <index> <of> table            one of so many equal parts
    taps   = taps table radius                  neighbours with a weight each: see tap_table.py
           | around <radius> image like sigma   pixels of the size of an image, around those of the size of `like`
    levels = levels table ...                   all combinations of the tables' entries, each a coordinate
    tables = tabulate <entries> <keep> <beyond> <anchored> inputs outputs taps low high smooth
                      least_slope greatest_slope start end least greatest
                                                for every pixel a table from inputs to outputs near by: see KEEP
    kernel = gaussian sigma | box radius | samples table | identity
           | oscillators <type> <terms> <parity> samples numbers radius      a kernel and its fit, see fitting.py

A program is a list of such nodes, each naming earlier ones, so it prints on a screen, goes to JSON and back,
and hashes: floats are written by ``float.hex``, and no name, file or line is part of it. Images read outside
their domain (by shift, window, convolve, convolve_2d, down, up, resize) follow the border rule of the call, at the size
of *that* image.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dsl.errors import DSLError

Attribute = int | str | tuple[str, ...]
_NOWHERE = ("", 0)  # the place of a node that was not traced


@dataclass(frozen=True)
class Image:
    """Type of an image: channels (0: plain planes), how often it was halved, whether it varies over taps or levels.

    ``grid`` says whose size it has, or had before it was halved: 0 that of the images of a program, 1 that of its small
    ones, -1 any: it is the same everywhere.
    """

    channels: int
    level: int = 0
    varying: bool = False
    leveled: bool = False
    grid: int = 0

    @property
    def size(self) -> Size:
        """What its size is known by: equal for images of equal sizes."""
        return self.grid, self.level

    def __str__(self) -> str:
        kind = "a small Image" if self.grid > 0 else "an Image"
        channels = f" with {self.channels} channels" if self.channels else ""
        level = f" at pyramid level {self.level}" if self.level else ""
        over = [name for name, is_so in (("taps", self.varying), ("levels", self.leveled)) if is_so]
        return f"{kind}{channels}{level}" + (f" that varies over {' and '.join(over)}" if over else "")


@dataclass(frozen=True)
class Plain:
    """Type of anything that is not an image: ``scalar``, ``table``, ``kernel``, ``taps``, ``levels`` or ``tables``."""

    name: str

    def __str__(self) -> str:
        return self.name.capitalize() if self.name in ("taps", "levels", "tables") else f"a {self.name.capitalize()}"


#: Grid and level of an image.
Size = tuple[int, int]

SCALAR, TABLE, KERNEL, TAPS, LEVELS, TABLES = map(Plain, ("scalar", "table", "kernel", "taps", "levels", "tables"))
Type = Image | Plain

#: Kernels of resampling, along each axis; pixel x of m lies at ``(x + 0.5) * n / m - 0.5`` in a source of n. The
#: nearest pixel; equal weights of the 2x2, 4x4 or 8x8 nearest; Gaussian weights of these, by distance; linear between
#: two; Keys' cubic (a = -0.5) of 4x4; the mean over what a pixel covers, with shares of those at its rim; and what
#: falls in a line to nothing at the next pixel of the smaller of the two sizes: linear, without aliases.
RESAMPLING = (
    "nearest",
    "box4",
    "box16",
    "box64",
    "gauss4",
    "gauss16",
    "gauss64",
    "linear",
    "cubic",
    "area",
    "triangle",
)
#: Those whose weights are of as many pixels as the ratio of sizes says.
OF_ANY_WIDTH = ("area", "triangle")
#: Kernels of what is read at places of any kind.
WARPING = ("nearest", "linear")
#: Which of the outputs at one entry of a table counts: the last of the taps, the one that most of their weight speaks
#: for, or that on the path from low inputs and outputs to high ones that most speaks for.
KEEP = ("last", "most", "path")
#: What is beyond the entries that are known: the nearest one, a line on from the first to the last, a line to what is
#: given for the first and the last entry, nothing: such a table is not read there; or a curve that all tables share,
#: and of a table's own slope the less the farther it is.
BEYOND = ("replicate", "linear", "ends", "none", "curve")
#: What is read of tables: the output, or which share of the weights is of tables that have seen such inputs.
READ = ("value", "observed")
MAX_ENTRIES = 256
#: Distances between colours.
NORMS = ("l1", "l2")
#: What the pixels of a coarser level may be kept as in memory.
STORED = ("float32", "float16")

#: Pointwise operations and the number of their operands.
POINTWISE: dict[str, int] = {
    **dict.fromkeys(("neg", "abs", "sqrt", "exp", "log", "sin", "cos", "floor", "ceil", "round", "not"), 1),
    **dict.fromkeys(("cast_uint8", "cast_uint16", "cast_int32", "cast_float32"), 1),
    **dict.fromkeys(("add", "sub", "mul", "div", "mod", "pow", "min", "max", "atan2"), 2),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne", "and", "or"), 2),
    "select": 3,
}


@dataclass(frozen=True, eq=False)
class Node:
    """One step of a program: an operation, its attributes, the nodes it takes, the type it gives."""

    op: str
    attributes: tuple[Attribute, ...] = ()
    args: tuple[Node, ...] = ()
    where: tuple[str, int] = field(default=_NOWHERE, compare=False)
    type: Type = field(init=False)

    def __post_init__(self) -> None:
        if self.op not in OPS and self.op not in POINTWISE:
            raise DSLError(f"no operation {self.op!r}", self.where)
        form = OPS.get(self.op) or Form((), POINTWISE[self.op], _pointwise)
        _check_form(self, form)
        object.__setattr__(self, "type", form.rule(self))

    def fail(self, message: str) -> DSLError:
        """Make the exception for a mistake in this node."""
        return DSLError(f"{self.op}: {message}", self.where)


# ---------------------------------------------------------------------- what each operation accepts and gives


@dataclass(frozen=True)
class Form:
    """An operation: the types of its attributes, its operands (None: any number), what checks it and types it."""

    attributes: tuple[type, ...]
    operands: int | None
    rule: Callable[[Node], Type]


def _check_form(node: Node, form: Form) -> None:
    if tuple(map(type, node.attributes)) != form.attributes:
        wanted = ", ".join(kind.__name__ for kind in form.attributes) or "none"
        raise node.fail(f"its attributes must be {wanted}, {node.attributes!r} came")
    if form.operands is not None and len(node.args) != form.operands:
        raise node.fail(f"takes {form.operands} operands, {len(node.args)} came")
    numbers: Any = {"table": node.attributes[:1], "constant": (node.attributes,)}.get(node.op, ((),))
    for text in numbers[0]:
        _check_number(node, text)


def _check_number(node: Node, text: Any) -> None:
    try:
        float.fromhex(text)
    except (TypeError, ValueError):
        raise node.fail(f"numbers are written by float.hex, {text!r} came") from None


def _image_argument(node: Node, position: int, *, varying: bool = False) -> Image:
    kind = node.args[position].type
    if not isinstance(kind, Image):
        raise node.fail(f"an Image is needed, {kind} came")
    if kind.varying and not varying:
        raise node.fail(f"takes no pixels that vary over taps, {kind} came: take their weighted mean first")
    return kind


def _expect(node: Node, position: int, kind: Plain, name: str) -> None:
    found = node.args[position].type
    if found != kind:
        raise node.fail(f"{name} must be {kind}, {found} came")


def _broadcast(node: Node, kinds: Iterable[Type]) -> Type:
    images = [kind for kind in kinds if isinstance(kind, Image)]
    size = _size(node, images)
    for kind in images[1:]:
        if kind.channels != images[0].channels and min(kind.channels, images[0].channels) > 1:
            raise node.fail(f"images of {images[0].channels} and {kind.channels} channels")
    if not images:
        return SCALAR
    widest = max(images, key=lambda kind: kind.channels)
    return replace(widest, **size, **_over(images))


def _size(node: Node, images: Sequence[Image]) -> dict[str, Any]:
    """Give the size that images have, those that have any apart."""
    sized = [kind for kind in images if kind.grid >= 0] or images
    for kind in sized[1:]:
        if kind.size != sized[0].size:
            change = "dsl.up and dsl.down change" if kind.grid == sized[0].grid else "dsl.resize changes"
            raise node.fail(f"images of different sizes: {sized[0]} and {kind}; {change} it")
    return {"grid": sized[0].grid, "level": sized[0].level} if sized else {}


def _over(kinds: Iterable[Image]) -> dict[str, bool]:
    """Tell over what the result of images varies, as their types say."""
    found = list(kinds)
    return {"varying": any(kind.varying for kind in found), "leveled": any(kind.leveled for kind in found)}


def _pointwise(node: Node) -> Type:
    for arg in node.args:
        if arg.type in (TABLE, KERNEL, TAPS, LEVELS, TABLES):
            raise node.fail(f"an Image or a Scalar is needed, {arg.type} came")
    return _broadcast(node, (arg.type for arg in node.args))


def _input(node: Node) -> Type:
    return Image(int(node.attributes[1]))  # type: ignore[arg-type]


def _small(node: Node) -> Type:
    return Image(int(node.attributes[1]), grid=1)  # type: ignore[arg-type]


def _shift(node: Node) -> Type:
    return _image_argument(node, 0)


def _window(node: Node) -> Type:
    op, ry, rx = node.attributes
    if op not in ("sum", "min", "max"):
        raise node.fail(f"reduction must be 'sum', 'min' or 'max', not {op!r}")
    if int(ry) < 0 or int(rx) < 0:  # type: ignore[arg-type]
        raise node.fail(f"radius must not be negative, ({ry}, {rx}) came")
    kind = _image_argument(node, 0, varying=True)
    if any(taps.op == "around" for taps in taps_of(node.args[0])):
        raise node.fail("takes no pixels of another size; those of a window have neighbours of their own")
    return kind


def _convolve(node: Node) -> Type:
    _expect(node, 1, KERNEL, "the vertical kernel")
    _expect(node, 2, KERNEL, "the horizontal kernel")
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    if not 1 <= terms <= MAX_COSINES:
        raise node.fail(f"terms must be from 1 to {MAX_COSINES}, not {terms}")
    return _image_argument(node, 0)


def _convolve_2d(node: Node) -> Type:
    _expect(node, 1, TABLE, "the weights")
    _expect(node, 2, SCALAR, "the columns")
    return _image_argument(node, 0)


def _down(node: Node) -> Type:
    kind = _image_argument(node, 0)
    if node.attributes[0] not in STORED:
        raise node.fail(f"stored must be {' or '.join(map(repr, STORED))}, not {node.attributes[0]!r}")
    return replace(kind, level=kind.level + 1)


def _up(node: Node) -> Type:
    kind, like = _image_argument(node, 0), _image_argument(node, 1)
    if kind.size != (like.grid, like.level + 1):
        raise node.fail(f"must go up one level, from {kind} to {like} is not one")
    return replace(kind, level=like.level)


def _resize(node: Node) -> Type:
    kind, like = _image_argument(node, 0), _image_argument(node, 1)
    known = WARPING if node.op == "warp" else RESAMPLING
    if node.attributes[0] not in known:
        raise node.fail(f"kernel must be one of {', '.join(known)}, not {node.attributes[0]!r}")
    for position in range(2, len(node.args)):  # where from, of what is told by numbers
        _expect(node, position, SCALAR, f"operand {position}")
    return replace(kind, grid=like.grid, level=like.level)


def _average(node: Node) -> Type:
    kind = _image_argument(node, 0)
    if kind.leveled:
        raise node.fail("takes no image that varies over levels")
    return replace(kind, grid=-1, level=0)


def _harmonics(node: Node) -> Type:
    terms, kind = int(node.attributes[0]), _image_argument(node, 0)  # type: ignore[arg-type]
    if not 1 <= terms <= MAX_TERMS:
        raise node.fail(f"terms must be from 1 to {MAX_TERMS}, not {terms}")
    if kind.channels > 1:
        raise node.fail(f"takes one channel, {kind} came")
    return replace(kind, channels=2 * terms)


def _stack(node: Node) -> Type:
    kinds = [_image_argument(node, i, varying=True) for i in range(len(node.args))]
    if not kinds:
        raise node.fail("at least one Image is needed")
    channels = sum(max(kind.channels, 1) for kind in kinds)
    return Image(channels, **_size(node, kinds), **_over(kinds))


def _component(node: Node) -> Type:
    index, kind = int(node.attributes[0]), _image_argument(node, 0, varying=True)  # type: ignore[arg-type]
    if not 0 <= index < max(kind.channels, 1):
        raise node.fail(f"channel {index} of {kind}: there is none")
    return replace(kind, channels=1)


def _lookup(node: Node) -> Type:
    _expect(node, 0, TABLE, "the table")
    kind = node.args[1].type
    if kind in (TABLE, KERNEL, TAPS, LEVELS, TABLES):
        raise node.fail(f"the index must be an Image or a Scalar, {kind} came")
    return kind


def _distance(node: Node) -> Type:
    if node.attributes[0] not in NORMS:
        raise node.fail(f"norm must be {' or '.join(map(repr, NORMS))}, not {node.attributes[0]!r}")
    kinds = [_image_argument(node, i, varying=True) for i in range(2)]
    if kinds[0].channels != kinds[1].channels:
        raise node.fail(f"images of {kinds[0].channels} and {kinds[1].channels} channels")
    common = _broadcast(node, kinds)
    return replace(common, channels=min(common.channels, 1))  # type: ignore[union-attr,arg-type]


def _taps(node: Node) -> Type:
    _expect(node, 0, TABLE, "the table of taps")
    _expect(node, 1, SCALAR, "the radius")
    table = node.args[0]
    if table.op == "table" and (len(table.attributes[0]) % TAP_NUMBERS or not table.attributes[0]):  # type: ignore[arg-type]
        raise node.fail(f"a tap is {TAP_NUMBERS} numbers, a table of {len(table.attributes[0])} came: see dsl.taps")  # type: ignore[arg-type]
    return TAPS


def _around(node: Node) -> Type:
    _image_argument(node, 0)
    _image_argument(node, 1)
    _expect(node, 2, SCALAR, "sigma")
    if not 0 <= int(node.attributes[0]) <= MAX_AROUND:  # type: ignore[arg-type]
        raise node.fail(f"radius must be from 0 to {MAX_AROUND}, not {node.attributes[0]}")
    return TAPS


def _near(node: Node) -> Type:
    kind = _image_argument(node, 0)
    _expect(node, 1, TAPS, "the neighbours")
    if node.args[1].op != "around":
        return replace(kind, varying=True)
    source, like = (image.type for image in node.args[1].args[:2])
    if kind.size != source.size:  # type: ignore[union-attr]
        raise node.fail(f"the neighbours are those of {source}, {kind} came")
    return replace(kind, varying=True, grid=like.grid, level=like.level)  # type: ignore[union-attr]


def _mean(node: Node) -> Type:
    _expect(node, 2, TAPS, "the neighbours")
    kind, weights = _image_argument(node, 0, varying=True), node.args[1].type
    if weights != SCALAR and not isinstance(weights, Image):
        raise node.fail(f"the weights must be an Image or a Scalar, {weights} came")
    if not kind.varying:
        raise node.fail("the values must vary over taps: image[taps]")
    if isinstance(weights, Image) and weights.channels > 1:
        raise node.fail(f"there is one weight for all channels, {weights} came")
    if any(taps is not node.args[2] for operand in node.args[:2] for taps in taps_of(operand)):
        raise node.fail("its operands vary over other taps as well; one mean is over one set")
    common = _broadcast(node, [arg.type for arg in node.args[:2]])
    return replace(kind, varying=False, leveled=common.leveled)  # type: ignore[union-attr]


def taps_of(node: Node) -> list[Node]:
    """List the taps that a node varies over: one, where it may be used."""
    return _sources(node, "near", lambda kind: kind.varying)


def levels_of(node: Node) -> list[Node]:
    """List the levels that a node varies over: one, where it may be used."""
    return _sources(node, "level", lambda kind: kind.leveled)


def _sources(node: Node, op: str, varies: Callable[[Image], bool]) -> list[Node]:
    """List what the operations ``op`` that a node depends on vary over: their last operands."""
    found: dict[int, Node] = {}
    pending, seen = [node], set()
    while pending:
        current = pending.pop()
        if id(current) in seen or not isinstance(current.type, Image) or not varies(current.type):
            continue
        seen.add(id(current))
        if current.op == op:
            found[id(current.args[-1])] = current.args[-1]
        pending += current.args
    return list(found.values())


def _levels(node: Node) -> Type:
    if not node.args:
        raise node.fail("at least one table is needed")
    for position in range(len(node.args)):
        _expect(node, position, TABLE, f"table {position}")
    return LEVELS


def _level(node: Node) -> Type:
    _expect(node, 0, LEVELS, "the levels")
    index, axes = int(node.attributes[0]), len(node.args[0].args)  # type: ignore[arg-type]
    if not 0 <= index < axes:
        raise node.fail(f"coordinate {index} of levels that have {axes}: there is none")
    return Image(0, leveled=True, grid=-1)


def _interpolated(node: Node) -> Type:
    if len(node.args) < 3:
        raise node.fail(f"takes an image, guides and levels, {len(node.args)} operands came")
    values, *guides, levels = node.args
    _expect(node, len(node.args) - 1, LEVELS, "the levels")
    kinds = [_image_argument(node, i) for i in range(len(node.args) - 1)]
    if not kinds[0].leveled:
        raise node.fail("the values must vary over levels")
    if len(guides) != len(levels.args):
        raise node.fail(f"{len(levels.args)} guides are needed, one a table of the levels; {len(guides)} came")
    if any(kind.leveled or kind.channels > 1 for kind in kinds[1:]):
        raise node.fail("guides have one channel and do not vary over levels")
    if any(other is not levels for other in levels_of(values)):
        raise node.fail("the values vary over other levels as well; one interpolation is over one set")
    _broadcast(node, kinds)
    return replace(kinds[0], leveled=False)


def _tabulate(node: Node) -> Type:
    entries, keep, beyond, anchored = node.attributes
    if anchored not in (0, 1):
        raise node.fail(f"anchored must be 0 or 1, not {anchored}")
    if not 2 <= int(entries) <= MAX_ENTRIES:  # type: ignore[arg-type]
        raise node.fail(f"entries must be from 2 to {MAX_ENTRIES}, not {entries}")
    for name, value, known in (("keep", keep, KEEP), ("beyond", beyond, BEYOND)):
        if value not in known:
            raise node.fail(f"{name} must be one of {', '.join(known)}, not {value!r}")
    kinds = [_image_argument(node, i) for i in (0, 1)]
    if any(kind.channels > 1 or kind.leveled for kind in kinds):
        raise node.fail("inputs and outputs have one channel and do not vary over levels")
    _broadcast(node, kinds)
    _expect(node, 2, TAPS, "the neighbours")
    *numbers, curve, share = range(3, len(node.args))
    for position in numbers:
        _expect(node, position, SCALAR, f"operand {position}")
    for position, name in ((curve, "the curve"), (share, "the shares of the slope")):
        _expect(node, position, TABLE, name)
    return TABLES


def _read(node: Node) -> Type:
    kernel, what = node.attributes
    known = [name for name in RESAMPLING if name not in OF_ANY_WIDTH]
    if kernel not in known:
        raise node.fail(f"kernel must be one of {', '.join(known)}, not {kernel!r}")
    if what not in READ:
        raise node.fail(f"what is read must be one of {', '.join(READ)}, not {what!r}")
    _expect(node, 0, TABLES, "the tables")
    kind = _image_argument(node, 1)
    if kind.channels > 1 or kind.leveled:
        raise node.fail(f"values have one channel and do not vary over levels, {kind} came")
    return kind


def _element(node: Node) -> Type:
    _expect(node, 0, TABLE, "the table")
    return SCALAR


def _kernel(name: str) -> Callable[[Node], Type]:
    def rule(node: Node) -> Type:
        _expect(node, 0, SCALAR, name)
        return KERNEL

    return rule


def _part(node: Node) -> Type:
    _expect(node, 0, TABLE, "the table")
    index, parts = node.attributes
    if not 0 <= int(index) < int(parts):  # type: ignore[arg-type]
        raise node.fail(f"part {index} of {parts}: there is none")
    return TABLE


def _oscillators(node: Node) -> Type:
    kind, terms, parity = node.attributes
    if kind not in (1, 3, 5, 7):
        raise node.fail(f"type must be 1, 3, 5 or 7, not {kind}")
    if not 0 <= int(terms) <= MAX_COSINES:  # type: ignore[arg-type]
        raise node.fail(f"terms must be from 0 to {MAX_COSINES}, not {terms}")
    if parity not in ("even", "odd", "both"):
        raise node.fail(f"parity must be 'even', 'odd' or 'both', not {parity!r}")
    if not terms and (parity != "even" or kind in (3, 7)):
        raise node.fail("without oscillators there is a constant alone, which is even and of type 1 or 5")
    _expect(node, 1, TABLE, "the numbers of the fit")
    _expect(node, 2, SCALAR, "the radius")
    return _samples(node)


def _samples(node: Node) -> Type:
    _expect(node, 0, TABLE, "the samples")
    table = node.args[0]
    if table.op == "table" and len(table.attributes[0]) % 2 == 0:  # type: ignore[arg-type]
        raise node.fail(f"a kernel needs an odd number of samples, {len(table.attributes[0])} came")  # type: ignore[arg-type]
    return KERNEL


#: Numbers of a tap in a table: rows down, columns to the right, weight.
TAP_NUMBERS = 3
#: Harmonics of an angle, and cosines of a sliding kernel, that lowering is made for.
MAX_TERMS, MAX_COSINES = 12, 6
#: Radius of windows of pixels around those of another size.
MAX_AROUND = 8

#: Every operation but the pointwise ones.
OPS: dict[str, Form] = {
    "input": Form((int, int), 0, _input),
    "small": Form((int, int), 0, _small),
    "parameter": Form((int,), 0, lambda node: SCALAR),
    "constant": Form((str,), 0, lambda node: SCALAR),
    "element": Form((int,), 1, _element),
    "argument": Form((int,), 0, lambda node: TABLE),
    "table": Form((tuple,), 0, lambda node: TABLE),
    "part": Form((int, int), 1, _part),
    "shift": Form((int, int), 1, _shift),
    "window": Form((str, int, int), 1, _window),
    "convolve": Form((int,), 3, _convolve),
    "convolve_2d": Form((), 3, _convolve_2d),
    "down": Form((str,), 1, _down),
    "up": Form((), 2, _up),
    "resize": Form((str,), 2, _resize),
    "resample": Form((str,), 8, _resize),
    "warp": Form((str,), 9, _resize),
    "average": Form((), 1, _average),
    "harmonics": Form((int,), 1, _harmonics),
    "stack": Form((), None, _stack),
    "component": Form((int,), 1, _component),
    "lookup": Form((), 2, _lookup),
    "distance": Form((str,), 2, _distance),
    "taps": Form((), 2, _taps),
    "around": Form((int,), 3, _around),
    "near": Form((), 2, _near),
    "mean": Form((), 3, _mean),
    "levels": Form((), None, _levels),
    "level": Form((int,), 1, _level),
    "interpolated": Form((), None, _interpolated),
    "tabulate": Form((int, str, str, int), 14, _tabulate),
    "read": Form((str, str), 2, _read),
    "gaussian": Form((), 1, _kernel("sigma")),
    "box": Form((), 1, _kernel("radius")),
    "samples": Form((), 1, _samples),
    "oscillators": Form((int, int, str), 3, _oscillators),
    "identity": Form((), 0, lambda node: KERNEL),
}

#: Operations that read their first operand at other pixels than the one they give.
STENCIL_OPS = frozenset(("shift", "window", "convolve", "convolve_2d", "down", "up", "average")).union(
    ("resize", "resample", "warp", "near", "mean", "interpolated", "tabulate", "read")
)
#: Operations that are arguments of the filter, by their grid.
INPUT_OPS = ("input", "small")


# --------------------------------------------------------------------------------------------------- programs

Line = tuple[str, tuple[Attribute, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Program:
    """A filter as data: nodes in order, each with its attributes and the numbers of the nodes it takes.

    Parameters
    ----------
    lines : tuple
        ``(op, attributes, arguments)`` for node 0, 1, ...; equal nodes stand once.
    outputs : tuple of int
        The nodes that are the results, in order.
    images : tuple of int
        For every image argument its channels, 0 where each channel is filtered alone.
    tables, scalars : int
        How many there are of each.
    grids : tuple of int
        For every image argument whose size it has: see :class:`Image`.
    """

    lines: tuple[Line, ...]
    outputs: tuple[int, ...]
    images: tuple[int, ...]
    tables: int
    scalars: int
    grids: tuple[int, ...]

    @staticmethod
    def of(outputs: Sequence[Node], images: Sequence[Image], tables: int, scalars: int) -> Program:
        """Give the program of some outputs: the nodes they need, numbered, equal ones once."""
        numbers: dict[int, int] = {}
        lines: dict[Line, int] = {}

        def visit(node: Node) -> int:
            if id(node) not in numbers:
                line = (node.op, node.attributes, tuple(visit(arg) for arg in node.args))
                numbers[id(node)] = lines.setdefault(line, len(lines))
            return numbers[id(node)]

        results = tuple(map(visit, outputs))
        channels, grids = tuple(image.channels for image in images), tuple(image.grid for image in images)
        return Program(tuple(lines), results, channels, tables, scalars, grids)

    def _check_grids(self) -> None:
        if len(self.grids) != len(self.images) or any(grid not in range(len(INPUT_OPS)) for grid in self.grids):
            raise ValueError(f"a grid, 0 or 1, is needed for each image, {self.grids} came")
        if 0 not in self.grids:
            raise ValueError("at least one image must be of grid 0, whose size results have")

    def nodes(self) -> list[Node]:
        """Build the nodes, which checks each of them and the program as a whole."""
        nodes: list[Node] = []
        for number, (op, attributes, args) in enumerate(self.lines):
            if any(type(i) is not int or not 0 <= i < number for i in args):
                raise DSLError(f"%{number} = {op}: operands must be earlier nodes, {args} came", _NOWHERE)
            nodes.append(Node(op, attributes, tuple(nodes[i] for i in args)))
            self._check_argument(nodes[-1])
        self._check_outputs(nodes)
        return nodes

    def _check_outputs(self, nodes: Sequence[Node]) -> None:
        if not self.outputs:
            raise DSLError("there must be an output", _NOWHERE)
        forms = set()
        for number in self.outputs:
            if type(number) is not int or not 0 <= number < len(nodes):
                raise DSLError(f"an output must be one of {len(nodes)} nodes, not {number!r}", _NOWHERE)
            kind = nodes[number].type
            if not isinstance(kind, Image):
                raise DSLError(f"an output must be an Image, {kind} came", _NOWHERE)
            if kind.varying:
                raise DSLError(f"an output must not vary over taps, {kind} came", _NOWHERE)
            if kind.leveled:
                raise DSLError(f"an output must not vary over levels, {kind} came", _NOWHERE)
            if kind.grid > 0:
                raise DSLError(f"an output must not have the size of small images, {kind} came", _NOWHERE)
            forms.add((max(kind.channels, 1), kind.level))
        if len(forms) > 1:
            raise DSLError("the outputs differ in size or channels", _NOWHERE)

    def _check_argument(self, node: Node) -> None:
        counts = {**dict.fromkeys(INPUT_OPS, len(self.images)), "parameter": self.scalars, "argument": self.tables}
        if node.op not in counts:
            return
        index, *channels = node.attributes
        if not 0 <= int(index) < counts[node.op]:  # type: ignore[arg-type]
            raise node.fail(f"there is no argument {index}; there are {counts[node.op]}")
        if channels and channels[0] != self.images[int(index)]:  # type: ignore[arg-type]
            raise node.fail(f"argument {index} has {self.images[int(index)]} channels, not {channels[0]}")  # type: ignore[arg-type]
        if channels and INPUT_OPS[self.grids[int(index)]] != node.op:  # type: ignore[arg-type]
            raise node.fail(f"argument {index} is an {INPUT_OPS[self.grids[int(index)]]}")  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Print one line a node."""

        def show(attribute: Attribute) -> str:
            if isinstance(attribute, tuple):
                return (
                    f"[{len(attribute)} numbers]" if len(attribute) > 8 else f"[{', '.join(map(_number, attribute))}]"
                )
            return _number(attribute)

        text = []
        for i, (op, attributes, args) in enumerate(self.lines):
            words = [op, *map(show, attributes), *(f"%{a}" for a in args)]
            text.append(f"%{i} = {' '.join(words)}")
        return "\n".join([*text, f"return {', '.join(f'%{i}' for i in self.outputs)}"])

    def to_json(self) -> dict[str, Any]:
        """Give plain data, for ``json.dumps``; grids only where there is more than one."""
        return {
            **({"grids": list(self.grids)} if any(self.grids) else {}),
            "lines": [[op, list(attributes), list(args)] for op, attributes, args in self.lines],
            "outputs": list(self.outputs),
            "images": list(self.images),
            "tables": self.tables,
            "scalars": self.scalars,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Program:
        """Read what :meth:`to_json` gave, and check it."""

        def attribute(value: Any) -> Attribute:
            return tuple(value) if isinstance(value, list) else value

        try:
            lines = tuple((op, tuple(map(attribute, attrs)), tuple(args)) for op, attrs, args in data["lines"])
            outputs, images = tuple(data["outputs"]), tuple(data["images"])
            grids = tuple(data.get("grids", (0,) * len(images)))
            program = Program(lines, outputs, images, data["tables"], data["scalars"], grids)
            program._check_grids()
        except (KeyError, TypeError, ValueError) as error:
            raise DSLError(f"not a program: {type(error).__name__}: {error}", _NOWHERE) from None
        program.nodes()
        return program

    def digest(self) -> str:
        """Hash the program."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def _number(text: Attribute) -> str:
    if isinstance(text, str) and "0x" in text:
        return f"{float.fromhex(text):g}"
    return str(text)
