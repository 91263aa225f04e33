"""How fast and how good upsampling is of what was filtered small, beside OpenCV, rivals and what was asked for.

Run with ``python -m bench.upsampling`` on a quiet machine (ten minutes), ``--quick`` for few photographs and rounds,
``--sections speed,quality`` for some. The *honest* protocol runs the filter on the small copy, lengths scaled; the
*oracle* one is given the small copy of the true result. PSNR has a peak of 255 and is of results of bytes.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np

import filters
from bench import command, memory, photographs, slow
from bench.paired import Array, Effort, Run, measure
from bench.tables import Row, Table, judged
from bench.weighted import Scale, photograph
from filters import reference
from schedules import targets

THREADS = (1, 2)
SCALES = (2, 4, 8, 16)
METHODS = ("cubic", "joint_bilateral", "guided", "bilateral_guided", "local_lut")
RIVALS = METHODS[:-1]
#: Resampled sets of photographs, for intervals of means.
_DRAWS = 2000
#: Photographs in a hurry.
_FEW = 3

Tables = Iterator[Table]


# ------------------------------------------------------------------------------------------------------------- speed


def speed(scale: Scale) -> Tables:
    """Upsampling of colour by four times in each direction, beside OpenCV's cubic resampling of as much."""
    source = photograph("astronaut", scale.side, "uint8", 3)
    low = np.asarray(filters.downsample(source, scale=4))
    rows: list[Row] = []
    ways = [(each, "linear") for each in ("gauss16", "linear", "gauss64")] + [("gauss16", "curve")]
    for (interpolation, extrapolation), threads in itertools.product(ways, THREADS):
        cv2.setNumThreads(threads)
        out = np.empty_like(source)
        runs: dict[str, Run] = {
            "ours": functools.partial(
                filters.local_lut_upsample,
                source,
                low,
                255 - low,
                interpolation=interpolation,
                extrapolation=extrapolation,
                out=out,
                threads=threads,
            ),
            "theirs": functools.partial(cv2.resize, low, source.shape[1::-1], interpolation=cv2.INTER_CUBIC),
        }
        times = measure(runs, scale.effort)
        row: Row = {"": interpolation, "beyond": extrapolation, "threads": threads}
        row |= {"ms": 1e3 * times.best("ours"), "cv2 cubic ms": 1e3 * times.best("theirs")}
        goal = (15.0, 8.0) if (interpolation, extrapolation, threads) == ("gauss16", "linear", 2) else (None, None)
        rows.append(row | judged(times.ratio("ours", "theirs"), *goal, larger=False))
    yield Table(f"local LUT, 256 entries, {scale.side}^2 RGB uint8 from a quarter: times cv2.resize's time", rows)


def acceleration(scale: Scale) -> Tables:
    """Five bilateral filters on 4 megapixels of colour: the whole time."""
    image = photograph("astronaut", 2 * scale.side, "uint8", 3)
    fast = filters.accelerate(_bilaterals, 4, scale_parameters={"d": "odd", "sigma_space": "spatial"})
    rows: list[Row] = []
    for threads in THREADS:
        cv2.setNumThreads(threads)
        with filters.config(threads=threads):
            runs = {"whole": functools.partial(_bilaterals, image), "fast": functools.partial(fast, image)}
            times = measure(runs, scale.effort)
        row: Row = {"threads": threads, "f, ms": 1e3 * times.best("whole"), "accelerated, ms": 1e3 * times.best("fast")}
        row["dB"] = reference.psnr(fast(image), _bilaterals(image), 255)
        rows.append(row | judged(times.ratio("whole", "fast"), 12.0, 15.0))
    yield Table(f"accelerate(f, scale=4), f: cv2.bilateralFilter, d=13, five times, {2 * scale.side}^2 RGB", rows)


def _bilaterals(image: Array, d: int = 13, sigma_color: float = 30.0, sigma_space: float = 13 / 3) -> Array:
    for _ in range(5):
        image = cv2.bilateralFilter(image, d, sigma_color, sigma_space)
    return image


# ----------------------------------------------------------------------------------------------------------- quality


def peak(scale: Scale) -> Tables:
    """The largest memory of one call beside source, small pair and result, by the way beyond known entries."""
    rows: list[Row] = []
    for extrapolation, threads in itertools.product(("linear", "curve"), THREADS):
        found = memory.in_a_process("local_lut", extrapolation, scale.side, "uint8", threads) / 1e6
        rows.append({"": extrapolation, "threads": threads} | judged(found, 8.0, None, larger=False))
    notes = ("in a process of its own each, after a call with a small image",)
    yield Table(f"local LUT, {scale.side}^2 RGB uint8 from a quarter: peak memory beside images, in MB", rows, notes)


def identity(scale: Scale) -> Tables:
    """What does nothing, through tables."""
    rows: list[Row] = []
    for size in SCALES:
        found = []
        for name in _names(scale):
            source = photographs.photograph(name)
            low = _small(source, size)
            found.append(reference.psnr(filters.local_lut_upsample(source, low, low), source, 255))
        row: Row = {"scale": size, "mean dB": float(np.mean(found))}
        rows.append(row | judged(min(found), *((60.0, 70.0) if size == 4 else (None, None))))
    yield Table("local LUT of the identity: least PSNR", rows)


