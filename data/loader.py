"""The loader: batches for training, transformed by native code, the same at every run."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import hashlib
import itertools
import logging
import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from data.buffers import Buffers
from data.compose import Compose
from data.reading import OnError, Read, Reader, labels_of
from data.sharding import Shard
from data.sources import Source, fingerprint
from data.transforms import Transform
from dsl.arguments import choice, whole
from schedules import options, targets

log = logging.getLogger("halide_filters")

Framework = Literal["numpy", "torch"]
#: Images and labels.
Batch = tuple[Any, Any]

#: Batches of images in memory whose numbers are made at once.
_TOGETHER = 16
#: Seconds after which a thread that cannot hand over a batch looks whether anybody still wants it.
_PATIENCE = 0.1
#: How the names of all threads of loaders begin.
_NAME = "filter-loader"
_VERSION = 1


@dataclass
class _Times:
    """Seconds that an epoch spent, by what for."""

    read: float = 0.0
    draw: float = 0.0
    filter: float = 0.0
    wait: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    ended: float | None = None

    @contextlib.contextmanager
    def measure(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, what, getattr(self, what) + time.perf_counter() - start)


class FilterLoader:
    """Go through a source in batches, transformed by one native call each.

    A sample is the same whatever the threads, the processes and the size of batches: what is random depends on the
    seed, the epoch, the index of the sample and the operation alone. Images are read and transformed by threads;
    native code holds no lock of Python's. Memory of batches is used again, but only when nobody has them any more.

    Parameters
    ----------
    source : Source
        Anything with ``len(source)`` whose ``source[i]`` is an image and a label; see :class:`data.Source`.
    transform : Compose or sequence of Transform
        What happens to images.
    batch_size : int
        Samples of a batch.
    shuffle : bool
        Whether the order is drawn anew for each epoch.
    seed : int
        0 to 2**64 - 1.
    threads : int, optional
        Threads that read and transform; by default as :func:`filters.config` says. With 0 everything happens in the
        caller, when it asks for a batch; else batches are made ahead.
    rank, world_size : int
        Which process of how many this is; see :func:`data.world`. Each sample is one process's.
    drop_last : bool
        Whether a last batch that is not whole is left out; then all processes have as many batches.
    prefetch : int
        Batches that are made ahead.
    on_error : str
        What becomes of samples that cannot be read: ``"raise"`` :class:`data.ReadError`; ``"skip"``: their batch is
        smaller; ``"substitute"``: the next sample of the source that can be read stands in. ``stats()`` tells of them.
    framework : str
        ``"numpy"`` or ``"torch"``: what images and labels are; tensors share the memory.
    target : str
        Halide target to compile for; of a :class:`Compose` its own, unless another one is given here.

    Examples
    --------
    >>> import numpy as np
    >>> import data
    >>> from data import transforms
    >>> source = data.ArraySource(np.zeros((10, 32, 32, 3), np.uint8))
    >>> loader = data.FilterLoader(
    ...     source, [transforms.RandomResizedCrop(28), transforms.ToDtype("float32", scale=True)], 4, shuffle=True
    ... )
    >>> [images.shape for images, labels in loader]
    [(4, 3, 28, 28), (4, 3, 28, 28), (2, 3, 28, 28)]
    """

    def __init__(
        self,
        source: Source,
        transform: Compose | Sequence[Transform],
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        threads: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
        prefetch: int = 2,
        on_error: OnError = "raise",
        framework: Framework = "numpy",
        target: str = "host",
    ) -> None:
        self.source = source
        self.transform = composed(transform, target)
        self.seed, self.threads, self.framework = checked(seed, threads, framework)
        self.prefetch = whole(prefetch, "prefetch")
        choice(on_error, "on_error", ("raise", "skip", "substitute"))
        rank, world_size = whole(rank, "rank", 0), whole(world_size, "world_size")
        if rank >= world_size:
            raise ValueError(f"rank must be less than world_size {world_size}, not {rank}")
        size = whole(batch_size, "batch_size")
        self.shard = Shard(len(source), size, bool(shuffle), self.seed, rank, world_size, bool(drop_last))
        self.epoch = 0
        self._position = 0  # samples of the epoch that all processes together are through
        self._resumed = False
        self._reader = Reader(source, on_error)
        self._buffers = Buffers(self.prefetch + 2)
        self._counts = {"batches": 0, "images": 0}
        self._times = _Times()

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return self.shard.batches()

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; otherwise it is the one after the last that was gone through to its end.

        The epoch of a state that was just loaded goes on where it was.
        """
        epoch = whole(epoch, "epoch", 0)
        if not self._resumed or epoch != self.epoch:
            self.epoch, self._position, self._resumed = epoch, 0, False

    # ------------------------------------------------------------------------------------------------ going through

    def __iter__(self) -> Iterator[Batch]:
        """Go through an epoch: from its beginning, or from where a loaded state was."""
        step = self.shard.batch_size * self.shard.world_size
        with contextlib.closing(self._through(self._left())) as batches:
            for batch in batches:
                self._position = min(self._position + step, self.shard.count)
                if batch is not None:
                    yield batch
        self.epoch, self._position = self.epoch + 1, 0

    def every(self, step: int, first: int = 0) -> Iterator[Batch]:
        """Go through every so many-th batch of the epoch, from the first on: several loaders can share an epoch so.

        Epoch and state stay what they are.
        """
        step, first = whole(step, "step"), whole(first, "first", 0)
        with contextlib.closing(self._through(self._left()[first::step])) as batches:
            for batch in batches:
                if batch is not None:
                    yield batch

    def left(self) -> int:
        """Count the batches that the next time through gives: of a state that was just loaded, those left."""
        return self.shard.batches(self._position if self._resumed else 0)

    def _left(self) -> list[NDArray[np.int64]]:
        """Give the samples of each batch of the epoch, behind those of a state that was just loaded."""
        if not self._resumed:
            self._position = 0
        self._resumed = False
        samples, size = self.shard.samples(self.epoch, self._position), self.shard.batch_size
        return [samples[i : i + size] for i in range(0, len(samples), size)]

    def _through(self, samples: Sequence[NDArray[np.int64]]) -> Generator[Batch | None, None, None]:
        """Give batches of samples; None for one of which nothing could be read."""
        self._counts, self._times = {"batches": 0, "images": 0}, _Times()
        self._reader.forget()
        times, made = self._times, self._made(samples)
        try:
            with contextlib.closing(made if self._threads == 0 else self._ahead(made)) as batches:
                while True:
                    with times.measure("wait"):
                        found = next(batches, None)
                    if found is None:
                        return
                    images, labels = found
                    if images is None:
                        yield None
                    else:
                        self._counts["batches"] += 1
                        self._counts["images"] += len(images)
                        yield self._given(images), self._given(labels)
        finally:
            times.ended = time.perf_counter()

    @property
    def _threads(self) -> int:
        return options.threads() if self.threads is None else self.threads

    def _given(self, values: Any) -> Any:
        if self.framework == "torch" and isinstance(values, np.ndarray):
            import torch

            return torch.from_numpy(values)
        return values

    def _made(self, batches: Sequence[NDArray[np.int64]]) -> _Making:
        """Make batches of samples, one after the other."""
        reader, together = self._reader, 1 if self._reader.known is None else _TOGETHER
        groups = [batches[i : i + together] for i in range(0, len(batches), together)]
        samples = [np.concatenate(group) for group in groups]
        with contextlib.ExitStack() as stack:
            pool = None
            if self._threads and reader.known is None:
                pool = stack.enter_context(ThreadPoolExecutor(self._threads, f"{_NAME}-read"))
            reading = stack.enter_context(contextlib.closing(reader.batches(samples, pool)))
            for group, every in zip(groups, samples, strict=True):
                with self._times.measure("read"):
                    read = next(reading)
                if read is None:
                    yield None, None
                else:
                    yield from self._batches(read, every, np.cumsum([0, *map(len, group)]))

    def _batches(self, read: Read, samples: NDArray[np.int64], bounds: NDArray[np.int64]) -> _Making:
        """Make the batches of what was read together, each of the samples between two bounds."""
        with self._times.measure("draw"):
            calls = self.transform.calls(read.images, samples[read.rows], self.seed, self.epoch)
        for first, last in itertools.pairwise(np.searchsorted(read.rows, bounds).tolist()):
            with self._times.measure("filter"):
                images = calls.run(first, last, None, max(self._threads, 1), self._buffers.array)
            yield images, labels_of(read.labels[first:last])

    def _ahead(self, made: _Making) -> _Making:
        """Let a thread make batches, some ahead."""
        ready: queue.Queue[_Made | BaseException | None] = queue.Queue(self.prefetch)
        stopped = threading.Event()

        def give(found: _Made | BaseException | None) -> bool:
            while not stopped.is_set():
                with contextlib.suppress(queue.Full):
                    ready.put(found, timeout=_PATIENCE)
                    return True
            return False

        def work() -> None:
            with contextlib.closing(made):
                end: BaseException | None = None
                try:
                    for batch in made:
                        if not give(batch):
                            return
                except BaseException as error:  # it is the caller's
                    end = error
                give(end)

        context = contextvars.copy_context()  # what filters.config says there holds here
        thread = threading.Thread(target=context.run, args=(work,), name=_NAME, daemon=True)
        thread.start()
        try:
            while (found := ready.get()) is not None:
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            stopped.set()
            # The garbage collector may have come here in the very threads that would have to end.
            if not threading.current_thread().name.startswith(_NAME):
                with contextlib.suppress(queue.Empty):
                    while True:
                        ready.get_nowait()
                thread.join()

    # ------------------------------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """Tell where the loader is: behind the last batch that it gave. Plain numbers and strings."""
        return {
            "version": _VERSION,
            "fingerprint": self.fingerprint,
            "target": targets.resolve(self.transform.target),
            "seed": self.seed,
            "epoch": self.epoch,
            "position": self._position,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader was: with the next sample, whatever the threads of both.

        Raises
        ------
        ValueError
            If the source, the transforms, the order or the seed are others, so that samples would be.
        """
        if state.get("version") != _VERSION:
            raise ValueError(f"state has version {state.get('version')!r}; {_VERSION} is understood")
        if state["fingerprint"] != self.fingerprint:
            raise ValueError("state is of another source, transform or shuffle: samples would not be the same")
        if state["seed"] != self.seed:
            raise ValueError(f"state has seed {state['seed']}, the loader {self.seed}")
        if state["target"] != targets.resolve(self.transform.target):
            log.warning("state is of target %s: the last bits of samples may differ", state["target"])
        self.epoch, self._position = int(state["epoch"]), int(state["position"])
        self._resumed = True

    @functools.cached_property
    def fingerprint(self) -> str:
        """A digest of what decides about samples: source, transforms, and whether they are shuffled."""
        parts = fingerprint(self.source), self.transform.fingerprint, str(self.shard.shuffle), self._reader.on_error
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    # ---------------------------------------------------------------------------------------------------- statistics

    def stats(self) -> dict[str, Any]:
        """Tell how the current or last epoch went.

        Returns
        -------
        dict
            ``batches`` and ``images`` given so far, ``seconds``, ``images_per_second``; ``starvation``, the share of
            the time that the caller waited for a batch; ``read``, ``draw`` and ``filter``, the seconds that each took,
            most of it while the caller was busy; ``errors``, how many samples could not be read, and ``failures``,
            which.
        """
        times = self._times
        seconds = (times.ended or time.perf_counter()) - times.began
        return {
            **self._counts,
            "seconds": seconds,
            "images_per_second": self._counts["images"] / seconds,
            "starvation": times.wait / seconds,
            "read": times.read,
            "draw": times.draw,
            "filter": times.filter,
            "errors": self._reader.failed,
            "failures": list(self._reader.failures),
        }

    def progress(self, description: str = "Epoch") -> Iterator[Batch]:
        """Go through an epoch and show how it goes: batches, images a second, how much of the time was waited."""
        from data.progress import shown

        return shown(self, description)


#: Images and labels; None if none could be read.
_Made = tuple[NDArray[Any] | None, Any]
_Making = Generator[_Made, None, None]


def checked(seed: int, threads: int | None, framework: Framework) -> tuple[int, int | None, Framework]:
    """Check the arguments that everything that gives batches has."""
    if whole(seed, "seed", 0) >= 1 << 64:
        raise ValueError(f"seed must be less than 2**64, not {seed}")
    choice(framework, "framework", ("numpy", "torch"))
    return int(seed), None if threads is None else whole(threads, "threads", 0, options.MAX_THREADS), framework


def composed(transform: Compose | Sequence[Transform], target: str = "host") -> Compose:
    """Give transforms as a pipeline, for a target if another one than the host is named."""
    if not isinstance(transform, Compose):
        return Compose(transform, target=target)
    if target in ("host", transform.target):
        return transform
    return Compose(transform.transforms, layout=transform.layout, target=target, schedule=transform.schedule)
