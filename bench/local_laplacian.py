"""How fast and how accurate local Laplacian filtering is, beside what was asked for.

Run with ``python -m bench.local_laplacian`` on a quiet machine (five minutes), ``--quick`` for few, small images.
Times are told in those of cv2.boxFilter, float32 radius 30 on 2048 x 2048 pixels, in the same run: the peers were
measured elsewhere, in the same unit.
"""

from __future__ import annotations

import argparse
import functools
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import filters
from bench import accuracy, peers
from bench.command import machine
from bench.convolution import QUICK, Scale, nanoseconds
from bench.paired import Array, Run, Times
from bench.tables import Row, Table, judged
from filters import reference
from filters._laplacian import series

#: Nanoseconds a pixel over those of the box filter, with two threads: see the module.
HALIDE_APP, AUTHORS = 14.0, 86.0
SIGMA = 30.0


def photograph(height: int, width: int) -> Array:
    """Give a photograph, gray, float32, repeated to a size."""
    gray = accuracy.photographs("float32")[0]
    repeats = (-(-height // gray.shape[0]), -(-width // gray.shape[1]))
    return np.ascontiguousarray(np.tile(gray, repeats)[:height, :width])


def speed(scale: Scale) -> Iterator[Table]:
    """Time the filter, and rendering, in units of the box filter."""
    side = scale.sizes[0]
    gray = photograph(side, side)
    wide = photograph(side * 3 // 4, side * 5 // 4)
    color = np.stack([wide, wide[::-1], wide[:, ::-1]], -1).astype(np.uint8)
    images = {"gray float32, 4 levels": (gray, {"levels": 4, "value_range": (0, 255)})}
    images["RGB uint8, 8 levels"] = (color, {"levels": 8})
    out = np.empty_like(gray)
    for threads in (1, 2):
        runs: dict[str, Run] = {"box": peers.box_filter(30).bind(gray, out, threads)}
        for name, (image, options) in images.items():
            into = np.empty_like(image)
            call = functools.partial(filters.local_laplacian, image, SIGMA, terms=4, out=into, threads=threads)
            runs[name] = functools.partial(call, **options)
            kept = filters.LocalLaplacian(image, terms=4, threads=threads, **options)
            runs[f"{name}, render"] = functools.partial(kept.render, sigma=SIGMA, out=into)
        times = scale.measure(runs)
        yield Table(f"terms=4, {threads} thread(s)", list(_rows(times, images, gray, threads)))


def _rows(times: Times, images: Mapping[str, tuple[Array, object]], gray: Array, threads: int) -> Iterator[Row]:
    box = nanoseconds(times, "box", gray)
    for name, (image, _) in images.items():
        taken = nanoseconds(times, name, image)
        case: Row = {"image": name, "ns/px": taken}
        is_gray, both = image.ndim == 2, threads == 2
        yield case | {"figure": "time over the box filter's"} | _goal(taken / box, is_gray and both)
        if both:
            peer, goal = (AUTHORS, (28.0, 45.0)) if is_gray else (HALIDE_APP, (3.5, 6.0))
            figure = f"faster than {'the authors' if is_gray else 'the Halide app'}: {peer:g} box filters"
            yield case | {"figure": figure} | judged(peer * box / taken, *goal)
        share = times.ratio(f"{name}, render", name)
        case = {"image": name, "ns/px": nanoseconds(times, f"{name}, render", image)}
        yield case | {"figure": "render over the filter"} | judged(share, 0.25, 0.15, larger=False)


def _goal(value: float, wanted: bool) -> Row:
    return judged(value, *((3.0, 1.8) if wanted else (None, None)), larger=False)


def photographs(scale: Scale) -> Table:
    """Measure accuracy against the exact filter on photographs: 8-bit values, 16-bit ones, and the logarithm of HDR."""
    goals = {2: (44.0, 46.0), 3: (52.0, 54.0), 4: (61.0, 64.0), 6: (80.0, 88.0)}
    images = [image[:400, :400] for image in accuracy.photographs("float32")][: 1 if scale.quick else None]
    rows = []
    for name, made in KINDS.items():
        pairs = [made(image) for image in images]
        size = pairs[0].size
        exact = [reference.local_laplacian(p.plane, p.sigma, 1.0, levels=4, value_range=(p.low, p.high)) for p in pairs]
        for terms, goal in goals.items():
            results = [p.filtered(terms) for p in pairs]
            reached = min(reference.psnr(r, e, size) for r, e in zip(results, exact, strict=True))
            rows.append({"image": name, "terms": terms, **judged(reached, *goal)})
    return Table(
        "sigma 30 / 255, detail 1, 4 levels: PSNR at their own peak against the exact filter, the worst, dB", rows
    )


@dataclass(frozen=True)
class Kind:
    """A photograph as an image of some kind: what is filtered, and the plane that the exact filter is given."""

    image: Array
    plane: Array
    low: float
    high: float

    @property
    def size(self) -> float:
        """Width of the range."""
        return self.high - self.low

    @property
    def sigma(self) -> float:
        """The same part of the range for all."""
        return SIGMA / 255 * self.size

    def filtered(self, terms: int) -> Array:
        """Filter the plane, or the image and give its logarithm."""
        if self.image is self.plane:
            options = {"levels": 4, "terms": terms, "value_range": (self.low, self.high)}
            return filters.local_laplacian(self.image.astype(np.float32), self.sigma, 1.0, **options)
        value_range = (math.exp(self.low), math.exp(self.high))
        options = {"levels": 4, "terms": terms, "value_range": value_range, "domain": "log"}
        return np.log(filters.local_laplacian(self.image, self.sigma, 1.0, **options))


def _eight_bits(gray: Array) -> Kind:
    return Kind(gray, gray, 0.0, 255.0)


def _sixteen_bits(gray: Array) -> Kind:
    image = np.rint(gray * 257).astype(np.uint16)
    return Kind(image, image, 0.0, 65535.0)


def _high_dynamic_range(gray: Array) -> Kind:
    image = np.exp(gray / 255 * math.log(DECADES)).astype(np.float32)
    return Kind(image, np.log(image.astype(np.float64)), 0.0, math.log(DECADES))


KINDS = {"8 bits, float32": _eight_bits, "16 bits": _sixteen_bits, "HDR, log": _high_dynamic_range}
DECADES = 1e5


def maps() -> Table:
    """Measure the largest error of a remapped value for any sigma between two, and what maps cost."""
    gray = photograph(1024, 1024)
    d, rows = np.linspace(0, 255, 4001), []
    for least, most in ((20.0, 60.0), (10.0, 60.0)):
        found = series.of_maps(least / 255, most / 255, None, 0.2 / 255)
        waves = np.sin(np.outer(d / 255, 2 * np.pi / found.period * np.arange(1, found.terms + 1)))
        errors = [
            np.abs(
                255 * waves @ series.closed_form(s / 255, found.period, found.terms) - d * np.exp(-0.5 * (d / s) ** 2)
            )
            for s in np.geomspace(least, most, 33)
        ]
        sigma = np.tile(np.linspace(least, most, gray.shape[1], dtype=np.float32), (gray.shape[0], 1))
        options = {"levels": 4, "value_range": (0, 255), "threads": 2}
        times = Scale().measure(
            {
                "map": functools.partial(filters.local_laplacian, gray, sigma, **options),
                "number": functools.partial(filters.local_laplacian, gray, SIGMA, terms=4, **options),
            }
        )
        case: Row = {
            "sigma": f"{least:g} to {most:g}",
            "terms": found.terms,
            "time over 4 terms": times.ratio("map", "number"),
        }
        rows.append(case | judged(float(np.max(errors)), 0.5, 0.2, larger=False))
    return Table("maps: largest error of a remapped value, any difference and sigma, gray values of 255", rows)


def methods() -> Table:
    """Time Fourier and interpolation at equal accuracy, over the size of sigma: where one had better switch."""
    gray = photograph(1024, 1024)
    options: dict[str, Any] = {"levels": 4, "value_range": (0, 255), "threads": 2}
    rows = []
    for sigma in (1.0, 3.0, 8.0, 15.0, 30.0, 60.0):
        wanted = -20 * math.log10(0.05 * sigma / 255)  # an error of a twentieth of sigma
        runs: dict[str, Run] = {
            method: functools.partial(filters.local_laplacian, gray, sigma, method=method, accuracy=wanted, **options)
            for method in ("fourier", "interpolated")
        }
        times = Scale().measure(runs)
        row: Row = {"sigma of 255": sigma, "accuracy, dB": wanted}
        rows.append(row | {f"{method} ns/px": nanoseconds(times, method, gray) for method in runs})
    return Table("time of the methods at equal expected accuracy, gray float32 1024x1024, 4 levels, 2 threads", rows)


_IN_A_PROCESS_OF_ITS_OWN = """
import resource, numpy as np
from filters import local_laplacian
rng = np.random.default_rng(0)
image = np.repeat(np.repeat(rng.integers(0, 256, (663, 994, 3), np.uint8), 8, 0), 8, 1)
out = np.ones_like(image)
most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = most()
local_laplacian(image, 30.0, terms=4, out=out)
print((most() - before) / (5304 * 7952))
"""


def memory() -> Table:
    """Measure what 42 megapixels take beyond image and result: the largest resident set, of a process of its own."""
    command = [sys.executable, "-c", _IN_A_PROCESS_OF_ITS_OWN]
    taken = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    limit = 4 * (2 + 2 * 4 / 3)
    row: Row = {"image": "RGB uint8 5304x7952, terms=4", **judged(taken, limit, limit / 3, larger=False)}
    return Table("memory beyond image and result, bytes a pixel", [row])


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.local_laplacian", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small images, few rounds: no figures to quote")
    scale = QUICK if parser.parse_args(arguments).quick else Scale()
    print("  ".join(f"{key} {value}" for key, value in machine().items()))
    for table in speed(scale):
        print(table, flush=True)
    print(photographs(scale), flush=True)
    if not scale.quick:
        for measured in (maps, methods, memory):
            print(measured(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
