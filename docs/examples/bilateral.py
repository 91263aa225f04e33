"""A bilateral filter of one's own, with a spatial kernel that is part of the program and a table given at run time.

``python -m dsl build docs/examples/bilateral.py -o build --dtype uint8`` makes a native library of it.
"""

import numpy as np

import dsl

Y, X = np.mgrid[-6:7, -6:7]
DISC = np.where(Y**2 + X**2 <= 36, np.exp(-(Y**2 + X**2) / (2 * 4.0**2)), 0.0)


@dsl.filter
def smooth(src: dsl.Image, weights: dsl.Table, scale: dsl.Scalar = 1.0) -> dsl.Image:
    """Average of similar pixels: the weight is the table's entry at scale times the difference."""
    near = dsl.taps(DISC)
    weight = dsl.lookup(weights, scale * dsl.distance(src[near], src))
    return dsl.weighted_mean(src[near], weight)
