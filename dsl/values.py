"""What a script handles while it is traced: images, scalars, tables and kernels that stand for nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from dsl.errors import DSLError, caller
from dsl.ir import KERNEL, LEVELS, SCALAR, TABLE, TABLES, TAPS, Attribute, Node
from dsl.ir import Image as ImageType

Number = int | float


class Value:
    """Anything traced. Arithmetic on it gives another one; a Python ``if`` on it is a mistake."""

    kind = "Value"
    __slots__ = ("name", "node")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # a numpy number on the left leaves the operation to us

    def __init__(self, node: Node, name: str = "") -> None:
        self.node = node
        self.name = name  # of the parameter it is, if it is one

    def __add__(self, other: Operand) -> Any:
        return pointwise("add", self, other)

    def __radd__(self, other: Operand) -> Any:
        return pointwise("add", other, self)

    def __sub__(self, other: Operand) -> Any:
        return pointwise("sub", self, other)

    def __rsub__(self, other: Operand) -> Any:
        return pointwise("sub", other, self)

    def __mul__(self, other: Operand) -> Any:
        return pointwise("mul", self, other)

    def __rmul__(self, other: Operand) -> Any:
        return pointwise("mul", other, self)

    def __truediv__(self, other: Operand) -> Any:
        return pointwise("div", self, other)

    def __rtruediv__(self, other: Operand) -> Any:
        return pointwise("div", other, self)

    def __mod__(self, other: Operand) -> Any:
        return pointwise("mod", self, other)

    def __pow__(self, other: Operand) -> Any:
        square = isinstance(other, int) and other == 2
        return pointwise("mul", self, self) if square else pointwise("pow", self, other)

    def __rpow__(self, other: Operand) -> Any:
        return pointwise("pow", other, self)

    def __neg__(self) -> Any:
        return pointwise("neg", self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return pointwise("abs", self)

    def __lt__(self, other: Operand) -> Any:
        return pointwise("lt", self, other)

    def __le__(self, other: Operand) -> Any:
        return pointwise("le", self, other)

    def __gt__(self, other: Operand) -> Any:
        return pointwise("gt", self, other)

    def __ge__(self, other: Operand) -> Any:
        return pointwise("ge", self, other)

    def __eq__(self, other: object) -> Any:
        return pointwise("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return pointwise("ne", self, other)

    def __and__(self, other: Operand) -> Any:
        return pointwise("and", self, other)

    def __or__(self, other: Operand) -> Any:
        return pointwise("or", self, other)

    def __invert__(self) -> Any:
        return pointwise("not", self)

    def __bool__(self) -> NoReturn:
        raise DSLError(
            f"a Python `if`, `while`, `and`, `or`, `not` or chained comparison on a traced {self.kind}: its "
            "value is not known while the filter is traced. Use dsl.select(condition, a, b), and & | ~ "
            "between conditions; or make the parameter an int, str or bool, which is part of the program"
        )

    def _no_number(self) -> NoReturn:
        raise DSLError(
            f"a traced {self.kind} where a Python number is needed: its value is known at run time only. For "
            "mathematics use dsl.exp, dsl.sqrt and the like; for a count or a size that is part of the "
            "program make the parameter an int"
        )

    def __float__(self) -> float:
        self._no_number()

    def __int__(self) -> int:
        self._no_number()

    def __index__(self) -> int:
        self._no_number()

    def __repr__(self) -> str:
        return f"<dsl.{self.kind} {self.node.op}>"


class Scalar(Value):
    """A number that is given at run time; nothing is compiled anew for another one.

    Used pointwise, it may also be fed an image, which makes a variant with a parameter map. A kernel's sigma
    or radius may not.
    """

    kind = "Scalar"
    __slots__ = ()


class Image(Value):
    """An image, as float32. ``image[dy, dx]`` is the image of the neighbours that far down and to the right.

    ``image[taps]`` is, for each of the neighbours that :func:`dsl.taps` names, the image of those.

    As an annotation of a parameter: an image whose channels are filtered alone, however many there are.
    """

    kind = "Image"
    __slots__ = ()

    def __getitem__(self, offset: tuple[int, int] | Taps) -> Image:
        if isinstance(offset, Taps):
            return Image(make("near", (), self, offset))
        if not (isinstance(offset, tuple) and len(offset) == 2 and all(isinstance(o, int) for o in offset)):
            raise DSLError(
                f"a neighbour is image[dy, dx] with two ints, not image[{offset!r}]; several are image[dsl.taps(...)]"
            )
        if offset == (0, 0):
            return self
        return Image(make("shift", offset, self))

    @property
    def channels(self) -> tuple[Image, ...]:
        """The channels of a colour image, each an image."""
        return tuple(self.channel(i) for i in range(max(self._type().channels, 1)))

    def channel(self, index: int) -> Image:
        """Give one channel."""
        if isinstance(index, bool) or not isinstance(index, int):
            raise DSLError(f"a channel is image.channel(i) with an int, {describe(index)} came")
        return Image(make("component", (index,), self))

    def _type(self) -> ImageType:
        kind = self.node.type
        if not isinstance(kind, ImageType):
            raise DSLError(f"an Image is needed, {kind} came")
        return kind


class Color(Image):
    """As an annotation of a parameter: an image of red, green and blue, which are told apart."""

    kind = "Color"
    __slots__ = ()


class Small(Image):
    """As an annotation of a parameter: an image of another size, the same for all small images of a filter.

    It may also be the larger one. Results have the size of the other images; :func:`dsl.resize` goes from one to the
    other.
    """

    __slots__ = ()


class SmallColor(Small, Color):
    """As an annotation of a parameter: red, green and blue that are told apart, in the size of small images."""

    __slots__ = ()


class Table(Value):
    """Numbers in a row, of the program or given at run time; ``table[i]`` is one of them."""

    kind = "Table"
    __slots__ = ()

    def __getitem__(self, index: int) -> Scalar:
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            raise DSLError(f"an entry is table[i] with an int from 0 up, not table[{index!r}]")
        return Scalar(make("element", (index,), self))

    def part(self, index: int, parts: int) -> Table:
        """Give one of so many equal parts."""
        for value in (index, parts):
            if not isinstance(value, int) or isinstance(value, bool):
                raise DSLError(f"a part is table.part(i, n) with two ints, {describe(value)} came")
        return Table(make("part", (index, parts), self))


class Kernel(Value):
    """Weights of a convolution along one axis."""

    kind = "Kernel"
    __slots__ = ()


class Taps(Value):
    """Neighbours of a pixel, each with a weight: what ``image[taps]`` reads and :func:`dsl.weighted_mean` averages.

    They are from :func:`dsl.taps`, or of another size from :func:`dsl.around`.
    """

    kind = "Taps"
    __slots__ = ()


class Levels(Value):
    """Levels of guides' values, from :func:`dsl.levels`: ``levels[k]`` is the value of guide k at each of them."""

    kind = "Levels"
    __slots__ = ()

    def __getitem__(self, index: int) -> Image:
        if not isinstance(index, int) or isinstance(index, bool):
            raise DSLError(f"a coordinate of levels is levels[k] with an int, not levels[{index!r}]")
        return Image(make("level", (index,), self))


