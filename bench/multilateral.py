"""How fast and how accurate filters with guides are, beside OpenCV and beside what was asked for.

Run with ``python -m bench.multilateral`` on a quiet machine (a quarter of an hour), ``--quick`` for small images,
``--sections exact,guided`` for some. 1024 x 1024; time is the minimum, ratios are medians of those within a round,
both libraries on the same number of threads. ``must`` and ``reach`` are goals; where there are none it is told how it
is. PSNR has a peak of 255, and is of results before rounding but where it compares with OpenCV's.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import skimage
import skimage.data

import dsl
import filters
from bench import command, memory
from bench.paired import Array, Effort, Run, measure
from bench.tables import Row, Table, judged
from bench.weighted import AVX2, Scale, photograph
from filters import reference
from filters._weighted import planning
from schedules import targets

THREADS = (1, 2)
DISC: dict[str, Any] = {"sigma_space": 13 / 3, "radius": 6}
SIGMA = 30.0
EPS = SIGMA**2
#: What is given no goal.
NONE = (None, None)
#: Photographs and textures that scikit-image brings along.
PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "chelsea", "clock", "coffee", "coins", "grass", "gravel", "immunohistochemistry",
    "moon", "rocket",
)  # fmt: skip

Tables = Iterator[Table]
Goal = tuple[float | None, float | None]


# ----------------------------------------------------------------------------------------------------------- images


def images(side: int, dtype: str = "uint8") -> tuple[Array, Array, Array, Array]:
    """Give an image and three guides of one channel: the photograph turned, and others."""
    gray = photograph("astronaut", side, dtype, 1)
    others = (photograph(name, side, dtype, 1) for name in ("coffee", "chelsea"))
    return gray, np.ascontiguousarray(gray[::-1]), *others


def color(side: int, dtype: str = "uint8") -> Array:
    """Give a guide in colour."""
    return np.ascontiguousarray(photograph("astronaut", side, dtype, 3)[::-1])


@functools.cache
def gray(name: str) -> Array:
    """Give a photograph of scikit-image as it is, gray, in float32."""
    found = getattr(skimage.data, name)()
    found = cv2.cvtColor(found, cv2.COLOR_RGB2GRAY) if found.ndim == 3 else found
    return np.ascontiguousarray(found, np.float32)


@functools.cache
def other(name: str) -> Array:
    """Give another photograph of the same size: the next one."""
    height, width = gray(name).shape
    following = PHOTOGRAPHS[(PHOTOGRAPHS.index(name) + 1) % len(PHOTOGRAPHS)]
    found: Array = cv2.resize(gray(following), (width, height), interpolation=cv2.INTER_AREA)
    return found


# ------------------------------------------------------------------------------------------------------------- speed


@dataclass(frozen=True)
class Case:
    """A filter and its peer.

    Attributes
    ----------
    name : str
        For people.
    ours : function
        From where the result is written, and the threads.
    theirs : function
        OpenCV, which has been told the threads.
    like : array
        Of the result's shape and dtype.
    goal : pair of float
        How many times faster it must be, and should reach.
    """

    name: str
    ours: Callable[[Array, int], Any]
    theirs: Callable[[], Any]
    like: Array
    goal: Goal = NONE


def beside(cases: Sequence[Case], scale: Scale, *, compared: bool = False) -> Iterator[Row]:
    """Measure cases, interleaved with their peers; and how far results are from theirs, if they should be the same."""
    for case, threads in itertools.product(cases, THREADS):
        cv2.setNumThreads(threads)
        out = np.empty_like(case.like)
        runs: dict[str, Run] = {"ours": functools.partial(case.ours, out, threads), "theirs": case.theirs}
        times = measure(runs, scale.effort)
        row: Row = {"": case.name, "threads": threads}
        row |= {"ms": 1e3 * times.best("ours"), "peer ms": 1e3 * times.best("theirs")}
        if compared:
            inner = np.s_[scale.side // 4 : -scale.side // 4]
            row["dB to the peer"] = reference.psnr(out[inner, inner], case.theirs()[inner, inner], 255)
        yield row | judged(times.ratio("theirs", "ours"), *case.goal)


def exact(scale: Scale) -> Tables:
    """Products of Gaussians in registers, against OpenCV's average by one guide."""
    by = {dtype: images(scale.side, dtype) for dtype in ("uint8", "float32")}

    def case(name: str, dtype: str, guides: Sequence[Array], peer: Array, goal: Goal = NONE, **options: Any) -> Case:
        image = by[dtype][0]

        def ours(out: Array, threads: int) -> Any:
            return filters.multilateral(
                image, guides, **DISC, sigma_range=SIGMA, method="exact", out=out, threads=threads, **options
            )

        def theirs() -> Any:
            return cv2.ximgproc.jointBilateralFilter(peer, image, 13, SIGMA, 13 / 3)

        return Case(name, ours, theirs, image, goal)

    cases = []
    for dtype, goal in (("uint8", (8.0, 14.0)), ("float32", NONE)):
        _, first, second, third = by[dtype]
        colored = color(scale.side, dtype)
        cases += [
            case(f"{dtype}, two gray guides", dtype, [first, second], first, goal),
            case(f"{dtype}, three gray guides", dtype, [first, second, third], first),
            case(f"{dtype}, a colour and a gray guide", dtype, [colored, second], colored),
        ]
    _, first, second, _ = by["uint8"]
    if targets.features(targets.resolve(AVX2)) <= targets.features(targets.host()):
        cases.append(case("uint8, two gray guides, AVX2 only", "uint8", [first, second], first, target=AVX2))
    yield Table(
        "method='exact', 113 taps: times faster than cv2.ximgproc.jointBilateralFilter(d=13) with one guide",
        list(beside(cases, scale)),
        ("OpenCV has one guide, the first of ours; distances of colours are its own (L1), ours Euclid's",),
    )


