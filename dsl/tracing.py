"""``@dsl.filter``: a Python function becomes a program, which one can call, build and look at."""

from __future__ import annotations

import functools
import inspect
import itertools
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsl import arrays
from dsl.errors import DSLError
from dsl.ir import INPUT_OPS, Node, Program
from dsl.ir import Image as ImageType
from dsl.values import Color, Image, Scalar, Small, SmallColor, Table, Value, describe, wrap
from dsl.window_chain import is_decomposed, of_program
from schedules import automatic, options, store, targets
from schedules.automatic import AUTOSCHEDULERS
from schedules.errors import ScheduleError, TargetError
from schedules.native.signature import BORDERS
from schedules.schedule import Schedule

LOWERING = "dsl.lowering.pipeline:lower"
#: Below so many elements a call stays on its own thread: handing work over takes longer than the work.
_SERIAL_BELOW = 1 << 14
_COMMON = ("border", "border_value", "out", "target", "schedule", "threads")
#: Channels that a Color tells apart.
COLORS = 3
_IMAGES = (Image, Color, Small, SmallColor)
_BORDER_NUMBERS = {name: number for number, name in enumerate(BORDERS)}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a filter: name, kind, default (``inspect.Parameter.empty`` if it has none)."""

    name: str
    kind: type
    default: Any

    @property
    def structural(self) -> bool:
        """Whether its value is part of the program."""
        return self.kind in (int, str, bool)


@dataclass(frozen=True)
class Traced:
    """A filter with its structural parameters fixed."""

    program: Program
    mode: str
    label: str
    several: bool = False  # whether the function returns a tuple, and so does a call


class Filter:
    """A filter written in the language.

    Calling it filters: ``f(image, ..., border=, border_value=, out=, target=, schedule=, threads=)`` takes
    its parameters in order or by name, images as numpy arrays. If the function returns a tuple, so does a
    call, and ``out`` is one.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.__name__: str = function.__name__
        self.parameters = _parameters(function)
        self._traces: dict[Any, Traced] = {}
        self._kernels: dict[Any, Any] = {}
        self._count = {kind: self._names(kind) for kind in (Image, Scalar, Table)}
        self._fixed = {p.name: p for p in self.parameters if p.structural}
        self._colors = set(self._names(Color))
        self._grids = [int(issubclass(p.kind, Small)) for p in self.parameters if issubclass(p.kind, Image)]

    def _names(self, kind: type) -> list[str]:
        return [p.name for p in self.parameters if issubclass(p.kind, kind)]

    def __repr__(self) -> str:
        return f"<dsl filter {self.__name__}{inspect.signature(self.function)}>"

    def __reduce__(self) -> Any:
        return _by_name, (self.function.__module__, self.function.__qualname__)

    # ------------------------------------------------------------------------------------------------ tracing

    def trace(self, structural: Mapping[str, Any] | None = None, maps: frozenset[str] = frozenset()) -> Traced:
        """Give the program for some structural parameters.

        Parameters
        ----------
        structural : mapping, optional
            Values of the int, str and bool parameters; defaults for what is missing.
        maps : frozenset of str
            Scalars that are fed an image.

        Raises
        ------
        DSLError
            For a mistake in the script, with file and line.
        """
        fixed = self._structural(structural or {})
        key = (tuple(fixed.items()), maps)
        if key not in self._traces:
            self._traces[key] = self._trace(fixed, maps)
        return self._traces[key]

    def _structural(self, given: Mapping[str, Any]) -> dict[str, Any]:
        fixed = {}
        if unknown := [name for name in given if name not in self._fixed]:
            accepted = ", ".join(self._fixed) or "none"
            raise TypeError(f"{self.__name__} has no structural parameter {unknown[0]!r}; it has {accepted}")
        for parameter in self._fixed.values():
            value = given.get(parameter.name, parameter.default)
            if value is inspect.Parameter.empty:
                raise TypeError(f"{self.__name__}: {parameter.name} is missing")
            if type(value) is not parameter.kind:
                accepted = parameter.kind.__name__
                raise TypeError(f"{self.__name__}: {parameter.name} must be {accepted}, not {type(value).__name__}")
            fixed[parameter.name] = value
        return fixed

    def _trace(self, fixed: dict[str, Any], maps: frozenset[str]) -> Traced:
        images: list[ImageType] = []
        counts: dict[type, Any] = {Scalar: itertools.count(), Table: itertools.count()}
        given: dict[str, Any] = dict(fixed)
        for parameter in [p for p in self.parameters if p.name not in maps] + [
            p for p in self.parameters if p.name in maps
        ]:
            if parameter.structural:
                continue
            if issubclass(parameter.kind, Image) or parameter.name in maps:
                channels = COLORS if issubclass(parameter.kind, Color) else 0
                node = Node(INPUT_OPS[issubclass(parameter.kind, Small)], (len(images), channels))
                images.append(_image_type(node))
            else:
                op = "parameter" if parameter.kind is Scalar else "argument"
                node = Node(op, (next(counts[parameter.kind]),))
            given[parameter.name] = wrap(node, parameter.name)
        result = self.function(**given)
        several = isinstance(result, (tuple, list))
        outputs = [self._output(each, images) for each in ((result or [None]) if several else [result])]
        program = Program.of(outputs, images, next(counts[Table]), next(counts[Scalar]))
        words = [f"{name}={value}" for name, value in fixed.items()] + [f"{name}: map" for name in sorted(maps)]
        return Traced(program, _mode(program), ", ".join([self.__name__, *words]), several)

    def _output(self, result: Any, images: list[ImageType]) -> Node:
        where = (self.function.__code__.co_filename, self.function.__code__.co_firstlineno)
        if result is None:
            raise DSLError(f"{self.__name__} returns nothing: it must return an Image", where)
        if not isinstance(result, Value) or not isinstance(result.node.type, ImageType):
            raise DSLError(f"{self.__name__} must return an Image, {describe(result)} came", where)
        kind = result.node.type
        if kind.varying:
            raise DSLError(f"{self.__name__} must return an image, {kind} came: take dsl.weighted_mean of it", where)
        if kind.leveled:
            raise DSLError(f"{self.__name__} must return an image, {kind} came: take dsl.interpolate of it", where)
        if kind.level:
            raise DSLError(f"{self.__name__} must return an image of its input's size, {kind} came", where)
        if kind.grid > 0:
            raise DSLError(f"{self.__name__} must return no small image, {kind} came: take dsl.resize of it", where)
        if max(kind.channels, 1) != max(images[0].channels, 1):
            expected = images[0].channels or "no"
            raise DSLError(f"{self.__name__} must return {expected} channels like its first image, {kind} came", where)
        return result.node

    # ------------------------------------------------------------------------------------------------ calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Filter an image; see the class."""
        common = {name: kwargs.pop(name) for name in _COMMON if name in kwargs}
        values = self._bind(args, kwargs)
        structural = {name: values[name] for name in self._fixed}
        images = [values[name] for name in self._count[Image]]
        tables = [values[name] for name in self._count[Table]]
        scalars = {name: values[name] for name in self._count[Scalar]}
        return self.run(images, list(scalars.values()), tables, structural, **common)

    def _bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        names = [p.name for p in self.parameters]
        if len(args) > len(names):
            raise TypeError(f"{self.__name__} takes {len(names)} arguments, {len(args)} came")
        values = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in names:
                accepted = ", ".join([*names, *_COMMON])
                raise TypeError(f"{self.__name__} has no parameter {name!r}; it has {accepted}")
            if name in values:
                raise TypeError(f"{self.__name__}: {name} is given twice")
            values[name] = value
        for parameter in self.parameters:
            if parameter.name not in values:
                if parameter.default is inspect.Parameter.empty:
                    raise TypeError(f"{self.__name__}: {parameter.name} is missing")
                values[parameter.name] = parameter.default
        return values

    def run(
        self,
        images: Sequence[Any],
        scalars: Sequence[Any] = (),
        tables: Sequence[Any] = (),
        structural: Mapping[str, Any] | None = None,
        *,
        choices: tuple[tuple[str, str | int], ...] = (),
        border: str = "reflect101",
        border_value: float = 0.0,
        out: Any = None,
        target: str | None = None,
        schedule: Any = "manual",
        threads: int | None = None,
    ) -> Any:
        """Filter, with the arguments sorted by kind: what a call does once it has bound its parameters."""
        checked = self._checked(images)
        first, like = checked[0], self._like(checked)
        maps, numbers = self._numbers(scalars, checked, like)
        traced = self.trace(structural, maps)
        native = [v for table, name in zip(tables, self._count[Table], strict=True) for v in _table(table, name)]
        rule = _border(border, border_value)
        limit = options.threads() if threads is None else options.checked_threads(threads)
        target = options.current().target if target is None else target
        if not isinstance(schedule, (str, Path, Schedule)):
            find_schedule(schedule)  # says what is accepted
        results = _results(traced, like, checked, out)
        returned = tuple(results) if traced.several else results[0]
        if like.size == 0:
            return returned
        channels, grids = traced.program.images, traced.program.grids
        read, into = checked, results
        if targets.device(targets.resolve(target)):
            read, into = arrays.for_device(checked, results)
        placement, jobs, written = arrays.place(traced.mode, read, into, channels, grids)
        key = (
            id(traced),
            placement,
            *[a.dtype for a in checked],
            target,
            schedule,
            choices,
            store.state(),
        )
        kernel = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = self._compile(traced, placement, checked, target, schedule, choices)
        if max(first.size, like.size) < _SERIAL_BELOW:
            limit = 1
        addresses = [v if isinstance(v, int) else v.ctypes.data for v in native]
        for job in jobs:
            kernel(limit, *job, *addresses, *numbers, *rule)
        told = channels[0]
        for result, filtered in zip(results, written, strict=True):
            if filtered is not result:
                result[..., : filtered.shape[-1]] = filtered
            if told and first.shape[-1] > told:
                result[..., told:] = first[..., told:]
        return returned

    def _checked(self, images: Sequence[Any]) -> list[arrays.Array]:
        """Check images, and that sizes are equal, of small ones their own; beside colour, the others are planes."""
        names = self._count[Image]
        if not self._colors:
            checked = [arrays.check(image, name) for image, name in zip(images, names, strict=True)]
        else:
            checked = [
                _check_color(image, name) if name in self._colors else arrays.check_plane(image, name)
                for image, name in zip(images, names, strict=True)
            ]
        firsts: dict[int, int] = {}
        for i, (array, name, grid) in enumerate(zip(checked, names, self._grids, strict=True)):
            first = firsts.setdefault(grid, i)
            if self._size(array, name) != self._size(checked[first], names[first]):
                raise ValueError(
                    f"{name} has shape {array.shape}, {names[first]} {checked[first].shape}; equal sizes are needed"
                )
            if self._besides(array, name) != self._besides(checked[0], names[0]):
                needed = "equal batches are needed" if self._colors else "equal channels and batches are needed"
                raise ValueError(f"{name} has shape {array.shape}, {names[0]} {checked[0].shape}; {needed}")
        if self._grids[0] and names[0] in self._colors and checked[0].shape[-1] > COLORS:
            raise ValueError(f"{names[0]} has shape {checked[0].shape}; {COLORS} channels are needed")
        return checked

    def _size(self, array: arrays.Array, name: str) -> tuple[int, ...]:
        """Give what must be equal for images of one size."""
        return array.shape[:-1] if name in self._colors else array.shape

    def _besides(self, array: arrays.Array, name: str) -> tuple[int, ...]:
        """Give what must be equal for images of different sizes, too: batches, and channels that are filtered alone."""
        axis, shape = self._rows_axis(array, name), self._size(array, name)
        return shape[:axis] + shape[axis + 2 :]

    def _rows_axis(self, array: arrays.Array, name: str) -> int:
        return arrays.rows_axis(array, plane=bool(self._colors) and name not in self._colors)

    def _like(self, checked: Sequence[arrays.Array]) -> arrays.Array:
        """Give an array like the results: like the first image, in the size of those that are not small."""
        first = checked[0]
        if not self._grids[0]:
            return first
        names, other = self._count[Image], self._grids.index(0)
        axis, other_axis = self._rows_axis(first, names[0]), self._rows_axis(checked[other], names[other])
        sides = checked[other].shape[other_axis : other_axis + 2]
        return np.broadcast_to(first.dtype.type(0), first.shape[:axis] + sides + first.shape[axis + 2 :])

    def _numbers(
        self, scalars: Sequence[Any], images: list[arrays.Array], like: arrays.Array
    ) -> tuple[frozenset[str], list[float]]:
        """Sort run-time numbers from parameter maps; the maps join the images."""
        maps, numbers = [], []
        for value, name in zip(scalars, self._count[Scalar], strict=True):
            if type(value) is float or type(value) is int:
                numbers.append(value)
            elif np.ndim(value) == 0:
                numbers.append(_scalar(value, name))
            else:
                images.append(self._map(value, like, name))
                maps.append(name)
        return frozenset(maps), numbers

    def _map(self, value: Any, first: arrays.Array, name: str) -> arrays.Array:
        """Bring a parameter map to the shape of the result, or beside colour to its size."""
        array = np.asarray(value, dtype=np.float32)
        is_color = self._count[Image][0] in self._colors
        size = first.shape[:-1] if first.ndim > 2 and (is_color or not self._colors) else first.shape
        if array.shape in (size, size[-2:]):
            array = np.broadcast_to(array, size)
            array = array if self._colors or first.ndim == 2 else np.broadcast_to(array[..., None], first.shape)
        elif self._colors or array.shape != first.shape:
            raise ValueError(f"{name} is a map of shape {array.shape}; the image has {first.shape}")
        return np.ascontiguousarray(array)

    # ---------------------------------------------------------------------------------------------- compiling

    def request(
        self,
        traced: Traced,
        placement: arrays.Placement,
        dtypes: Sequence[str],
        target: str,
        schedule: Any,
        choices: tuple[tuple[str, str | int], ...] = (),
        out: arrays.Placement | None = None,
    ) -> dict[str, Any]:
        """Describe a variant for the worker that compiles it; the ``schedule`` is what a call takes.

        ``out`` says how results lie in memory, if not as the images do.
        """
        variant = {
            "mode": traced.mode,
            "dtypes": list(dtypes),
            "pitch": placement.pitch,
            "planar": placement.planar,
        }
        if out is not None:
            variant["out"] = [out.pitch, out.planar]
        made = {
            "kind": "kernel",
            "lowering": LOWERING,
            "program": {"program": traced.program.to_json(), "variant": variant},
            "target": native_target(target),
        }
        label = _why(traced, placement, dtypes)
        if isinstance(schedule, str) and schedule in AUTOSCHEDULERS:
            found = automatic.find(made, schedule, label)
        else:
            found = find_schedule(schedule, choices)
        if schedule == "manual":
            found = store.in_place_of(found, made, label)
        return {**made, "schedule": found.to_json()}

    def _compile(
        self,
        traced: Traced,
        placement: arrays.Placement,
        images: Sequence[arrays.Array],
        target: str,
        schedule: Any,
        choices: tuple[tuple[str, str | int], ...],
    ) -> Any:
        from dsl import variants

        dtypes = [arrays.DTYPES[a.dtype] for a in images]
        dtypes += dtypes[:1] * len(traced.program.outputs)
        request = self.request(traced, placement, dtypes, target, schedule, choices)
        why = _why(traced, placement, dtypes)
        if schedule != "manual":
            return variants.kernel(request, self.__name__, why, schedule if isinstance(schedule, str) else "given")
        by_hand = {**request, "schedule": find_schedule(schedule, choices).to_json()}
        return variants.best_kernel(request, by_hand, self.__name__, why)

    # -------------------------------------------------------------------------------------- looking, building

    def source(self, **structural: Any) -> str:
        """Print the program: one node a line."""
        return str(self.trace(structural).program)

    def halo(self, **parameters: Any) -> tuple[int, int]:
        """Tell how far a pixel of the result sees, in rows and columns; numbers that this depends on must be given."""
        from dsl.halo import MissingError, halo

        structural = {name: parameters[name] for name in self._fixed if name in parameters}
        values = {
            p.name: parameters.get(p.name, None if p.default is inspect.Parameter.empty else p.default)
            for p in self.parameters
            if p.kind is Scalar
        }
        try:
            return halo(self.trace(structural).program, list(values.values()))
        except MissingError as missing:
            raise TypeError(f"{self.__name__}.halo: {list(values)[missing.index]} is missing") from None

    def build(
        self,
        directory: str | Path,
        *,
        dtype: str = "float32",
        channels: int = 1,
        target: str = "host",
        schedule: Any = "manual",
        name: str | None = None,
        **structural: Any,
    ) -> dict[str, Path]:
        """Build a native library that needs nothing of ours; see :func:`dsl.library.build`."""
        from dsl import library

        return library.build(
            self,
            directory,
            dtype=dtype,
            channels=channels,
            target=target,
            schedule=schedule,
            name=name,
            **structural,
        )


