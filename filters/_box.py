"""Box filter: the mean over a window."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import dsl
from dsl.arguments import pair, whole
from filters import _sliding
from filters._filter import public
from filters._gaussian import Border

MAX_RADIUS = 16000


@dsl.filter
def box_program(src: dsl.Image, radius_y: dsl.Scalar, radius_x: dsl.Scalar) -> dsl.Image:
    """Mean over a window."""
    return dsl.convolve(src, dsl.box(radius_y), dsl.box(radius_x))


@public(box_program)
def box(
    image: ArrayLike,
    radius: int | tuple[int, int],
    *,
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Take the mean over a window of ``2 * radius + 1`` pixels a side, at a cost that does not grow with it.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    radius : int or (int, int)
        Pixels on each side of the middle one, for rows and columns alike or each its own.
    border : str
        What lies outside: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap ``image``.
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

    Examples
    --------
    >>> import numpy as np
    >>> from filters import box
    >>> box(np.float32([[0, 0, 9, 0, 0]]), (0, 1))
    array([[0., 3., 3., 3., 0.]], dtype=float32)
    """
    radius_y, radius_x = (whole(r, "radius", 0, MAX_RADIUS) for r in pair(radius, "radius"))
    run = functools.partial(
        box_program.run,
        (image,),
        (float(radius_y), float(radius_x)),
        border=border,
        border_value=border_value,
        target=target,
        schedule=schedule,
        threads=threads,
    )
    return _sliding.run(  # type: ignore[no-any-return]
        lambda into: run(choices=_sliding.FIR, out=into),
        lambda into: run(choices=_sliding.SLIDING, out=into),
        "auto",
        _sliding.faster(image, 2 * (radius_y + radius_x) + 2, 0, target),
        out,
        schedule,
    )
