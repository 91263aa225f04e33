r"""The multilateral filter, of one spatial weight and a range weight by each of several guides.

By its definition, and as the decomposition of Nogami, Kanetaka, Naganawa, Maeda and Fukushima (Sensors 24 (2024)
633) approximates it: by filters that know only the first guide, or none, run for values of the others.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .borders import FloatArray, pad
from .guided import as_planes, mean_lines, on_lines, window_mean
from .weighted import disc

BASES = ("joint_bilateral", "gaussian", "guided")
LEAST_WEIGHT = 1e-4

GuideLevels = int | Sequence[int | ArrayLike]

# A linear filter of images (H, W, C), whose value outside under "constant" comes second.
Base = Callable[[FloatArray, float], FloatArray]


def multilateral(
    image: ArrayLike,
    guides: Sequence[ArrayLike],
    *,
    sigma_space: float,
    sigma_range: float | Sequence[float],
    radius: int | None = None,
    base: str = "joint_bilateral",
    guide_levels: GuideLevels | None = None,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Average over a disc, by distance and by how much each of several guides differs.

    .. math:: out(p) = \frac{\sum_{|t| \le r} w(p, t) \, f(p+t)}{\sum_{|t| \le r} w(p, t)}, \qquad
              w(p, t) = e^{-|t|^2 / 2 \sigma_{space}^2} \prod_k e^{-\|g_k(p+t) - g_k(p)\|^2 / 2 \sigma_k^2}

    This is the exact form. Given `guide_levels`, guides are *decomposed*, each of their channels :math:`c` being a
    coordinate of its own with levels :math:`l_c`. With :math:`F` the base filter, for every tuple of levels,

    .. math:: W_l(q) = \prod_c e^{-(c(q) - l_c)^2 / 2 \sigma_c^2}, \qquad
              J_l = f + \frac{F[W_l f] - f F[W_l]}{\max(F[W_l], 10^{-4})}, \qquad
              out(p) = \sum_l J_l(p) \prod_c h_{l_c}(c(p)),

    where :math:`h` interpolates linearly between neighbouring levels, values beyond the outermost counting as these.
    :math:`J_l` is :math:`F[W_l f] / F[W_l]` wherever that is not close to nought by nought, and it is exact for
    constant images everywhere.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone.
    guides : sequence of array_like
        Each ``(H, W)`` or ``(H, W, C)``, of the image's height and width.
    sigma_space : float
        In pixels.
    sigma_range : float or sequence of float
        In the units of each guide, or one for all; infinite for a guide that does not count.
    radius : int, optional
        Of the disc, or of the guided filter's box; ``round(1.5 * sigma_space)``, at least 1, if not given.
    base : str
        ``"gaussian"`` decomposes all guides, and :math:`F` is the mean over the disc. The others decompose all but the
        first: ``"joint_bilateral"``, where :math:`F` is the mean with the first guide's weights, and ``"guided"``, the
        guided filter by it, with ``eps = sigma_range[0] ** 2``, which has no exact form.
    guide_levels : int or sequence, optional
        The number of levels of each coordinate, equally spaced from its least to its greatest value; or for each
        decomposed guide its number of levels or their values, increasing. None asks for the exact form.
    border, border_value
        The border rule (see `border_index`), of image and guides, and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        Of the image's shape.
    """
    if base not in BASES:
        raise ValueError(f"base must be one of {', '.join(BASES)}; got {base!r}")
    values, planes = as_planes(image), [as_planes(guide) for guide in guides]
    if not planes:
        raise ValueError("guides must hold at least one guide")
    for plane in planes:
        if plane.shape[:2] != values.shape[:2]:
            raise ValueError(f"guides must be of the image's size {values.shape[:2]}, got {plane.shape[:2]}")
    sigmas = _one_each(sigma_range, len(planes))
    reach = max(round(1.5 * sigma_space), 1) if radius is None else radius
    kernel = disc(reach, sigma_space)
    if guide_levels is None:
        if base == "guided":
            raise ValueError("base 'guided' has no exact form: give guide_levels")
        found = _disc_mean(kernel, planes, sigmas, border, border_value)(values, border_value)
        return found.reshape(np.shape(image))
    kept = 0 if base == "gaussian" else 1
    if base == "guided":
        filtered = _guided(planes[0], reach, sigmas[0] ** 2, border, border_value)
    else:
        filtered = _disc_mean(kernel, planes[:kept], sigmas[:kept], border, border_value)
    coordinates, levels = _coordinates(planes[kept:], guide_levels)
    widths = [sigma for plane, sigma in zip(planes[kept:], sigmas[kept:], strict=True) for _ in range(plane.shape[2])]
    found = _decomposed(values, coordinates, levels, widths, filtered, border_value)
    return found.reshape(np.shape(image))