def filter(function: Callable[..., Any]) -> Filter:
    """Make a filter of a function: a decorator.

    Parameters are annotated: ``dsl.Image`` and ``dsl.Color`` for images (beside a color, an image is a plane, (H, W)),
    ``dsl.Small`` and ``dsl.SmallColor`` for those of another size, ``dsl.Scalar`` and ``dsl.Table`` for numbers given
    at run time, ``int``, ``str`` and ``bool`` for what is part of the program. The function is called once for each
    set of the latter, with values that stand for images and numbers, and must return an image, or a tuple of images,
    which share what they have in common; a call then gives a tuple of arrays. Results have dtype and channels of the
    first image, and the size of those that are not small.

    Examples
    --------
    >>> import numpy as np, dsl
    >>> @dsl.filter
    ... def unsharp(src: dsl.Image, sigma: dsl.Scalar = 3.0, amount: dsl.Scalar = 1.5) -> dsl.Image:
    ...     return src + amount * (src - dsl.convolve(src, dsl.gaussian(sigma)))
    >>> print(unsharp.source())
    %0 = input 0 0
    %1 = parameter 1
    %2 = parameter 0
    %3 = gaussian %2
    %4 = convolve 3 %0 %3 %3
    %5 = sub %0 %4
    %6 = mul %1 %5
    %7 = add %0 %6
    return %7
    """
    return Filter(function)


