"""Pipelines: transforms put together into one native call a batch."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data import randomness
from data.located import Kind, Located
from data.plan import Step, blocks, plan
from data.transforms import Geometric, Transform
from data.transforms.base import PEAKS, Rows, Samples
from data.transforms.views import Views
from data.writing import BORDER, named, written
from dsl import arrays
from dsl.batches import Batch
from schedules import options

Layout = Literal["NCHW", "NHWC"]


class Compose:
    """Transforms, one after the other, as one native call a batch.

    All that moves pixels is put together into one resampling (and one affine map), and what computes them is fused with
    it. Images may be of any sizes; each is read as it lies, by its own numbers, and its result written into its place
    in the batch. Arithmetic is in float32 throughout: results are rounded once, at the end.

    Parameters
    ----------
    transforms : sequence
        Of :mod:`data.transforms`.
    layout : str
        ``"NCHW"``: channels in planes of their own, as networks take them; or ``"NHWC"``.
    target : str
        Halide target to compile for.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one.

    Raises
    ------
    ValueError
        If steps are in an order that would need a second resampling; the message says which to move.

    Examples
    --------
    >>> import numpy as np
    >>> import data
    >>> from data import transforms
    >>> evaluate = data.Compose([
    ...     transforms.Resize(32),
    ...     transforms.CenterCrop(28),
    ...     transforms.ToDtype("float32", scale=True),
    ... ])
    >>> evaluate([np.full((40, 60, 3), 51, np.uint8), np.full((90, 70, 3), 255, np.uint8)])[:, 0, 0, 0].round(3)
    array([0.2, 1. ], dtype=float32)
    """

    def __init__(
        self,
        transforms: Sequence[Transform],
        *,
        layout: Layout = "NCHW",
        target: str = "host",
        schedule: Any = "manual",
    ) -> None:
        if layout not in ("NCHW", "NHWC"):
            raise ValueError(f"layout must be 'NCHW' or 'NHWC', not {layout!r}")
        self.transforms = list(transforms)
        self.layout = layout
        self.target = target
        self.schedule = schedule
        self.steps = plan(self.transforms)
        self._blocks, self._drawn = blocks(self.steps)
        self._programs: dict[Any, _Program] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Compose({self.transforms!r}, layout={self.layout!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        given = {"layout": self.layout, "target": self.target, "schedule": self.schedule}
        return functools.partial(type(self), **given), (self.transforms,)

    @property
    def fingerprint(self) -> str:
        """A digest of all that decides about results, but for the target."""
        programs = [getattr(step.transform, "program", "") for step in self.steps]
        return hashlib.sha256(repr((self.transforms, self.layout, programs)).encode()).hexdigest()

    # ------------------------------------------------------------------------------------------------- shapes

    def dtype(self, dtype: str) -> str:
        """Tell the dtype of results for images of a dtype; raises where a step does not take it."""
        for step in self.steps:
            dtype = step.transform.dtype(dtype)
        return dtype

    def size(self, size: tuple[int, int] | None = None) -> tuple[int, int] | None:
        """Tell height and width of results, for images of a size or of any; None if they depend on the image."""
        for step in self.steps:
            if isinstance(step.transform, Geometric):
                size = step.transform.size(size)
        return size

    def shape(self, count: int, channels: int, size: tuple[int, int]) -> tuple[int, ...]:
        """Tell the shape of a batch."""
        return (count, channels, *size) if self.layout == "NCHW" else (count, *size, channels)

    # ------------------------------------------------------------------------------------------------- calling

    def __call__(
        self,
        images: ArrayLike | Sequence[ArrayLike],
        *,
        indices: Sequence[int] | None = None,
        seed: int = 0,
        epoch: int = 0,
        out: NDArray[Any] | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Transform a batch.

        Parameters
        ----------
        images : sequence of array, or array
            (H, W), (H, W, 1) or (H, W, 3) each, of any sizes; uint8, uint16 or float32. Or (N, H, W, C) at once.
        indices : sequence of int, optional
            The numbers of the samples, by which they draw; by default 0, 1, ...
        seed, epoch : int
            What random numbers depend on besides.
        out : array, optional
            Where to write: of the batch's shape and dtype, C-contiguous.
        threads : int, optional
            Most threads to use.

        Returns
        -------
        array
            (N, C, H, W), or (N, H, W, C) with ``layout="NHWC"``.

        Raises
        ------
        TypeError, ValueError
            For images of another kind, channels that differ, or results whose sizes do.
        """
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise ValueError(f"images has shape {images.shape}; a list of images or (N, H, W, C) is needed")
        located = Located.of(images)  # type: ignore[arg-type]
        samples = np.arange(len(located)) if indices is None else np.asarray(indices)
        if samples.shape != (len(located),) or samples.dtype.kind not in "iu":
            raise ValueError(f"indices must be {len(located)} ints, one an image, not {indices!r}")
        return self.fill(located, self.draw(samples, seed, epoch), out, threads)

    def build(
        self,
        directory: str | Path,
        *,
        name: str = "preprocess",
        dtype: str = "uint8",
        channels: int = 3,
        target: str | None = None,
    ) -> dict[str, Path]:
        """Build a C library that does the same to an image, byte by byte: for where the trained network is used.

        Beside what :meth:`dsl.Filter.build` makes there is a header ``NAME_apply.h`` with a function ``NAME_apply``
        that takes an image of any size.

        Parameters
        ----------
        directory : path
            Where to put it; made if it is not there.
        name : str
            Of the functions and files.
        dtype : str
            Of images: ``"uint8"``, ``"uint16"`` or ``"float32"``.
        channels : int
            Of images: 1 or 3.
        target : str, optional
            The machine to build for, by default that of the pipeline; several may be given, with commas between.

        Returns
        -------
        dict
            The files: ``"apply"``, ``"header"``, ``"static"``, ``"object"`` and ``"shared"``.

        Raises
        ------
        ValueError
            If a step is random, or the size of results depends on the image.
        """
        from data import serving

        return serving.build(self, Path(directory), name, (dtype, channels), self.target if target is None else target)

    def draw(self, samples: NDArray[np.int64], seed: int, epoch: int) -> NDArray[np.float64]:
        """Draw all random numbers of samples, of shape (numbers, samples)."""
        if not len(self._blocks):
            return np.empty((0, len(samples)))
        return randomness.uniforms(seed, epoch, samples, self._blocks)

    def fill(
        self,
        images: Located,
        drawn: NDArray[np.float64],
        out: NDArray[Any] | None = None,
        threads: int | None = None,
        empty: Callable[[tuple[int, ...], str], NDArray[Any]] = np.empty,
    ) -> NDArray[Any]:
        """Transform a batch whose random numbers are drawn; ``out`` is made by ``empty`` if there is none."""
        parts = [self._part(images, kind, drawn) for kind in range(len(images.kinds))]
        shape, dtype = self._kind(images, parts)
        if out is None:
            out = empty(shape, dtype)
        else:
            arrays.check_out(out, np.broadcast_to(np.zeros((), dtype), shape), images.kept)
            if not out.flags.c_contiguous:
                raise ValueError("out must be C-contiguous, as np.empty makes it")
        limit = options.threads() if threads is None else options.checked_threads(threads)
        calls = [(self._program(part.kind, skipped), part, rows) for part in parts for skipped, rows in part.programs()]
        for program, part, rows in calls:
            program.run(part, rows, out, limit)
        return out

    def _part(self, images: Located, kind: int, drawn: NDArray[np.float64]) -> _Part:
        """Compute the numbers of the images of one kind."""
        rows = np.flatnonzero(images.kind == kind)
        dtype, channels = images.kinds[kind]
        views = Views(images.height[rows], images.width[rows], rows)
        part = _Part((dtype, channels), rows, images.address[rows], images.stride[rows], views)
        own = drawn[:, rows]
        everyone = np.ones(len(rows), bool)
        for step in self.steps:
            numbers = own[self._drawn[step.operation]]
            if isinstance(step.transform, Geometric):
                step.transform.move(views, numbers)
            else:
                chance = everyone if step.gate is None else own[self._drawn[step.gate]][0] < step.probability
                if step.optional:
                    part.skipped.append((step.operation, ~chance))
                found = step.transform.numbers(Samples(numbers, chance, views.height, views.width), PEAKS[dtype])
                part.columns |= {named(name, step): column for name, column in found.items()}
            dtype = step.transform.dtype(dtype)
        part.dtype = dtype
        return part

    def _kind(self, images: Located, parts: Sequence[_Part]) -> tuple[tuple[int, ...], str]:
        """Tell shape and dtype of results, if all of them have one."""
        if not parts:
            raise ValueError("images are none: the shape of their results is not known")
        channels = {part.kind[1] for part in parts}
        dtypes = {part.dtype for part in parts}
        sizes = np.unique(np.concatenate([[part.views.height, part.views.width] for part in parts], axis=1), axis=1)
        if len(channels) > 1 or len(dtypes) > 1:
            kinds = " and ".join(f"{dtype} of {channels} channels" for dtype, channels in images.kinds)
            raise ValueError(f"images are {kinds}; results of a batch have one dtype and as many channels")
        if sizes.shape[1] > 1:
            (h0, h1), (w0, w1) = sizes[:, :2]
            raise ValueError(
                f"results have sizes {h0} x {w0} and {h1} x {w1}; end with a size, such as CenterCrop(224)"
            )
        size = int(sizes[0, 0]), int(sizes[1, 0])
        return self.shape(len(images), channels.pop(), size), dtypes.pop()

    def _program(self, kind: Kind, skipped: frozenset[int]) -> _Program:
        """Compile the program for images of a kind, without some steps."""
        found = self._programs.get((kind, skipped))
        if found is not None:  # without the lock, which a process that is forked meanwhile would never see released
            return found
        with self._lock:
            if (kind, skipped) not in self._programs:
                steps = [step for step in self.steps if step.operation not in skipped]
                self._programs[kind, skipped] = _Program(steps, kind, self)
            return self._programs[kind, skipped]


