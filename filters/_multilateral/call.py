"""The public multilateral filter: checks, and the programs that images take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

import dsl
from dsl import arrays
from dsl.arguments import choice, number, only_one, whole
from filters import _guides
from filters._filter import public
from filters._gaussian import Border
from filters._multilateral import decomposed, exact, planning
from filters._multilateral.decomposed import BaseName
from filters._weighted import constant_time
from filters._weighted import planning as weighted
from filters._weighted.call import joint_bilateral
from filters._weighted.constant_time import ConstantTime
from filters._weighted.functions import RangeFunction
from filters._weighted.planning import Kernel
from schedules import targets

Method = Literal["auto", "decomposed", "exact"]
Levels = int | Sequence[int] | Sequence[ArrayLike]
_METHODS: tuple[Method, ...] = ("auto", "decomposed", "exact")


@public(exact.program(1, (1, 1)), exact.program(3, (3, 3)))
def multilateral(
    image: ArrayLike,
    guides: Sequence[ArrayLike],
    *,
    sigma_space: float,
    sigma_range: float | Sequence[float],
    radius: int | None = None,
    base: BaseName = "joint_bilateral",
    guide_levels: Levels | None = None,
    accuracy: float | None = None,
    method: Method = "auto",
    border: Border = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray[Any, Any] | None = None,
    target: str | None = None,
    schedule: Any = "manual",
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Smooth an image and keep the edges of several guides: of colour and depth, flash and no flash, normals, infrared.

    Pixels near by count by how far away they are, and by how much *each* guide differs there: the weights are
    multiplied. With the guided base the first guide acts through the guided filter instead.

    Parameters
    ----------
    image : array
        (H, W), (H, W, C) or (N, H, W, C); uint8, uint16 or float32. All channels are filtered, with the same weights.
    guides : sequence of arrays
        Each of the image's height and width, of any dtype and number of channels (of more than three channels the first
        three count); the image may be among them. Two and three are meant; each channel of a guide that is decomposed
        multiplies the work by its levels.
    sigma_space : float
        How far pixels count, in pixels.
    sigma_range : float or sequence of float
        How much each guide may differ, in its own units, by Euclid's distance; or one for all. Infinite: not at all.
    radius : int, optional
        Of the disc, or the guided base's window, 0 to 200; default ``round(1.5 * sigma_space)``, at least 1.
    base : str
        ``"joint_bilateral"``: weights by the first guide as they are; the others may be decomposed. ``"gaussian"``: all
        guides may be. ``"guided"``: the guided filter by the first guide, with ``eps = sigma_range[0] ** 2``; the
        others are decomposed.
    guide_levels : int or sequence, optional
        Levels of each channel of the guides that are decomposed, default 8, or for each such guide their number, or
        their values in rising order. Numbers of levels are spread over a guide's range, equally, or by its histogram
        where that is better.
    accuracy : float, optional
        Instead: PSNR in dB to expect on photographs before rounding; the peak is the width of the value range.
    method : str
        ``"exact"``: by definition, for the bases of weights. ``"decomposed"``: the base filter is run at levels of the
        guides' values, and the results are interpolated; its cost does not grow with the radius. ``"auto"``: what is
        faster.
    border : str
        What lies outside of all: ``"reflect101"``, ``"reflect"``, ``"replicate"``, ``"wrap"`` or ``"constant"``.
    border_value : float
        Outside pixels under ``"constant"``.
    out : array, optional
        Where to write the result; it must not overlap ``image`` or guides.
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
    H. Nogami, Y. Kanetaka, Y. Naganawa, Y. Maeda, N. Fukushima, "Decomposed multilateral filtering for accelerating
    filtering with multiple guidance images", Sensors 24 (2024) 633.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import multilateral
    >>> noisy = np.float32([[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]])
    >>> photo = np.uint8([[0, 0, 0, 0, 200, 200, 200, 200, 200, 200, 200, 200]])
    >>> depth = np.float32([[1, 1, 1, 1, 1, 1, 1, 1, 9, 9, 9, 9]])
    >>> multilateral(noisy, [photo, depth], sigma_space=2, sigma_range=(20, 1)).round(1)
    array([[1.9, 2.1, 2. , 2.3, 1.7, 2. , 2. , 2.3, 1.7, 2. , 1.9, 2.1]],
          dtype=float32)
    """
    array = arrays.check(image)
    wanted = _Wanted.of(array, guides, sigma_space, sigma_range, radius, base)
    only_one(guide_levels=guide_levels, accuracy=accuracy)
    decibels = None if accuracy is None else number(accuracy, "accuracy", least=1, most=120)
    chosen = choice(method, "method", _METHODS)
    if chosen == "exact" and wanted.base == "guided":
        raise ValueError("method 'exact' is for the bases 'joint_bilateral' and 'gaussian'; 'guided' has no weights")
    result = np.empty_like(array) if out is None else arrays.check_out(out, array, (array, *wanted.guides))
    common = {
        "border": border,
        "border_value": border_value,
        "target": target,
        "schedule": schedule,
        "threads": threads,
    }
    each = wanted.each()
    found = [None if chosen == "exact" else _levels(one, guide_levels, decibels) for one in each]
    for one, levels, into in zip(each, found, result if array.ndim == 4 else (result,), strict=True):
        ways = {"exact": 0.0} if levels is None else _ways(one, levels, decibels, guide_levels is None, common)
        if chosen == "decomposed":
            ways.pop("exact", None)
        way = min(ways, key=lambda name: ways[name])
        if way == "exact":
            _exact(one, into, common)
        elif way == "cosines":
            _by_cosines(one, decibels, into, common)
        elif levels is not None:
            _decomposed(one, levels, _expected(one, levels, decibels), into, common)
    return result


