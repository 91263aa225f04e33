"""Draws docs/bilateral_accuracy.png: accuracy over time, by method and size of table.

Run from the root of the repository, on a quiet machine: ``python docs/examples/bilateral_accuracy.py``.
"""

import time
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import matplotlib.pyplot as plt
import numpy as np

import data
from filters import bilateral, reference
from filters._weighted import planning
from filters._weighted.functions import RangeFunction
from schedules import Schedule, targets

SIGMA = 30.0
AVX2 = "x86-64-linux-avx2"


def milliseconds(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(15):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def size(dtype: str, radius: int, accuracy: float, target: str) -> str:
    """Name the table, or the series, that an accuracy takes."""
    kernel, function = planning.disc(radius, radius / 1.5), RangeFunction("gaussian", SIGMA)
    if target == "":
        return f"{planning.in_constant_time(function, kernel, (0.0, 255.0), accuracy).terms} cosines"
    peak = 255.0 if dtype == "uint8" else None
    wanted = planning.Wanted(dtype == "uint8", 1, "l1", accuracy, peak or 255.0, target)
    choices = dict(planning.by_table(function, kernel, wanted).choices)
    return str(choices.get("entries", "exp" if choices["mean"] == "loop" else "memory"))


def points(image: np.ndarray, exact: np.ndarray, radius: int) -> dict[str, list[tuple[str, float, float]]]:
    """Give by family: name, milliseconds a megapixel on one thread, PSNR."""
    space = {"sigma_space": radius / 1.5, "sigma_range": SIGMA, "radius": radius, "threads": 1}
    is_bytes = image.dtype == np.uint8
    wanted = np.rint(exact) if is_bytes else exact

    def point(name: str, **options: object) -> tuple[str, float, float]:
        result = bilateral(image, **space, **options)
        run = lambda: bilateral(image, **space, **options)  # noqa: E731
        return name, milliseconds(run) * 1e6 / image.size, min(reference.psnr(result, wanted, 255), 100.0)

    found = {"exact": [point("exact", method="exact")]}
    for target in ("host", AVX2):
        unit = targets.tables_in_registers(targets.resolve(target))
        if unit is None or (target == AVX2 and unit.name != "AVX2"):
            continue
        accuracies = (40, 66) if is_bytes and not unit.whole else (60,) if is_bytes else (60, 88, 94)
        lut = {"method": "register_lut", "target": target}
        found[f"tables, {unit.name}"] = [
            point(size(str(image.dtype), radius, accuracy, target), accuracy=accuracy, **lut) for accuracy in accuracies
        ]
    if is_bytes:
        for entries in (8, 16):
            choice = Schedule({"mean": "selects", "entries": entries, "span": 128})
            found.setdefault("selects", []).append(point(f"{entries}", schedule=choice, method="register_lut"))
    if radius > 8:
        found["constant time"] = [
            point(size("", radius, accuracy, ""), method="constant_time", accuracy=accuracy) for accuracy in (50, 60)
        ]
    return found


def main() -> None:
    gray = iio.imread(data.sample("coffee")) @ np.float32((0.299, 0.587, 0.114))
    photo = np.ascontiguousarray(np.rint(gray[:384, :512]))
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained", sharey=True)
    styles = {}
    cases = ((6, "uint8", "uint8, d = 13"), (6, "float32", "float32, d = 13"), (25, "uint8", "uint8, d = 51"))
    for panel, (radius, dtype, title) in zip(axes, cases, strict=True):
        exact = reference.bilateral(photo, sigma_space=radius / 1.5, sigma_range=SIGMA, radius=radius)
        for family, found in points(photo.astype(dtype), exact, radius).items():
            marker, color = styles.setdefault(family, ("os^Dv"[len(styles) % 5], f"C{len(styles)}"))
            panel.plot([t for _, t, _ in found], [p for *_, p in found], f"{marker}-", color=color, label=family)
            for name, t, p in found:
                panel.annotate(name, (t, p), (5, 4), textcoords="offset points", fontsize=8, color=color)
            print(title, family, *(f"{name}: {t:.2f} ms, {p:.1f} dB;" for name, t, p in found))
        panel.set_xscale("log")
        panel.set_xticks([2, 5, 10, 20, 50, 100, 200, 500], minor=False)
        panel.xaxis.set_major_formatter("{x:g}")
        panel.minorticks_off()
        panel.set_xlim(1.2 if radius < 10 else 12, 100 if radius < 10 else 1200)
        panel.set_xlabel("ms a megapixel, one thread")
        panel.set_title(title)
        panel.grid(alpha=0.3)
    axes[0].set_ylabel("PSNR, dB (at most 100 is drawn)")
    handles = {label: h for panel in axes for h, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(Path(__file__).parents[1] / "bilateral_accuracy.png", dpi=100)


if __name__ == "__main__":
    main()
