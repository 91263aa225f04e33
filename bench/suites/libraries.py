"""Settings and versions of the libraries that take part."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl

#: Distributions whose versions are told, by the names that people know.
PACKAGES = {
    "halide-filters": "halide-filters", "OpenCV": "opencv-contrib-python-headless", "libvips": "pyvips-binary",
    "zignal": "zignal-processing", "scikit-image": "scikit-image", "scipy": "scipy", "Pillow": "pillow",
    "numba": "numba", "torch": "torch", "torchvision": "torchvision", "kornia": "kornia",
    "albumentations": "albumentations", "ml_dtypes": "ml_dtypes",
    "onnxruntime": "onnxruntime", "numpy": "numpy", "Halide": "halide",
}  # fmt: skip


def versions() -> dict[str, str | None]:
    """Give the versions of the libraries, None for one that is missing."""
    return {name: _version(package) for name, package in PACKAGES.items()}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def set_threads(count: int) -> None:
    """Tell all libraries that are imported and can be told; scipy, scikit-image and Pillow have one thread."""
    threadpoolctl.threadpool_limits(count, user_api="blas")  # numpy's products
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(count)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)
    if numba := sys.modules.get("numba"):
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    if pyvips := sys.modules.get("pyvips"):
        pyvips.concurrency_set(count)
        pyvips.cache_set_max(0)  # the operation cache would answer from the second run on


@contextmanager
def cores(count: int) -> Iterator[None]:
    """Keep all threads of this process on so many cores: for zignal, which has a thread a core and no setting."""
    allowed = os.sched_getaffinity(0)
    if count >= len(allowed):
        yield
        return
    _pin(set(sorted(allowed)[-count:]))
    try:
        yield
    finally:
        _pin(allowed)


def _pin(allowed: set[int]) -> None:
    for task in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(task), allowed)
