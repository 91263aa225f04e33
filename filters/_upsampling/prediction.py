"""How much of each way of upsampling serves an image best: what finds most again of a pair made smaller once more."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dsl import arrays
from filters._upsampling import pairs

METHODS = ("local_lut", "guided", "bilateral_guided", "joint_bilateral", "cubic")
#: Pixels along a side that are left of small images at least, and times they are made smaller at most: what is far from
#: the scale in question says less of it, but what is made less small is found again by all methods.
_LEAST, _MOST = 8, 2.0
#: Errors of other methods count for so much more than those of tables, 0.5 dB, which the next scale serves better.
_PREFERENCE = 10 ** (0.5 / 20)
#: Shares below this are not worth their time.
_LEAST_SHARE = 0.02

#: Brings a low result to the size of a source, by ``method=``.
Upsample = Callable[..., arrays.Array]
#: Makes a smaller copy of an image, of a size.
Downsample = Callable[[arrays.Array, tuple[int, int]], arrays.Array]


def shares(
    source: arrays.Array,
    low_source: arrays.Array,
    low_result: arrays.Array,
    *,
    upsample: Upsample,
    downsample: Downsample,
) -> dict[str, float]:
    """Give the shares of the methods whose mixture finds most of the low result again, from a pair made smaller.

    A filter that can be followed by tables, or lines, from one size to the next can be so again.
    """
    size = [_smaller(n, m) for n, m in zip(pairs.sides(low_source), pairs.sides(source), strict=True)]
    pair = [downsample(image, (size[0], size[1])) for image in (low_source, low_result)]
    errors = {method: _error(upsample(low_source, *pair, method=method), low_result) for method in METHODS}
    known = {method: error for method, error in errors.items() if np.isfinite(error).all()}
    if not known:
        return {METHODS[0]: 1.0}
    table = np.array([error * (1 if method == METHODS[0] else _PREFERENCE) for method, error in known.items()])
    found = least_of_mixtures(table @ table.T)
    found[found < _LEAST_SHARE] = 0
    return {method: float(share) for method, share in zip(known, found / found.sum(), strict=True) if share}


def _smaller(low: int, full: int) -> int:
    """Give a side of the smaller images."""
    return max(round(low / min(max(full / low, 1.0), _MOST)), min(low, _LEAST))


def _error(found: arrays.Array, wanted: arrays.Array) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.subtract(found, wanted, dtype=np.float64).ravel()


def least_of_mixtures(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the shares, none below zero, that add up to one and have the least error, by the products of the errors."""
    count = len(products)
    best: NDArray[np.float64] = np.eye(count)[0]
    least = np.inf
    steady = products + (1e-9 * np.trace(products) + 1e-12) * np.eye(count)  # where errors are alike, or none
    for among in (list(c) for n in range(1, count + 1) for c in itertools.combinations(range(count), n)):
        found: NDArray[np.float64] = np.zeros(count)
        found[among] = np.linalg.solve(steady[np.ix_(among, among)], np.ones(len(among)))
        found /= found.sum()
        error = found @ steady @ found
        if (found >= 0).all() and error < least:
            best, least = found, error
    return best
