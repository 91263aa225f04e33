"""The public upsampling, by one of several methods: checks, and the programs that images take."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays
from dsl.arguments import choice, number, whole
from filters import _guides
from filters._filter import public
from filters._gaussian import Border
from filters._upsampling import pairs, prediction, programs
from filters._upsampling.downsampling import downsample
from filters._upsampling.tables import local_lut_upsample

Method = Literal["auto", "local_lut", "guided", "bilateral_guided", "joint_bilateral", "cubic"]
_METHODS = ("auto", "local_lut", "guided", "bilateral_guided", "joint_bilateral", "cubic")
Cell = Literal[1, 2, 4, 8]
_CELLS = (1, 2, 4, 8)
MAX_RADIUS = 8
MAX_BINS = 64
#: Lines are fitted to few pixels.
_DIRECT = (("convolve", "direct"),)
#: By method, what serves a set of photographs and filters best: the radius; and what counts as a little difference, in
#: widths of the value range, as sigma_range or the root of eps.
_RADIUS = {"joint_bilateral": 2, "guided": 1, "local_lut": 1}
_LITTLE = {"joint_bilateral": 15 / 255, "guided": 1 / 800, "bilateral_guided": 1 / 400}
#: Standard deviation of the weights by luminance, in steps between bins.
_WIDTH = 0.4


@public(programs.program("guided", 1, 1), programs.program("guided", 3, 3))
def upsample(
    source: ArrayLike,
    low_source: ArrayLike,
    low_result: ArrayLike,
    *,
    method: Method = "auto",
    radius: int | None = None,
    sigma_space: float = 1.0,
    sigma_range: float | None = None,
    eps: float | None = None,
    bins: int = 8,
    cell: Cell = 2,
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Bring what was filtered small to the full size, with the edges of the source.

    A filter that costs much is run on a small copy of an image, of :func:`downsample`. Its result is made larger by
    what the pair of the small images tells of the filter, and by the image itself.

    Parameters
    ----------
    source : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32: the image in full size. Of three channels and more
        the first three are its colour.
    low_source : array
        A small copy of it, of the same dtype and channels; of any size and ratio, pixel centres matching.
    low_result : array
        What the filter made of that: of the same height and width, of any dtype and number of channels.
    method : str
        ``"auto"``: the mixture of the others that serves the small pair best, once it is made smaller still; mostly as
        good as the best of them or better, in the time of those that it is made of.
        ``"local_lut"``: tables, of which a curve is beyond what they know: see :func:`local_lut_upsample`.
        ``"cubic"``: without the source.
        ``"joint_bilateral"``: the mean of small pixels around, with less weight for those whose colour is not
        that of the source's pixel. ``"guided"``: lines from the low source to the low result, fitted in
        windows. ``"bilateral_guided"``: lines fitted in cells of place and luminance, between which the full
        source's luminance decides.
    radius : int, optional
        Of the windows of ``"joint_bilateral"`` (default 2) and ``"guided"`` (default 1), in small pixels, 0 to 8.
    sigma_space : float
        How far small pixels count for ``"joint_bilateral"``, in small pixels.
    sigma_range : float, optional
        How much colours may differ for ``"joint_bilateral"``, by Euclid's distance, in the source's units; default a
        17th of its value range: 15 for uint8.
    eps : float, optional
        In squared units of the source: what varies less has no lines of its own. Default the square of a small part of
        the value range: 0.1 for uint8 with ``"guided"``, 0.4 with ``"bilateral_guided"``.
    bins : int
        Bins of luminance of ``"bilateral_guided"``, 2 to 64.
    cell : int
        Small pixels along a side of a cell of ``"bilateral_guided"``: 1, 2, 4 or 8.
    border : str
        What lies outside of the small images: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or
        ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap the images.
    target : str, optional
        Halide target to compile for, default ``"host"``.
    schedule : str, Schedule or path
        Loop schedule, default the hand-written one; or the name of an autoscheduler.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    array
        Of the source's height and width, and dtype and channels of ``low_result``.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    References
    ----------
    Kopf, Cohen, Lischinski, Uyttendaele: Joint bilateral upsampling. SIGGRAPH 2007.
    He, Sun: Fast guided filter. arXiv 1505.00996, 2015.
    Chen, Adams, Wadhwa, Hasinoff: Bilateral guided upsampling. SIGGRAPH Asia 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import downsample, upsample
    >>> source = np.repeat(np.float32([[10, 10, 10, 10, 10, 10, 90, 90]]), 4, axis=0)
    >>> small = downsample(source, scale=2)
    >>> upsample(source, small, 2 * small, method="joint_bilateral")[0].round(1)
    array([ 20.,  20.,  20.,  20.,  20.,  20., 180., 180.], dtype=float32)
    """
    chosen = choice(method, "method", _METHODS)
    reach = _RADIUS.get(chosen, 0) if radius is None else whole(radius, "radius", 0, MAX_RADIUS)
    space = number(sigma_space, "sigma_space", least=1e-3, most=1e6)
    by_range = None if sigma_range is None else number(sigma_range, "sigma_range", least=1e-9, most=1e18)
    little = None if eps is None else number(eps, "eps", least=1e-9, most=1e18)
    count = whole(bins, "bins", 2, MAX_BINS)
    if isinstance(cell, bool) or cell not in _CELLS:
        raise ValueError(f"cell must be one of {', '.join(map(str, _CELLS))}, not {cell!r}")
    full, low, filtered = pairs.checked(source, low_source, low_result)
    like = pairs.sized(filtered, pairs.sides(full))
    result = like if out is None else arrays.check_out(out, like, (full, low, filtered))
    common: dict[str, Any] = {"border": border, "border_value": border_value}
    common |= {"target": target, "schedule": schedule, "threads": threads}
    if chosen == "auto":
        options: dict[str, Any] = {"radius": radius, "sigma_space": space, "sigma_range": by_range, "eps": little}
        options |= {"bins": count, "cell": cell, **common}
        each = functools.partial(upsample, **options)
        smaller = functools.partial(downsample, target=target, threads=threads)
        shares = prediction.shares(full, low, filtered, upsample=each, downsample=smaller)
        return _mixed(shares, functools.partial(each, full, low, filtered), result)
    if chosen == "local_lut":
        found: np.ndarray[Any, Any] = local_lut_upsample(
            full, low, filtered, radius=reach, extrapolation="curve", out=result, **common
        )
        return found
    if chosen == "cubic":
        programs.interpolated.run([filtered, pairs.sized(filtered, pairs.sides(full))], out=result, **common)
        return result
    given: dict[str, Callable[[arrays.Array], _Given]] = {
        "joint_bilateral": functools.partial(_joint_bilateral, radius=reach, sigma_space=space, sigma_range=by_range),
        "guided": functools.partial(_guided, radius=reach, eps=little),
        "bilateral_guided": functools.partial(_bilateral_guided, eps=little, bins=count, cell=cell),
    }
    for images in zip(*map(pairs.each, (full, low, filtered, result)), strict=True):  # of each its own range of values
        _upsample(chosen, given[chosen], images, common)
    return result


