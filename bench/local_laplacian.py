"""How fast and how accurate local Laplacian filtering is, beside what was asked for.

Run with ``python -m bench.local_laplacian`` on a quiet machine (two minutes), ``--quick`` for small images, few rounds.
Times are told in those of cv2.boxFilter, float32 radius 30 on 2048 x 2048 pixels, in the same run: the peers were
measured elsewhere, in the same unit.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

import filters
from bench import accuracy, peers
from bench.convolution import QUICK, Scale, machine, nanoseconds
from bench.paired import Array, Run, Times
from bench.report import Row, Table, judged
from filters import reference

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
    """Measure accuracy against the exact filter on photographs, float32."""
    goals = {2: (44.0, 46.0), 3: (52.0, 54.0), 4: (61.0, 64.0), 6: (80.0, 88.0)}
    images = [image[:400, :400] for image in accuracy.photographs("float32")][: 1 if scale.quick else None]
    options = {"levels": 4, "value_range": (0, 255)}
    exact = [reference.local_laplacian(image, SIGMA, 1.0, levels=4, value_range=(0, 255)) for image in images]
    rows = []
    for terms, goal in goals.items():
        results = [filters.local_laplacian(image, SIGMA, 1.0, terms=terms, **options) for image in images]
        reached = min(reference.psnr(r, e, 255) for r, e in zip(results, exact, strict=True))
        rows.append({"terms": terms, **judged(reached, *goal)})
    return Table("sigma 30, detail 1, 4 levels: PSNR on photographs against the exact filter, the worst, dB", rows)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.local_laplacian", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small images, few rounds: no figures to quote")
    scale = QUICK if parser.parse_args(arguments).quick else Scale()
    print("  ".join(f"{key} {value}" for key, value in machine().items()))
    for table in speed(scale):
        print(table, flush=True)
    print(photographs(scale))


if __name__ == "__main__":
    main(sys.argv[1:])
