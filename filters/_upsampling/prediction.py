"""Which way of upsampling serves an image best: the one that finds most again of a pair made smaller once more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dsl import arrays
from filters._upsampling import pairs
from filters._upsampling.downsampling import downsample

METHODS = ("local_lut", "guided", "bilateral_guided", "joint_bilateral", "cubic")
#: Pixels along a side that are left of small images at least, and times they are made smaller at most: what is far from
#: the scale in question says less of it, but what is made less small is found again by all methods.
_LEAST, _MOST = 8, 2.0

#: Brings a low result to the size of a source, by ``method=``.
Upsample = Callable[..., arrays.Array]


def best(source: arrays.Array, low_source: arrays.Array, low_result: arrays.Array, upsample: Upsample) -> str:
    """Name the method that finds most of the low result again, from a pair that was made smaller once more.

    A filter that can be followed by tables, or lines, from one size to the next can be so again.
    """
    size = [_smaller(n, m) for n, m in zip(pairs.sides(low_source), pairs.sides(source), strict=True)]
    pair = [downsample(image, (size[0], size[1])) for image in (low_source, low_result)]
    errors = {method: _error(upsample(low_source, *pair, method=method), low_result) for method in METHODS}
    return min(errors, key=lambda method: errors[method])


def _smaller(low: int, full: int) -> int:
    """Give a side of the smaller images."""
    return max(round(low / min(max(full / low, 1.0), _MOST)), min(low, _LEAST))


def _error(found: arrays.Array, wanted: arrays.Array) -> float:
    """Give the mean squared error; infinity where there is no number."""
    error = float(np.mean((found.astype(np.float32) - wanted.astype(np.float32)) ** 2, dtype=np.float64))
    return error if np.isfinite(error) else np.inf
