"""The same pixels on every machine: digests of every filter's result, and what reproducibility costs.

    python -m bench.reproducible            the table of costs
    python -m bench.reproducible publish    writes docs/reproducible.json

Digests are of 36 x 52 pixels (:func:`schedules.pictures.picture`); times of a megapixel.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import filters
from schedules import config, options
from schedules.pictures import picture

PUBLISHED = Path(__file__).parents[1] / "docs" / "reproducible.json"
DTYPES = ("uint8", "float32")
#: Of the images whose results are published.
HEIGHT, WIDTH = 36, 52


def turned(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give another image: upside down."""
    return np.ascontiguousarray(image[::-1])


CALLS: dict[str, Callable[[Any], Any]] = {
    "box(radius=3)": lambda image: filters.box(image, 3),
    "convolve(kernel=[0.25, 0.5, 0.25])": lambda image: filters.convolve(image, np.array([0.25, 0.5, 0.25])),
    "convolve(kernel=cos(arange(169)).reshape(13, 13) / 40)": lambda image: filters.convolve(
        image, np.cos(np.arange(169)).reshape(13, 13) / 40, method="fourier"
    ),
    "gabor(sigma=3, wavelength=6)": lambda image: filters.gabor(image, 3, 6),
    "gaussian(sigma=3)": lambda image: filters.gaussian(image, 3),
    "gaussian(sigma=20)": lambda image: filters.gaussian(image, 20),
    "gaussian_scale_space(sigmas=[0.5, 1.0])": lambda image: filters.gaussian_scale_space(image, [0.5, 1.0])[1],
    "unsharp(sigma=2)": lambda image: filters.unsharp(image, 2),
    "bilateral(sigma_space=2, sigma_range=25)": lambda image: filters.bilateral(image, sigma_space=2, sigma_range=25),
    "joint_bilateral(sigma_space=2, sigma_range=25)": lambda image: filters.joint_bilateral(
        image, turned(image), sigma_space=2, sigma_range=25
    ),
    "variable_convolve(table=linspace(1, 0, 64))": lambda image: filters.variable_convolve(
        image, image, table=np.linspace(1, 0, 64), spatial_kernel=np.full((3, 3), 1 / 9)
    ),
    "multilateral(sigma_space=2, sigma_range=25)": lambda image: filters.multilateral(
        image, (image, turned(image)), sigma_space=2, sigma_range=25
    ),
    "nonlocal_means(strength=10)": lambda image: filters.nonlocal_means(image, strength=10),
    "guided(radius=2, eps=100)": lambda image: filters.guided(image, image, radius=2, eps=100),
    "local_laplacian(sigma=30, detail=1.5, levels=2)": lambda image: filters.local_laplacian(image, 30, 1.5, levels=2),
    "dcci_upscale()": filters.dcci_upscale,
    "downsample(scale=2.5)": lambda image: filters.downsample(image, scale=2.5),
    "local_lut_upsample()": lambda image: filters.local_lut_upsample(
        image, np.ascontiguousarray(image[::4, ::4]), np.ascontiguousarray(image.max() - image[::4, ::4])
    ),
}


def digest(result: np.ndarray[Any, Any]) -> str:
    """Give the SHA-256 of the bytes of a result, row by row."""
    return hashlib.sha256(np.ascontiguousarray(result).tobytes()).hexdigest()


def publish() -> None:
    """Write the digests that every machine is to give."""
    with config(reproducible=True):
        found = {
            name: {dtype: digest(call(picture(HEIGHT, WIDTH, 1, dtype))) for dtype in DTYPES}
            for name, call in CALLS.items()
        }
    PUBLISHED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def costs() -> None:
    """Print the time of every filter beside that of the same call with code that differs from machine to machine."""
    print(f"1 Mpx, {options.threads()} threads, ms: by default, reproducible, ratio")
    for name, call in CALLS.items():
        for dtype in DTYPES:
            image = picture(1024, 1024, 1, dtype)
            usual, same = _times(call, image)
            print(f"{name:50} {dtype:8} {1e3 * usual:8.2f} {1e3 * same:8.2f} {same / usual:6.2f}", flush=True)


def _times(call: Callable[[Any], Any], image: Any, seconds: float = 0.6) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while len(times[0]) < 4 or time.perf_counter() < end:
        for reproducible in (False, True):
            with config(reproducible=reproducible):
                start = time.perf_counter()
                call(image)
                times[reproducible].append(time.perf_counter() - start)
    usual, same = (statistics.median(found[1:]) for found in times)  # the first ones compile
    return usual, same


if __name__ == "__main__":
    publish() if sys.argv[1:] == ["publish"] else costs()