class Tables(Value):
    """A table for every pixel of an image, from :func:`dsl.tabulate`: read at the values of an image of any size.

    A pixel between those that have tables reads several of them, and averages what it finds by a kernel of
    :func:`dsl.resize`, other than ``"area"``; beyond the image the tables of its outermost pixels are read.
    """

    kind = "Tables"
    __slots__ = ()

    def at(self, values: Image, kernel: str = "gauss16") -> Image:
        """Look values up."""
        return Image(make("read", (kernel, "value"), self, values))

    def observed(self, values: Image, kernel: str = "gauss16") -> Image:
        """Tell which share of the kernel's weight is of tables made from pixels that hold such values: 0 to 1."""
        return Image(make("read", (kernel, "observed"), self, values))


Operand = Value | Number


def wrap(node: Node, name: str = "") -> Any:
    """Give the value for a node, which may be a parameter that has a name."""
    classes = {SCALAR: Scalar, TABLE: Table, KERNEL: Kernel, TAPS: Taps, LEVELS: Levels, TABLES: Tables}
    return (Image if isinstance(node.type, ImageType) else classes[node.type])(node, name)


def constant(value: Number) -> Node:
    """Give the node of a number of the program."""
    return Node("constant", (float(value).hex(),), (), caller())


def node_of(value: Any) -> Node:
    """Give the node of an operand."""
    if isinstance(value, Value):
        return value.node
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if hasattr(value, "__float__") and getattr(value, "shape", None) == ():
            return constant(float(value))
        raise DSLError(f"an Image, a Scalar or a number is needed, {describe(value)} came")
    return constant(value)


def make(op: str, attributes: Sequence[Attribute], *values: Any) -> Node:
    """Make a node at the line of the script that is being traced."""
    return Node(op, tuple(attributes), tuple(node_of(value) for value in values), caller())


def pointwise(op: str, *values: Any) -> Any:
    """Apply a pointwise operation."""
    return wrap(make(op, (), *values))


def image_node(value: Any, what: str) -> Node:
    """Give the node of something that must be an image."""
    if not isinstance(value, Image):
        raise DSLError(f"{what}: an Image is needed, {describe(value)} came")
    return value.node


def describe(value: Any) -> str:
    """Name a thing as the script's author sees it."""
    if not isinstance(value, Value):
        text = repr(value)
        return f"{text if len(text) <= 40 else '...'} ({type(value).__name__})"
    article = {"Image": "an ", "Taps": "", "Levels": "", "Tables": ""}.get(value.kind, "a ")
    return f"{article}{value.kind}" + (f" (parameter {value.name})" if value.name else "")
