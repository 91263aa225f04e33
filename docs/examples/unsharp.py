"""Unsharp masking, written in the language of this project."""

import dsl


@dsl.filter
def unsharp(src: dsl.Image, sigma: dsl.Scalar = 3.0, amount: dsl.Scalar = 1.5) -> dsl.Image:
    """Unsharp masking."""
    return src + amount * (src - dsl.convolve(src, dsl.gaussian(sigma)))