def guided(scale: Scale) -> Tables:
    """The guided filter, against OpenCV's."""
    cases, small = [], []
    for dtype in ("uint8", "float32"):
        image, first, _, _ = images(scale.side, dtype)
        colors = photograph("astronaut", scale.side, dtype, 3)
        pairs = {
            "gray by gray": (image, first),
            "gray by itself": (image, image),
            "gray by colour": (image, color(scale.side, dtype)),
            "colour by gray": (colors, first),
            "colour by colour": (colors, color(scale.side, dtype)),
        }
        for name, (picture, guide) in pairs.items():
            cases.append(_guided_case(f"{dtype}, {name}, radius 8", picture, guide, 8))
        for radius in (8, 32):
            small.append(_guided_case(f"{dtype}, gray by gray, radius {radius}", image, first, radius, 4))
        small.append(_guided_case(f"{dtype}, gray by colour, radius 32", image, color(scale.side, dtype), 32, 4))
    yield Table("guided: times faster than cv2.ximgproc.guidedFilter", list(beside(cases, scale, compared=True)))
    yield Table(
        "guided, subsample=4: times faster than cv2.ximgproc.guidedFilter(scale=0.25)",
        list(beside(small, scale)),
        ("not the same pixels: OpenCV resamples in its own way, subsample halves twice by a binomial filter",),
    )
    yield _by_radius(
        "guided, gray by gray",
        scale,
        (4, 8, 32, 128),
        NONE,
        lambda image, guides, radius, **options: filters.guided(image, guides[0], radius=radius, eps=EPS, **options),
    )


def _guided_case(name: str, image: Array, guide: Array, radius: int, subsample: int = 1) -> Case:
    fast = {"scale": 1 / subsample} if subsample > 1 else {}

    def theirs() -> Any:
        return cv2.ximgproc.guidedFilter(guide, image, radius, EPS, **fast)

    def ours(out: Array, threads: int) -> Any:
        return filters.guided(image, guide, radius=radius, eps=EPS, subsample=subsample, out=out, threads=threads)

    return Case(name, ours, theirs, image)


