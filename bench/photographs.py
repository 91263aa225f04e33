"""Photographs that come with scikit-image, Matplotlib and this package: by name, without a network."""

from __future__ import annotations

import functools
from pathlib import Path

import imageio.v3 as iio
import matplotlib
import numpy as np
import skimage
from numpy.typing import NDArray

import data

_SCIKIT_IMAGE = Path(skimage.__file__).parent / "data"
_MATPLOTLIB = Path(matplotlib.get_data_path()) / "sample_data"
_ALL = np.s_[:, :]

#: Files and what is taken of them; crops of one file do not overlap, and the two of a stereo pair show other parts.
_PARTS: dict[str, tuple[Path, tuple[slice, slice]]] = {
    **{name: (data.sample(name), _ALL) for name in data.samples()},
    "astronaut": (_SCIKIT_IMAGE / "astronaut.png", _ALL),
    "grace hopper": (_MATPLOTLIB / "grace_hopper.jpg", _ALL),
    "motorcycle, left": (_SCIKIT_IMAGE / "motorcycle_left.png", np.s_[:, :380]),
    "motorcycle, right": (_SCIKIT_IMAGE / "motorcycle_right.png", np.s_[:, 361:]),
    "hubble, upper left": (_SCIKIT_IMAGE / "hubble_deep_field.jpg", np.s_[:436, :500]),
    "hubble, lower right": (_SCIKIT_IMAGE / "hubble_deep_field.jpg", np.s_[436:, 500:]),
    "retina, upper left": (_SCIKIT_IMAGE / "retina.jpg", np.s_[205:705, 205:705]),
    "retina, lower right": (_SCIKIT_IMAGE / "retina.jpg", np.s_[705:1205, 705:1205]),
    "immunohistochemistry": (_SCIKIT_IMAGE / "ihc.png", _ALL),
    **{
        name: (_SCIKIT_IMAGE / f"{file}.png", _ALL)
        for name, file in {
            "camera": "camera", "brick": "brick", "grass": "grass", "gravel": "gravel", "moon": "moon",
            "coins": "coins", "clock": "clock_motion", "cell": "cell", "page": "page",
        }.items()
    },
}  # fmt: skip

NAMES = tuple(_PARTS)


@functools.cache
def photograph(name: str) -> NDArray[np.uint8]:
    """Give one of `NAMES`, ``(H, W, C)``."""
    path, part = _PARTS[name]
    image = np.asarray(iio.imread(path), np.uint8)[part]
    return np.ascontiguousarray(image.reshape(*image.shape[:2], -1))
