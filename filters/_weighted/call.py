"""The public filters: checks, and the programs that images take."""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays
from dsl.arguments import choice, number
from filters import _guides
from filters._filter import public
from filters._gaussian import Border
from filters._weighted import constant_time, costs, forms, functions, planning, programs
from filters._weighted.constant_time import ConstantTime
from filters._weighted.functions import RangeFunction
from filters._weighted.planning import Kernel, Method, Plan, Wanted

Norm = Literal["l1", "l2"]
_METHODS: tuple[Method, ...] = ("auto", "register_lut", "exact", "constant_time")
_NORMS: tuple[Norm, ...] = ("l1", "l2")


@public(programs.gray_program, programs.color_program)
def bilateral(
    image: ArrayLike,
    *,
    sigma_space: float,
    sigma_range: float,
    radius: int | None = None,
    range_function: functions.Name | np.ndarray[Any, Any] = "gaussian",
    exponent: float = 2.0,
    accuracy: float | None = None,
    method: Method = "auto",
    norm: Norm = "l1",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Smooth and keep edges: average over a disc, with less weight for what is further away and what differs more.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Three channels and more are a colour and others,
        which are copied; one or two are filtered each alone.
    sigma_space : float
        How far pixels count, in pixels.
    sigma_range : float
        How much they may differ, in the image's units (8-bit photographs: 10 to 60).
    radius : int, optional
        Of the disc, 0 to 200; default ``round(1.5 * sigma_space)``, at least 1, as OpenCV's.
    range_function : str or array
        The weight of a difference d: ``"gaussian"``, ``exp(-|d / sigma_range| ** exponent / 2)``; ``"tukey"``,
        ``(1 - (d / sigma_range) ** 2) ** 2`` up to sigma_range and none beyond; ``"huber"``, one up to sigma_range and
        ``sigma_range / d`` beyond; or an array, whose entry i is the weight at ``i * sigma_range``, linear between
        entries and the last one beyond.
    exponent : float
        Of ``"gaussian"``, 0.25 to 64; above 2 edges are kept more sharply.
    accuracy : float, optional
        PSNR in dB to expect on photographs before rounding; the peak is the width of the value range. Default 62 for
        uint8, 80 for others, 50 in constant time from a radius of 20 on.
    method : str
        ``"register_lut"``: weights from a small table in SIMD registers, the cheapest that is accurate enough.
        ``"exact"``: as by definition, in float32. ``"constant_time"``: at a cost that does not grow with the radius, by
        cosines; for gray images. ``"auto"``: the fastest that is accurate enough, in constant time from a radius of
        some 20 on.
    norm : str
        Distance between colours: ``"l1"``, the sum of the channels' absolute differences, as OpenCV's, or ``"l2"``.
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

    References
    ----------
    C. Tomasi, R. Manduchi, "Bilateral filtering for gray and color images", ICCV 1998.
    Y. Naganawa, H. Kamei, Y. Kanetaka, H. Nogami, Y. Maeda, N. Fukushima, "SIMD-constrained lookup table for
    accelerating variable-weighted convolution on x86/64 CPUs", IEEE Access 12, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import bilateral
    >>> step = np.float32([[0, 2, 0, 2, 100, 102, 100, 102]])
    >>> bilateral(step, sigma_space=2, sigma_range=10).round(1)
    array([[  0.9,   1.1,   1. ,   1.3, 100.7, 101. , 100.9, 101.1]],
          dtype=float32)
    """
    kernel, function = _parameters(sigma_space, sigma_range, radius, range_function, exponent)
    common = {
        "border": border,
        "border_value": border_value,
        "target": target,
        "schedule": schedule,
        "threads": threads,
    }
    array = arrays.check(image)
    return _filter(array, None, kernel, function, _method(method, accuracy), norm, out, common)


@public(programs.gray_by_gray, programs.color_by_color)
def joint_bilateral(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    sigma_space: float,
    sigma_range: float,
    radius: int | None = None,
    range_function: functions.Name | np.ndarray[Any, Any] = "gaussian",
    exponent: float = 2.0,
    accuracy: float | None = None,
    method: Method = "auto",
    norm: Norm = "l1",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Smooth an image and keep the edges of another one, the guide: flash and no flash, depth and photograph.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. All channels are filtered, with the same weights.
    guide : array
        Of the image's height and width, of any number of channels and dtype; of more than three channels the first
        three are its colour.
    sigma_space : float
        How far pixels count, in pixels.
    sigma_range : float
        How much the guide may differ, in its own units.
    radius, range_function, exponent, accuracy, method, norm
        As of :func:`bilateral`; differences and distances are the guide's.
    border : str
        What lies outside of both: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
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
    G. Petschnigg et al., "Digital photography with flash and no-flash image pairs", SIGGRAPH 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import joint_bilateral
    >>> noisy = np.float32([[1, 3, 1, 3, 1, 3, 1, 3]])
    >>> guide = np.uint8([[0, 0, 0, 0, 200, 200, 200, 200]])
    >>> joint_bilateral(noisy, guide, sigma_space=2, sigma_range=10).round(1)
    array([[1.9, 2.1, 2. , 2.3, 1.7, 2. , 1.9, 2.1]], dtype=float32)
    """
    kernel, function = _parameters(sigma_space, sigma_range, radius, range_function, exponent)
    common = {
        "border": border,
        "border_value": border_value,
        "target": target,
        "schedule": schedule,
        "threads": threads,
    }
    array = arrays.check(image)
    return _filter(array, _guides.check(guide, array), kernel, function, _method(method, accuracy), norm, out, common)


@public(programs.gray_by_gray, programs.color_by_color)
def variable_convolve(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    table: ArrayLike,
    table_range: float | None = None,
    spatial_kernel: np.ndarray[Any, Any],
    accuracy: float | None = None,
    method: Method = "auto",
    norm: Norm = "l1",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Average with any spatial kernel, whose weights are multiplied by any table's entry for how much a guide differs.

    The result is the sum of ``kernel * weight * pixel`` over that of ``kernel * weight``.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. All channels are filtered, with the same weights.
    guide : array
        Of the image's height and width, of any number of channels and dtype; it may be the image itself.
    table : array
        Entry i is the weight at a difference of ``i * table_range / (len(table) - 1)``, linear between entries and the
        last one beyond. It need not fall, and may be negative.
    table_range : float, optional
        The difference of the last entry, in the guide's units; default ``len(table) - 1``, so that entries are one unit
        apart.
    spatial_kernel : array
        2-D, of odd height and width up to 401; applied as by :func:`convolve`, so mirrored.
    accuracy : float, optional
        PSNR in dB to expect on photographs before rounding; the peak is the width of the value range. Default 62 for
        uint8, 80 for others.
    method : str
        ``"auto"`` and ``"register_lut"``: the table, or one as small as is accurate enough, in SIMD registers.
        ``"exact"``: the table as it is.
    norm : str
        Distance between colours: ``"l1"`` or ``"l2"``.
    border : str
        What lies outside of both: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
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

    Examples
    --------
    The mean of the neighbours that differ, where there are some, else the pixel itself:

    >>> import numpy as np
    >>> from filters import variable_convolve
    >>> image = np.float32([[0, 0, 30, 0, 0]])
    >>> variable_convolve(image, image, table=[1e-6, 1], table_range=10, spatial_kernel=np.ones((1, 3))).round(3)
    array([[ 0., 30.,  0., 30.,  0.]], dtype=float32)
    """
    kernel = _kernel(spatial_kernel)
    entries = np.atleast_1d(np.asarray(table))
    last = max(len(entries) - 1, 1) if table_range is None else number(table_range, "table_range", least=1e-6, most=1e9)
    function = functions.table(entries, "table", last / max(len(entries) - 1, 1))
    common = {
        "border": border,
        "border_value": border_value,
        "target": target,
        "schedule": schedule,
        "threads": threads,
    }
    array = arrays.check(image)
    if method == "constant_time":
        raise ValueError(
            "method 'constant_time' is for Gaussians, not for any table: 'auto', 'register_lut' or 'exact'"
        )
    chosen, decibels = _method(method, accuracy)
    road = ("register_lut" if chosen == "auto" else chosen, decibels)
    return _filter(array, _guides.check(guide, array), kernel, function, road, norm, out, common)


def _kernel(weights: Any) -> Kernel:
    array = np.asarray(weights, np.float64)
    if array.ndim != 2 or any(side % 2 == 0 or side > 2 * planning.MAX_RADIUS + 1 for side in array.shape):
        most = 2 * planning.MAX_RADIUS + 1
        raise ValueError(
            f"spatial_kernel must be 2-D with odd sides up to {most}, an array of shape {array.shape} came"
        )
    try:
        return Kernel.of(array[::-1, ::-1])
    except ValueError as error:
        raise ValueError(f"spatial_kernel: {error}") from None


def _parameters(
    sigma_space: float, sigma_range: float, radius: int | None, range_function: Any, exponent: float
) -> tuple[Kernel, RangeFunction]:
    space = number(sigma_space, "sigma_space", least=1e-3, most=1e6)
    reach = planning.reach_of(space, radius)
    sigma = number(sigma_range, "sigma_range", least=1e-6, most=1e9)
    if isinstance(range_function, str):
        name = choice(range_function, "range_function", functions.NAMES)
        function = RangeFunction(name, sigma, number(exponent, "exponent", least=0.25, most=64))
    else:
        function = functions.table(range_function, "range_function", sigma)
    return planning.disc(reach, space), function


def _method(method: Method, accuracy: float | None) -> tuple[Method, float | None]:
    decibels = None if accuracy is None else number(accuracy, "accuracy", least=1, most=200)
    return choice(method, "method", _METHODS), decibels


def _filter(
    image: arrays.Array,
    guide: arrays.Array | None,
    kernel: Kernel,
    function: RangeFunction,
    method: tuple[Method, float | None],
    norm: Norm,
    out: Any,
    common: dict[str, Any],
) -> np.ndarray[Any, Any]:
    """Filter an image, by itself or by a guide, with the program for its channels."""
    chosen = choice(norm, "norm", _NORMS)
    leading = image if guide is None else guide
    channels = _guides.channels(leading)
    wanted = Wanted(
        _guides.are_bytes((image, leading), common["border"], common["border_value"]),
        channels,
        chosen,
        method[1],
        _peak(leading, function, method),
        planning.resolved(common["target"]),  # plans are remembered by it
    )
    plan = _plan(image, leading, kernel, function, method, wanted)
    run = functools.partial(_run, kernel=kernel, plan=plan, norm=chosen, common=common)
    if guide is None:
        program = programs.gray_program if channels == 1 else programs.color_program
        filtered: np.ndarray[Any, Any] = run(program, [image], out=out)
        return filtered
    result = np.empty_like(image) if out is None else arrays.check_out(out, image, (image, guide))
    for part in _guides.parts(image, [guide], result, alone=isinstance(plan, ConstantTime)):
        run(_PROGRAMS[part.channels, channels], part.images, out=part.result)
    return result


#: By the channels of the image and of the guide.
_PROGRAMS = {
    (1, 1): programs.gray_by_gray,
    (1, _guides.COLOR): programs.gray_by_color,
    (_guides.COLOR, 1): programs.color_by_gray,
    (_guides.COLOR, _guides.COLOR): programs.color_by_color,
}


def _plan(
    image: arrays.Array,
    guide: arrays.Array,
    kernel: Kernel,
    function: RangeFunction,
    method: tuple[Method, float | None],
    wanted: Wanted,
) -> Plan | ConstantTime:
    """Choose how to have the weights."""
    name, accuracy = method
    if name == "exact":
        return planning.exact(function, wanted)
    if name == "constant_time":
        asked = planning.CONSTANT_TIME if accuracy is None else accuracy
        found = _constant_time(guide, kernel, function, wanted, asked, exactly=True)
        if found is None:
            raise ValueError(
                "method 'constant_time' is for one channel (of the guide, if there is one), radii from 5, smooth range "
                "functions, not too narrow for the range of values, and an accuracy that the radius allows; not for "
                f"{function.name} of {function.sigma:g}, radius {kernel.radius}, {wanted.channels} channels, "
                f"accuracy {accuracy}"
            )
        return found
    by_table = planning.by_table(function, kernel, wanted)
    if name == "register_lut" or not _may_take_constant_time(kernel, by_table, wanted):
        return by_table
    found = _constant_time(guide, kernel, function, wanted, accuracy, exactly=False)
    if found is None:
        return by_table
    plans: tuple[Plan | ConstantTime, ...] = (by_table, found)
    return min(plans, key=lambda plan: planning.cost(plan, kernel, wanted.target))


def _constant_time(
    guide: arrays.Array,
    kernel: Kernel,
    function: RangeFunction,
    wanted: Wanted,
    accuracy: float | None,
    *,
    exactly: bool,
) -> ConstantTime | None:
    """Look for a plan in constant time; what is not finite is an error if ``exactly`` that is asked for."""
    values = _values(guide, exactly=exactly)
    if wanted.channels > 1 or values is None:
        return None
    return planning.in_constant_time(function, kernel, values, accuracy)


def _may_take_constant_time(kernel: Kernel, plan: Plan, wanted: Wanted) -> bool:
    """Tell whether it is worth to look for one: a table's cost is above that of the fewest cosines."""
    fewest = costs.constant_time(planning.resolved(wanted.target), constant_time.CAPACITIES[0])
    return wanted.channels == 1 and planning.cost(plan, kernel, wanted.target) > fewest


def _values(guide: arrays.Array, *, exactly: bool) -> tuple[float, float] | None:
    """Give the range of a guide's values, or None where it is none that cosines could be for."""
    found = _guides.extent(guide)
    if found is None and exactly:
        raise ValueError("method 'constant_time' needs finite values: what is not would spread over the whole image")
    return found


def _run(
    program: Any,
    images: list[arrays.Array],
    *,
    kernel: Kernel,
    plan: Plan | ConstantTime,
    norm: str,
    common: Any,
    out: Any,
) -> Any:
    if isinstance(plan, ConstantTime):
        return _run_in_constant_time(_IN_CONSTANT_TIME[program], images, kernel.radius, plan, common, out)
    return program.run(
        images,
        (float(kernel.radius), plan.scale),
        (kernel.taps, plan.table),
        {"norm": norm, "formula": plan.formula},
        choices=plan.choices,
        out=out,
        **common,
    )


def _run_in_constant_time(
    program: Any, images: list[arrays.Array], radius: int, plan: ConstantTime, common: dict[str, Any], out: Any
) -> Any:
    """Filter images that are continued by their border rule."""
    first = images[0]
    result = np.empty_like(first) if out is None else arrays.check_out(out, first, images)
    if not first.size:
        return result
    continued, inside = _guides.continued(images, radius, common["border"], common["border_value"])
    structural = {"terms": plan.terms, "levels": plan.levels}
    tables, choices = (plan.taps, plan.series), (("strip", _STRIP),)
    filtered = program.run(continued, (float(plan.radius),), tables, structural, choices=choices, **common)
    result[...] = filtered[inside]
    return result


#: Rows of a task: so many that halved images have enough tasks, too.
_STRIP = 24
_IN_CONSTANT_TIME = {
    programs.gray_program: programs.smooth_gray,
    programs.gray_by_gray: programs.smooth_gray_by_gray,
}


def _peak(guide: arrays.Array, function: RangeFunction, method: tuple[Method, float | None]) -> float | None:
    """Give the width of the guide's range of values: its dtype's, or measured where it is asked for."""
    if str(guide.dtype) in _guides.PEAKS:
        return _guides.PEAKS[str(guide.dtype)]
    ends = function.name == "table" or function.reach <= forms.TYPICAL * function.sigma
    if (method[1] is None and ends) or not guide.size:
        return None
    width = float(guide.max()) - float(guide.min())
    return width if np.isfinite(width) and width > 0 else None
