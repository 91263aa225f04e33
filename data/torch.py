"""For those who keep torch's DataLoader: datasets whose samples and batches are those of :class:`data.FilterLoader`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from data.compose import Compose
from data.loader import Batch, FilterLoader, Framework, checked, composed
from data.reading import Reader
from data.sources import Source
from data.sources.protocol import position
from data.transforms import Transform
from dsl.arguments import choice, whole
from schedules import options

__all__ = ["IterableBatches", "MapDataset"]


class MapDataset(Dataset):  # type: ignore[misc]
    """Samples of a source, transformed by one native call for all that torch's DataLoader asks for at once.

    A sample is the one that :class:`data.FilterLoader` gives for the same seed, epoch and index. Order, batches and
    workers are torch's.

    Parameters
    ----------
    source : Source
        Anything with ``len(source)`` whose ``source[i]`` is an image and a label; see :class:`data.Source`.
    transform : Compose or sequence of Transform
        What happens to images.
    seed : int
        0 to 2**64 - 1.
    threads : int, optional
        Threads of native code; by default as :func:`filters.config` says, shared among torch's workers.
    on_error : str
        What becomes of samples that cannot be read: ``"raise"`` :class:`data.ReadError`, or ``"substitute"``: the next
        sample of the source that can be read stands in.
    framework : str
        ``"torch"`` or ``"numpy"``: what images are. Labels are as the source gives them.

    Examples
    --------
    >>> import numpy as np
    >>> import torch.utils.data
    >>> import data, data.torch
    >>> from data import transforms
    >>> source = data.ArraySource(np.zeros((10, 32, 32, 3), np.uint8))
    >>> dataset = data.torch.MapDataset(source, [transforms.RandomCrop(28), transforms.ToDtype("float32", scale=True)])
    >>> for epoch in range(2):
    ...     dataset.set_epoch(epoch)
    ...     for images, labels in torch.utils.data.DataLoader(dataset, batch_size=5, shuffle=True):
    ...         assert images.shape == (5, 3, 28, 28)
    """

    def __init__(
        self,
        source: Source,
        transform: Compose | Sequence[Transform],
        *,
        seed: int = 0,
        threads: int | None = None,
        on_error: Literal["raise", "substitute"] = "raise",
        framework: Framework = "torch",
    ) -> None:
        choice(on_error, "on_error", ("raise", "substitute"))
        self.source, self.transform = source, composed(transform)
        self.seed, self.threads, self.framework = checked(seed, threads, framework)
        self._reader = Reader(source, on_error)
        self._epoch = _Epoch(0)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Give a sample: an image and its label."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Any, Any]]:
        """Give samples, made by one native call; torch's DataLoader asks for a batch so."""
        samples = np.array([position(index, len(self), self.source) for index in indices], np.int64)
        read = self._reader.read(samples) if len(samples) else None
        if read is None:
            return []
        calls = self.transform.calls(read.images, samples[read.rows], self.seed, self._epoch.value)
        images = calls.run(0, len(read.rows), threads=max(_threads(self.threads), 1))
        given = torch.from_numpy(images) if self.framework == "torch" else images
        return list(zip(given, read.labels, strict=True))

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, also to workers that torch keeps; without it all epochs draw the same numbers."""
        self._epoch.value = whole(epoch, "epoch", 0)


class IterableBatches(IterableDataset):  # type: ignore[misc]
    """Whole batches of a loader, for ``torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=k)``.

    Worker w of k makes every k-th batch, from the w-th on; torch puts them in the loader's order, whatever the number
    of workers. (Only where batches are missing, as nothing in them could be read and ``on_error`` is ``"skip"``, others
    may come earlier.) Torch's workers take numpy arrays to tensors.

    ``state_dict`` and ``load_state_dict`` are what torchdata's StatefulDataLoader calls, in its workers, too. A state
    goes on with as many workers as it was made by.

    Parameters
    ----------
    loader : FilterLoader
        Whose batches; its ``rank`` and ``world_size`` are those of processes that train, not of workers. In workers its
        threads are, by default, those of :func:`filters.config` shared among them.

    Examples
    --------
    >>> import numpy as np
    >>> import torch.utils.data
    >>> import data, data.torch
    >>> from data import transforms
    >>> source = data.ArraySource(np.zeros((10, 32, 32, 3), np.uint8))
    >>> loader = data.FilterLoader(source, [transforms.RandomCrop(28)], 4, shuffle=True, framework="torch")
    >>> dataset = data.torch.IterableBatches(loader)
    >>> batches = torch.utils.data.DataLoader(dataset, batch_size=None)
    >>> for epoch in range(2):
    ...     dataset.set_epoch(epoch)
    ...     print([len(images) for images, labels in batches])
    [4, 4, 2]
    [4, 4, 2]
    """

    def __init__(self, loader: FilterLoader) -> None:
        self.loader = loader
        self._epoch = _Epoch(loader.epoch)
        self._given = 0  # batches, by this worker
        self._resumed = False
        self._workers = 1

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, also to workers that torch keeps; without it the same epoch comes again."""
        self._epoch.value = whole(epoch, "epoch", 0)

    def __iter__(self) -> Iterator[Batch]:
        """Go through this worker's batches of the epoch."""
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        epoch, resumed = self._epoch.value, self._resumed
        self._resumed = False
        if not resumed or epoch != self.loader.epoch:
            self._given = 0
        elif workers != self._workers:
            raise ValueError(f"state is of {self._workers} workers; {workers} cannot go on")
        self._workers = workers
        if info is not None:
            self.loader.threads = _threads(self.loader.threads)
        self.loader.set_epoch(epoch)
        return self._batches(worker + self._given * workers)

    def _batches(self, first: int) -> Iterator[Batch]:
        for batch in self.loader.every(self._workers, first):
            self._given += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Tell where this worker is: behind the last batch that it gave."""
        return {"loader": self.loader.state_dict(), "batches": self._given, "workers": self._workers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another one was.

        Raises
        ------
        ValueError
            If samples would be others; if the number of workers is another, when the iteration begins.
        """
        self.loader.load_state_dict(state["loader"])
        self._epoch.value = self.loader.epoch
        self._given, self._workers, self._resumed = int(state["batches"]), int(state["workers"]), True


class _Epoch:
    """A number that all processes see when it changes."""

    def __init__(self, value: int) -> None:
        self._shared = torch.tensor(value).share_memory_()

    @property
    def value(self) -> int:
        return int(self._shared)

    @value.setter
    def value(self, value: int) -> None:
        self._shared.fill_(value)


def _threads(limit: int | None) -> int:
    """Share the threads among torch's workers, unless the user says how many each has."""
    if limit is not None:
        return limit
    info = get_worker_info()
    return max(options.threads() // (1 if info is None else info.num_workers), 1)
