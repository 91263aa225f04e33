"""Draw the packages and the road of a call: ``python -m docs.examples.architecture docs/architecture.svg``.

Arrows are the imports that the code has, found by tests/test_imports.py's own reader; each must be one that is allowed
there. The stations of a call are named by their modules, which must exist.
"""

from __future__ import annotations

import sys
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from tests.test_imports import ALLOWED, MORE, ROOT, imported, sources

#: Where each package stands, and what it is.
PLACES = {
    "bench": (0.5, 4.0, "measures, beside peers"),
    "data": (0.0, 3.0, "images, transforms, loader"),
    "compress": (1.0, 3.0, "smaller networks"),
    "filters": (0.0, 2.0, "public filters"),
    "dsl": (0.5, 1.0, "language, tracing, lowering"),
    "schedules": (0.5, 0.0, "compiles, caches, calls"),
}
#: The stations of a call: module and what happens there; those of the worker process are marked.
STATIONS = (
    ("filters/_gaussian.py", "checks arguments, picks terms and a method", False),
    ("dsl/tracing.py", "runs the script once: a program of nodes", False),
    ("dsl/arrays.py", "places numpy's memory", False),
    ("schedules/native/compile.py", "memory, cache on disk, or a worker", False),
    ("schedules/native/worker.py", "takes JSON, gives object code", True),
    ("dsl/lowering/pipeline.py", "nodes become Halide's stages and loops", True),
    ("schedules/apply.py", "the schedule's loops on those stages", True),
    ("schedules/native/runtime.py", "links the objects beside one runtime", False),
    ("schedules/native/kernel.py", "calls, with the GIL released", False),
)
PACKAGE, HERE, WORKER, LINE = "#e8eef7", "#f4f4f0", "#fbeedd", "#3b5b8c"
HALF_WIDTH, HALF_HEIGHT = 0.36, 0.2


def arrows() -> dict[tuple[str, str], bool]:
    """Give who imports whom; and whether only a part of the package, which may import more, does."""
    found: dict[tuple[str, str], bool] = {}
    for package in PLACES:
        for file in sources(package):
            inner = next(
                (more for folder, more in MORE.items() if str(file.relative_to(ROOT)).startswith(folder)), set()
            )
            for other in imported(file) & set(PLACES) - {package}:
                if other not in ALLOWED[package] | inner:
                    raise ValueError(f"{file.relative_to(ROOT)} imports {other}, which tests/test_imports.py forbids")
                is_inner = other not in ALLOWED[package]
                found[package, other] = found.get((package, other), True) and is_inner
    return found


def without_shortcuts(found: dict[tuple[str, str], bool]) -> dict[tuple[str, str], bool]:
    """Leave out arrows to what is reached by two others anyway."""
    solid = {pair for pair, is_inner in found.items() if not is_inner}
    longer = {(a, d) for a, b in solid for c, d in solid if b == c}
    return {pair: is_inner for pair, is_inner in found.items() if pair not in longer}


def box(axes: Any, x: float, y: float, width: float, height: float, color: str) -> None:
    style = "round,pad=0,rounding_size=0.04"
    axes.add_patch(FancyBboxPatch((x - width, y - height), 2 * width, 2 * height, boxstyle=style, fc=color, ec=LINE))


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **options: Any) -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=LINE, **options))


def packages(axes: Any) -> None:
    for name, (x, y, what) in PLACES.items():
        box(axes, x, y, HALF_WIDTH, HALF_HEIGHT, PACKAGE)
        axes.text(x, y + 0.06, f"{name}/", ha="center", va="center", weight="bold")
        axes.text(x, y - 0.09, what, ha="center", va="center", size=7.5)
    for (package, other), is_inner in sorted(without_shortcuts(arrows()).items()):
        (x, y, _), (u, v, _) = PLACES[package], PLACES[other]
        if y == v:
            side = 1 if u > x else -1
            start, end = (x + side * HALF_WIDTH, y), (u - side * HALF_WIDTH, v)
        else:
            start, end = (x + 0.3 * (u - x), y - HALF_HEIGHT), (u + 0.3 * (x - u), v + HALF_HEIGHT)
        arrow(axes, start, end, linestyle="--" if is_inner else "-")
    axes.text(0.5, 4.5, "who imports whom, and what those import", ha="center", size=10)
    axes.set(xlim=(-0.75, 1.75), ylim=(-0.5, 4.7))


def road(axes: Any) -> None:
    step = 4.4 / (len(STATIONS) - 1)
    for i, (module, what, in_worker) in enumerate(STATIONS):
        if not (ROOT / module).is_file():
            raise FileNotFoundError(module)
        x, y = 1.25 if in_worker else 1.0, 4.0 - i * step
        box(axes, x, y, 0.92, 0.19, WORKER if in_worker else HERE)
        axes.text(x, y + 0.055, module, ha="center", va="center", size=8.5, family="monospace")
        axes.text(x, y - 0.085, what, ha="center", va="center", size=7.5)
        if i:
            arrow(axes, (1.12, y + step - 0.19), (1.12, y + 0.19))
    axes.text(1.0, 4.5, "the road of gaussian(image, 12.0)", ha="center", size=10)
    axes.text(2.3, 4.0 - 5 * step, "in the worker process,\nonce for each kernel", ha="left", va="center", size=7.5)
    axes.set(xlim=(0.0, 3.0), ylim=(-0.7, 4.7))


def main(path: str) -> None:
    with mpl.rc_context({"svg.hashsalt": "halide-filters", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(10.5, 6.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, draw in ((left, packages), (right, road)):
            axes.axis("off")
            draw(axes)
        figure.savefig(path, metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    main(*sys.argv[1:])