@dataclass(frozen=True)
class _Wanted:
    """A call, checked: of a batch, or of one of its images."""

    image: arrays.Array
    guides: tuple[arrays.Array, ...]
    space: float
    kernel: Kernel
    sigmas: tuple[float, ...]
    base: BaseName

    @staticmethod
    def of(image: arrays.Array, guides: Any, sigma_space: Any, sigma_range: Any, radius: Any, base: Any) -> _Wanted:
        if isinstance(guides, np.ndarray) or not isinstance(guides, Sequence) or not guides:
            came = f"an array of shape {guides.shape}" if isinstance(guides, np.ndarray) else repr(guides)[:40]
            raise ValueError(f"guides must be a sequence of one array or more, not {came}")
        checked = tuple(_guides.check(guide, image, f"guides[{i}]") for i, guide in enumerate(guides))
        space = number(sigma_space, "sigma_space", least=1e-3, most=1e6)
        reach = weighted.reach_of(space, radius)
        sigmas = _sigmas(sigma_range, len(checked))
        name: Any = choice(base, "base", decomposed.BASES)
        if name == "guided" and math.isinf(sigmas[0]):
            raise ValueError("sigma_range[0] must be finite with base 'guided': it makes its eps")
        return _Wanted(image, checked, space, weighted.disc(reach, space), sigmas, name)

    def each(self) -> list[_Wanted]:
        """Take a batch apart: levels are those of each image, so results do not depend on what else is in it."""
        if self.image.ndim < 4:
            return [self]
        return [
            replace(self, image=image, guides=tuple(guides))
            for image, *guides in zip(self.image, *self.guides, strict=True)
        ]

    @property
    def kept(self) -> int:
        """How many guides are not decomposed."""
        return 0 if self.base == "gaussian" else 1

    @property
    def widths(self) -> list[float]:
        """The sigma of each coordinate, of each channel of the guides that are decomposed."""
        pairs = zip(self.guides[self.kept :], self.sigmas[self.kept :], strict=True)
        return [sigma for guide, sigma in pairs for _ in range(_guides.channels(guide))]


def _sigmas(sigma_range: Any, count: int) -> tuple[float, ...]:
    if np.ndim(sigma_range) == 0:
        return (_sigma(sigma_range, "sigma_range"),) * count
    if isinstance(sigma_range, (str, bytes)) or np.ndim(sigma_range) != 1 or len(sigma_range) != count:
        raise ValueError(f"sigma_range must be one number, or one for each of {count} guides, not {sigma_range!r}")
    return tuple(_sigma(sigma, f"sigma_range[{i}]") for i, sigma in enumerate(sigma_range))


def _sigma(value: Any, name: str) -> float:
    if isinstance(value, (float, np.floating)) and value == math.inf:
        return math.inf
    return number(value, name, least=1e-6, most=1e9)


# ------------------------------------------------------------------------------------------------------------- exact


