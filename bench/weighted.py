"""How fast and how accurate averages with weights by look-up are, beside OpenCV and scikit-image.

Run with ``python -m bench.weighted`` on a quiet machine (ten minutes), ``--quick`` for small images. 1024 x 1024,
sigma_range 30, sigma_space a third of the window, as in the paper; time is the minimum, ratios are medians of those
within a round, both libraries on the same number of threads. PSNR is the mean, and the least, over scikit-image's
coffee, chelsea, astronaut and camera: of uint8 between rounded results, of float32 as they are.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import skimage.data
import skimage.restoration

import filters
from bench.paired import Array, Effort, Run, measure
from bench.tables import Row, Table
from schedules import Schedule

NAMES = ("coffee", "chelsea", "astronaut", "camera")
AVX2 = "x86-64-linux-avx2"
SIGMA = 30.0


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    side: int
    effort: Effort


@functools.cache
def photograph(name: str, side: int, dtype: str, channels: int) -> Array:
    """Give a photograph of scikit-image, brought to a square."""
    image = getattr(skimage.data, name)()
    image = image if image.ndim == 3 else np.stack([image] * 3, axis=-1)
    image = image if channels == 3 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    square: Array = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    return square.astype(dtype) * (257 if dtype == "uint16" else 1)


@dataclass(frozen=True)
class Case:
    """A filter and its peer on an image: what is run, and how results compare.

    Attributes
    ----------
    name : str
        For people.
    ours, theirs : function
        From an image, and where ours is written.
    exact : function
        What both approximate, in float32.
    dtype, channels
        Of the image.
    taps : int
        Pixels of the window, for rates; 0 if there is nothing to tell.
    least : str
        What was asked for: times faster, dB.
    """

    name: str
    ours: Callable[[Array, Array, int], Any]
    theirs: Callable[[Array], Any]
    exact: Callable[[Array], Array] | None
    dtype: str
    channels: int
    taps: int
    asked: str


def taps(d: int) -> int:
    """Count the pixels of a disc of diameter d."""
    radius = d // 2
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return int((y * y + x * x <= radius * radius).sum())


def bilateral(d: int, dtype: str, channels: int, asked: str, sigma: float = SIGMA, **options: Any) -> Case:
    """Compare with cv2.bilateralFilter."""
    space = {"sigma_space": d / 3, "sigma_range": sigma, "radius": d // 2}

    def ours(image: Array, out: Array, threads: int) -> Any:
        return filters.bilateral(image, out=out, threads=threads, **space, **options)

    def exact(image: Array) -> Array:
        return cv2.bilateralFilter(image.astype(np.float32), d, sigma, d / 3)

    name = f"d={d}" + (f", sigma_range {sigma:g}" if sigma != SIGMA else "")
    return Case(
        name, ours, lambda image: cv2.bilateralFilter(image, d, sigma, d / 3), exact, dtype, channels, taps(d), asked
    )


def joint(channels: int, asked: str) -> Case:
    """Compare with cv2.ximgproc.jointBilateralFilter, guided by the picture turned over."""
    d, space = 13, {"sigma_space": 13 / 3, "sigma_range": SIGMA, "radius": 6}

    def guide(image: Array) -> Array:
        flipped = image[::-1] if channels == 1 else np.stack([image[::-1], image[:, ::-1], image[::-1, ::-1]], axis=-1)
        return np.ascontiguousarray(flipped)

    def theirs(image: Array) -> Any:
        return cv2.ximgproc.jointBilateralFilter(guide(image), image, d, SIGMA, d / 3)

    def ours(image: Array, out: Array, threads: int) -> Any:
        return filters.joint_bilateral(image, guide(image), out=out, threads=threads, **space)

    def exact(image: Array) -> Array:
        found = filters.joint_bilateral(image.astype(np.float32), guide(image), method="exact", **space)
        return found

    name = f"{'gray' if channels == 1 else 'colour'} guide, d={d}"
    return Case(name, ours, theirs, exact, "uint8", 1, taps(d), asked)


def rows(cases: Sequence[Case], scale: Scale, threads: int) -> Iterator[Row]:
    """Measure cases, interleaved with their peers."""
    cv2.setNumThreads(threads)
    for case in cases:
        image = photograph(NAMES[2], scale.side, case.dtype, case.channels)
        out = np.empty_like(image)
        runs: dict[str, Run] = {
            "ours": functools.partial(case.ours, image, out, threads),
            "theirs": functools.partial(case.theirs, image),
        }
        times = measure(runs, scale.effort)
        row = {"": case.name, "ms": 1e3 * times.best("ours"), "peer ms": 1e3 * times.best("theirs")}
        row |= {"times faster": times.ratio("theirs", "ours"), "asked": case.asked}
        if case.taps:
            row["Gtap/s core"] = case.taps * image.shape[0] * image.shape[1] / times.best("ours") / threads / 1e9
        yield row | (accuracy(case, scale) if threads == 1 else {})


def accuracy(case: Case, scale: Scale) -> Row:
    """Compare with the exact result on all photographs."""
    if case.exact is None:
        return {}
    found = []
    for name in NAMES:
        image = photograph(name, scale.side, case.dtype, case.channels)
        result = case.ours(image, np.empty_like(image), 2)
        wanted = case.exact(image)
        found.append(filters.reference.psnr(result, np.rint(wanted) if case.dtype == "uint8" else wanted, 255))
    return {"dB": float(np.mean(found)), "least dB": min(found)}


def speed(scale: Scale) -> Iterator[Table]:
    """Time everything that was asked for."""
    must = {7: "11 / 16, 70 dB", 13: "12 / 20", 25: "15 / 28"}
    avx2 = {7: "7 / 10, 60 dB", 13: "7 / 12", 25: "8 / 14"}
    floats = {7: "6 / 10, 80 dB", 13: "7 / 11", 25: "8 / 13"}
    colors = {7: "8 / 16, 60 dB", 13: "10 / 20", 25: "12 / 24"}
    selects = Schedule({"mean": "selects", "entries": 8, "span": 128})
    groups: Mapping[str, list[Case]] = {
        "uint8 gray, cv2.bilateralFilter": [bilateral(d, "uint8", 1, asked) for d, asked in must.items()],
        "uint8 gray, AVX2 only": [bilateral(d, "uint8", 1, asked, target=AVX2) for d, asked in avx2.items()],
        "uint8 gray, AVX2 only, accuracy=66": [
            bilateral(d, "uint8", 1, asked, target=AVX2, accuracy=66) for d, asked in avx2.items()
        ],
        "float32 gray": [bilateral(d, "float32", 1, asked) for d, asked in floats.items()],
        "uint8 RGB": [bilateral(d, "uint8", 3, asked) for d, asked in colors.items()],
        "joint, cv2.ximgproc.jointBilateralFilter": [joint(1, "10 / 18"), joint(3, "10 / 18")],
        "uint8 gray, large windows": [
            bilateral(51, "uint8", 1, "30 / 60, 50 dB"), bilateral(101, "uint8", 1, "100 / 200")
        ],
        "uint8 gray, no tables in registers": [bilateral(7, "uint8", 1, "4 / 5, 55 dB", schedule=selects)],
        "uint8 gray, d=13, by sigma_range": [
            bilateral(13, "uint8", 1, "65 dB, 1.3 x that of 30", sigma) for sigma in (5.0, 10.0, 30.0, 50.0, 100.0)
        ],
        "method='exact'": [
            bilateral(13, dtype, channels, "90 dB; one level", method="exact")
            for dtype in ("float32", "uint8")
            for channels in (1, 3)
        ],
    }  # fmt: skip
    for title, cases in groups.items():
        for threads in (1, 2):
            yield Table(f"{title}: {threads} thread(s)", list(rows(cases, scale, threads)))
    for threads in (1, 2):
        yield Table(f"non-local means, search 21, patch 7: {threads} thread(s)", list(_patches(scale, threads)))


def _patches(scale: Scale, threads: int) -> Iterator[Row]:
    """Compare non-local means; scikit-image has one thread, and a quarter of the pixels."""
    cv2.setNumThreads(threads)
    side = scale.side // 2
    for dtype, peer in (("uint8", "cv2"), ("uint16", "skimage"), ("float32", "skimage")):
        size = scale.side if peer == "cv2" else side
        image = photograph(NAMES[2], size, dtype, 1)
        unit = 257.0 if dtype == "uint16" else 1.0
        noise = np.random.default_rng(0).normal(0, 10 * unit, image.shape)
        top = 65535 if dtype == "uint16" else 255
        image = np.clip(image + noise, 0, top).astype(dtype)
        strength = 10.0 * unit

        def theirs(image: Array = image, peer: str = peer, strength: float = strength) -> Array:
            if peer == "cv2":
                return cv2.fastNlMeansDenoising(image, None, strength, 7, 21)
            found: Array = skimage.restoration.denoise_nl_means(
                image.astype(np.float32), 7, 10, strength, fast_mode=True, preserve_range=True
            )
            return found

        out = np.empty_like(image)
        ours = functools.partial(filters.nonlocal_means, image, strength=strength, out=out, threads=threads)
        times = measure({"ours": ours, "theirs": theirs}, scale.effort)
        crop = image[: min(side, 192), : min(side, 192)]
        wanted = filters.reference.nonlocal_means(crop, strength=strength)
        ours_there = filters.nonlocal_means(crop, strength=strength)
        inner = np.s_[14:-14, 14:-14]  # where borders do not count
        yield {
            "": dtype,
            "peer": peer,
            "ms": 1e3 * times.best("ours"),
            "peer ms": 1e3 * times.best("theirs"),
            "times faster": times.ratio("theirs", "ours"),
            "asked": "3 / 6" if peer == "cv2" else "10 / 25",
            "dB": filters.reference.psnr(ours_there, wanted, top),
            "peer dB": filters.reference.psnr(theirs(crop)[inner], wanted[inner], top),
        }


def largest_differences() -> Table:
    """Tell how far ``method="exact"`` is from OpenCV, in levels of uint8."""
    found = []
    for name in NAMES:
        for channels in (1, 3):
            image = photograph(name, 512, "uint8", channels)
            ours = filters.bilateral(image, sigma_space=13 / 3, sigma_range=SIGMA, radius=6, method="exact")
            theirs = cv2.bilateralFilter(image, 13, SIGMA, 13 / 3)
            found.append({"": name, "channels": channels, "levels": int(np.abs(ours.astype(int) - theirs).max())})
    return Table("method='exact' on uint8: the largest difference from cv2.bilateralFilter", found)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.weighted", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small images, few rounds: shows that it works")
    options = parser.parse_args(arguments)
    scale = Scale(128, Effort(0.01, 2, 3)) if options.quick else Scale(1024, Effort(0.6, 3, 40))
    print(f"{filters.__name__} beside OpenCV {cv2.__version__}, scikit-image {skimage.__version__}\n")
    for table in speed(scale):
        print(table, flush=True)
    print(largest_differences())


if __name__ == "__main__":
    main(sys.argv[1:])
