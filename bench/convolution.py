"""How fast and how accurate convolution is, beside other libraries and beside what was asked for.

Run with ``python -m bench.convolution`` on a quiet machine (some twenty minutes), ``--quick`` for small images and few
rounds, which shows that all of it works but no figures to quote. ``must`` and ``reach`` are goals. "Times faster"
are medians of ratios within rounds (``bench.paired``), nanoseconds a pixel are minima.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import filters
from bench import accuracy, peers
from bench.command import machine
from bench.paired import Array, Effort, Run, Times, calibrate, measure
from bench.peers import OURS, Peer, Setting
from bench.tables import Row, Table, judged
from schedules import Schedule

THREADS = (1, 2)
DTYPES = ("float32", "uint8")
BUCKETS = (55, 65, 75)
COPIES = "method='sliding' refuses NaN, so it writes float32 results elsewhere first, and copies them into out="
RIVALS = ("libvips", "cv2.stackBlur", "zignal")


@dataclass(frozen=True)
class Scale:
    """How large images are and how often contenders run."""

    sizes: tuple[int, int] = (2048, 4096)
    effort: Effort = field(default=Effort(seconds=0.5, least=3, most=200))
    quick: bool = False

    def some(self, values: Sequence[float]) -> Sequence[float]:
        """Give all values, or the first and the middle one when in a hurry."""
        return (values[0], values[len(values) // 2]) if self.quick else values

    def measure(self, runs: Mapping[str, Run]) -> Times:
        """Time contenders beside each other."""
        return measure(runs, self.effort)


QUICK = Scale((256, 512), Effort(seconds=0.02, least=2, most=3), quick=True)
Tables = Iterator[Table]


def noise(shape: tuple[int, ...], dtype: str) -> tuple[Array, Array]:
    """Give an image of uniform noise, 0 to 255, and a place for results."""
    image = np.random.default_rng(0).uniform(0, 255, shape).astype(dtype)
    return image, np.empty_like(image)


def ours(image: Array, out: Array, sigma: float, threads: int, **options: Any) -> Run:
    """Give our Gaussian with 3 terms."""
    return functools.partial(filters.gaussian, image, sigma, out=out, threads=threads, **options)


def six_sigma_blur(sigma: float) -> Setting:
    """Give cv2.GaussianBlur with the taps that its speed is quoted for."""
    return peers.gaussian_blur(sigma, peers.six_sigma(sigma))


def nanoseconds(times: Times, name: str, image: Array) -> float:
    """Give the minimum time of a pixel."""
    pixels: int = image.shape[0] * image.shape[1]
    return 1e9 * times.best(name) / pixels


def pair(times: Times, image: Array, mine: str, other: str) -> Row:
    """Give the columns of a row about two contenders."""
    return {"ns/px": nanoseconds(times, mine, image), "peer ns/px": nanoseconds(times, other, image)}


# -------------------------------------------------------------------------------------------------------- sections


def box(scale: Scale) -> Tables:
    """1. float32 gray, 3 terms, against cv2.boxFilter of radius 30."""
    sigmas = (2, 5, 10, 20, 50)
    goals = {1: (1.3, 1.1, 2.2), 2: (1.8, 1.4, 3.5)}
    rows = []
    for size in scale.sizes:
        image, out = noise((size, size), "float32")
        for threads in THREADS:
            runs: dict[str, Run] = {f"{s}": ours(image, out, s, threads, terms=3) for s in sigmas}
            runs["box"] = peers.box_filter(30).bind(image, out, threads)
            times = scale.measure(runs)
            near, far, reach = goals[threads]
            for s in sigmas:
                goal = judged(times.ratio("box", f"{s}"), near if s <= 20 else far, reach)
                rows.append({"size": size, "threads": threads, "sigma": s, **pair(times, image, f"{s}", "box"), **goal})
    yield Table(
        "float32 gray, terms=3: times faster than cv2.boxFilter float32 radius 30",
        rows,
        ("the box filter has one thread whatever it is given",),
    )


def rivals(scale: Scale) -> Tables:
    """2. uint8 and float32 gray against libvips, stackBlur, zignal and cv2.GaussianBlur, by accuracy."""
    sigmas = (0.5, 1, 2, 3, 5, 10, 20, 50, 100)
    for dtype in DTYPES:
        rows = [
            _bucket(scale, dtype, sigma, threads, bucket)
            for sigma in scale.some(sigmas)
            for bucket in BUCKETS
            if dtype != "uint8" or bucket < accuracy.ROUNDING
            for threads in THREADS
        ]
        yield Table(
            f"{dtype} gray, {scale.sizes[0]}^2: the fastest setting of each library that reaches an accuracy, ns/px",
            rows,
            (
                f"measured: times faster than the fastest of {', '.join(RIVALS)}; none if none of them gets there",
                "a library that does not get there is shown with the best PSNR of all its settings",
                f"uint8 results are rounded, which leaves {accuracy.ROUNDING:.1f} dB: nobody can reach more",
            ),
        )
        yield _accuracies(scale.some((1, 5, 20)), dtype)


def _bucket(scale: Scale, dtype: str, sigma: float, threads: int, bucket: int) -> Row:
    image, out = noise((scale.sizes[0], scale.sizes[0]), dtype)
    others = [peer for peer in peers.rivals() if dtype in peer.dtypes]
    settings = {p.name: accuracy.reaching(p, sigma, dtype, bucket) for p in (OURS, *others)}
    runs = {
        f"{name} {setting.label}": setting.bind(image, out, threads)
        for name, found in settings.items()
        for setting in found
    }
    times = scale.measure(runs)
    fastest = {
        name: min((f"{name} {setting.label}" for setting in found), key=times.middle)
        for name, found in settings.items()
        if found
    }
    row: Row = {"sigma": sigma, "dB": bucket, "threads": threads}
    for peer in (OURS, *others):
        name = fastest.get(peer.name)
        if name is None:
            row[peer.name] = f"({accuracy.most_accurate(peer, sigma, dtype)[0]:.1f} dB)"
        else:
            row[peer.name] = f"{nanoseconds(times, name, image):.2f}{name.removeprefix(peer.name)}"

    def faster(names: Sequence[str]) -> float:
        if OURS.name not in fastest:
            return 0.0
        present = [fastest[name] for name in names if name in fastest]
        return min((times.ratio(name, fastest[OURS.name]) for name in present), default=math.inf)

    row["over cv2"] = faster(["cv2.GaussianBlur"])
    return row | judged(faster(RIVALS), 1.0 if sigma >= 3 and bucket == BUCKETS[0] else None, 1.0)


def _accuracies(sigmas: Sequence[float], dtype: str) -> Table:
    rows = []
    for peer in (OURS, *peers.rivals()):
        if dtype in peer.dtypes:
            best = [accuracy.most_accurate(peer, sigma, dtype) for sigma in sigmas]
            cells = [f"{decibels:.1f} {setting.label}" for decibels, setting in best]
            rows.append({"sigma": peer.name} | {f"{s:g}": cell for s, cell in zip(sigmas, cells, strict=True)})
    return Table(f"{dtype} gray: the most accurate setting of each library, dB", rows)


def authors(scale: Scale) -> Tables:
    """3. Against the SlidingConv authors' code."""
    image, out = noise((scale.sizes[0], scale.sizes[0]), "float32")
    sigmas = (2, 5, 10, 17)
    runs: dict[str, Run] = {f"{s}": ours(image, out, s, 2, terms=3) for s in sigmas}
    runs["box"] = peers.box_filter(30).bind(image, out, 2)
    times = scale.measure(runs)
    rows = [{"sigma": s, **judged(1.33 * times.ratio("box", f"{s}"), 2.4, 4.0)} for s in sigmas]
    yield Table(
        "float32 gray, terms=3, 2 threads: times faster than the SlidingConv authors' C++",
        rows,
        (
            "derived: their code (DCT-5, K=3, float32, sigma 2 to 17) was measured elsewhere, at 1.33 times the time",
            "of cv2.boxFilter float32 radius 30 beside it, with 2 threads; here it is 1.33 times cv2.boxFilter's time",
        ),
    )