def _exact(wanted: _Wanted, result: arrays.Array, common: dict[str, Any]) -> None:
    kinds = tuple(map(_guides.channels, wanted.guides))
    scales = np.array([1 / sigma for sigma in wanted.sigmas], np.float32)
    choices = (("mean", "bytes"),) if _is_bytes(wanted, common) else ()
    for part in _guides.parts(wanted.image, wanted.guides, result):
        exact.program(part.channels, kinds).run(
            part.images,
            (float(wanted.kernel.radius),),
            (wanted.kernel.taps, scales),
            choices=choices,
            out=part.result,
            **common,
        )


def _is_bytes(wanted: _Wanted, common: dict[str, Any]) -> bool:
    """Tell whether whole numbers of eight bits are all there is, and registers hold their tables."""
    images = wanted.image, *wanted.guides
    if not wanted.kernel.suits_bytes or not _guides.are_bytes(images, common["border"], common["border_value"]):
        return False
    return targets.tables_in_registers(weighted.resolved(common["target"])) is not None


def _ways(
    wanted: _Wanted, levels: Sequence[Any], accuracy: float | None, may_do_without: bool, common: dict[str, Any]
) -> dict[str, float]:
    """Give the ways to compute it, and what each is estimated to cost; other than by levels if a call names none."""
    if wanted.base == "guided":
        return {"levels": 0.0}
    channels = wanted.image.shape[-1] if wanted.image.ndim > 2 else 1
    kinds = list(map(_guides.channels, wanted.guides))
    by_taps = planning.exact_cost(
        wanted.kernel.count, channels, kinds, common["target"], is_bytes=_is_bytes(wanted, common)
    )
    calls, expected = math.prod(map(len, levels)) * (1 + channels), _expected(wanted, levels, accuracy)
    by_levels = planning.decomposed_cost(wanted.base, calls, wanted.kernel.count, expected, common["target"])
    found = {"exact": by_taps, "levels": by_levels}
    plan = _cosines(wanted, accuracy) if may_do_without else None
    if plan is not None:
        found["cosines"] = channels * weighted.cost(plan, wanted.kernel, common["target"])
    return found


def _expected(wanted: _Wanted, levels: Sequence[Any], accuracy: float | None) -> float:
    """Give the PSNR in dB that is wanted, or that levels are expected to leave."""
    return planning.expected(levels, wanted.widths) if accuracy is None else accuracy


def _cosines(wanted: _Wanted, accuracy: float | None) -> ConstantTime | None:
    """Plan the other decomposition, of one gray guide's Gaussian by cosines; None where there is none."""
    guide, sigma = wanted.guides[0], wanted.sigmas[0]
    alone = wanted.base == "gaussian" and len(wanted.guides) == 1 and _guides.channels(guide) == 1
    values = _guides.extent(guide)
    if not alone or math.isinf(sigma) or values is None:
        return None
    least = planning.COSINES if accuracy is None else accuracy
    return weighted.in_constant_time(RangeFunction("gaussian", sigma), wanted.kernel, values, least)


def _by_cosines(wanted: _Wanted, accuracy: float | None, result: arrays.Array, common: dict[str, Any]) -> None:
    """Filter as a joint bilateral filter in constant time does."""
    joint_bilateral(
        wanted.image,
        wanted.guides[0],
        sigma_space=wanted.space,
        sigma_range=wanted.sigmas[0],
        radius=wanted.kernel.radius,
        accuracy=planning.COSINES if accuracy is None else accuracy,
        method="constant_time",
        out=result,
        **common,
    )


# -------------------------------------------------------------------------------------------------------- decomposed


def _levels(wanted: _Wanted, given: Levels | None, accuracy: float | None) -> list[np.ndarray[Any, Any]]:
    """Give the levels of each coordinate: of each channel of the guides that are decomposed."""
    guides, sigmas = wanted.guides[wanted.kept :], wanted.sigmas[wanted.kept :]
    each: list[Any]
    if given is None or isinstance(given, (int, np.integer)):
        each = [planning.DEFAULT_LEVELS if given is None else given] * len(guides)
    elif isinstance(given, (str, bytes)) or not hasattr(given, "__len__") or len(given) != len(guides):
        raise ValueError(
            f"guide_levels must be an int, or one entry for each of {len(guides)} decomposed guides, not {given!r}"
        )
    else:
        each = list(given)
    count = sum(map(_guides.channels, guides))
    found = []
    for i, (guide, sigma, levels) in enumerate(zip(guides, sigmas, each, strict=True)):
        name = f"guide_levels[{i}]" if given is not None and not isinstance(given, int) else "guide_levels"
        for plane in _planes(guide):
            found.append(_levels_of(plane, sigma, levels, accuracy, count, name))
    combinations = math.prod(map(len, found))
    if combinations > planning.MOST_COMBINATIONS:
        raise ValueError(
            f"guide_levels make {combinations} combinations; at most {planning.MOST_COMBINATIONS} are accepted: fewer "
            "levels, or method 'exact'"
        )
    return found