# ---------------------------------------------------------------------------------------------------- helpers


def _results(traced: Traced, first: arrays.Array, inputs: Sequence[arrays.Array], out: Any) -> list[arrays.Array]:
    """Give the arrays to write into: those of ``out`` once they are checked, or new ones."""
    count = len(traced.program.outputs)
    if out is None:
        return [np.empty_like(first) for _ in range(count)]
    return arrays.check_outs(out, count, first, inputs) if traced.several else [arrays.check_out(out, first, inputs)]


def _by_name(module: str, name: str) -> Any:
    import importlib

    return functools.reduce(getattr, name.split("."), importlib.import_module(module))


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    where = (function.__code__.co_filename, function.__code__.co_firstlineno)
    try:
        hints = typing.get_type_hints(function)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise DSLError(f"{function.__name__}: unknown annotation: {error}", where) from None
    found = []
    for parameter in inspect.signature(function).parameters.values():
        kind = hints.get(parameter.name)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DSLError(f"{function.__name__}: *args and **kwargs cannot be traced", where)
        if parameter.name in _COMMON:
            raise DSLError(f"{function.__name__}: every filter has an option {parameter.name} already", where)
        if kind not in (*_IMAGES, Scalar, Table, int, str, bool):
            came = "it has no annotation" if kind is None else f"not {getattr(kind, '__name__', kind)}"
            raise DSLError(
                f"{function.__name__}: parameter {parameter.name} must be annotated {_named_images()}, "
                f"dsl.Scalar, dsl.Table, int, str or bool; {came}",
                where,
            )
        found.append(Parameter(parameter.name, kind, parameter.default))
    if not any(issubclass(p.kind, Image) and not issubclass(p.kind, Small) for p in found):
        raise DSLError(f"{function.__name__}: at least one dsl.Image is needed, whose size results have", where)
    return found


