"""Which samples an epoch goes through, in which order, and which of them are whose."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data import randomness


@dataclass(frozen=True)
class Shard:
    """The samples of one of several processes.

    Every sample is one process's: process r of w has every w-th sample of the epoch, from the r-th on. So the numbers
    of samples may differ by one; with ``drop_last`` all have as many whole batches.

    Parameters
    ----------
    count : int
        Samples of the source.
    batch_size : int
        Samples of a batch.
    shuffle : bool
        Whether the order is drawn anew for every epoch.
    seed : int
        What it is drawn from.
    rank, world_size : int
        Which process, of how many.
    drop_last : bool
        Whether a last batch that is not whole is left out.
    """

    count: int
    batch_size: int
    shuffle: bool
    seed: int
    rank: int
    world_size: int
    drop_last: bool

    def samples(self, epoch: int, position: int = 0) -> NDArray[np.int64]:
        """Give this process's samples of an epoch, once all processes together have been through some of them."""
        order = randomness.order(self.seed, epoch, self.count) if self.shuffle else np.arange(self.count)
        return order[position:][self.rank :: self.world_size][: self._length(position)]

    def batches(self, position: int = 0) -> int:
        """Count the batches that are left of an epoch."""
        return -(-self._length(position) // self.batch_size)

    def _length(self, position: int) -> int:
        left = max(self.count - position, 0)
        if self.drop_last:
            return left // self.world_size // self.batch_size * self.batch_size
        return max(-(-(left - self.rank) // self.world_size), 0)


def world() -> dict[str, int]:
    """Tell which process of how many this is: from ``torch.distributed`` where it runs, or the environment.

    Returns
    -------
    dict
        ``rank`` and ``world_size``, as :class:`data.FilterLoader` takes them: from ``RANK`` and ``WORLD_SIZE``, which
        torchrun and others set; 0 and 1 without them.

    Examples
    --------
    >>> import data
    >>> data.world()
    {'rank': 0, 'world_size': 1}
    """
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return {"rank": distributed.get_rank(), "world_size": distributed.get_world_size()}
    return {"rank": int(os.environ.get("RANK", 0)), "world_size": int(os.environ.get("WORLD_SIZE", 1))}