def _mixed(
    shares: dict[str, float], upsampled: Callable[..., arrays.Array], result: arrays.Array
) -> np.ndarray[Any, Any]:
    """Write the mixture of what several methods give."""
    if len(shares) == 1:
        return upsampled(method=next(iter(shares)), out=result)
    total = np.zeros(result.shape, np.float32)
    for method, share in shares.items():
        total += np.float32(share) * upsampled(method=method)
    np.copyto(result, total if result.dtype == np.float32 else np.rint(total, out=total), casting="unsafe")
    return result


#: Run-time numbers, tables and structural parameters of a program.
_Given = tuple[tuple[float, ...], tuple[Any, ...], dict[str, Any]]


def _upsample(
    method: str,
    given: Callable[[arrays.Array], _Given],
    images: tuple[arrays.Array, ...],
    common: dict[str, Any],
) -> None:
    """Upsample one image, three channels at a time."""
    source, low_source, low_result, result = images
    scalars, tables, structural = given(low_source)
    guides = [_guides.told(image) for image in (source, low_source)]
    for part in _guides.parts(low_result, guides, result):
        program = programs.program(method, part.channels, _guides.channels(guides[0]))
        program.run(part.images, scalars, tables, structural, out=part.result, choices=_DIRECT, **common)


def _joint_bilateral(low_source: arrays.Array, *, radius: int, sigma_space: float, sigma_range: float | None) -> _Given:
    little = _little("joint_bilateral", low_source, "sigma_range") if sigma_range is None else sigma_range
    return (sigma_space, 1 / little), (), {"radius": radius}


def _guided(low_source: arrays.Array, *, radius: int, eps: float | None) -> _Given:
    little = _little("guided", low_source, "eps") ** 2 if eps is None else eps
    return (little,), (), {"radius": radius}


def _bilateral_guided(low_source: arrays.Array, *, eps: float | None, bins: int, cell: int) -> _Given:
    low, high = _extent(low_source, "method 'bilateral_guided'")
    little = _little("bilateral_guided", low_source, "eps") ** 2 if eps is None else eps
    scale = (bins - 1) / ((high - low) * _WIDTH)
    return (little, scale), (np.linspace(low, high, bins),), {"halvings": int(math.log2(cell))}


def _little(method: str, image: arrays.Array, name: str) -> float:
    low, high = _extent(image, name)
    return _LITTLE[method] * (high - low)


def _extent(image: arrays.Array, name: str) -> tuple[float, float]:
    """Give the range of an image's values, of some width."""
    found = _guides.extent(image)
    if found is None:
        raise ValueError(f"low_source holds NaN or infinity, from which {name} has no range of values")
    low, high = found
    return (low, high) if high > low else (low, low + max(abs(low), 1.0))