def _planes(guide: arrays.Array) -> list[arrays.Array]:
    """List the channels of a guide that count, each (H, W)."""
    if guide.ndim == 2:
        return [guide]
    return [guide[..., c] for c in range(_guides.channels(guide))]


def _levels_of(
    plane: arrays.Array, sigma: float, levels: Any, accuracy: float | None, coordinates: int, name: str
) -> np.ndarray[Any, Any]:
    if np.ndim(levels):
        values = np.asarray(levels, np.float32)
        if values.ndim != 1 or not values.size or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
            raise ValueError(f"{name} must be finite values in rising order, not {levels!r}")
        return values
    low, high = float(plane.min()), float(plane.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("a guide that is decomposed holds NaN or infinity; method 'exact' keeps those local")
    if math.isinf(sigma) or low == high:
        return planning.equal_levels(low, high, 1).astype(np.float32)
    if accuracy is not None:
        count = planning.count_for(accuracy, sigma, high - low, coordinates)
    else:
        count = whole(levels, name, 2, planning.MOST_LEVELS)
    found = planning.spread(plane[..., ::4], low, high, count, sigma).astype(np.float32)
    return found if (np.diff(found) > 0).all() else planning.equal_levels(low, high, 1).astype(np.float32)


def _decomposed(
    wanted: _Wanted,
    levels: Sequence[np.ndarray[Any, Any]],
    accuracy: float,
    result: arrays.Array,
    common: dict[str, Any],
) -> None:
    """Filter by the decomposition; images that are halved are continued by their border rule first."""
    first = list(wanted.guides[: wanted.kept])
    planes = [plane for guide in wanted.guides[wanted.kept :] for plane in _planes(guide)]
    scales = np.array([1 / wanted.sigmas[0], *(1 / sigma for sigma in wanted.widths)], np.float32)
    middles = np.array([_guides.middle(wanted.image), *map(_guides.middle, first)], np.float32)
    radius = float(wanted.kernel.radius)
    kind = _guides.channels(first[0]) if first else 1
    structural: dict[str, Any] = {}
    if wanted.base == "guided":
        if not _guides.all_finite([wanted.image, *first]):
            raise ValueError("image or guides[0] holds NaN or infinity, which base 'guided' would spread")
        scalars: tuple[float, ...] = radius, wanted.sigmas[0] ** 2
        tables: tuple[Any, ...] = ()
    else:
        taps, small, halvings = _kernel(wanted, accuracy)
        scalars, tables = (small,), (taps,)
        structural = {"halvings": halvings} if wanted.base == "gaussian" else {}
    for part in _guides.parts(wanted.image, [*first, *planes], result):
        found = decomposed.program(wanted.base, part.channels, kind, len(planes))
        given = scalars, (*tables, middles, scales, *levels), structural
        if not structural.get("halvings"):
            found.run(part.images, *given, out=part.result, **common)
            continue
        reach = wanted.kernel.radius
        images, inside = _guides.continued(part.images, reach, common["border"], common["border_value"])
        # What was continued has no other side that goes on from here.
        beyond = {"border": "reflect101"} if common["border"] == "wrap" else {}
        part.result[...] = found.run(images, *given, **common | beyond)[inside]


def _kernel(wanted: _Wanted, accuracy: float) -> tuple[Any, float, int]:
    """Give the taps of the base that averages over a disc, their radius, and how often images are halved for it."""
    kernel = wanted.kernel
    halvings = planning.halvings_for(kernel.radius, accuracy) if wanted.base == "gaussian" else 0
    if not halvings:
        return kernel.taps, float(kernel.radius), 0
    small = constant_time.small_kernel(halvings, kernel.weights)
    return dsl.tap_table(small), float(len(small) // 2), halvings