def quality(scale: Scale) -> Tables:
    """The honest protocol: per photograph, means, wins and losses."""
    yield from _compared(scale, "honest", (4,) if scale.side < 1024 else SCALES)


def oracle(scale: Scale) -> Tables:
    """The paper's protocol, and GMSD."""
    yield from _compared(scale, "oracle", (4,))


def _compared(scale: Scale, protocol: str, scales: Sequence[int]) -> Tables:
    for size in scales:
        means: list[Row] = []
        tables: list[dict[str, Array]] = []
        for name, function in slow.SLOW.items():
            found = [_one(photo, function, size, protocol) for photo in _names(scale)]
            if size == 4:
                rows = [{"": photo, **each} for photo, (each, _) in zip(_names(scale), found, strict=True)]
                yield Table(f"{protocol}, {name}, scale {size}: PSNR in dB", rows)
            table = {method: np.array([each[method] for each, _ in found]) for method in (*METHODS, "auto")}
            tables.append(table)
            means.append(_row(name, table, float(np.mean([gmsd for _, gmsd in found]))))
        each = {method: np.array([table[method] for table in tables]) for method in tables[0]}
        together = {method: values.mean(axis=0) for method, values in each.items()}
        row = _row(
            "all filters", together, float(np.mean([other["GMSD"] for other in means])), 4.0 if size == 4 else None
        )
        means.append(row | {"auto off": sum(other["auto off"] for other in means)})
        notes = (
            "differences to rivals: mean, 95 % interval of it (paired bootstrap), photographs won",
            "auto off: photographs on which it is more than 0.2 dB below the best of all; GMSD is that of tables",
        )
        yield Table(f"{protocol}, scale {size}: means over {len(_names(scale))} photographs", means, notes)


def _one(photo: str, function: Callable[[Any, float], Any], size: int, protocol: str) -> tuple[Row, float]:
    """Give the PSNR of every method on a photograph, and the GMSD of tables."""
    source = photographs.photograph(photo)
    full, low = function(source, 1.0), _small(source, size)
    filtered = function(low, float(size)) if protocol == "honest" else _small(full, size)
    results = {method: filters.upsample(source, low, filtered, method=method) for method in (*METHODS, "auto")}
    row: Row = {method: reference.psnr(result, full, 255) for method, result in results.items()}
    return row, gmsd(results["local_lut"], full)


def _row(name: str, table: dict[str, Any], gmsd_of_tables: float, must: float | None = None) -> Row:
    row: Row = {"": name, **{method: float(values.mean()) for method, values in table.items()}}
    for rival in ("cubic", "guided", "bilateral_guided"):
        difference = table["local_lut"] - table[rival]
        draws = np.random.default_rng(0).integers(0, len(difference), (_DRAWS, len(difference)))
        low, high = np.percentile(difference[draws].mean(axis=1), (2.5, 97.5))
        row[f"- {rival}"] = f"{difference.mean():+.2f} [{low:+.2f}, {high:+.2f}] {(difference > 0).sum()} won"
    best = np.max([values for method, values in table.items() if method != "auto"], axis=0)
    row["auto off"], row["auto - best"] = int((best - table["auto"] > 0.2).sum()), float((table["auto"] - best).mean())
    row["GMSD"] = gmsd_of_tables
    return row | judged(row["local_lut"] - row["cubic"], must, None)


def gmsd(found: Array, wanted: Array) -> float:
    """Give the deviation of the similarity of gradients (W. Xue et al., 2014), of brightness at half the size."""
    one, other = (cv2.blur(np.asarray(image, np.float64).mean(axis=2), (2, 2))[::2, ::2] for image in (found, wanted))
    kernel = np.array([[1.0, 0.0, -1.0]] * 3) / 3
    sizes = [np.hypot(cv2.filter2D(image, -1, kernel), cv2.filter2D(image, -1, kernel.T)) for image in (one, other)]
    constant = 170.0
    similarity = (2 * sizes[0] * sizes[1] + constant) / (sizes[0] ** 2 + sizes[1] ** 2 + constant)
    return float(similarity.std())


def _names(scale: Scale) -> tuple[str, ...]:
    return photographs.NAMES[:_FEW] if scale.side < 1024 else photographs.NAMES


def _small(image: Array, size: int) -> Array:
    return np.asarray(filters.downsample(image, scale=size))


# ----------------------------------------------------------------------------------------------------------- command


SECTIONS: dict[str, Callable[[Scale], Tables]] = {
    "speed": speed,
    "acceleration": acceleration,
    "memory": peak,
    "identity": identity,
    "quality": quality,
    "oracle": oracle,
}


if __name__ == "__main__":
    scales = Scale(1024, Effort(0.6, 3, 40)), Scale(256, Effort(0.01, 2, 3))
    versions = {"target": targets.host(), "OpenCV": cv2.__version__}
    command.run("bench.upsampling", __doc__, SECTIONS, *scales, beside=versions)
