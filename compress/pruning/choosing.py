"""Which channels go: those of the least scores, and of so many that a share of the costs goes with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from compress.network import Channels, Group, costs_without
from dsl.arguments import number

#: By the node of a group: a number for each of its channels.
Scores = Mapping[str, NDArray[np.float64]]
#: Steps of the search for a share: counts change at far fewer of them.
_STEPS = 40


def beyond(groups: Sequence[Group], scores: Scores, counts: Mapping[str, int]) -> NDArray[np.int64]:
    """Give the channels that go if so many of each group stay, of each of its blocks as many."""
    gone: list[int] = []
    for group in groups:
        stay = counts[group.node] // group.blocks
        order = np.argsort(-scores[group.node].reshape(group.blocks, -1), axis=1, kind="stable")[:, stay:]
        gone += np.take_along_axis(group.numbers.reshape(group.blocks, -1), order, axis=1).ravel().tolist()
    return np.array(gone, np.int64)


def for_target(target: Mapping[str, float], channels: Channels, removed: Callable[[float], NDArray[np.int64]]) -> float:
    """Search for the number from 0 to 1 at which a share of the costs is removed, as nearly as can be.

    Parameters
    ----------
    target : mapping
        ``{"params": share}`` or ``{"macs": share}``.
    channels : Channels
        The network.
    removed : function
        Gives the channels that go: the fewer, the larger the number.
    """
    if len(target) != 1 or next(iter(target)) not in ("params", "macs"):
        raise ValueError(f"target must be {{'params': share}} or {{'macs': share}}, not {dict(target)!r}")
    ((name, share),) = target.items()
    number(share, f"target[{name!r}]", 0, 1)
    before = getattr(costs_without(channels, np.array([], np.int64)), name)

    def missing(strength: float) -> float:
        return 1 - getattr(costs_without(channels, removed(strength)), name) / before - share

    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if missing(middle) > 0 else (low, middle)
    return min((low, high), key=lambda each: abs(missing(each)))
