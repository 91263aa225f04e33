"""Steps that are taken by chance."""

from __future__ import annotations

from collections.abc import Sequence

from data.transforms.base import Transform, probability


class RandomApply(Transform):
    """Take some steps of some samples only, all of them or none.

    Parameters
    ----------
    transforms : sequence
        Steps that compute pixels.
    p : float
        Probability.
    """

    draws = 1
    _shown = ("transforms", "p")

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        self.transforms = list(transforms) if isinstance(transforms, (tuple, list)) else [transforms]
        self.p = probability(p)
