"""Pipelines: transforms put together into one native call a batch."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data import randomness
from data.calls import Calls, Program
from data.located import Kind, Located
from data.plan import blocks, plan
from data.transforms import Geometric, Transform
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
        self._blocks, self.drawn = blocks(self.steps)
        self._programs: dict[Any, Program] = {}
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
        limit = options.threads() if threads is None else options.checked_threads(threads)
        return self.calls(located, samples, seed, epoch).run(0, len(located), out, limit)

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

    def calls(self, images: Located, samples: NDArray[np.int64], seed: int, epoch: int) -> Calls:
        """Draw the random numbers of samples, and give the native calls for them."""
        return Calls(self, images, samples, self.draw(samples, seed, epoch))

    def program(self, kind: Kind, skipped: frozenset[int]) -> Program:
        """Compile the program for images of a kind, without some steps."""
        found = self._programs.get((kind, skipped))
        if found is not None:  # without the lock, which a process that is forked meanwhile would never see released
            return found
        with self._lock:
            if (kind, skipped) not in self._programs:
                steps = [step for step in self.steps if step.operation not in skipped]
                self._programs[kind, skipped] = Program(steps, kind, self)
            return self._programs[kind, skipped]
