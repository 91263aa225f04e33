"""Non-local means: averages of pixels whose surroundings are alike."""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

import dsl
from dsl import arrays
from dsl.arguments import choice, number, whole
from dsl.kinds import declare, kind_of
from filters._filter import public
from filters._gaussian import Border
from filters._weighted import forms
from filters._weighted.functions import Float64
from schedules import options, targets

PatchMethod = Literal["auto", "register_lut", "exact"]
_METHODS: tuple[PatchMethod, ...] = ("auto", "register_lut", "exact")
MAX_SEARCH, MAX_PATCH = 50, 10
#: Where weights end, in squared strengths: in registers where they are exp(-9), else less than float32 adds to one.
_END, _FAR = 9.0, 18.0
#: Lines in registers that reach 80 dB; and those in memory, where there are none in registers.
_ENOUGH, _DENSE = 32, 8192
_POINTS = 2048


def _program(name: str, doc: str, channels: int) -> dsl.Filter:
    kinds = {"image": kind_of(channels), "taps": dsl.Table, "radius": dsl.Scalar, "weights": dsl.Table}
    kinds |= {"scale": dsl.Scalar, "patch": int, "formula": bool}
    return declare(lambda **given: _similar(**given), name, doc, kinds, {"patch": 3, "formula": False})


def _similar(
    image: dsl.Image,
    taps: dsl.Table,
    radius: dsl.Scalar,
    weights: dsl.Table,
    scale: dsl.Scalar,
    patch: int,
    formula: bool,
) -> dsl.Image:
    """Average; with ``formula`` the weight is an exponential, and ``weights`` the level below which none counts."""
    near = image[dsl.taps(taps, radius)]
    difference = dsl.distance(near, image, "l2")
    patches = scale * dsl.window(difference * difference, patch)
    weight = dsl.exp(dsl.minimum(weights[0] - patches, 0.0)) if formula else dsl.lookup(weights, patches)
    return dsl.weighted_mean(near, weight)


patches_program = _program("patches_program", "Average of gray values with similar surroundings.", 1)
patches_color_program = _program("patches_color_program", "Average of colours with similar surroundings.", 3)


@public(patches_program, patches_color_program)
def nonlocal_means(
    image: ArrayLike,
    *,
    strength: float,
    search_radius: int = 10,
    patch_radius: int = 3,
    noise: float = 0.0,
    method: PatchMethod = "auto",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Take noise away: average over pixels near by whose surroundings are alike, by non-local means.

    The weight of a pixel is ``exp(-max(m - 2 * noise**2, 0) / strength**2)``, where m is the mean of the squared
    differences of the two patches, over their pixels and channels.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. Three channels and more are a colour and others,
        which are copied; one or two are filtered each alone.
    strength : float
        How much patches may differ, in the image's units: about the standard deviation of the noise.
    search_radius : int
        Of the square that is averaged over, 1 to 50.
    patch_radius : int
        Of the patches, squares too, 0 to 10; each is code of its own.
    noise : float
        Standard deviation of the noise, which patches that are alike differ by anyway.
    method : str
        ``"register_lut"``: weights from a table of 32 lines in SIMD registers, 80 dB and more from ``"exact"``, which
        has them by their formula; where registers hold fewer lines, it is exact. ``"auto"``: register_lut.
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
    A. Buades, B. Coll, J.-M. Morel, "A non-local algorithm for image denoising", CVPR 2005.
    J. Darbon et al., "Fast nonlocal filtering applied to electron cryomicroscopy", ISBI 2008: sums by columns.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import nonlocal_means
    >>> stripes = np.float32([[0, 9, 1, 10, 0, 9, 1, 10]])
    >>> nonlocal_means(stripes, strength=2, search_radius=4, patch_radius=1).round(1)
    array([[0.4, 9.4, 0.6, 9.4, 0.6, 9.4, 0.6, 9.6]], dtype=float32)
    """
    array = arrays.check(image)
    spread = number(strength, "strength", least=1e-6, most=1e9)
    search = whole(search_radius, "search_radius", 1, MAX_SEARCH)
    patch = whole(patch_radius, "patch_radius", 0, MAX_PATCH)
    sigma = number(noise, "noise", least=0, most=1e9)
    chosen = choice(method, "method", _METHODS)
    is_color = array.ndim > 2 and array.shape[-1] >= 3
    pixels = (2 * patch + 1) ** 2 * (3 if is_color else 1)
    lines = _lines(target, chosen)
    level = 2 * sigma * sigma / (spread * spread)
    table, scale = _table(level, lines) if lines else (np.array([level], np.float32), 1.0)
    # Sums by columns would carry what is not finite down to the end of a strip.
    is_finite = array.dtype != np.float32 or bool(np.isfinite(array).all())
    program = patches_color_program if is_color else patches_program
    return program.run(  # type: ignore[no-any-return]
        [array],
        (float(search), scale / (pixels * spread * spread)),
        (_square(search), table),
        {"patch": patch, "formula": not lines},
        choices=() if is_finite else (("mean", "loop"),),
        border=border,
        border_value=border_value,
        out=out,
        target=target,
        schedule=schedule,
        threads=threads,
    )


def _lines(target: str | None, method: PatchMethod) -> int:
    """Give the lines that weights are a table of; none: they are by their formula."""
    unit = targets.tables_in_registers(targets.resolve(options.current().target if target is None else target))
    if unit is None:
        return _DENSE
    return 0 if method == "exact" or unit.floats[-1] < _ENOUGH else _ENOUGH


@functools.lru_cache(maxsize=16)
def _square(radius: int) -> Any:
    return dsl.tap_table(np.ones((2 * radius + 1, 2 * radius + 1)))


@functools.lru_cache(maxsize=64)
def _table(level: float, lines: int) -> tuple[Any, float]:
    """Fit lines to the weight of a mean difference, in squared strengths; none counts below ``level``.

    Lines in registers fall to nought at their end; entries in memory end at the weight that they have there.

    Returns
    -------
    (ndarray of float32, float)
        Nodes, and how many there are a unit.
    """
    scale = lines / (level + (_FAR if lines == _DENSE else _END))
    if lines == _DENSE:
        return _weight(np.arange(lines + 1) / scale, level).astype(np.float32), scale
    steps = (np.arange(_POINTS) + 0.5) * (lines / _POINTS) / scale
    nodes = forms.fitted(_weight(steps.astype(np.float64), level), np.ones(_POINTS), lines, 0.0)
    return np.maximum(nodes, 0).astype(np.float32), scale


def _weight(mean: Float64, level: float) -> Float64:
    found: Float64 = np.exp(-np.maximum(mean - level, 0))
    return found
