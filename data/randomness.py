"""Random numbers that are functions of what they are for: the same whatever the threads, workers, ranks and batches.

Philox4x32-10 is a function from a counter of 128 bits and a key of 64 to four words, which pass the known tests of
randomness: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The key is the seed;
the counter says which sample of which epoch, and which number of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Words that one counter gives.
WORDS = 4
#: The block of numbers that orders an epoch; those of transforms are below.
ORDER = 1 << 31

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10

Words = NDArray[np.uint64]


def philox(counters: ArrayLike, key: int) -> Words:
    """Give the words for counters.

    Parameters
    ----------
    counters : array_like
        Of shape (4, ...): 32 bits each, the lowest first.
    key : int
        0 to 2**64 - 1.

    Returns
    -------
    ndarray
        uint64, of the same shape: 32 random bits each.
    """
    if not 0 <= key < 1 << 64:
        raise ValueError(f"seed must be from 0 to 2**64 - 1, not {key}")
    words = np.array(counters, np.uint64)
    shape, words = words.shape, words.reshape(WORDS, -1)
    low, high = key & 0xFFFFFFFF, key >> 32
    for _ in range(_ROUNDS):
        products = words[0::2] * _MULTIPLIERS
        mixed = (products >> _HALF)[::-1] ^ words[1::2] ^ np.array([[low], [high]], np.uint64)
        words[0::2], words[1::2] = mixed, (products & _LOW)[::-1]
        low, high = (low + _WEYL[0]) & 0xFFFFFFFF, (high + _WEYL[1]) & 0xFFFFFFFF
    return words.reshape(shape)


def uniforms(seed: int, epoch: int, samples: NDArray[np.int64], blocks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw numbers between 0 and 1: for each block four, of shape (4 blocks, samples)."""
    words = philox(_counters(samples, epoch, blocks), seed)
    drawn = words.transpose(1, 0, 2).reshape(len(blocks) * WORDS, len(samples))
    return np.asarray((drawn + 0.5) * 2.0**-32, np.float64)


def order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """Shuffle ``range(count)`` for an epoch: sort it by random words."""
    high, low, *_ = philox(_counters(np.arange(count), epoch, np.array([ORDER])), seed)[:, 0]
    return np.argsort(high << _HALF | low, kind="stable")


def _counters(samples: NDArray[np.int64], epoch: int, block: NDArray[np.int64]) -> Words:
    if not 0 <= epoch < 1 << 32:
        raise ValueError(f"epoch must be from 0 to 2**32 - 1, not {epoch}")
    made = np.empty((WORDS, len(block), len(samples)), np.uint64)
    numbers = samples.astype(np.uint64)
    made[0], made[1], made[2], made[3] = numbers & _LOW, numbers >> _HALF, epoch, block[:, None]
    return made
