"""Draw the pictures of docs/filters: ``python -m docs.examples.filter_pictures docs/filters/images [FILTER...]``.

One small JPEG for each filter, what goes in at the left and what comes out at the right. Photographs are those that
come with the package; what they lack (noise, rough masks, small results) is made from them, always the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

import data
import filters

Picture = NDArray[np.uint8]
GAP = 6
HEIGHT, WIDTH = 240, 300


def photo(name: str, top: int = 60, left: int = 100) -> Picture:
    """Give a part of a photograph."""
    part = iio.imread(data.sample(name))[top : top + HEIGHT, left : left + WIDTH, :3]
    return np.ascontiguousarray(part)


def noisy(image: Picture, sigma: float, seed: int = 1) -> Picture:
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def gray(image: Picture) -> Picture:
    return np.rint(image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def rough_mask(image: Picture, cell: int = 12) -> Picture:
    """Select what is light, in blocks."""
    small = filters.downsample(gray(image), (HEIGHT // cell, WIDTH // cell))
    return enlarged(np.where(small > 110, 255, 0).astype(np.uint8), cell)


def enlarged(image: Picture, factor: int) -> Picture:
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def smooth(image: Picture, radius: int = 12) -> Picture:
    """Simplify a photograph, slowly: what the filters that make others faster are shown with."""
    for _ in range(3):
        image = filters.bilateral(image, sigma_space=radius / 1.5, sigma_range=25, radius=radius)
    return image


def of_small(upsample: Callable[[Picture, Picture, Picture], Picture]) -> list[Picture]:
    source = photo("chelsea")
    small = filters.downsample(source, scale=4)
    result = smooth(small, radius=3)
    return [source, enlarged(result, 4), upsample(source, small, result)]


def accelerate() -> list[Picture]:
    fast = filters.accelerate(smooth, 4, scale_parameters={"radius": "spatial"})
    return [photo("chelsea"), fast(photo("chelsea"))]


def bilateral() -> list[Picture]:
    image = photo("chelsea")
    return [image, filters.bilateral(image, sigma_space=6, sigma_range=30)]


def box() -> list[Picture]:
    return [photo("coffee"), filters.box(photo("coffee"), 8)]


def convolve() -> list[Picture]:
    image = photo("rocket", 180, 180)
    return [image, filters.convolve(image, ([1.0], np.full(31, 1 / 31)))]


def dcci_upscale() -> list[Picture]:
    image = photo("chelsea", 90, 150)[: HEIGHT // 4, : WIDTH // 4]
    return [enlarged(image, 4), filters.dcci_upscale(filters.dcci_upscale(image))]


def downsample() -> list[Picture]:
    image = photo("coffee")
    beside = np.full((HEIGHT, WIDTH // 4, 3), 255, np.uint8)
    beside[-HEIGHT // 4 :] = filters.downsample(image, scale=4)
    return [image, beside]


def gabor() -> list[Picture]:
    image = gray(photo("chelsea"))
    wave = filters.gabor(image.astype(np.float32), 4.0, 8.0, orientation=np.pi / 4)
    return [image, np.clip(128 + 6 * wave, 0, 255).astype(np.uint8)]


def gaussian() -> list[Picture]:
    return [photo("coffee"), filters.gaussian(photo("coffee"), 6.0)]


def gaussian_scale_space() -> list[Picture]:
    return [photo("coffee"), *filters.gaussian_scale_space(photo("coffee"), [3.0, 12.0])]


def guided() -> list[Picture]:
    image = photo("coffee")
    return [image, rough_mask(image), filters.guided(rough_mask(image), image, radius=12, eps=100)]


def joint_bilateral() -> list[Picture]:
    guide = photo("chelsea")
    dark = noisy(guide // 2, 20)
    return [guide, dark, filters.joint_bilateral(dark, guide, sigma_space=5, sigma_range=20)]


def local_laplacian() -> list[Picture]:
    image = photo("chelsea")
    return [image, filters.local_laplacian(image, sigma=30, detail=2.0)]


def local_laplacian_sliders() -> list[Picture]:
    image = photo("coffee")
    prepared = filters.LocalLaplacian(image)
    return [prepared.render(sigma=40, detail=-0.9), image, prepared.render(sigma=40, detail=2.0)]


def local_lut_upsample() -> list[Picture]:
    return of_small(filters.local_lut_upsample)


def multilateral() -> list[Picture]:
    image = photo("coffee")
    guides = [gray(image), image[..., 0].astype(np.float32) - image[..., 2]]
    dirty = noisy(image, 35)
    return [dirty, filters.multilateral(dirty, guides, sigma_space=5, sigma_range=(15, 15))]


def nonlocal_means() -> list[Picture]:
    dirty = noisy(photo("chelsea"), 20)
    return [dirty, filters.nonlocal_means(dirty, strength=12, noise=20)]


def unsharp() -> list[Picture]:
    return [photo("chelsea"), filters.unsharp(photo("chelsea"), 2.0, 1.5)]


def upsample() -> list[Picture]:
    return of_small(filters.upsample)


def variable_convolve() -> list[Picture]:
    dirty = noisy(photo("chelsea"), 10)
    table, kernel = np.where(np.arange(256) < 60, 1.0, 0.0), np.ones((9, 9))
    return [dirty, filters.variable_convolve(dirty, dirty, table=table, spatial_kernel=kernel)]


PICTURES: dict[str, Callable[[], list[Picture]]] = {
    each.__name__: each
    for each in (
        accelerate,
        bilateral,
        box,
        convolve,
        dcci_upscale,
        downsample,
        gabor,
        gaussian,
        gaussian_scale_space,
        guided,
        joint_bilateral,
        local_laplacian,
        local_lut_upsample,
        multilateral,
        nonlocal_means,
        unsharp,
        upsample,
        variable_convolve,
    )
} | {"LocalLaplacian": local_laplacian_sliders}


def side_by_side(panels: list[Picture]) -> Picture:
    """Put panels in a row, on white."""
    gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    colors = [panel if panel.ndim == 3 else np.stack([panel] * 3, axis=-1) for panel in panels]
    return np.concatenate([part for panel in colors for part in (gap, panel)][1:], axis=1)


def main(folder: str, *names: str) -> None:
    for name in names or PICTURES:
        iio.imwrite(Path(folder) / f"{name}.jpg", side_by_side(PICTURES[name]()), quality=82)


if __name__ == "__main__":
    main(*sys.argv[1:])
