"""A small language for image filters, traced from Python functions and compiled by Halide.

    import dsl

    @dsl.filter
    def unsharp(src: dsl.Image, sigma: dsl.Scalar = 3.0, amount: dsl.Scalar = 1.5) -> dsl.Image:
        return src + amount * (src - dsl.convolve(src, dsl.gaussian(sigma)))

    sharp = unsharp(photo, sigma=5.0)                     # a numpy array in, one out
    unsharp.build("build", dtype="uint8", channels=3)     # a native library that needs no Python

The whole language is on one screen in :mod:`dsl.ir`; its words are in :mod:`dsl.vocabulary`.
"""

from schedules import siblings

siblings.check(__name__, "schedules")

from dsl.errors import DSLError
from dsl.tracing import Filter, filter
from dsl.values import Color, Image, Kernel, Levels, Scalar, Small, SmallColor, Table, Tables, Taps
from dsl.variants import compiled
from dsl.vocabulary import *  # noqa: F403 (the words are listed once, there)
from dsl.vocabulary import __all__ as _words

__all__ = [
    "Color",
    "DSLError",
    "Filter",
    "Image",
    "Kernel",
    "Levels",
    "Scalar",
    "Small",
    "SmallColor",
    "Table",
    "Tables",
    "Taps",
    "compiled",
    "filter",
    *_words,
]