def _by_radius(title: str, scale: Scale, radii: Sequence[int], goal: Goal, run: Callable[..., Any]) -> Table:
    """Measure the time at some radii, and that at 32 over that at 4."""
    rows = []
    for dtype, threads in itertools.product(("uint8", "float32"), THREADS):
        image, *guides = images(scale.side, dtype)
        out = np.empty_like(image)
        runs = {f"{r}": functools.partial(run, image, guides, r, out=out, threads=threads) for r in radii}
        times = measure(runs, scale.effort)
        row: Row = {"": dtype, "threads": threads, **{f"r={r}, ms": 1e3 * times.best(f"{r}") for r in radii}}
        rows.append(row | judged(times.ratio("32", "4"), *goal, larger=False))
    return Table(f"{title}: time by radius; measured: radius 32 over radius 4", rows)


def at_levels(image: Array, guides: Sequence[Array], radius: int, **options: Any) -> Array:
    """Filter by the decomposition; all guides but the first are extra, or all."""
    common: dict[str, Any] = {"sigma_space": radius / 1.5, "sigma_range": SIGMA, "radius": radius}
    return filters.multilateral(image, guides, **common | {"method": "decomposed", "base": "guided"} | options)


def decomposed(scale: Scale) -> Tables:
    """One extra guide by the guided base, against nine guided filters of OpenCV."""
    cases = []
    for dtype, goal in (("uint8", (4.0, 8.0)), ("float32", NONE)):
        image, first, second, _ = images(scale.side, dtype)
        for name, guide in (("gray", first), ("by colour", color(scale.side, dtype))):

            def ours(out: Array, threads: int, image: Array = image, guides: Any = (guide, second)) -> Any:
                return at_levels(image, guides, 8, guide_levels=8, out=out, threads=threads)

            def theirs(image: Array = image, guide: Array = guide) -> Any:
                return [cv2.ximgproc.guidedFilter(guide, image, 8, EPS) for _ in range(9)]

            cases.append(Case(f"{dtype}, {name}", ours, theirs, image, goal if name == "gray" else NONE))
    yield Table(
        "base='guided', radius 8, an extra gray guide of 8 levels: times faster than 9 x cv2.ximgproc.guidedFilter",
        list(beside(cases, scale)),
    )
    yield _by_radius(
        "the same",
        scale,
        (4, 8, 16, 32),
        (1.15, 1.05),
        lambda image, guides, radius, **options: at_levels(image, guides[:2], radius, guide_levels=8, **options),
    )
    yield Table("the same: time by number of levels", list(_by_levels(scale)))


def _by_levels(scale: Scale) -> Iterator[Row]:
    for dtype, threads in itertools.product(("uint8", "float32"), THREADS):
        image, *guides = images(scale.side, dtype)
        common: dict[str, Any] = {"out": np.empty_like(image), "threads": threads}
        runs: dict[str, Run] = {
            f"{levels}": functools.partial(at_levels, image, guides[:2], 8, guide_levels=levels, **common)
            for levels in (4, 8, 16)
        }
        runs["guided"] = functools.partial(filters.guided, image, guides[0], radius=8, eps=EPS, **common)
        times = measure(runs, scale.effort)
        row: Row = {"": dtype, "threads": threads, "guided alone, ms": 1e3 * times.best("guided")}
        row |= {f"{levels} levels, ms": 1e3 * times.best(f"{levels}") for levels in (4, 8, 16)}
        yield row | {"a level over guided": times.ratio("16", "guided") / 16}


# ---------------------------------------------------------------------------------------------------------- accuracy


