"""The public downsampling: checks, and its program."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays
from dsl.arguments import number, only_one, pair, whole
from filters import _guides
from filters._filter import public
from filters._upsampling import pairs, programs


@public(programs.averaged)
def downsample(
    image: ArrayLike,
    size: tuple[int, int] | None = None,
    *,
    scale: float | tuple[float, float] | None = None,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Make a smaller copy of an image: every pixel is the mean over the area that it covers.

    Along each axis pixel x of m covers the image from ``x * n / m`` to ``(x + 1) * n / m``; pixels at its rim count by
    the share that lies within. So pixel centres match, at any ratio, and what is too fine to be shown does not alias.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Channels are filtered alike.
    size : (int, int), optional
        Rows and columns of the result.
    scale : float or (float, float), optional
        How many times smaller it is, along rows and columns, instead of ``size``; 1 and more. Sizes are rounded, to at
        least one pixel.
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
        Of the image's dtype and channels.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import downsample
    >>> downsample(np.uint8([[0, 60, 0, 60, 60, 90]]), scale=(1, 2))
    array([[30, 30, 75]], dtype=uint8)
    """
    array = arrays.check(image)
    only_one(size=size, scale=scale)
    if size is not None:
        wanted = [whole(value, "size", 1, arrays.MAX_ELEMENTS) for value in pair(size, "size")]
    elif scale is not None:
        scales = [number(value, "scale", least=1.0) for value in pair(scale, "scale")]
        wanted = [max(round(side / by), 1) for side, by in zip(pairs.sides(array), scales, strict=True)]
    else:
        raise TypeError("downsample: size or scale is needed")
    images = [array, pairs.sized(array, wanted)]  # which is not read: it gives the size
    common = {"out": out, "target": target, "schedule": schedule, "threads": threads}
    program = programs.averaged_color if pairs.channel_count(array) == _guides.COLOR else programs.averaged
    return program.run(images, **common)  # type: ignore[no-any-return]
