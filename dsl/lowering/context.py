"""What every lowering needs: the variant being built, the run-time numbers, the stages made so far."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import halide as hl

from dsl.ir import Image, Node, Size
from dsl.lowering.apart import Apart
from dsl.lowering.chunks import chunk_rows
from schedules.apply import Stages
from schedules.errors import ScheduleError
from schedules.schedule import Recorder, Schedule, Tunable
from schedules.targets import device, vector_lanes

#: Reads a node at a column, a row and a channel; the channel is a number or a loop.
Reader = Callable[[Any, Any, Any], Any]
#: The same of several nodes at once.
TupleReader = Callable[[Any, Any, Any], list[Any]]


@dataclass(frozen=True)
class Variant:
    """What is structural besides the program: how its images lie in memory.

    Parameters
    ----------
    mode : str
        ``"rows"``: rows of ``width * channels`` elements, all channels alike, any number of them;
        ``"planes"``: one plane per call; ``"color"``: channels are told apart.
    dtypes : tuple of str
        Of each image argument, then of each output.
    pitch : int
        Elements from pixel to pixel (0 in mode ``"rows"``, where it is the run-time number of channels).
    planar : bool
        Channels in planes of their own (mode ``"color"`` only).
    out : (int, bool), optional
        Pitch of results and whether they are planar, where that differs from what the images are.
    """

    mode: str
    dtypes: tuple[str, ...]
    pitch: int
    planar: bool = False
    out: tuple[int, bool] | None = None

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Variant:
        """Read a variant from plain data."""
        out = tuple(data["out"]) if "out" in data else None
        return Variant(data["mode"], tuple(data["dtypes"]), data["pitch"], data["planar"], out)

    def layout(self, *, output: bool) -> tuple[int, bool]:
        """Give pitch and planarity of images, or of results."""
        return self.out if output and self.out is not None else (self.pitch, self.planar)


@dataclass(frozen=True)
class Function:
    """A stage that arithmetic is computed in, in registers."""

    name: str
    apart: Apart


@dataclass
class Group:
    """A loop nest that computes one node in full, and the helper stages that live inside it.

    Attributes
    ----------
    name : str
        Name of its stage.
    local : list of str
        Stages computed row by row inside it, in order.
    own_columns : set of str
        Those of them whose loop over columns is scheduled where they are made.
    readers : dict
        What was already lowered inside it.
    parity : bool
        Whether it reads an image of half the width, so that even and odd columns want code of their own.
    sums : list of str
        Stages whose sums are made right where the group's loop uses them (direct.py).
    strips : list of str
        Stages computed inside it a strip of rows at a time, in order.
    wide : bool
        Whether all that it does is to store bytes, of which a vector holds four times as many.
    tap : halide.Expr
        The tap that varying nodes are at; None: that of the loop over taps.
    per_tap : list of str
        Stages computed anew for every tap, in order.
    rows, columns : halide.Expr
        Rows of a task, None: as many as is usual; and its columns, None: all.
    block : int
        Rows whose sums are made together.
    tiled : bool
        Whether it goes through its image in tiles, and in each through levels.
    planes : list of str
        Stages that are computed once for such a tile, by a coordinate of levels.
    bands : bool
        Whether the group goes through its image in bands of as many rows as a vector has lanes (sliding.py).
    functions : list of Function
        Stages computed in registers where its tile is, in order (pointwise.py).
    """

    name: str
    local: list[str] = field(default_factory=list)
    own_columns: set[str] = field(default_factory=set)
    readers: dict[Any, Reader] = field(default_factory=dict)
    parity: bool = False
    sums: list[str] = field(default_factory=list)
    strips: list[str] = field(default_factory=list)
    wide: bool = False
    tap: Any = None
    per_tap: list[str] = field(default_factory=list)
    rows: Any = None
    columns: Any = None
    block: int = 1
    tiled: bool = False
    planes: list[str] = field(default_factory=list)
    bands: bool = False
    functions: list[Function] = field(default_factory=list)


class Lowering:
    """The state of one lowering."""

    def __init__(self, nodes: list[Node], variant: Variant, schedule: Schedule, target: str) -> None:
        self.nodes, self.variant, self.schedule, self.target = nodes, variant, schedule, target
        self.numbers = {id(node): i for i, node in enumerate(nodes)}
        self.lanes = vector_lanes(target)
        self.device = device(target)  # a GPU's interface, or None
        self.schedules_any = _is_plain(schedule)  # whether any scheduler is to be able to take its stages
        self.plain = self.device is not None or self.schedules_any
        self.x, self.y = hl.Var("x"), hl.Var("y")
        self.stages = Stages()
        self.record = Recorder()
        self.images: list[Any] = []
        self.tables: list[Any] = []
        self.constants: list[Any] = []  # buffers embedded in the pipeline, kept alive with it
        self.scalars: list[Any] = []
        self.channels = hl.Param(hl.Int(32), "channels")
        self.border = hl.Param(hl.Int(32), "border")
        self.border_value = hl.Param(hl.Float(32), "border_value")
        self.roots: dict[int, Reader] = {}  # id(node) -> how to read it, once it is computed in full
        self.inside: set[int] = set()  # those of them that are computed inside their domain alone
        self.nested: set[int] = set()  # nodes computed for tiles, in the loops of what reads them: around those alone
        self.outputs: list[Node] = []
        self.externs: dict[str, str] = {}  # functions of our own that stages call, as LLVM IR by name
        self.notes: dict[str, str] = {}  # how nodes were lowered, where there is a choice
        self.tunables: dict[str, Tunable] = {}  # what a tuner may choose otherwise, and from what
        self.places: dict[str, str] = {}  # of stages on devices, if not in full: see schedules.devices
        self.mixed: set[str] = set()  # stages whose channels are different expressions
        self.sides: list[tuple[Any, Any]] = []  # by grid: width and height in pixels, of the images as they came
        self.level: Any = None  # the loop over levels that stages are made in
        self.by_coordinate = False  # whether it goes through those of one coordinate instead
        self._within: tuple[str, str] | None = None  # and the stage, and its loop, that those in full are computed in
        self._times: dict[int, int] = {}  # id(node) -> how often it was computed in full and forgotten
        self._memo: dict[Any, Any] = {}

    @property
    def plainly(self) -> str:
        """Say in a note why a lowering is plain."""
        return f"a thread each pixel, {self.device}" if self.device else "plain lowering"

    def tunable(self, *names: str, default: Any, values: Sequence[int | str]) -> Any:
        """Look up a choice by several names, the most particular first; a tuner may try some values."""
        self.tunables[names[0]] = Tunable(default if isinstance(default, int | str) else None, tuple(values))
        return self.schedule.choice(*names, default=default)

    # ------------------------------------------------------------------------------------------------ names, stages

    def label(self, node: Node) -> str:
        """Name a node for stages and choices: its operation and number; and how often it was computed before."""
        times = self._times.get(id(node), 0)
        return f"{node.op}{self.numbers[id(node)]}" + (f"_again{times}" if times else "")

    def forget(self, nodes: Sequence[Node]) -> None:
        """Forget that nodes were computed in full, as at levels: another loop over levels computes them again."""
        for node in nodes:
            self.roots.pop(id(node), None)
            self.inside.discard(id(node))
            self.nested.discard(id(node))
            self._times[id(node)] = self._times.get(id(node), 0) + 1

    def is_stored(self, node: Node, dtype: str) -> bool:
        """Tell whether a node is a result of that dtype, and nothing else: then it may be rounded where it is made."""
        if any(node is arg for user in self.nodes for arg in user.args):
            return False
        dtypes = self.variant.dtypes[-len(self.outputs) :]
        return {d for n, d in zip(self.outputs, dtypes, strict=True) if n is node} == {dtype}

    def stage(self, name: str, arguments: list[Any], values: Any) -> hl.Func:
        """Define a stage."""
        if name in self.stages.funcs:
            raise KeyError(f"two stages named {name}")
        func = _Stage(name) if self.level is None else _Leveled(name, self.level)
        func[tuple(arguments)] = values
        self.stages.funcs[name] = func
        self.stages.loops[name] = {argument.name(): argument for argument in arguments}
        if self.level is not None:
            self.stages.loops[name]["level"] = self.level
        return func

    @contextlib.contextmanager
    def at_levels(self, within: tuple[str, str] | None = None) -> Iterator[None]:
        """Let stages that are made meanwhile vary over levels; those in full, in a loop of a stage if one is given."""
        before = self.level, self._within
        self.level, self._within = hl.Var("level"), within
        yield
        self.level, self._within = before

    @contextlib.contextmanager
    def at_level_of(self, node: Node) -> Iterator[None]:
        """Let stages that are made meanwhile vary over levels if a node does."""
        before, leveled = self.level, isinstance(node.type, Image) and node.type.leveled
        self.level = before if leveled else None
        yield
        self.level = before

    @contextlib.contextmanager
    def at_coordinate(self) -> Iterator[None]:
        """Let stages that are made meanwhile vary over the levels of one coordinate, instead of all combinations."""
        self.by_coordinate = True
        yield
        self.by_coordinate = False

    def varies(self, name: str) -> bool:
        """Tell whether a stage varies over levels."""
        return "level" in self.stages.loops[name]

    def in_full(self, name: str) -> None:
        """Schedule a stage that is computed in full: once, or for some levels at a time."""
        if self.level is None or self._within is None:
            self.record[name].compute_root()
        else:
            self.record[name].compute_at(*self._within)

    def image_stage(
        self,
        name: str,
        channels: int,
        value: Reader,
        group: Group | None,
        *,
        uniform: bool = True,
        stored: str = "float32",
    ) -> Reader:
        """Define a stage that holds an image, and read it.

        Parameters
        ----------
        channels : int
            With more than one the stage has a loop ``c`` over them.
        value : Reader
            What it holds.
        group : Group, optional
            The loop nest inside which it is computed row by row; None if it gets one of its own.
        uniform : bool
            Whether ``value`` is the same expression for every channel. If not, the loop over channels is unrolled,
            innermost, so that what the channels share is computed once.
        stored : str
            What memory holds of a float32 value; what is read is float32 again.
        """

        def kept(x: Any, y: Any, c: Any) -> list[Any]:
            return [hl.cast(hl_type(stored), value(x, y, c)) if stored != "float32" else value(x, y, c)]

        read = self.tuple_stage(name, channels, kept, group, uniform=uniform)
        return lambda x, y, c: hl.cast(hl.Float(32), read(x, y, c)[0])

    def tuple_stage(
        self, name: str, channels: int, values: TupleReader, group: Group | None, *, uniform: bool = True
    ) -> TupleReader:
        """Define a stage that holds several images in one loop nest, and read them: see :meth:`image_stage`."""
        c = hl.Var("c")
        arguments = [self.x, self.y] if channels == 1 else [self.x, self.y, c]
        found = values(self.x, self.y, c if channels > 1 else 0)
        func = self.stage(name, arguments, tuple(found) if len(found) > 1 else found[0])
        if channels > 1:
            # A row of all channels is read together: side by side it is one long piece of memory.
            self.record[name].bound("c", 0, channels).reorder_storage("x", "c", "y")
        if not uniform and channels > 1:
            self.mixed.add(name)
        if group is not None:
            group.local.append(name)

        def reader(x: Any, y: Any, c: Any) -> list[Any]:
            at = func[x, y] if channels == 1 else func[x, y, c]
            return [hl.Expr(at[i]) for i in range(len(found))] if len(found) > 1 else [hl.Expr(at)]

        return reader

    def once(self, key: Any, make: Callable[[], Any], *, varies: bool = False) -> Any:
        """Make something that does not depend on a group, once; nor, unless it ``varies``, on levels."""
        if key not in self._memo:
            level = self.level
            self.level = level if varies else None
            self._memo[key] = make()
            self.level = level
        return self._memo[key]

    # -------------------------------------------------------------------------------------------------------- sizes

    def size(self, size: Size) -> tuple[Any, Any]:
        """Give width and height in pixels, of a grid after so many halvings."""
        grid, level = size
        width, height = self.sides[grid]
        add, scale = (1 << level) - 1, 1 << level
        return ((width + add) // scale, (height + add) // scale) if level else (width, height)

    def columns(self, size: Size) -> Any:
        """Give the extent of the x loop: pixels, or elements of a row in mode ``"rows"``."""
        if self.variant.mode == "rows":
            return self.images[0].dim(0).extent()
        return self.size(size)[0]

    def bands_per_chunk(self, size: Size) -> Any:
        """Give the bands that one task goes through, of an image that is gone through in bands."""
        rows = self.tunable("chunk", default=None, values=(64, 128, 256, 512))
        if rows is None:
            rows = chunk_rows(self.size(size)[1], hl.min, hl.max)
        return (rows + self.lanes - 1) // self.lanes

    @property
    def step(self) -> Any:
        """Elements of the x loop from a pixel to the next one."""
        return self.channels if self.variant.mode == "rows" else 1


def _is_plain(schedule: Schedule) -> bool:
    """Tell whether stages are to be such as any scheduler can take: no extern ones, nothing made for registers."""
    wanted = schedule.choice("lowering", default="own")
    if wanted not in ("own", "plain"):
        raise ScheduleError(f"lowering = {wanted!r}: it is 'own', of each kind of node, or 'plain'")
    return bool(wanted == "plain")


class _Stage(hl.Func):  # type: ignore[misc]
    """A stage that is called what it was named: Halide renames one in some thousand, whose name's hash is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._name = name

    def name(self) -> str:
        """Give the name that schedules know."""
        return self._name