class _Part:
    """The images of a batch that are of one kind, and their numbers."""

    def __init__(
        self, kind: Kind, rows: NDArray[np.int64], address: NDArray[np.int64], stride: NDArray[np.int64], views: Views
    ) -> None:
        self.kind, self.rows, self.address, self.stride, self.views = kind, rows, address, stride, views
        self.dtype = kind[0]
        self.columns: dict[str, NDArray[Any] | Rows] = {}
        self.skipped: list[tuple[int, NDArray[np.bool_]]] = []

    def programs(self) -> Iterator[tuple[frozenset[int], NDArray[np.int64]]]:
        """Sort images by the steps that they skip: each program's steps, and the images of it."""
        which = np.zeros(len(self.rows), np.int64)
        for bit, (_, skips) in enumerate(self.skipped):
            which |= skips.astype(np.int64) << bit
        for pattern in np.unique(which):
            operations = (operation for bit, (operation, _) in enumerate(self.skipped) if pattern >> bit & 1)
            yield frozenset(operations), np.flatnonzero(which == pattern)


class _Program:
    """A pipeline compiled for images of one kind."""

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

    def run(self, part: _Part, rows: NDArray[np.int64], out: NDArray[Any], threads: int) -> None:
        """Transform some images of a part into their places."""
        table = self.batch.table(len(rows))
        known = set(table.dtype.names or ())
        for name, column in self._columns(part, out).items():
            if name in known:
                table[name] = column if np.ndim(column) == 0 else column[rows]
        self.batch.run(table, threads)

    def _columns(self, part: _Part, out: NDArray[Any]) -> dict[str, Any]:
        """Give the arguments of the calls for all images of a part."""
        views = part.views
        where = views.source_top * part.stride + views.source_left * self.channels
        result = out.ctypes.data + part.rows * out.strides[0]
        height, width = out.shape[2:] if self.planar else out.shape[1:3]
        columns = {
            "image": part.address + where * self.size,
            "image_stride": part.stride,
            "like": result,
            "like_stride": width * self.channels,
            "result": result,
            "result_stride": width if self.planar else width * self.channels,
            "result_plane_stride": height * width,
            "width": width,
            "height": height,
            "channels": 1,
            "small_width": views.source_width,
            "small_height": views.source_height,
            "border": BORDER,
            **views.numbers(),
        }
        for name, column in part.columns.items():
            if isinstance(column, Rows):
                columns[name] = column.values.ctypes.data + (
                    np.arange(len(column.values)) * column.values.strides[0] + column.first * column.values.itemsize
                )
                columns[f"{name}_length"] = column.length
            else:
                columns[name] = column
        return columns
