"""What averages with weights by look-up cost: ``python -m bench.weighted_costs`` on a quiet machine (a minute).

``--write`` puts the numbers into filters/_weighted/costs.json, by which ``method="auto"`` chooses. All forms run on one
thread on a gray image, compiled for every instruction set that this machine has.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Sequence

import numpy as np

import dsl
from bench.paired import Effort, Run, measure
from bench.report import Table
from filters._weighted import constant_time, costs, planning, programs
from filters._weighted.functions import RangeFunction
from schedules import Schedule, targets

_SIZE = 1024
_RADIUS = 8


def machines() -> list[str]:
    """List targets of this machine's family that run here, the most able first."""
    host = targets.host()
    base = "-".join(host.split("-")[:3])
    names = ("avx512_zen4", "avx512_skylake", "avx2", "sse41") if host.startswith("x86") else ()
    found = [targets.resolve(f"{base}-{name}") for name in names]
    return [target for target in found if targets.features(target) <= targets.features(host)] or [host]


def forms(target: str) -> dict[str, Run]:
    """Give a run for each form."""
    image = np.random.default_rng(0).integers(0, 256, (_SIZE, _SIZE)).astype(np.uint8)
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
    found["formula"] = run(floats, bytes_table, 1 / 30, formula=True, mean="loop")
    disc = planning.disc(25, 17.0)
    for terms in (constant_time.CAPACITIES[0], constant_time.CAPACITIES[-1]):
        series = np.ones(3 + terms, np.float32)
        small = constant_time._small_kernel(3, (51, 51), disc.weights.tobytes())
        found[f"cosines {terms}"] = functools.partial(
            programs.smooth_gray.run, [image], (len(small) // 2,), (dsl.tap_table(small), series),
            {"terms": terms, "levels": 3}, out=np.empty_like(image), **common,
        )  # fmt: skip
    return found


def measured(target: str, effort: Effort) -> dict[str, float]:
    """Measure a machine."""
    times = measure(forms(target), effort)
    taps = planning.disc(_RADIUS, 1.0).count
    per_pixel = {name: 1e9 * times.best(name) / _SIZE**2 for name in times.seconds}
    found = {name: 1000 / taps * cost for name, cost in per_pixel.items() if "cosines" not in name}
    few, many = (per_pixel[f"cosines {n}"] for n in (constant_time.CAPACITIES[0], constant_time.CAPACITIES[-1]))
    each = (many - few) / (constant_time.CAPACITIES[-1] - constant_time.CAPACITIES[0])
    found["constant time"], found["constant time, each cosine"] = few - constant_time.CAPACITIES[0] * each, each
    return {name: round(cost, 2) for name, cost in found.items()}


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.weighted_costs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the numbers into costs.json")
    options = parser.parse_args(arguments)
    found = {costs.key(target): measured(target, Effort(0.3, 5, 40)) for target in machines()}
    print(
        Table(
            "ns/px for a thousand taps, one thread",
            [{"form": n, "ns": c} for f in found.values() for n, c in f.items()],
        )
    )
    if options.write:
        kept = json.loads(costs.FILE.read_text(encoding="utf-8")) if costs.FILE.exists() else {}
        costs.FILE.write_text(json.dumps({**kept, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
