"""The native calls of batches: what differs from image to image, as rows of arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.located import Kind, Located
from data.plan import Step
from data.transforms import Geometric
from data.transforms.base import PEAKS, Rows, Samples
from data.transforms.views import Views
from data.writing import BORDER, named, written
from dsl import arrays
from dsl.batches import Batch

if TYPE_CHECKING:
    from data.compose import Compose

#: Makes memory for results, of a shape and dtype.
Empty = Callable[[tuple[int, ...], str], NDArray[Any]]


class Calls:
    """The calls for images whose random numbers are drawn, to be made for some of them at a time.

    Parameters
    ----------
    pipeline : Compose
        What is computed.
    images : Located
        Of what.
    samples : ndarray of int
        Which samples they are.
    drawn : ndarray
        Random numbers, of shape (numbers, images).
    """

    def __init__(
        self, pipeline: Compose, images: Located, samples: NDArray[np.int64], drawn: NDArray[np.float64]
    ) -> None:
        self.pipeline, self.images = pipeline, images
        self.parts = [_Part(pipeline, images, kind, samples, drawn) for kind in range(len(images.kinds))]
        self._tables = [
            _Table(pipeline.program(part.kind, skipped), part, rows)
            for part in self.parts
            for skipped, rows in part.programs()
        ]

    def run(
        self,
        first: int,
        last: int,
        out: NDArray[Any] | None = None,
        threads: int = 1,
        empty: Empty = np.empty,
    ) -> NDArray[Any]:
        """Transform images from ``first`` on, up to ``last``; ``out`` is made by ``empty`` if there is none."""
        shape, dtype = self._result(first, last)
        if out is None:
            out = empty(shape, dtype)
        else:
            arrays.check_out(out, np.broadcast_to(np.zeros((), dtype), shape), self.images.kept)
            if not out.flags.c_contiguous:
                raise ValueError("out must be C-contiguous, as np.empty makes it")
        for table in self._tables:
            table.run(first, last, out, threads)
        return out

    def _result(self, first: int, last: int) -> tuple[tuple[int, ...], str]:
        """Tell shape and dtype of results, if all of them have one."""
        parts = [(part, part.some(first, last)) for part in self.parts]
        parts = [(part, some) for part, some in parts if some.start < some.stop]
        if not parts:
            raise ValueError("images are none: the shape of their results is not known")
        channels, dtypes = {part.kind[1] for part, _ in parts}, {part.dtype for part, _ in parts}
        if len(channels) > 1 or len(dtypes) > 1:
            kinds = " and ".join(f"{dtype} of {channels} channels" for dtype, channels in self.images.kinds)
            raise ValueError(f"images are {kinds}; results of a batch have one dtype and as many channels")
        heights, widths = (
            np.concatenate([getattr(part.views, name)[some] for part, some in parts]) for name in ("height", "width")
        )
        other = np.flatnonzero((heights != heights[0]) | (widths != widths[0]))
        if len(other):
            sizes = (f"{heights[i]} x {widths[i]}" for i in (0, other[0]))
            raise ValueError(f"results have sizes {' and '.join(sizes)}; end with a size, such as CenterCrop(224)")
        return self.pipeline.shape(last - first, channels.pop(), (int(heights[0]), int(widths[0]))), dtypes.pop()


class _Part:
    """The images that are of one kind, and their numbers."""

    def __init__(
        self, pipeline: Compose, images: Located, kind: int, samples: NDArray[np.int64], drawn: NDArray[np.float64]
    ) -> None:
        self.kind = images.kinds[kind]
        self.rows = np.flatnonzero(images.kind == kind)
        self.address, self.stride = images.address[self.rows], images.stride[self.rows]
        self.views = Views(images.height[self.rows], images.width[self.rows], samples[self.rows])
        self.dtype = self.kind[0]
        self.columns: dict[str, NDArray[Any] | Rows] = {}
        self.skipped: list[tuple[int, NDArray[np.bool_]]] = []
        everyone, own = np.ones(len(self.rows), bool), drawn[:, self.rows]
        for step in pipeline.steps:
            chance = everyone if step.gate is None else own[pipeline.drawn[step.gate]][0] < step.probability
            self._take(step, own[pipeline.drawn[step.operation]], chance)

    def _take(self, step: Step, drawn: NDArray[np.float64], chance: NDArray[np.bool_]) -> None:
        """Take a step: move views, or give its numbers."""
        if isinstance(step.transform, Geometric):
            step.transform.move(self.views, drawn)
        else:
            if step.optional:
                self.skipped.append((step.operation, ~chance))
            samples = Samples(drawn, chance, self.views.height, self.views.width)
            found = step.transform.numbers(samples, PEAKS[self.dtype])
            self.columns |= {named(name, step): column for name, column in found.items()}
        self.dtype = step.transform.dtype(self.dtype)

    def some(self, first: int, last: int) -> slice:
        """Tell which of the part's images are among those from ``first`` to ``last``."""
        return slice(*np.searchsorted(self.rows, (first, last)).tolist())

    def programs(self) -> Iterator[tuple[frozenset[int], NDArray[np.int64]]]:
        """Sort images by the steps that they skip: each program's steps, and the images of it."""
        which = np.zeros(len(self.rows), np.int64)
        for bit, (_, skips) in enumerate(self.skipped):
            which |= skips.astype(np.int64) << bit
        for pattern in np.unique(which):
            operations = (operation for bit, (operation, _) in enumerate(self.skipped) if pattern >> bit & 1)
            yield frozenset(operations), np.flatnonzero(which == pattern)