def _named_images() -> str:
    return ", ".join(f"dsl.{kind.__name__}" for kind in _IMAGES)


def _image_type(node: Node) -> ImageType:
    if not isinstance(node.type, ImageType):
        raise TypeError(f"{node.op} is no image")
    return node.type


def _mode(program: Program) -> str:
    """Choose how images are addressed: see :class:`dsl.lowering.context.Variant`."""
    if any(program.images):
        return "color"
    ops = {op for op, _, _ in program.lines}
    nodes = program.nodes()
    if is_decomposed(nodes) or of_program(nodes, [nodes[i] for i in program.outputs]):
        return "planes"
    over_patches = ops >= {"near", "window"}  # whose pixels must be side by side
    alone = {"down", "up", "resize", "resample", "warp", "average", "read", "stack", "harmonics"}
    return "planes" if over_patches or any(program.grids) or ops & alone else "rows"


def _why(traced: Traced, placement: arrays.Placement, dtypes: Sequence[str]) -> str:
    """Tell what makes a variant one of its own."""
    return f"{traced.label}, {dtypes[0]}, {describe_layout(traced.mode, placement)}"


def describe_layout(mode: str, placement: arrays.Placement) -> str:
    """Name a layout for people."""
    if mode == "rows":
        return "any channels"
    if placement.planar:
        return "planar colour"
    return f"{placement.pitch} elements a pixel"


