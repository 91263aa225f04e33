"""Draws photographs as a network sees them: ``python -m docs.examples.augmentations docs/augmentations.jpg``."""

from __future__ import annotations

import sys

import imageio.v3 as iio
import numpy as np

import data
from data import transforms as t

#: What each row shows: a photograph, four times.
ROWS = {
    "coffee": [t.ColorJitter(0.4, 0.4, 0.4, 0.1)],
    "chelsea": [t.ColorJitter(0.2, 0.2), t.GaussianBlur(23, (0.1, 5.0))],
    "rocket": [t.LocalLaplacian(sigma=(10, 60), detail=(-1, 2))],
}
SIDE, COLUMNS = 224, 5


def main(path: str) -> None:
    """Write the picture."""
    rows = []
    for name, steps in ROWS.items():
        photo = iio.imread(data.sample(name))
        shrunk = data.Compose([t.Resize(SIDE), t.CenterCrop(SIDE)], layout="NHWC")([photo])
        moves = [t.RandomResizedCrop(SIDE, (0.3, 1.0)), t.RandomHorizontalFlip()]
        changed = data.Compose([*moves, *steps], layout="NHWC")([photo] * (COLUMNS - 1))
        rows.append(np.hstack([*shrunk, *changed]))
    iio.imwrite(path, np.vstack(rows), quality=88)


if __name__ == "__main__":
    main(sys.argv[1])
