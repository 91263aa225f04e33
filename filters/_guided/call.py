"""The public guided filter: checks, and the programs that images take."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays
from dsl.arguments import choice, number, whole
from filters import _guides, _sliding
from filters._filter import public
from filters._gaussian import Border
from filters._guided import programs

Window = Literal["box", "gaussian"]
_WINDOWS: tuple[Window, ...] = ("box", "gaussian")
Subsample = Literal[1, 2, 4, 8]
_SUBSAMPLE = (1, 2, 4, 8)
MAX_RADIUS = 2000
#: A chain of windows keeps as many rows as a window has: up to this radius few.
_MOST_FUSED = 200
_SEPARATE = (("windows", "separate"),)
#: What is not finite stays as local as windows are.
_DIRECT = (("convolve", "direct"), ("windows", "separate"))


@public(programs.program(1, 1), programs.program(3, 3))
def guided(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    radius: int,
    eps: float,
    window: Window = "box",
    subsample: Subsample = 1,
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Smooth an image and keep the edges of a guide, by lines from one to the other, at a cost apart from the radius.

    In every window the image is fitted by a linear function of the guide, whose slope ``eps`` holds down where the
    guide varies little; each pixel takes the mean of the lines of the windows that it lies in.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. All channels are filtered.
    guide : array
        Of the image's height and width, of any dtype; of more than three channels the first three are its colour. It
        may be the image itself.
    radius : int
        Of the windows, which are ``2 * radius + 1`` pixels a side, 0 to 2000.
    eps : float
        In squared units of the guide: what varies less (8-bit photographs: 100 to 2500, deviations of 10 to 50) is
        smoothed.
    window : str
        ``"box"``, or ``"gaussian"``: of the variance of the box, which leaves no blocks.
    subsample : int
        1, 2, 4 or 8: lines are fitted to images that are so many times smaller, and made larger again: faster, where
        the radius is some times larger.
    border : str
        What lies outside: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``; it holds for
        lines, too.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap ``image`` or ``guide``.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    array
        Of the image's shape and dtype.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    References
    ----------
    K. He, J. Sun, X. Tang, "Guided image filtering", ECCV 2010.
    K. He, J. Sun, "Fast guided filter", arXiv 1505.00996, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import guided
    >>> noisy = np.float32([[1, 3, 1, 3, 1, 3, 1, 3]])
    >>> guide = np.uint8([[0, 0, 0, 0, 200, 200, 200, 200]])
    >>> guided(noisy, guide, radius=2, eps=100).round(1)
    array([[2. , 2.1, 2.1, 2.3, 1.7, 1.9, 1.9, 2. ]], dtype=float32)
    """
    reach = whole(radius, "radius", 0, MAX_RADIUS)
    little = number(eps, "eps", least=1e-9, most=1e18)
    kind = choice(window, "window", _WINDOWS)
    if isinstance(subsample, bool) or subsample not in _SUBSAMPLE:
        raise ValueError(f"subsample must be one of {', '.join(map(str, _SUBSAMPLE))}, not {subsample!r}")
    array = arrays.check(image)
    by = _guides.check(guide, array)
    is_own = guide is image and (array.ndim == 2 or array.shape[-1] in (1, _guides.COLOR))
    result = np.empty_like(array) if out is None else arrays.check_out(out, array, (array, by))
    common = {
        "border": border,
        "border_value": border_value,
        "target": target,
        "schedule": schedule,
        "threads": threads,
    }
    if array.ndim == 4:  # of each its own middle: results do not depend on what else is in a batch
        alike = {"radius": reach, "eps": little, "window": kind, "subsample": subsample, **common}
        for one, guiding, into in zip(array, by, result, strict=True):
            guided(one, one if is_own else guiding, out=into, **alike)
        return result
    fused = kind == "box" and subsample == 1 and reach <= _MOST_FUSED
    structural = {"window": kind, "together": not fused, "levels": int(math.log2(subsample))}
    common |= {"choices": () if fused else _SEPARATE}
    size = window_size(kind, reach, subsample)
    if is_own:
        program = programs.program(_guides.channels(array), 0)
        numbers = size, little, _guides.middle(array)
        run_locally(functools.partial(program.run, [array], numbers, (), **common), structural, [array], result)
        return result
    middles = _guides.middle(array), _guides.middle(by)
    for part in _guides.parts(array, [by], result):
        program = programs.program(part.channels, _guides.channels(by))
        run = functools.partial(program.run, part.images, (size, little, *middles), (), **common)
        run_locally(run, structural, part.images, part.result)
    return result


def window_size(window: str, radius: int, subsample: int = 1) -> float:
    """Give what a window's kernel is made with: the radius of a box, or the sigma of a Gaussian of its variance."""
    small = max(round(radius / subsample), 1) if subsample > 1 else radius
    return float(small) if window == "box" else math.sqrt(small * (small + 1) / 3)


def run_locally(run: Any, structural: dict[str, Any], images: list[arrays.Array], result: arrays.Array) -> None:
    """Run a program of windows; where something is not finite, which running sums would carry on, by direct sums."""
    direct = functools.partial(run, structural=structural | {"together": True}, choices=_DIRECT)
    if result.dtype != np.float32 and not _guides.all_finite(images):
        direct(out=result)
        return
    _sliding.run(
        lambda into: direct(out=into),
        lambda into: run(structural=structural, out=into),
        "auto",
        "sliding",
        result,
        None,
    )
