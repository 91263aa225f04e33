"""Requests for the pipelines of tiny_lowering.py, and calls of their kernels."""

import numpy as np

from schedules import targets
from schedules.native.kernel import Kernel
from schedules.schedule import Schedule


def request(body="scale", schedule=None, **program):
    return {
        "kind": "kernel",
        "lowering": "tiny_lowering:lower",
        "program": {"body": body, **program},
        "schedule": (schedule or Schedule()).to_json(),
        "target": targets.resolve("host"),
    }


def make(body="scale", **program):
    return Kernel(request(body, **program), body)


def call(kernel, image, factor, threads=2, height=None):
    """Run a kernel on a float32 image; a smaller height than the image's leaves the rows after it alone."""
    result = np.zeros_like(image)
    rows, width = image.shape
    at = (image.ctypes.data, width, result.ctypes.data, width)
    kernel(threads, *at, width, rows if height is None else height, 1, factor, 0, 0.0)
    return result


def image(rows=40, columns=50):
    return np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