class Program:
    """A pipeline, or some steps of it, compiled for images of one kind."""

    def __init__(self, steps: Sequence[Step], kind: Kind, pipeline: Compose) -> None:
        dtype, self.channels = kind
        self.planar = pipeline.layout == "NCHW"
        self.size = np.dtype(dtype).itemsize
        self.batch = Batch(
            written(steps, kind),
            dtype=dtype,
            out_dtype=pipeline.dtype(dtype),
            planar=self.planar,
            target=pipeline.target,
            schedule=pipeline.schedule,
        )


class _Table:
    """The arguments of a program's calls, for some images of a part."""

    def __init__(self, program: Program, part: _Part, rows: NDArray[np.int64]) -> None:
        self.program, self.images = program, part.rows[rows]
        self._kept = part  # whose numbers some arguments are the addresses of
        self.table = program.batch.table(len(rows))
        known = set(self.table.dtype.names or ())
        for name, column in _arguments(program, part).items():
            if name in known:
                self.table[name] = column if np.ndim(column) == 0 else column[rows]

    def run(self, first: int, last: int, out: NDArray[Any], threads: int) -> None:
        """Transform those of the images that are among ``first`` to ``last``, into their places."""
        start, stop = np.searchsorted(self.images, (first, last)).tolist()
        table = self.table[start:stop]
        table["result"] = out.ctypes.data + (self.images[start:stop] - first) * out.strides[0]
        table["like"] = table["result"]
        self.program.batch.run(table, threads)


def _arguments(program: Program, part: _Part) -> dict[str, Any]:
    """Give the arguments of the calls for all images of a part, but where results go."""
    views, channels = part.views, program.channels
    where = views.source_top * part.stride + views.source_left * channels
    found = {
        "image": part.address + where * program.size,
        "image_stride": part.stride,
        "like_stride": views.width * channels,
        "result_stride": views.width if program.planar else views.width * channels,
        "result_plane_stride": views.height * views.width,
        "width": views.width,
        "height": views.height,
        "channels": 1,
        "small_width": views.source_width,
        "small_height": views.source_height,
        "border": BORDER,
        **views.numbers(),
    }
    for name, column in part.columns.items():
        if isinstance(column, Rows):
            values = column.values
            rows = np.arange(len(values)) * values.strides[0] + column.first * values.itemsize
            found |= {name: values.ctypes.data + rows, f"{name}_length": column.length}
        else:
            found[name] = column
    return found
