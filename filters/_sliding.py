"""What filters made of one convolution share: choosing between direct and sliding sums, and keeping NaN local."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

METHODS = ("auto", "fir", "sliding")
_CHOICES = {"fir": (("convolve", "direct"),), "sliding": (("convolve", "sliding"),)}

#: Taps of a direct convolution, both axes together, up to which it is at least as fast as a sliding one. Measured
#: at 2048x2048 float32 with AVX-512: 1.10 and 1.96 ns a pixel for 18 and 34 taps, 1.72 for sliding sums.
CROSSOVER_TAPS = 28

#: PSNR in dB that a convolution with a Gaussian has for any image, by terms: 127.5 times the L1 distance of the
#: kernels bounds the error of every pixel. (Photographs come out 25 dB better and more.)
GUARANTEED = {1: 27.8, 2: 39.2, 3: 54.6, 4: 66.9, 5: 81.7, 6: 94.5}
#: The same for direct sums: what their truncation at 5.3 sigma leaves, and float32 arithmetic.
GUARANTEED_DIRECT = {5: 108.0, 6: 120.0}
DEFAULT_TERMS = 3


def terms_and_method(terms: Any, accuracy: Any, method: Any) -> tuple[int, str]:
    """Check ``terms``, ``accuracy`` and ``method``, and choose terms for an accuracy."""
    from filters._arguments import choice, number, whole

    choice(method, "method", METHODS)
    if accuracy is None:
        return (DEFAULT_TERMS if terms is None else whole(terms, "terms", 1, 6)), method
    if terms is not None:
        raise ValueError(f"terms={terms!r} and accuracy={accuracy!r} are both given; one of them decides")
    wanted = number(accuracy, "accuracy", least=0.0)
    for count, reached in GUARANTEED.items():
        if reached >= wanted:
            return count, method
    for count, reached in GUARANTEED_DIRECT.items():
        if reached >= wanted and method != "sliding":
            return count, "fir"
    most = max(GUARANTEED.values()) if method == "sliding" else max(GUARANTEED_DIRECT.values())
    raise ValueError(f"accuracy must be at most {most:g} dB with method={method!r}, not {accuracy!r}")


def run(filter_with: Callable[..., Any], method: str, taps: int, out: Any) -> Any:
    """Run a convolution by the method asked for.

    A recurrence would carry one NaN to the end of its row and column. It therefore arrives at the last pixel: where
    that one is finite, so is the image, and nothing else had to be looked at.

    Parameters
    ----------
    filter_with : function
        Called with ``choices=`` and ``out=``.
    taps : int
        Of a direct convolution, both axes together: what ``"auto"`` decides by.
    """
    if method == "fir" or (method == "auto" and taps <= CROSSOVER_TAPS):
        return filter_with(choices=_CHOICES["fir"], out=out)
    explicit = method == "sliding"
    result = filter_with(choices=_CHOICES["sliding"], out=None if explicit and _is_float(out) else out)
    if _is_float(result) and not _ends_finite(result):
        if explicit:
            raise ValueError("image holds NaN or infinity, or overflows float32; method='fir' keeps those local")
        return filter_with(choices=_CHOICES["fir"], out=out)
    if out is not None and result is not out:
        out[...] = result
        return out
    return result


def _is_float(array: Any) -> bool:
    return array is not None and getattr(array, "dtype", None) == np.float32


def _ends_finite(result: Any) -> bool:
    if not result.size:
        return True
    last = result[-1, -1] if result.ndim < 4 else result[:, -1, -1]
    return bool(np.isfinite(last).all())