class _Leveled(_Stage):
    """A stage with the level as its last dimension, which who defines or reads it at a place does not name."""

    def __init__(self, name: str, level: Any) -> None:
        super().__init__(name)
        self._level = level

    def __getitem__(self, at: Any) -> Any:
        return super().__getitem__(self._at(at))

    def __setitem__(self, at: Any, value: Any) -> None:
        super().__setitem__(self._at(at), value)

    def _at(self, at: Any) -> tuple[Any, ...]:
        return (*at, self._level) if isinstance(at, tuple) else (at, self._level)


def size_of(node: Node) -> Size:
    """Tell whose size an image has."""
    if not isinstance(node.type, Image):
        raise TypeError(f"{node.op} is no image")
    return node.type.size


def size_name(size: Size) -> str:
    """Name a size for stages."""
    grid, level = size
    return f"{'small' if grid else ''}{level}"


def channel_count(node: Node) -> int:
    """Give the number of channels a node is lowered to; a plane counts as one."""
    return max(node.type.channels, 1) if isinstance(node.type, Image) else 1


def f32(value: float) -> Any:
    """Make a float32 constant without Halide's warning about rounding."""
    return hl.f32(float(value))


@functools.cache
def hl_type(dtype: str) -> Any:
    """Give Halide's type of a dtype."""
    return {
        "uint8": hl.UInt(8),
        "uint16": hl.UInt(16),
        "int32": hl.Int(32),
        "float16": hl.Float(16),
        "float32": hl.Float(32),
    }[dtype]