def accuracy(scale: Scale) -> Tables:
    """Levels against exact weights; exact weights of bytes against float64."""
    yield Table(
        f"float32, decomposed against exact, 113 taps, {len(PHOTOGRAPHS)} photographs: least PSNR, and the mean",
        list(_levels_accuracy(scale)),
        (
            "the image is its own first guide, the other is another photograph; levels are equally far apart",
            "(what they reach chosen by the histogram, as many, is told beside it)",
        ),
    )
    yield Table(
        "uint8, method='exact' against float64, crops of the photographs: least PSNR, and the mean",
        list(_bytes_accuracy(scale)),
        ("whole and fractional part are written apart, for results are told before rounding",),
    )


def _levels_accuracy(scale: Scale) -> Iterator[Row]:
    goals = {1.0: (50.0, 55.0), 0.5: (60.0, 68.0)}
    bases = {"joint_bilateral": 1, "gaussian, one guide": 0, "gaussian": 0}
    for (base, kept), sigma, (step, goal) in itertools.product(bases.items(), (15.0, 30.0, 60.0), goals.items()):
        if scale.side < 1024 and (base == "gaussian" or sigma != SIGMA):
            continue  # in a hurry
        found, spread = [], []
        for name in PHOTOGRAPHS:
            image = gray(name)
            guides = [other(name)] if base.endswith("one guide") else [image, other(name)]
            options: dict[str, Any] = {**DISC, "sigma_range": sigma}
            wanted = filters.multilateral(image, guides, method="exact", **options)
            equal = [_equal_levels(guide, step * sigma) for guide in guides[kept:]]
            options |= {"base": base.partition(",")[0], "method": "decomposed"}
            for results, levels in ((found, equal), (spread, [len(values) for values in equal])):
                result = filters.multilateral(image, guides, guide_levels=levels, **options)
                results.append(reference.psnr(result, wanted, 255))
        row: Row = {"base": base, "sigma": sigma, "step": f"{step:g} sigma", "mean dB": float(np.mean(found))}
        row |= {"by histogram": min(spread), "by histogram, mean": float(np.mean(spread))}
        yield row | judged(min(found), *(goal if kept else NONE))


def _equal_levels(guide: Array, step: float) -> Array:
    """Spread levels over a guide's range, at most a step apart."""
    low, high = float(guide.min()), float(guide.max())
    return np.linspace(low, high, max(math.ceil((high - low) / step) + 1, 2))


@dsl.filter
def parted(
    image: dsl.Image, guide: dsl.Image, other: dsl.Image, radius: dsl.Scalar, taps: dsl.Table, scales: dsl.Table
) -> tuple[dsl.Image, dsl.Image]:
    """The average by two guides, and 256 times what bytes leave of it."""
    near = dsl.taps(taps, radius)
    d = scales[0] * dsl.distance(guide[near], guide, "l2")
    e = scales[1] * dsl.distance(other[near], other, "l2")
    mean = dsl.weighted_mean(image[near], dsl.exp(-0.5 * (d * d + e * e)))
    whole = dsl.floor(mean)
    return whole, 256 * (mean - whole)


def _bytes_accuracy(scale: Scale) -> Iterator[Row]:
    kernel = planning.disc(DISC["radius"], DISC["sigma_space"])
    side = 64 if scale.side < 1024 else 192
    known = {"this machine": targets.host(), "AVX2": targets.resolve(AVX2)}
    for (machine, target), sigma in itertools.product(known.items(), (5.0, 10.0, 30.0, 60.0, 100.0)):
        if targets.tables_in_registers(target) is None or not targets.features(target) <= targets.features(
            targets.host()
        ):
            continue
        found = []
        for name in PHOTOGRAPHS:
            crops = [np.rint(each[:side, :side]).astype(np.uint8) for each in (gray(name), gray(name), other(name))]
            whole, rest = parted.run(
                crops, (float(kernel.radius),), (kernel.taps, np.full(2, 1 / sigma, np.float32)),
                choices=(("mean", "bytes"),), target=target,
            )  # fmt: skip
            wanted = reference.multilateral(crops[0], crops[1:], sigma_range=sigma, **DISC)
            found.append(reference.psnr(whole + rest / 256, wanted, 255))
        yield {"": machine, "sigma": sigma, "mean dB": float(np.mean(found))} | judged(min(found), *NONE)


