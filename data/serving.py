"""Pipelines as C libraries: what evaluates in Python and what serves in C are the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import dsl
from data.located import Kind
from data.plan import Step
from data.transforms import CenterCrop, Geometric, Pixelwise, Resize
from data.transforms.base import PEAKS, Rows, Samples
from data.writing import BORDER, RESAMPLE, WARP, named, written
from dsl import library
from schedules.native.signature import TYPES

if TYPE_CHECKING:
    from data.compose import Compose

#: Random numbers that are tried, to see whether a step depends on them.
_TRIED = (0.0, 0.25, 0.75, 1 - 1e-9)
#: Sizes that are tried, to see whether it depends on the image's.
_SIZES = [(side, side) for side in (1, 10, 100, 1000, 10000)]


def build(pipeline: Compose, directory: Path, name: str, kind: Kind, target: str) -> dict[str, Path]:
    """Build the library of a pipeline: see :meth:`data.Compose.build`."""
    dtype, channels = kind
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, not {channels!r}")
    size = pipeline.size()
    if size is None:
        raise ValueError("the size of results depends on the image; end with a size, such as CenterCrop(224)")
    numbers = _numbers(pipeline.steps, dtype)
    moves = [line for step in pipeline.steps for line in _moves(step)]
    planar, out_dtype = pipeline.layout == "NCHW", pipeline.dtype(dtype)
    filter = written(pipeline.steps, kind)
    results = out_dtype, planar and channels > 1
    files = library.build(
        filter,
        directory,
        dtype=dtype,
        channels=channels,
        target=target,
        schedule=pipeline.schedule,
        name=name,
        results=results,
    )
    text = _header(name, filter, kind, results, size, moves, numbers)
    files["apply"] = directory / f"{name}_apply.h"
    files["apply"].write_text(text, encoding="utf-8")
    return files


def _numbers(steps: Sequence[Step], dtype: str) -> dict[str, NDArray[np.float32]]:
    """Give the numbers of the steps that compute pixels, which must not be random; those of tables are several."""
    found: dict[str, NDArray[np.float32]] = {}
    size: tuple[int, int] | None = None
    for step in steps:
        transform = step.transform
        if isinstance(transform, Geometric):
            size = transform.size(size)
        else:
            if step.gate is not None:
                raise _random(step)
            found |= {named(name, step): each for name, each in _fixed(step, transform, PEAKS[dtype], size).items()}
        dtype = transform.dtype(dtype)
    return found


def _fixed(
    step: Step, transform: Pixelwise, peak: float, size: tuple[int, int] | None
) -> dict[str, NDArray[np.float32]]:
    """Give the numbers of a step, of images of a size, or of any."""
    found = _same(transform, peak, [(drawn, size or _SIZES[0]) for drawn in _TRIED])
    if found is None:
        raise _random(step)
    if size is None and _same(transform, peak, [(_TRIED[0], each) for each in _SIZES]) is None:
        raise ValueError(f"{step.transform!r} depends on the size of the image; put a Resize or CenterCrop before")
    return found


def _same(
    transform: Pixelwise, peak: float, tried: Sequence[tuple[float, tuple[int, int]]]
) -> dict[str, NDArray[np.float32]] | None:
    """Give the numbers of a step, if they are the same for all random numbers and sizes that are tried."""
    count = len(tried)
    drawn = np.tile([number for number, _ in tried], (transform.draws, 1))
    sides = np.array([size for _, size in tried], np.int64).T
    found = {}
    for name, each in transform.numbers(Samples(drawn, np.ones(count, bool), *sides), peak).items():
        rows = _rows(each, count)
        if any(not np.array_equal(row, rows[0]) for row in rows):
            return None
        found[name] = rows[0]
    return found


def _rows(numbers: Any, count: int) -> list[NDArray[np.float32]]:
    if isinstance(numbers, Rows):
        ends = zip(numbers.values, numbers.first, numbers.length, strict=True)
        return [row[first : first + length] for row, first, length in ends]
    return list(np.broadcast_to(np.asarray(numbers, np.float32), count)[:, None])


def _random(step: Step) -> ValueError:
    return ValueError(f"{step.transform!r} is random: build the pipeline that evaluates, without it")


# ------------------------------------------------------------------------------------------------------------ in C


def _moves(step: Step) -> Iterator[str]:
    """Write how a step changes where pixels are read, as :class:`data.transforms.views.Views` does."""
    transform = step.transform
    if not isinstance(transform, Geometric):
        return
    yield f"/* {transform!r} */"
    if isinstance(transform, Resize):
        yield from _resize(transform)
    elif isinstance(transform, CenterCrop):
        down, right = transform.shape
        yield f"if (here_height < {down} || here_width < {right}) return NAME_TOO_SMALL;"
        for axis, first, side in (("height", "top", down), ("width", "left", right)):
            yield f"move = NAME_half(here_{axis} - {side});"
            yield f"if (resized) {first} += move; else {{ source_{first} += move; source_{axis} = {side}; }}"
            yield f"here_{axis} = {side};"
    else:
        raise _random(step)


def _resize(resize: Resize) -> Iterator[str]:
    if len(resize.shape) == 2:
        yield f"tall = {resize.shape[0]}; wide = {resize.shape[1]};"
    else:
        yield "shorter = here_height < here_width ? here_height : here_width;"
        yield "longer = here_height < here_width ? here_width : here_height;"
        yield f"longer = (int64_t){resize.shape[0]} * longer / shorter; shorter = {resize.shape[0]};"
        if resize.max_size is not None:
            most = resize.max_size
            yield f"if (longer > {most}) {{ shorter = (int64_t){most} * shorter / longer; longer = {most}; }}"
        yield "if (shorter < 1) shorter = 1;"
        yield "tall = here_height > here_width ? longer : shorter;"
        yield "wide = here_height > here_width ? shorter : longer;"
    yield "here_height = tall; here_width = wide; resized = 1;"


def _header(
    name: str,
    filter: Any,
    kind: Kind,
    results: tuple[str, bool],
    size: tuple[int, int],
    moves: Sequence[str],
    numbers: Mapping[str, NDArray[np.float32]],
) -> str:
    (dtype, channels), (out_dtype, planar) = kind, results
    height, width = size
    from_type, to_type = TYPES[dtype][0], TYPES[out_dtype][0]
    tables = [(key, values) for key, values in numbers.items() if _is_table(filter, key)]
    declared = [f"static const float {key}[] = {{{_floats(values)}}};" for key, values in tables]
    lines = "\n    ".join(line.replace("NAME", name) for line in (*declared, *moves))
    call = ",\n        ".join(_arguments(filter, channels, planar, size, numbers, from_type))
    order = "planes of their own" if planar else "side by side"
    return f"""/* One image: {out_dtype} of {height} x {width} pixels, {channels} channels, {order}. */
