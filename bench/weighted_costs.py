"""What averages with weights cost: ``python -m bench.weighted_costs`` on a quiet machine (two minutes).

``--write`` puts the numbers into filters/_weighted/costs.json, by which ``method="auto"`` chooses; ``--quick`` takes
small images, which shows that it works. All forms run on one thread on a gray image, compiled for every instruction set
that this machine has.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Sequence

import numpy as np

import dsl
import filters
from bench.paired import Effort, Run, measure
from bench.tables import Table
from bench.weighted import photograph
from filters._multilateral import exact
from filters._weighted import constant_time, costs, planning, programs
from filters._weighted.functions import RangeFunction
from schedules import Schedule, targets

_RADIUS = 8
#: Guides of the products of Gaussians that are measured: what each costs is told from these.
_FEW, _MANY = 2, 4
#: The base that averages over a disc of this radius, on halved images, at so many levels of each of two guides.
_WIDE, _LEVELS = 20, 6


def machines() -> list[str]:
    """List targets of this machine's family that run here, the most able first."""
    host = targets.host()
    base = "-".join(host.split("-")[:3])
    names = ("avx512_zen4", "avx512_skylake", "avx2", "sse41") if host.startswith("x86") else ()
    found = [targets.resolve(f"{base}-{name}") for name in names]
    return [target for target in found if targets.features(target) <= targets.features(host)] or [host]


def forms(target: str, side: int) -> dict[str, Run]:
    """Give a run for each form."""
    image = np.random.default_rng(0).integers(0, 256, (side, side)).astype(np.uint8)
    floats = image.astype(np.float32)
    kernel = planning.disc(_RADIUS, _RADIUS / 1.5)
    function = RangeFunction("gaussian", 30.0)
    unit = targets.tables_in_registers(target)
    common = {"target": target, "threads": 1}

    def run(picture: np.ndarray, weights: np.ndarray, scale: float, formula: bool = False, **choices: str | int) -> Run:
        return functools.partial(
            programs.gray_program.run, [picture], (_RADIUS, scale), (kernel.taps, weights), {"formula": formula},
            schedule=Schedule(choices), out=np.empty_like(picture), **common,
        )  # fmt: skip

    bytes_table, found = function(np.arange(256.0)), {}
    for entries in (8, 16) if unit is None else unit.bytes:
        span = entries if unit is not None and unit.whole else 128
        method = "selects" if unit is None else "bytes"
        found[f"bytes {entries}"] = run(image, bytes_table, 1.0, mean=method, entries=entries, span=span)
    for lines in () if unit is None else unit.floats:
        nodes = function(np.linspace(0, 120, lines + 1))
        found[f"floats {lines}"] = run(floats, nodes, lines / 120, mean="floats", entries=lines)
    found["memory"] = run(floats, bytes_table, 1.0, mean="loop" if unit is None else "floats")
    found["formula"] = run(floats, bytes_table, 1 / 30, formula=True)
    disc = planning.disc(25, 17.0)
    for terms in (constant_time.CAPACITIES[0], constant_time.CAPACITIES[-1]):
        series = np.ones(3 + terms, np.float32)
        small = constant_time._small_kernel(3, (51, 51), disc.weights.tobytes())
        found[f"cosines {terms}"] = functools.partial(
            programs.smooth_gray.run, [image], (len(small) // 2,), (dsl.tap_table(small), series),
            {"terms": terms, "levels": 3}, out=np.empty_like(image), **common,
        )  # fmt: skip
    return found | guided_forms(target, image)


def guided_forms(target: str, image: np.ndarray) -> dict[str, Run]:
    """Give runs for filters with several guides: two and four, and levels of two photographs."""
    kernel = planning.disc(_RADIUS, _RADIUS / 1.5)
    found: dict[str, Run] = {}
    for name, picture in (("bytes", image), ("floats", image.astype(np.float32))):
        if name == "bytes" and targets.tables_in_registers(target) is None:
            continue
        choices = (("mean", "bytes"),) if name == "bytes" else ()
        for count in (_FEW, _MANY):
            images = [picture, *(np.roll(picture, i, axis=0) for i in range(count))]
            scales = np.full(count, 1 / 30, np.float32)
            found[f"gaussians of {name} {count}"] = functools.partial(
                exact.program(1, (1,) * count).run, images, (float(_RADIUS),), (kernel.taps, scales), choices=choices,
                out=np.empty_like(picture), target=target, threads=1,
            )  # fmt: skip
    photographs = [photograph(name, len(image), "uint8", 1) for name in ("astronaut", "coffee")]
    found["levels"] = functools.partial(
        filters.multilateral, image, photographs, sigma_space=_WIDE / 1.5, sigma_range=30,
        radius=_WIDE, base="gaussian", guide_levels=_LEVELS, method="decomposed", out=np.empty_like(image),
        target=target, threads=1,
    )  # fmt: skip
    return found


#: What is no form for itself, but tells numbers of one.
_PARTS = ("cosines", "gaussians", "levels")


def measured(target: str, side: int, effort: Effort) -> dict[str, float]:
    """Measure a machine."""
    times = measure(forms(target, side), effort)
    taps = planning.disc(_RADIUS, 1.0).count
    per_pixel = {name: 1e9 * times.best(name) / side**2 for name in times.seconds}
    found = {name: 1000 / taps * cost for name, cost in per_pixel.items() if not name.startswith(_PARTS)}
    few, many = (per_pixel[f"cosines {n}"] for n in (constant_time.CAPACITIES[0], constant_time.CAPACITIES[-1]))
    each = (many - few) / (constant_time.CAPACITIES[-1] - constant_time.CAPACITIES[0])
    found["constant time"], found["constant time, each cosine"] = few - constant_time.CAPACITIES[0] * each, each
    for form in ("gaussians of bytes", "gaussians of floats"):
        if f"{form} {_FEW}" in per_pixel:
            few, many = (1000 / taps * per_pixel[f"{form} {count}"] for count in (_FEW, _MANY))
            each = (many - few) / (_MANY - _FEW)
            found[form], found[f"{form}, each channel"] = few - _FEW * each, each
    found["level of a Gaussian"] = per_pixel["levels"] / (_LEVELS**2 * 2)  # of the image, and of the weights
    return {name: round(cost, 2) for name, cost in found.items()}


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.weighted_costs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the numbers into costs.json")
    parser.add_argument("--quick", action="store_true", help="small images, few rounds: no numbers to keep")
    options = parser.parse_args(arguments)
    if options.quick and options.write:
        parser.error("--write is for numbers of large images, --quick measures small ones")
    scale = (128, Effort(0.01, 2, 3)) if options.quick else (1024, Effort(0.3, 5, 40))
    found = {costs.key(target): measured(target, *scale) for target in machines()}
    for machine, numbers in found.items():
        rows = [{"form": form, "ns": number} for form, number in numbers.items()]
        print(Table(f"{machine}: ns/px for a thousand taps, one thread", rows))
    if options.write:
        kept = json.loads(costs.FILE.read_text(encoding="utf-8")) if costs.FILE.exists() else {}
        costs.FILE.write_text(json.dumps({**kept, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
