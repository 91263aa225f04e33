"""What filters made of convolutions share: choosing between direct and sliding sums, and keeping NaN local."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dsl.arguments import choice, number, only_one, whole
from dsl.lowering.chunks import chunk_rows
from filters import _costs

METHODS = ("auto", "fir", "sliding")
FIR, SLIDING = (("convolve", "direct"),), (("convolve", "sliding"),)

#: PSNR in dB that a convolution with a Gaussian has for any image, by terms: 127.5 times the L1 distance of the
#: kernels bounds the error of every pixel. (Photographs come out 25 dB better and more.)
GUARANTEED = {1: 27.8, 2: 39.2, 3: 54.6, 4: 66.9, 5: 81.7, 6: 94.5}
#: The same for direct sums: what their truncation at 5.3 sigma leaves, and float32 arithmetic.
GUARANTEED_DIRECT = {5: 108.0, 6: 120.0}
DEFAULT_TERMS = 3

#: Filters into an array, or into a new one; a tuple of arrays, where there are several results.
Run = Callable[[Any], Any]


def terms_and_method(terms: Any, accuracy: Any, method: Any) -> tuple[int, str]:
    """Check ``terms``, ``accuracy`` and ``method``, and choose terms for an accuracy."""
    choice(method, "method", METHODS)
    if accuracy is None:
        return (DEFAULT_TERMS if terms is None else whole(terms, "terms", 1, 6)), method
    only_one(terms=terms, accuracy=accuracy)
    wanted = number(accuracy, "accuracy", least=0.0)
    for count, reached in GUARANTEED.items():
        if reached >= wanted:
            return count, method
    for count, reached in GUARANTEED_DIRECT.items():
        if reached >= wanted and method != "sliding":
            return count, "fir"
    most = max(GUARANTEED.values()) if method == "sliding" else max(GUARANTEED_DIRECT.values())
    raise ValueError(f"accuracy must be at most {most:g} dB with method={method!r}, not {accuracy!r}")


def faster(image: Any, taps: float, terms: int, target: str | None) -> str:
    """Choose a method by cost, for the taps of direct sums and the oscillators of sliding ones, axes together."""
    dtype = getattr(image, "dtype", np.float32)
    return "sliding" if _costs.sliding_is_faster(dtype, taps, terms, target) else "fir"


def run(direct: Run, sliding: Run, method: str, preferred: str, out: Any, schedule: Any = "manual") -> Any:
    """Run a convolution by the method asked for, or the preferred one.

    A recurrence would carry one NaN to the end of its row, and of its column as far as a scan goes without starting
    anew. It therefore arrives at the last pixel of some chunk: where those are finite, so is the image, and nothing
    else had to be looked at.
    """
    if method == "fir" or (method == "auto" and preferred == "fir"):
        return direct(out)
    return run_if_finite(direct, sliding, method == "sliding", out, lambda result: ends_finite(result, schedule))


def run_if_finite(
    direct: Run, spreading: Run, explicit: bool, out: Any, is_finite: Callable[[np.ndarray[Any, Any]], bool]
) -> Any:
    """Run what would spread NaN and infinity; where there was one, direct sums instead, or refuse.

    Parameters
    ----------
    direct, spreading : function
        Both ways to filter.
    explicit : bool
        Whether the user asked for the latter: it is refused then, ``out`` left as it is.
    out : array, optional
        Where to write the result.
    is_finite : function
        Tells by a result, of images in float32, whether all that it was made of was finite.
    """
    result = spreading(None if explicit and _are_float(out) else out)
    if _are_float(result) and not all(map(is_finite, _each(result))):
        if explicit:
            raise ValueError("image holds NaN or infinity, or overflows float32; method='fir' keeps those local")
        return direct(out)
    if out is None:
        return result
    for into, array in zip(_each(out), _each(result), strict=True):
        if array is not into:
            into[...] = array
    return out


def _each(arrays: Any) -> Any:
    return arrays if isinstance(arrays, (tuple, list)) else (arrays,)


def _are_float(arrays: Any) -> bool:
    return all(getattr(array, "dtype", None) == np.float32 for array in _each(arrays))


def ends_finite(result: Any, schedule: Any) -> bool:
    """Look at the end of the last row of every chunk; of every row, where a schedule may have chosen the chunks."""
    if not result.size:
        return True
    images = as_batch(result)
    rows = chunk_rows(images.shape[1]) if isinstance(schedule, str) and schedule == "manual" else 1
    ends = images[:, :, -1]
    return bool(np.isfinite(ends[:, rows - 1 :: rows]).all() and np.isfinite(ends[:, -1]).all())


def as_batch(result: Any) -> Any:
    """Give images with an axis for those of a batch, also where there is one."""
    return result if result.ndim == 4 else result[None]
