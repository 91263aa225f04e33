"""Refines a disparity map by the photo and by itself, beside OpenCV's filters: a table, and a picture of a detail.

Run from the root of the repository: ``python -m docs.examples.stereo [picture.png]``; needs scikit-image and OpenCV.
The photo is Middlebury's "Motorcycle" (Scharstein et al., GCPR 2014), which comes with scikit-image.
"""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from skimage.data import stereo_motorcycle

from bench import refining
from filters import multilateral

FACTOR, NOISE, OUTLIERS = 4, 3.0, 0.1
# Parameters are chosen on this part, and the picture shows it; the table is of all that lies outside of it.
CROP = (slice(150, 330), slice(250, 470))
DEPTHS = {"cmap": "turbo", "vmin": 5.0, "vmax": 60.0}

Pair = tuple[float, float]
Refine = Callable[[np.ndarray, np.ndarray, Pair], np.ndarray]


class Scene(NamedTuple):
    photo: np.ndarray
    truth: np.ndarray
    known: np.ndarray
    degraded: np.ndarray
    prepared: np.ndarray

    def crop(self) -> "Scene":
        return Scene(*(np.ascontiguousarray(part[CROP]) for part in self))


class Row(NamedTuple):
    name: str
    parameters: str
    rmse: float
    bad1: float
    bad2: float


def scene() -> Scene:
    """Degrade a known disparity map: coarse blocks, noise, outliers; `prepared` is its median of 5 by 5 pixels."""
    photo, _, truth = stereo_motorcycle()
    known = np.isfinite(truth)
    filled = fill(truth)
    rng = np.random.default_rng(0)
    # Each block holds the disparity of its middle.
    rows, columns = (np.minimum(np.arange(n) // FACTOR * FACTOR + FACTOR // 2, n - 1) for n in filled.shape)
    noisy = filled[rows[:, None], columns] + rng.normal(0, NOISE, filled.shape)
    wild = rng.uniform(filled.min(), filled.max(), filled.shape)
    degraded = np.where(rng.random(filled.shape) < OUTLIERS, wild, noisy).astype(np.float32)
    # A median, because no mean leaves outliers out, however it is weighted by other images.
    return Scene(photo, truth, known, degraded, refining.median(degraded))


def fill(truth: np.ndarray) -> np.ndarray:
    """Give unknown pixels the lesser of the disparities to their left and right: what is hidden lies behind."""
    known = np.isfinite(truth)
    width, at = truth.shape[1], np.arange(truth.shape[1])
    left = np.maximum.accumulate(np.where(known, at, -1), axis=1)
    right = np.minimum.accumulate(np.where(known, at, width)[:, ::-1], axis=1)[:, ::-1]
    row = np.arange(len(truth))[:, None]
    sides = [
        np.where((side >= 0) & (side < width), truth[row, np.clip(side, 0, width - 1)], np.inf)
        for side in (left, right)
    ]
    return np.minimum(*sides)


def two_guides(photo: np.ndarray, disparity: np.ndarray, pair: Pair) -> np.ndarray:
    return multilateral(disparity, [photo, disparity], sigma_space=5, sigma_range=pair, guide_levels=16)


# For each filter a grid of five times five, and what its numbers are.
METHODS: dict[str, tuple[Refine, str, tuple[float, ...], tuple[float, ...]]] = {
    "OpenCV, joint bilateral": (
        refining.joint_bilateral,
        "sigma_space {}, sigma_color {}",
        (2, 3, 5, 7, 9),
        (5, 10, 20, 40, 80),
    ),
    "OpenCV, guided": (refining.guided, "radius {}, eps {} ** 2", (1, 2, 3, 4, 6), (1, 2, 4, 8, 16)),
    "multilateral, two guides": (two_guides, "sigma_range {}, {}", (5, 10, 20, 40, 80), (6, 9, 14, 20, 30)),
}


def score(disparity: np.ndarray, scene: Scene, where: np.ndarray | None = None) -> tuple[float, float, float]:
    """Give the RMSE, and the percentages of pixels that are off by more than 1 and 2, where the truth is known."""
    at = scene.known if where is None else scene.known & where
    error = np.abs(disparity.astype(np.float64) - scene.truth)[at]
    return float(np.sqrt(np.mean(error**2))), 100 * float(np.mean(error > 1)), 100 * float(np.mean(error > 2))


def best(name: str, part: Scene) -> Pair:
    """Find the parameters of the least RMSE."""
    refine, _, first, second = METHODS[name]
    pairs = itertools.product(first, second)
    return min(pairs, key=lambda pair: score(refine(part.photo, part.prepared, pair), part)[0])


def table() -> list[Row]:
    """Choose each filter's parameters on the crop, and measure on the rest of the photo."""
    whole = scene()
    part = whole.crop()
    rest = np.ones_like(whole.known)
    rest[CROP] = False
    rows = [
        Row("degraded", "", *score(whole.degraded, whole, rest)),
        Row("median", "", *score(whole.prepared, whole, rest)),
    ]
    for name, (refine, words, *_) in METHODS.items():
        pair = best(name, part)
        found = refine(whole.photo, whole.prepared, pair)
        rows.append(Row(name, words.format(*pair), *score(found, whole, rest)))
    return rows


def picture(path: str | Path) -> None:
    """Draw the crop: the photo, the true disparity, the degraded one, and what each filter makes of it."""
    part = scene().crop()
    panels = {"degraded": part.degraded}
    for name, (refine, *_) in METHODS.items():
        panels[name] = refine(part.photo, part.prepared, best(name, part))
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 6), layout="constrained")
    axes[0, 0].imshow(part.photo)
    axes[0, 0].set_title("photo", fontsize=10)
    axes[0, 1].imshow(np.where(part.known, part.truth, np.nan), **DEPTHS)
    axes[0, 1].set_title("truth", fontsize=10)
    for panel, (name, disparity) in zip(axes.ravel()[2:], panels.items(), strict=True):
        rmse, bad, _ = score(disparity, part)
        panel.imshow(disparity, **DEPTHS)
        panel.set_title(f"{name}\nRMSE {rmse:.2f}, off by more than 1: {bad:.1f} %", fontsize=10)
    for panel in axes.ravel():
        panel.set_axis_off()
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    plt.close(figure)
    # A palette makes the file four times smaller.
    Image.fromarray(drawn).quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    for row in table():
        print(f"{row.name:26} {row.parameters:34} RMSE {row.rmse:5.2f}   >1: {row.bad1:5.1f} %   >2: {row.bad2:5.1f} %")
    if len(sys.argv) > 1:
        picture(sys.argv[1])


if __name__ == "__main__":
    main()