def _decomposed(
    values: FloatArray,
    coordinates: Sequence[FloatArray],
    levels: Sequence[FloatArray],
    sigmas: Sequence[float],
    base: Base,
    border_value: float,
) -> FloatArray:
    """Run the base filter for each tuple of levels, and interpolate between what it gives."""
    shares = [_hats(c, ls) for c, ls in zip(coordinates, levels, strict=True)]
    total = np.zeros_like(values)
    for indices in itertools.product(*(range(len(ls)) for ls in levels)):
        weight, outside, share = np.ones_like(values[..., :1]), 1.0, np.ones_like(values[..., :1])
        for c, ls, hats, sigma, i in zip(coordinates, levels, shares, sigmas, indices, strict=True):
            weight = weight * _weight((c - ls[i]) ** 2, sigma)[..., None]
            outside *= float(_weight((border_value - ls[i]) ** 2, sigma))
            share = share * hats[i][..., None]
        numerator, denominator = base(weight * values, outside * border_value), base(weight, outside)
        component = values + (numerator - values * denominator) / np.maximum(denominator, LEAST_WEIGHT)
        total += share * component
    return total


def _disc_mean(
    kernel: FloatArray, guides: Sequence[FloatArray], sigmas: Sequence[float], border: str, border_value: float
) -> Base:
    """Give the mean over a disc that is weighted by how much guides differ, none or more of them."""
    reach = [side // 2 for side in kernel.shape]
    padded_guides = [pad(guide, reach, reach, border=border, border_value=border_value) for guide in guides]

    def taps(height: int, width: int) -> Iterator[tuple[tuple[slice, slice], FloatArray]]:
        for (j, i), spatial in np.ndenumerate(kernel):
            if spatial == 0:
                continue
            there = slice(j, j + height), slice(i, i + width)
            weight = np.full((height, width, 1), spatial)
            for guide, padded, sigma in zip(guides, padded_guides, sigmas, strict=True):
                weight *= _weight(np.sum((padded[there] - guide) ** 2, axis=2, keepdims=True), sigma)
            yield there, weight

    def mean(source: FloatArray, outside: float) -> FloatArray:
        padded = pad(source, reach, reach, border=border, border_value=outside)
        total, weights = np.zeros_like(source), np.zeros_like(source[..., :1])
        for there, weight in taps(*source.shape[:2]):
            total += weight * padded[there]
            weights += weight
        return total / weights

    return mean


def _guided(guide: FloatArray, radius: int, eps: float, border: str, border_value: float) -> Base:
    """Give the guided filter by one guide."""
    first, mean = guide[..., :3], window_mean("box", radius, border)
    return lambda source, outside: on_lines(first, *mean_lines(source, first, eps, mean, outside, border_value))


def _weight(square: ArrayLike, sigma: float) -> FloatArray:
    """Give the weight of a squared difference."""
    found: FloatArray = np.exp(-np.asarray(square) / (2 * sigma * sigma))
    return found


def _coordinates(guides: Sequence[FloatArray], levels: GuideLevels) -> tuple[list[FloatArray], list[FloatArray]]:
    """Take guides apart into planes, and give the levels of each."""
    wanted = [levels] * len(guides) if isinstance(levels, int | np.integer) else list(levels)
    if len(wanted) != len(guides):
        raise ValueError(f"guide_levels must be given once for each of {len(guides)} decomposed guides, got {levels}")
    pairs = [(guide[..., c], each) for guide, each in zip(guides, wanted, strict=True) for c in range(guide.shape[2])]
    return [plane for plane, _ in pairs], [_levels(plane, each) for plane, each in pairs]


def _levels(plane: FloatArray, wanted: int | ArrayLike) -> FloatArray:
    """Give the levels of one plane: as they are, or a number of them from its least to its greatest value."""
    given = np.asarray(wanted)
    if given.ndim == 0:
        number = int(given)
        low, high = float(plane.min()), float(plane.max())
        if number < 1 or (number < 2 and low < high):
            raise ValueError(f"guide_levels must be at least 2 for a guide that is not constant, got {wanted!r}")
        return np.array([low]) if low == high else np.linspace(low, high, number)
    levels = given.astype(np.float64)
    if levels.ndim != 1 or levels.size == 0 or not np.isfinite(levels).all() or np.any(np.diff(levels) <= 0):
        raise ValueError(f"guide_levels must be finite and increasing, got {wanted!r}")
    return levels


def _hats(plane: FloatArray, levels: FloatArray) -> list[FloatArray]:
    """Give the share of each level in a plane's values, by linear interpolation."""
    return [np.interp(plane, levels, row) for row in np.eye(len(levels))]


def _one_each(value: float | Sequence[float], number: int) -> list[float]:
    """Give one sigma for each guide."""
    sigmas = [float(each) for each in np.atleast_1d(np.asarray(value, np.float64))]
    if np.ndim(value) == 0:
        sigmas *= number
    if len(sigmas) != number:
        raise ValueError(f"sigma_range must be one number or {number}, one for each guide; got {value}")
    if not all(sigma > 0 for sigma in sigmas):
        raise ValueError(f"sigma_range must be positive, got {value}")
    return sigmas