def _border(border: str, border_value: float) -> tuple[int, float]:
    number = _BORDER_NUMBERS.get(border) if isinstance(border, str) else None
    if number is None:
        raise ValueError(f"border must be one of {', '.join(BORDERS)}, not {border!r}")
    if type(border_value) is not float:
        border_value = _scalar(border_value, "border_value")
    return number, border_value


def _scalar(value: Any, name: str) -> float:
    try:
        if isinstance(value, (str, bytes)):  # float("5") would do
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}") from None


def _table(value: Any, name: str) -> tuple[Any, int]:
    table = np.ascontiguousarray(value, dtype=np.float32)
    if table.ndim != 1 or not table.size:
        raise ValueError(f"{name} must be one row of numbers, an array of shape {table.shape} came")
    return table, table.size


def _check_color(image: Any, name: str) -> arrays.Array:
    array = arrays.check(image, name)
    if array.ndim < 3 or array.shape[-1] < COLORS:
        raise ValueError(f"{name} has shape {array.shape}; at least {COLORS} channels are needed")
    return array


def native_target(target: str) -> str:
    """Give the target code is compiled for: equal bits whatever the loops, hence strict_float."""
    resolved = targets.resolve(target)
    device, machine = targets.device(resolved), "-".join(resolved.split("-")[:3])
    if device and device not in targets.interfaces(machine):
        known = ", ".join(targets.interfaces(machine)) or "none"
        raise TargetError(f"target {target!r}: no GPU code is made for {device} on {machine}; there is {known}")
    return targets.resolve(resolved + "-strict_float")


def find_schedule(schedule: Any, choices: tuple[tuple[str, str | int], ...] = ()) -> Schedule:
    """Turn the option ``schedule`` into a Schedule; ``choices`` are the filter's; the user's go before."""
    if isinstance(schedule, Schedule):
        return Schedule({**dict(choices), **dict(schedule.choices)}, schedule.ops, schedule.stages)
    if schedule == "manual":
        return Schedule(choices)
    if isinstance(schedule, (str, Path)) and Path(schedule).suffix == ".json":
        return find_schedule(Schedule.load(schedule), choices)
    names = ", ".join(f"'{name}'" for name in ("manual", *AUTOSCHEDULERS))
    raise ScheduleError(f"schedule must be {names}, a Schedule or the path of a .json file, not {schedule!r}")