# ------------------------------------------------------------------------------------------------- two extra guides


def two_extra(scale: Scale) -> Tables:
    """Two guides by 6 x 6 levels, against exact weights of as many guides."""
    every = (4, 6, 9, 12, 16, 20, 25, 32, 40, 50)
    cases = {"gaussian": every, "guided": every, "joint_bilateral": (4, 6)}
    for base, radii in cases.items():
        chosen = radii if scale.side >= 1024 else radii[:3]
        part = replace(scale, side=scale.side // 2) if base == "joint_bilateral" else scale
        rows = [_crossing(part, base, chosen, *each) for each in itertools.product(("uint8", "float32"), THREADS)]
        guides = "two gray guides" if base == "gaussian" else "a gray guide, and two more"
        yield Table(
            f"base={base!r}, {guides} of 6 levels each, {part.side}^2: ms of levels / ms of exact weights",
            rows,
            (
                "measured: the first of the radii from which on levels are faster at all that follow, if any is",
                *_HONESTLY.get(base, ()),
            ),
        )


_HONESTLY = {
    "guided": ("exact weights do not the same: they have a Gaussian of the first guide, not lines",),
    "joint_bilateral": (
        "both grow with the taps, and levels are 36: there is no such radius, and 'auto' never takes it",
    ),
}


def _crossing(scale: Scale, base: str, radii: Sequence[int], dtype: str, threads: int) -> Row:
    image, *guides = images(scale.side, dtype)
    given = guides[: 2 if base == "gaussian" else 3]
    common: dict[str, Any] = {"out": np.empty_like(image), "threads": threads}
    row: Row = {"": dtype, "threads": threads}
    faster = []
    for radius in radii:
        runs: dict[str, Run] = {
            "levels": functools.partial(at_levels, image, given, radius, base=base, guide_levels=6, **common),
            "exact": functools.partial(
                at_levels, image, given, radius, method="exact", base="joint_bilateral", **common
            ),
        }
        times = measure(runs, scale.effort)
        row[f"r={radius}"] = f"{1e3 * times.best('levels'):.0f} / {1e3 * times.best('exact'):.1f}"
        faster.append(times.ratio("levels", "exact") < 1)
    first = next((r for i, r in enumerate(radii) if all(faster[i:])), math.inf)
    return row | judged(first, 12.0, 6.0, larger=False)


# ------------------------------------------------------------------------------------------------------------ memory


def peak(scale: Scale) -> Tables:
    """The largest memory of one call beside its images."""
    rows: list[Row] = []
    for dtype, levels, threads in itertools.product(("float32", "uint8"), (8, 32), THREADS):
        found = memory.in_a_process("multilateral", levels, scale.side, dtype, threads) / (4 * scale.side**2)
        rows.append({"": dtype, "levels": levels, "threads": threads} | judged(found, 12.0, 6.0, larger=False))
    yield Table(
        f"base='guided', an extra guide, {scale.side}^2: peak memory beside images and result, in float32 images",
        rows,
        ("in a process of its own each, after a call with a small image",),
    )


# ----------------------------------------------------------------------------------------------------------- command


SECTIONS: dict[str, Callable[[Scale], Tables]] = {
    "exact": exact,
    "guided": guided,
    "decomposed": decomposed,
    "accuracy": accuracy,
    "two_extra": two_extra,
    "memory": peak,
}


if __name__ == "__main__":
    scales = Scale(1024, Effort(0.6, 3, 40)), Scale(160, Effort(0.01, 2, 3))
    versions = {"target": targets.host(), "OpenCV": cv2.__version__, "scikit-image": skimage.__version__}
    command.run("bench.multilateral", __doc__, SECTIONS, *scales, beside=versions)
