"""Any function of an image, run on a small copy of it."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from dsl import arrays
from dsl.arguments import number, pair
from filters._upsampling import pairs
from filters._upsampling.call import upsample
from filters._upsampling.downsampling import downsample
from filters._upsampling.tables import local_lut_upsample

Kind = Literal["spatial", "odd", "area"] | Callable[[Any, float], Any]
Function = Callable[..., Any]
_KINDS = ("spatial", "odd", "area")


def accelerate(
    function: Function | None = None,
    scale: float | tuple[float, float] = 4,
    *,
    scale_parameters: Mapping[str | int, Kind] | None = None,
    method: str = "local_lut",
    **options: Any,
) -> Any:
    """Make a function of an image faster: run it on a small copy, and bring what it does to the full size.

    The image is made smaller by :func:`downsample`, the function is called with that, and :func:`local_lut_upsample`
    reads the image through the tables that the pair makes. The function may be any that returns an image of the size it
    is given: a filter, a call of another tool, a network. It is taken to do the same to a small copy as to the image,
    where parameters in pixels are told of.

    Parameters
    ----------
    function : function
        Takes an image first. Left out, a decorator is given.
    scale : float or (float, float)
        How many times smaller the copy is along rows and columns: 1 and more.
    scale_parameters : mapping, optional
        For parameters of the function, by name, or by position after the image, what they are: ``"spatial"``, in
        pixels, is divided by the scale (a whole number is rounded, to at least 1); ``"odd"``, the side of a window, is
        rounded to an odd number; ``"area"`` is divided by its square; or a function of value and scale. Defaults of the
        function's own signature are scaled as well.
    method : str
        Of :func:`upsample`: ``"local_lut"`` or another one; ``"auto"`` chooses one for each image.
    **options
        Of :func:`local_lut_upsample` (as ``color="luminance"``; ``extrapolation`` is ``"curve"`` by default), or, with
        another method, of :func:`upsample`.

    Returns
    -------
    function
        Of the same parameters; its result has the image's height and width, and the dtype and channels that the
        function gives. Its attribute ``__wrapped__`` is the function.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted; also when it is called, if the function's result has
        another size than the image it was given.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import accelerate
    >>> @accelerate(scale=2, scale_parameters={"radius": "spatial"})
    ... def slow(image, radius=8):
    ...     print("radius", radius, "of", image.shape)
    ...     return 255 - image
    >>> slow(np.full((4, 6), 200, np.uint8))[0]
    radius 4 of (2, 3)
    array([55, 55, 55, 55, 55, 55], dtype=uint8)
    """
    scales = tuple(number(each, "scale", least=1.0) for each in pair(scale, "scale"))
    kinds = dict(scale_parameters or {})
    for name, kind in kinds.items():
        if not callable(kind) and kind not in _KINDS:
            raise ValueError(
                f"scale_parameters[{name!r}] must be one of {', '.join(map(repr, _KINDS))} or a function, not {kind!r}"
            )
    if function is None:
        return lambda given: accelerate(given, scale, scale_parameters=scale_parameters, method=method, **options)
    if not callable(function):
        raise TypeError(f"function must be a function, not {type(function).__name__}")
    if method == "local_lut":
        read: Function = functools.partial(local_lut_upsample, extrapolation="curve")
    else:
        read = functools.partial(upsample, method=method)

    @functools.wraps(function)
    def accelerated(image: Any, *args: Any, **kwargs: Any) -> Any:
        array = arrays.check(image)
        small = downsample(array, scale=scales)
        args, kwargs = _scaled(function, args, kwargs, kinds, math.sqrt(math.prod(scales)))
        result = arrays.check(function(small, *args, **kwargs), "the function's result")
        if pairs.sides(result) != pairs.sides(small):
            raise ValueError(
                f"the function's result has shape {result.shape} for an image of {small.shape}; equal heights and "
                "widths are needed"
            )
        return read(array, small, result, **options)

    return accelerated


def _scaled(
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], kinds: Mapping[str | int, Kind], scale: float
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Scale the arguments of a call that are in pixels."""
    if not kinds:
        return args, kwargs
    positions: dict[str, int] = {}
    try:
        parameters = list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError):  # of functions that are not Python's there is no signature
        parameters = []
    for place, parameter in enumerate(parameters):
        positions[parameter.name] = place
    changed, given = list(args), dict(kwargs)
    for name, kind in kinds.items():
        place = name if isinstance(name, int) else positions.get(name, len(args))
        if place < len(args):
            changed[place] = _smaller(args[place], kind, scale)
        elif name in kwargs:
            given[str(name)] = _smaller(kwargs[str(name)], kind, scale)
        elif isinstance(name, str) and name in positions:
            default = parameters[positions[name]].default
            if default is not inspect.Parameter.empty and default is not None:
                given[name] = _smaller(default, kind, scale)
        elif isinstance(name, str) and parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            known = ", ".join(positions)
            raise TypeError(f"scale_parameters names {name!r}; the function's parameters are {known}")
    return tuple(changed), given


def _smaller(value: Any, kind: Kind, scale: float) -> Any:
    """Give what a parameter is for a small copy."""
    if callable(kind):
        return kind(value, scale)
    if isinstance(value, (tuple, list)):
        return type(value)(_smaller(each, kind, scale) for each in value)
    smaller = value / (scale * scale if kind == "area" else scale)
    if kind == "odd":
        return 2 * max(round((smaller - 1) / 2), 0) + 1
    return max(round(smaller), 1) if isinstance(value, (int, np.integer)) else smaller