#ifndef {name.upper()}_APPLY_H
#define {name.upper()}_APPLY_H
#include "{name}.h"

#define {name}_HEIGHT {height}
#define {name}_WIDTH {width}
#define {name}_CHANNELS {channels}
/* The image is smaller than the part that is to be taken of it. */
#define {name}_TOO_SMALL (-1000)

/* Half of a number from 0 up, to the nearest whole one, halves to even. */
static inline int64_t {name}_half(int64_t room)
{{
    return room / 2 + (room % 4 == 3);
}}

/* image: height rows of width pixels, {channels} channels side by side, stride elements from row to row.
 * out: room for {name}_CHANNELS * {name}_HEIGHT * {name}_WIDTH elements. threads: most to use, 0 for all.
 * Returns 0, {name}_TOO_SMALL, or an error code: see {name}_last_error(). */
static inline int32_t {name}_apply(
    const {from_type} *image, int64_t stride, int64_t height, int64_t width, {to_type} *out, int32_t threads)
{{
    int64_t source_top = 0, source_left = 0, source_height = height, source_width = width;
    int64_t here_height = height, here_width = width, tall = height, wide = width, top = 0, left = 0;
    int64_t shorter, longer, move;
    int resized = 0;
    {lines}
    if (!resized) {{ tall = source_height; wide = source_width; }}
    (void)shorter; (void)longer; (void)move; (void)here_height; (void)here_width;
    return {name}(
        {call},
        {BORDER}, 0, threads);
}}
#endif
"""


def _is_table(filter: Any, name: str) -> bool:
    return any(parameter.name == name and parameter.kind is dsl.Table for parameter in filter.parameters)


def _floats(values: NDArray[np.float32]) -> str:
    return ", ".join(f"{float(value).hex()}f" for value in values)


def _arguments(
    filter: Any,
    channels: int,
    planar: bool,
    size: tuple[int, int],
    numbers: Mapping[str, NDArray[np.float32]],
    from_type: str,
) -> Iterator[str]:
    """Write the arguments of the library's function, in its order."""
    height, width = size
    row = width if planar or channels == 1 else width * channels
    yield f"image + source_top * stride + source_left * {channels}, stride"
    yield f"(const {from_type} *)out, {width * channels}"
    yield f"out, {row}" + (f", {height * width}" if planar else "")
    yield f"{width}, {height}, 1, (int32_t)source_width, (int32_t)source_height"
    for name in library.names(filter)["tables"]:
        yield f"{name}, {numbers[name].size}"
    moving = {name: f"(float){name}" for name in RESAMPLE[:4]} | dict.fromkeys(RESAMPLE[4:], "0")
    moving |= dict.fromkeys(WARP, "0")
    for name in library.names(filter)["scalars"]:
        yield moving[name] if name in moving else _floats(numbers[name])
