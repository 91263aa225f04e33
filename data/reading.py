"""Reading the images of a batch, and what becomes of those that cannot be read."""

from __future__ import annotations

import collections
import contextlib
import functools
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from data.located import Located, addressable
from data.sources import ArraySource, Source, name_of

OnError = Literal["raise", "skip", "substitute"]

#: Failures that are kept with their texts; of more only the number is.
_KEPT = 1000
#: Samples behind one that cannot be read, that are tried in its place.
_TRIES = 100
#: Batches that are read ahead.
_AHEAD = 2


class ReadError(RuntimeError):
    """A sample that could not be read.

    Attributes
    ----------
    index : int
        Its index in the source.
    name : str
        Its file, or what else names it.
    """

    def __init__(self, index: int, name: str, why: str) -> None:
        super().__init__(index, name, why)
        self.index, self.name, self.why = index, name, why

    def __str__(self) -> str:
        return f"sample {self.index} ({self.name}) cannot be read: {self.why}"


@dataclass(frozen=True)
class Read:
    """The images of a batch: where they lie, their labels, and which of the batch's samples they are."""

    images: Located
    labels: Any
    rows: NDArray[np.int64]


class Reader:
    """Reads batches of a source.

    Parameters
    ----------
    source : Source
        What to read.
    on_error : str
        ``"raise"``; ``"skip"``: the batch is smaller; or ``"substitute"``: the next sample that can be read stands in.
    """

    def __init__(self, source: Source, on_error: OnError) -> None:
        self.source, self.on_error = source, on_error
        self.forget()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source, self.on_error)

    @functools.cached_property
    def known(self) -> Located | None:
        """Where all images lie, if they are in memory: then there is nothing to read."""
        return Located.all_of(self.source.images) if isinstance(self.source, ArraySource) else None

    def forget(self) -> None:
        """Begin to count failures anew."""
        self.failures: list[ReadError] = []
        self.failed = 0

    def read(self, samples: NDArray[np.int64]) -> Read | None:
        """Read a batch; None if nothing of it could be read."""
        return _together([self._read(samples)]) if self.known is None else self._located(self.known, samples)

    def batches(
        self, batches: Sequence[NDArray[np.int64]], pool: Executor | None
    ) -> Generator[Read | None, None, None]:
        """Read batches, some ahead if there is a pool; None for one of which nothing could be read."""
        if self.known is not None or pool is None:
            yield from map(self.read, batches)
        else:
            yield from self._ahead(batches, pool)

    def _located(self, images: Located, samples: NDArray[np.int64]) -> Read:
        labels = self.source.labels  # type: ignore[attr-defined]
        found = labels[samples] if isinstance(labels, np.ndarray) else [labels[i] for i in samples]
        if isinstance(found, np.ndarray) and found.ndim == 1:
            found = found.tolist()  # as the source gives them one by one
        return Read(images.take(samples), found, np.arange(len(samples)))

    def _ahead(self, batches: Sequence[NDArray[np.int64]], pool: Executor) -> Generator[Read | None, None, None]:
        pending: collections.deque[list[Future[list[_Sample]]]] = collections.deque()
        parts = 2 * getattr(pool, "_max_workers", 1)
        try:
            for samples in batches:
                pending.append([pool.submit(self._read, part) for part in np.array_split(samples, parts) if len(part)])
                if len(pending) > _AHEAD:
                    yield _together([part.result() for part in pending.popleft()])
            while pending:
                yield _together([part.result() for part in pending.popleft()])
        finally:
            for part in (each for batch in pending for each in batch):
                part.cancel()

    def _read(self, samples: NDArray[np.int64]) -> list[_Sample]:
        return [self._sample(int(i)) for i in samples]

    def _sample(self, index: int) -> _Sample:
        """Read a sample, or what stands in for it; None if it is left out."""
        try:
            return self._checked(index)
        except ReadError as error:
            if self.on_error == "raise":
                raise
            self._note(error)
            return self._substitute(index, error) if self.on_error == "substitute" else None

    def _substitute(self, index: int, failure: ReadError) -> _Sample:
        count = len(self.source)
        for i in range(1, min(_TRIES, count)):
            with contextlib.suppress(ReadError):
                return self._checked((index + i) % count)
        raise failure

    def _checked(self, index: int) -> _Sample:
        try:
            image, label = self.source[index]
            array = addressable(image)
        except Exception as error:
            raise ReadError(index, name_of(self.source, index), f"{error}" or type(error).__name__) from error
        return array, label

    def _note(self, error: ReadError) -> None:
        with self._lock:
            self.failed += 1
            if len(self.failures) < _KEPT:
                self.failures.append(ReadError(*error.args))  # without frames, which hold images


#: An image and its label.
_Sample = tuple[NDArray[Any], Any] | None


def _together(parts: Sequence[list[_Sample]]) -> Read | None:
    samples = [sample for part in parts for sample in part]
    rows = np.array([i for i, sample in enumerate(samples) if sample is not None], np.int64)
    read = [sample for sample in samples if sample is not None]
    if not read:
        return None
    return Read(Located([image for image, _ in read]), [label for _, label in read], rows)


def labels_of(labels: Any) -> Any:
    """Put labels together to an array, where they are numbers or arrays of one shape; else leave the list."""
    try:
        array = np.asarray(labels)
    except ValueError:  # of arrays of different shapes
        return list(labels)
    return array if array.dtype.kind in "biuf" else list(labels)
