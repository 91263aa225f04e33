"""Runs of the suites that never ran: times by a formula, for tests of what reads them."""

import itertools
import json

#: Contenders: library, setting, nanoseconds a pixel, PSNR.
CONTENDERS = (
    ("halide-filters", "terms=3", 1.0, 80.0),
    ("halide-filters", "terms=2", 0.8, 57.0),
    ("OpenCV", "GaussianBlur", 3.0, 66.0),
    ("OpenCV", "stackBlur", 0.5, 40.0),
    ("zignal", "IIR", 0.9, 46.0),
)


def stored(filter="gaussian", factor=lambda library, threads: 1.0, sources="0123456789abcdef"):
    """Give a run as pytest-benchmark stores it."""
    steps = [("sigma", {"sigma": sigma}, 1.0) for sigma in (1, 10, 30)]
    steps += [("size", {"sigma": 10}, size) for size in (0.25, 4.0)]
    found = []
    for kind, (sweep, parameters, size), threads in itertools.product(("uint8 RGB", "float32 gray"), steps, (1, 2)):
        for library, setting, nanoseconds, psnr in CONTENDERS:
            psnr = min(psnr, 58.0) if kind.startswith("uint8") else psnr
            seconds = 1e-3 * size * nanoseconds / threads * factor(library, threads)
            info = {
                "filter": filter, "sweep": sweep, "kind": kind, "parameters": parameters, "megapixels": size,
                "threads": threads, "library": library, "setting": setting, "unit": "Mpx", "amount": size,
                "bytes": 8e6 * size, "psnr": psnr, "ssim": 0.999, "gmsd": 0.001,
                "usual": kind == "uint8 RGB" and parameters["sigma"] == 10 and size == 1.0,
            }  # fmt: skip
            stats = {"min": seconds, "median": 1.02 * seconds, "iqr": 0.02 * seconds, "rounds": 9}
            found.append({"group": "", "name": f"{len(found)}", "extra_info": info, "stats": stats})
    machine = {
        "processor": "A processor", "cores": 2, "system": "Linux", "python": "3.11", "scale": "short",
        "copied GB/s": {"1": 20.0, "2": 25.0}, "versions": {"OpenCV": "5", "kornia": None}, "sources": sources,
    }  # fmt: skip
    return {"machine_info": machine, "datetime": "2026-01-01T00:00+00:00", "benchmarks": found}


def write(path, **options):
    """Write one to a file, and give the file."""
    path.write_text(json.dumps(stored(**options)), encoding="utf-8")
    return path
