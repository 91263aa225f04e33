"""Measures how much the surroundings of a pixel differ from it, in photographs: ``python -m bench.surroundings``.

It writes ``filters/_weighted/surroundings.npy``, by which filters predict the error of shrunken tables: for some pixels
of the bundled photographs, their differences to pixels in so many directions at growing distances.
"""

from __future__ import annotations

import numpy as np

import data
from filters import images
from filters._weighted.prediction import DIRECTIONS, FILE, RADII

_PIXELS = 128


def main() -> None:
    """Measure, and write the file."""
    rng = np.random.default_rng(0)
    found = []
    for name in data.samples():
        color = images.read(data.sample(name)).array[..., :3].astype(np.float64)
        gray = np.rint(color @ (0.299, 0.587, 0.114)).astype(np.int16)
        reach = int(np.ceil(RADII[-1]))
        rows, columns = (rng.integers(reach, side - reach, _PIXELS) for side in gray.shape)
        angles = 2 * np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
        down, right = (np.rint(np.outer(RADII, f(angles))).astype(int) for f in (np.sin, np.cos))
        there = gray[rows[:, None, None] + down, columns[:, None, None] + right]
        found.append(there - gray[rows, columns][:, None, None])
    np.save(FILE, np.concatenate(found))


if __name__ == "__main__":
    main()