def gaussian_blur(scale: Scale) -> Tables:
    """4. Against cv2.GaussianBlur with 6 sigma + 1 taps."""
    goals = {
        ("float32", 1): {5: (2.5, 4.0), 10: (5.0, 9.0), 20: (13.0, 25.0), 50: (45.0, 100.0)},
        ("uint8", 1): {5: (2.5, 5.0), 10: (6.0, 12.0), 20: (16.0, 30.0)},
        ("uint8", 3): {5: (2.0, 4.0), 10: (5.0, 10.0), 20: (13.0, 25.0)},
    }
    for (dtype, channels), by_sigma in goals.items():
        rows = []
        for size in scale.sizes:
            image, out = noise((size, size) if channels == 1 else (size, size, channels), dtype)
            for threads in THREADS:
                for sigma, goal in by_sigma.items():
                    peer = six_sigma_blur(sigma)
                    runs = {"ours": ours(image, out, sigma, threads), "peer": peer.bind(image, out, threads)}
                    times = scale.measure(runs)
                    case: Row = {"size": size, "threads": threads, "sigma": sigma, **pair(times, image, "ours", "peer")}
                    rows.append(case | judged(times.ratio("peer", "ours"), *goal))
        kind = f"{dtype} {'gray' if channels == 1 else 'RGB interleaved'}"
        yield Table(f"{kind}: times faster than cv2.GaussianBlur with 6 sigma + 1 taps", rows)


