"""Where sliding sums and Fourier transforms overtake direct ones: measures costs, for ``method="auto"`` to choose by.

Run with ``python -m bench.crossover`` on a quiet machine (some minutes); ``--write`` puts the numbers into
filters/costs.json. A Gaussian runs by direct and by sliding sums, with few and many weights, and with few and many
oscillators; kernels of few and many columns by transforms of all sizes; on one thread, on gray images of all dtypes,
compiled for vectors as long as this machine has and for shorter ones.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import filters
from bench.paired import Effort, Run, measure
from bench.tables import Row, Table
from dsl.lowering.pieces import POINTS, transformed
from dsl.lowering.radius import DIRECT, direct_radius
from filters import _costs, _separable
from schedules import Schedule, targets

DTYPES = ("float32", "uint16", "uint8")
#: Where the methods meet lies among these, for three terms and all vectors.
RADII = (1, 2, 3, 4, 5, 6, 8, 11, 15)
TERMS = (1, 2, 3, 4, 5, 6)
#: Of 2-D kernels that are summed.
SIDES = (3, 5, 7, 9, 15)
#: Of kernels that are transformed.
COLUMNS = (1, 15, 45)
#: By vector length: what narrower code of this machine's family is compiled for.
NARROWER = {8: "x86-64-{system}-avx2-f16c-fma", 4: "x86-64-{system}-sse41"}


@dataclass(frozen=True)
class Cost:
    """What was measured for vectors of a length and a dtype.

    Attributes
    ----------
    direct, sliding : list of (int, float)
        Weights or oscillators, both axes together, and nanoseconds a pixel, minima.
    direct_2d : list of (int, float)
        The same of kernels that are no product, by all their weights.
    fourier : dict of int to list of (int, float)
        By points of transforms: columns of kernels, and nanoseconds a pixel that is transformed.
    """

    lanes: int
    dtype: str
    direct: list[tuple[int, float]]
    direct_2d: list[tuple[int, float]]
    sliding: list[tuple[int, float]]
    fourier: dict[int, list[tuple[int, float]]]


def machines() -> dict[int, str]:
    """Give the targets that run here, by vector length."""
    host = targets.host()
    found = {targets.vector_lanes(host): host}
    arch, _, system, *_ = host.split("-")
    if arch == "x86":
        found |= {n: t.format(system=system) for n, t in NARROWER.items() if n < max(found)}
    return found


def cost(lanes: int, target: str, dtype: str, size: int, effort: Effort) -> Cost:
    """Measure both methods."""
    image = np.random.default_rng(0).uniform(0, 255, (size, size)).astype(dtype)
    out = np.empty_like(image)

    def run(method: str, sigma: float, terms: int) -> Run:
        chosen = Schedule({"convolve": method})  # method="sliding" would write float32 results elsewhere first
        options = {"terms": terms, "out": out, "threads": 1, "target": target, "schedule": chosen}
        return functools.partial(filters.gaussian, image, sigma, **options)

    def run_2d(rows: int, columns: int, **choices: str | int) -> Run:
        weights = np.full(rows * columns, 1 / (rows * columns))
        return functools.partial(
            _separable.direct_2d_program.run, (image,), (float(columns),), (weights,), {},
            choices=tuple(choices.items()), out=out, threads=1, target=target,
        )  # fmt: skip

    slope, less = DIRECT[3]
    sigmas = {radius: (radius + less - 0.05) / slope for radius in RADII}
    if any(direct_radius(sigma, 3) != radius for radius, sigma in sigmas.items()):
        raise ValueError("a sigma has not the radius it is meant to have")
    runs = {f"direct {2 * (2 * radius + 1)}": run("direct", sigma, 3) for radius, sigma in sigmas.items()}
    runs |= {f"sliding {2 * terms}": run("sliding", 4.0, terms) for terms in TERMS}
    runs |= {f"2-D {side**2}": run_2d(side, side) for side in SIDES}
    for points in POINTS:
        fourier = functools.partial(run_2d, _rows(points), convolve_2d="fourier", points=points)
        runs |= {f"fourier {points} {columns}": fourier(columns) for columns in COLUMNS}
    times = measure(runs, effort)

    def points(method: str) -> list[tuple[int, float]]:
        names = [name for name in runs if name.startswith(method)]
        return [(int(name.split()[1]), 1e9 * times.best(name) / size**2) for name in names]

    def transforms(points: int) -> list[tuple[int, float]]:
        rows = transformed(size, points, _rows(points))
        return [(n, 1e9 * times.best(f"fourier {points} {n}") / (rows * size)) for n in COLUMNS]

    transformed_by = {n: transforms(n) for n in POINTS}
    return Cost(lanes, dtype, points("direct"), points("2-D"), points("sliding"), transformed_by)


def _rows(points: int) -> int:
    """Give the rows of a kernel that transforms of some points are measured with."""
    return points // 4 + 1


def crossover(found: Cost, terms: int) -> float:
    """Give the sigma from which sliding sums are faster."""
    sigmas = np.arange(0.3, 30, 0.01)
    costs = [_costs.cost(found.direct, 2 * (2 * direct_radius(sigma, terms) + 1)) for sigma in sigmas]
    return float(sigmas[np.argmax(np.array(costs) > _costs.cost(found.sliding, 2 * terms))])


def tables(costs: Sequence[Cost]) -> list[Table]:
    """Show what was measured, and where methods meet."""

    def table(title: str, columns: Callable[[Cost], Row]) -> Table:
        return Table(title, [{"lanes": found.lanes, "dtype": found.dtype, **columns(found)} for found in costs])

    return [
        table("direct sums: ns/px by weights, both axes together", lambda c: {str(n): t for n, t in c.direct}),
        table("sliding sums: ns/px by oscillators, both axes together", lambda c: {str(n): t for n, t in c.sliding}),
        table("direct sums of both dimensions: ns/px by weights", lambda c: {str(n): t for n, t in c.direct_2d}),
        *(
            table(
                f"Fourier transforms of {n} points: ns/px transformed by columns",
                lambda c, n=n: {str(k): t for k, t in c.fourier[n]},
            )
            for n in POINTS
        ),
        table(
            "sigma from which a Gaussian slides", lambda c: {f"{terms} terms": crossover(c, terms) for terms in TERMS}
        ),
    ]


def _rounded(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    return [(n, round(time, 3)) for n, time in points]


def write(costs: Sequence[Cost]) -> None:
    """Keep them; what was not measured stays as it is."""
    kept = json.loads(_costs.FILE.read_text(encoding="utf-8"))
    for found in costs:
        kept.setdefault(str(found.lanes), {})[found.dtype] = {
            "direct": _rounded(found.direct),
            "direct_2d": _rounded(found.direct_2d),
            "sliding": _rounded(found.sliding),
            "fourier": {str(points): _rounded(each) for points, each in found.fourier.items()},
        }
    text = json.dumps(kept, indent=1)
    text = re.sub(r"\[\s+(\d+),\s+([\d.]+)\s+\]", r"[\1, \2]", text)  # a pair on a line
    _costs.FILE.write_text(re.sub(r"(\],)\s+(?=\[)", r"\1 ", text) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.crossover", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the numbers into {_costs.FILE.name}")
    parser.add_argument("--quick", action="store_true", help="a small image, few rounds: shows that it works")
    options = parser.parse_args(arguments)
    if options.quick and options.write:
        parser.error("numbers of --quick are not worth writing")
    size, effort = (256, Effort(0.01, 2, 3)) if options.quick else (2048, Effort(0.4, 7, 60))
    costs = [cost(n, target, dtype, size, effort) for n, target in machines().items() for dtype in DTYPES]
    print(*tables(costs), sep="\n")
    if options.write:
        write(costs)


if __name__ == "__main__":
    main(sys.argv[1:])
