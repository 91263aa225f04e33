"""The slope of a smoothed photograph, down and across, in one pass: two results, from a bank of two kernels."""

import math

import dsl

SIGMA = 4.0


def gaussian(r: int) -> float:
    return math.exp(-0.5 * (r / SIGMA) ** 2) / (SIGMA * math.sqrt(2 * math.pi))


@dsl.filter
def gradient(src: dsl.Image) -> tuple[dsl.Image, dsl.Image]:
    """Give the slope down and the slope across, in units a pixel."""
    smooth = dsl.fit(gaussian, terms=4)
    slope = dsl.fit(lambda r: -r / SIGMA**2 * gaussian(r), terms=4)
    return dsl.convolve(src, slope, smooth), dsl.convolve(src, smooth, slope)