def flatness(scale: Scale) -> Tables:
    """5. How much the time depends on sigma."""
    image, out = noise((scale.sizes[1], scale.sizes[1]), "float32")
    sigmas = (2, 3, 5, 7, 10, 15, 20, 30, 40, 50)
    rows = []
    for method in ("auto", "sliding"):
        for threads in THREADS:
            times = scale.measure({f"{s}": ours(image, out, s, threads, method=method) for s in sigmas})
            each = {f"{s}": nanoseconds(times, f"{s}", image) for s in sigmas}
            case = {"method": method, "threads": threads, **each}
            rows.append(case | judged(max(each.values()) / min(each.values()), 1.35, 1.10, larger=False))
    title = f"float32 gray, {scale.sizes[1]}^2: ns/px by sigma; the largest over the smallest"
    yield Table(title, rows, (COPIES,))


def chunks(scale: Scale) -> Tables:
    """6. What cutting an image into 16 chunks costs."""
    size = scale.sizes[1]
    image, out = noise((size, size), "float32")
    schedules = {"16 chunks": Schedule({"chunk": size // 16}), "1 chunk": Schedule({"chunk": size})}
    blurs = {name: ours(image, out, 50, 1, schedule=chosen) for name, chosen in schedules.items()}
    times = scale.measure(blurs)
    many, one = (np.array(blur()) for blur in blurs.values())
    row = {
        "16 ns/px": nanoseconds(times, "16 chunks", image),
        "1 ns/px": nanoseconds(times, "1 chunk", image),
        "same bits": "yes" if np.array_equal(many, one) else "no",
    }
    row |= judged(times.ratio("16 chunks", "1 chunk"), 1.25, 1.05, larger=False)
    yield Table(
        f"float32 gray, {size}^2, sigma 50, 1 thread: time with 16 chunks over time with one",
        [row],
        ("a lowering that does not know the choice 'chunk' ignores it: same bits, and a ratio of 1",),
    )


def sizes(scale: Scale) -> Tables:
    """7. Small images beside large ones."""
    shapes = ((224, 224), (480, 640), (1080, 1920), (scale.sizes[0], scale.sizes[0]))
    rows = []
    for dtype in DTYPES:
        images = {f"{w}x{h}": noise((h, w), dtype) for h, w in shapes}
        for threads in THREADS:
            for sigma in (2, 10, 20):
                runs: dict[str, Run] = {name: ours(*arrays, sigma, threads) for name, arrays in images.items()}
                setting = six_sigma_blur(sigma)
                runs |= {f"cv2 {name}": setting.bind(*arrays, threads) for name, arrays in images.items()}
                times = scale.measure(runs)
                case: Row = {"dtype": dtype, "threads": threads, "sigma": sigma}
                rows.append(case | {n: nanoseconds(times, n, images[n.removeprefix("cv2 ")][0]) for n in runs})
    yield Table("gray: ns/px by size, and those of cv2.GaussianBlur with 6 sigma + 1 taps", rows)


def auto(scale: Scale) -> Tables:
    """8. What ``method="auto"`` chooses, against the alternatives."""
    rows = []
    for dtype in DTYPES:
        image, out = noise((scale.sizes[0], scale.sizes[0]), dtype)
        for threads in THREADS:
            for sigma in (0.5, 0.7, 1, 1.3, 1.6, 2, 2.5, 3):
                runs = {m: ours(image, out, sigma, threads, method=m) for m in ("auto", "fir", "sliding")}
                runs["cv2"] = six_sigma_blur(sigma).bind(image, out, threads)
                times = scale.measure(runs)
                case: Row = {
                    "dtype": dtype,
                    "threads": threads,
                    "sigma": sigma,
                    "ns/px": nanoseconds(times, "auto", image),
                }
                over = {f"over {other}": times.ratio("auto", other) for other in ("fir", "sliding", "cv2")}
                worst = max(over["over fir"], over["over cv2"])
                rows.append(case | over | judged(worst, 1.05, 1.0, larger=False))
    yield Table(
        "gray: time of method='auto' over that of fir, sliding and cv2.GaussianBlur (6 sigma + 1 taps)",
        rows,
        ("measured: over the better of fir and cv2", COPIES),
    )


def unsharp(scale: Scale) -> Tables:
    """9. Unsharp masking against the blur in it."""
    rows = []
    for size in scale.sizes:
        for dtype in DTYPES:
            image, out = noise((size, size), dtype)
            for threads in THREADS:
                for sigma in (2, 5, 20):
                    sharpen = functools.partial(filters.unsharp, image, sigma, 0.7, out=out, threads=threads)
                    times = scale.measure({"unsharp": sharpen, "blur": ours(image, out, sigma, threads)})
                    case: Row = {"size": size, "dtype": dtype, "threads": threads, "sigma": sigma}
                    case |= {f"{n} ns/px": nanoseconds(times, n, image) for n in ("unsharp", "blur")}
                    rows.append(case | judged(times.ratio("unsharp", "blur"), 1.15, 1.05, larger=False))
    yield Table("gray: time of unsharp over that of the blur alone", rows)


def photographs(scale: Scale) -> Tables:
    """10. Accuracy on photographs, and drift."""
    goals = {3: (75.0, 80.0), 4: (90.0, 96.0), 5: (103.0, 110.0)}
    sigmas = scale.some((2, 3, 4, 5, 7, 10, 14, 20, 28, 35, 50))
    rows = []
    for terms, goal in goals.items():
        each = {f"{sigma}": accuracy.of_terms(sigma, terms) for sigma in sigmas}
        rows.append({"terms": terms, **each, **judged(min(each.values()), *goal)})
    yield Table(
        "float32 gray photographs: PSNR by sigma, dB, the worst of the photographs, peak 255",
        rows,
        ("against float64 direct convolution (to 9 sigma), method='sliding', border included",),
    )
    yield _drift(scale)


def _drift(scale: Scale) -> Table:
    length = 2048 if scale.quick else 8192
    widest = {3: 144, 4: 128, 5: 116}  # a radius of about 500
    rows = []
    for terms, most in widest.items():
        for sigma in scale.some((5, 20, 60, most)):
            for axis, along in enumerate(("columns", "rows")):
                radius, decibels = accuracy.drift(sigma, terms, axis, length)
                case = {"terms": terms, "sigma": sigma, "radius": radius, "along": along}
                rows.append(case | judged(decibels, 115.0, 125.0))
    return Table(
        f"float32: drift over {length} pixels, dB, against the same cosine kernel in float64",
        rows,
        ("the kernel is read off an impulse response; the worse of uniform noise and a photograph, 0 to 255",),
    )


def information(scale: Scale) -> Tables:
    """11. Colour against gray, and common libraries that are no rivals."""
    size = scale.sizes[0]
    gray, colour = (noise(shape, "float32") for shape in ((size, size), (size, size, 3)))
    rows: list[Row] = []
    for threads in THREADS:
        for sigma in (1, 5, 20):
            runs = {"gray": ours(*gray, sigma, threads), "colour": ours(*colour, sigma, threads)}
            times = scale.measure(runs)
            case: Row = {"threads": threads, "sigma": sigma, "gray ns/px": nanoseconds(times, "gray", gray[0])}
            case["RGB ns/px"] = nanoseconds(times, "colour", colour[0])
            rows.append(case | {"a channel, over gray": times.ratio("colour", "gray") / 3})
    yield Table("float32: RGB interleaved beside gray", rows)
    found = [peer for name, peer in peers.load()[0].items() if name in peers.INFORMATION]
    yield Table(
        f"gray, {scale.sizes[0] // 2}^2, 1 thread: libraries for information; times faster, ns/px and dB",
        [_beside(scale, peer, dtype, sigma) for peer in found for dtype in peer.dtypes for sigma in (2, 10)],
    )


def _beside(scale: Scale, peer: Peer, dtype: str, sigma: float) -> Row:
    image, out = noise((scale.sizes[0] // 2, scale.sizes[0] // 2), dtype)
    setting = peer.settings(sigma)[1]
    times = scale.measure({"ours": ours(image, out, sigma, 1), "peer": setting.bind(image, out, 1)})
    row: Row = {"library": peer.name, "dtype": dtype, "sigma": sigma, "setting": setting.label}
    row |= pair(times, image, "ours", "peer") | {"times faster": times.ratio("peer", "ours")}
    return row | {"peer dB": accuracy.accuracy(peer, setting.label, sigma, dtype)}


Section = Callable[[Scale], Tables]
SECTIONS: dict[str, Section] = {
    "box": box,
    "rivals": rivals,
    "authors": authors,
    "cv2": gaussian_blur,
    "flatness": flatness,
    "chunks": chunks,
    "sizes": sizes,
    "auto": auto,
    "unsharp": unsharp,
    "accuracy": photographs,
    "information": information,
}
#: Sections that say nothing without OpenCV.
NEED_OPENCV = ("box", "authors", "cv2", "sizes", "auto")


# --------------------------------------------------------------------------------------------------------- command


def contenders() -> Table:
    """List who takes part, and who is missing."""
    found, missing = peers.load()
    rows: list[Row] = [
        {"peer": p.name, "version": p.version(), "dtypes": " ".join(p.dtypes), "border": p.border, "threads": p.threads}
        for p in (OURS, *found.values())
    ]
    rows += [{"peer": n, "version": "MISSING", "dtypes": "", "border": "", "threads": w} for n, w in missing.items()]
    return Table(
        "contenders",
        rows,
        ("where a border is not reflect101, accuracy is measured away from it: on a padded image, padding cut off",),
    )


def run(names: Sequence[str], scale: Scale) -> Iterator[tuple[str, dict[str, float], list[Table]]]:
    """Run sections: for each its name, the calibration before it, and its tables."""
    for name in names:
        if name in NEED_OPENCV and "OpenCV" in peers.load()[1]:
            yield name, {}, [Table(f"{name}: not run, OpenCV is missing", [])]
        else:
            yield name, calibrate(scale.sizes[0], scale.effort), list(SECTIONS[name](scale))


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.convolution", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small images, few rounds: no figures to quote")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="some of: %(default)s")
    parser.add_argument("--json", type=Path, help="write all of it here too")
    options = parser.parse_args(arguments)
    names = options.sections.split(",")
    if unknown := sorted(set(names) - set(SECTIONS)):
        parser.error(f"no such section: {', '.join(unknown)}")
    first = contenders()
    print("  ".join(f"{key} {value}" for key, value in machine().items()), first, sep="\n")
    if options.quick:
        print("--quick: small images and few rounds, so the verdicts on speed mean nothing\n")
    report: dict[str, Any] = {"machine": machine(), "quick": options.quick, "contenders": first.rows, "sections": {}}
    for name, calibration, tables in run(names, QUICK if options.quick else Scale()):
        print(f"== {name}: " + ", ".join(f"{key} {value:.2f} ns/px" for key, value in calibration.items()))
        print(*tables, sep="\n", flush=True)
        content = [{"title": table.title, "notes": table.notes, "rows": table.rows} for table in tables]
        report["sections"][name] = {"calibration": calibration, "tables": content}
        if options.json:
            options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
