"""Averages whose weights depend on the pixels, by their definitions: a loop over the window's pixels.

The bilateral filter is that of Tomasi and Manduchi (ICCV 1998), joint (or cross) with a guide: Petschnigg et al.,
Eisemann and Durand (SIGGRAPH 2004). Its window is OpenCV's: a disc.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .borders import FloatArray, as_image, pad

RangeFunction = str | ArrayLike


def bilateral(
    image: ArrayLike,
    *,
    sigma_space: float,
    sigma_range: float,
    radius: int | None = None,
    range_function: RangeFunction = "gaussian",
    exponent: float = 2.0,
    norm: str = "l1",
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    """Average over a disc, with less weight for what is further away and what differs more.

    It is `joint_bilateral` of an image by itself.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; all channels make up a colour.
    sigma_space, sigma_range, radius, range_function, exponent, norm, border, border_value
        As of `joint_bilateral`.
    """
    return joint_bilateral(
        image,
        image,
        sigma_space=sigma_space,
        sigma_range=sigma_range,
        radius=radius,
        range_function=range_function,
        exponent=exponent,
        norm=norm,
        border=border,
        border_value=border_value,
    )


def joint_bilateral(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    sigma_space: float,
    sigma_range: float,
    radius: int | None = None,
    range_function: RangeFunction = "gaussian",
    exponent: float = 2.0,
    norm: str = "l1",
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Average over a disc, by distance and by how much a guide differs.

    .. math:: out(p) = \frac{\sum_{|t| \le r} k(t) \, w(\|g(p+t) - g(p)\|) \, f(p+t)}
                            {\sum_{|t| \le r} k(t) \, w(\|g(p+t) - g(p)\|)},
              \quad k(t) = e^{-|t|^2 / 2 \sigma_{space}^2}

    Parameters
    ----------
    image, guide : array_like
        ``(H, W)`` or ``(H, W, C)``, of one height and width.
    sigma_space : float
        In pixels.
    sigma_range : float
        In the guide's units.
    radius : int, optional
        Of the disc; ``round(1.5 * sigma_space)``, at least 1, if not given.
    range_function : str or array_like
        The weight of a difference; see `range_weights`.
    exponent : float
        Of ``"gaussian"``: 2.
    norm : str
        Distance of colours: ``"l1"``, the sum of absolute differences, or ``"l2"``.
    border, border_value
        The border rule (see `border_index`), of both images, and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        Of the image's shape.
    """
    reach = max(round(1.5 * sigma_space), 1) if radius is None else radius
    return _average(
        image,
        guide,
        disc(reach, sigma_space),
        lambda d: range_weights(d, sigma_range, range_function, exponent),
        norm,
        border,
        border_value,
    )


def variable_convolve(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    table: ArrayLike,
    table_range: float | None = None,
    spatial_kernel: ArrayLike,
    norm: str = "l1",
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    """Average with a kernel whose weights are multiplied by a table's entry for how much a guide differs.

    Parameters
    ----------
    image, guide : array_like
        As of `joint_bilateral`.
    table : array_like
        Entry ``i`` is the weight at a difference of ``i * table_range / (len(table) - 1)``; linear between entries, and
        the last one beyond.
    table_range : float, optional
        Difference of the last entry; ``len(table) - 1`` if not given.
    spatial_kernel : array_like
        2-D, of odd height and width; applied as a true convolution does, so mirrored.
    norm, border, border_value
        As of `joint_bilateral`.
    """
    entries = np.asarray(table, np.float64)
    last = float(len(entries) - 1) if table_range is None else table_range
    at = np.linspace(0.0, last, len(entries))
    kernel = np.asarray(spatial_kernel, np.float64)[::-1, ::-1]
    return _average(image, guide, kernel, lambda d: np.interp(d, at, entries), norm, border, border_value)


def disc(radius: int, sigma: float) -> FloatArray:
    """Give the weights of a Gaussian in a disc: ``2 * radius + 1`` a side, zero outside of it, one in the middle."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    square: FloatArray = (y * y + x * x).astype(np.float64)
    return np.where(square <= radius * radius, np.exp(-square / (2 * sigma * sigma)), 0.0)


def range_weights(
    difference: FloatArray, sigma: float, function: RangeFunction = "gaussian", exponent: float = 2.0
) -> FloatArray:
    r"""Give the weight of a difference.

    ==============  =====================================================================
    ``"gaussian"``  :math:`e^{-|d / \sigma|^n / 2}`, ``n`` the exponent
    ``"tukey"``     :math:`(1 - (d / \sigma)^2)^2` up to :math:`\sigma`, zero beyond
    ``"huber"``     one up to :math:`\sigma`, :math:`\sigma / d` beyond
    an array        entry ``i`` at :math:`d = i \sigma`; linear between, the last one beyond
    ==============  =====================================================================
    """
    relative = np.abs(difference) / sigma
    if not isinstance(function, str):
        entries = np.asarray(function, np.float64)
        return np.interp(relative, np.arange(len(entries)), entries)
    if function == "gaussian":
        return np.exp(-(relative**exponent) / 2)
    if function == "tukey":
        return np.where(relative < 1, (1 - np.minimum(relative, 1) ** 2) ** 2, 0.0)
    if function == "huber":
        return 1 / np.maximum(relative, 1.0)
    raise ValueError(f"range_function must be 'gaussian', 'tukey', 'huber' or an array, got {function!r}")


def _average(
    image: ArrayLike,
    guide: ArrayLike,
    kernel: FloatArray,
    weight: Callable[[FloatArray], FloatArray],
    norm: str,
    border: str,
    border_value: float,
) -> FloatArray:
    values, guides = as_image(image), as_image(guide)
    if values.shape[:2] != guides.shape[:2]:
        raise ValueError(f"image and guide must be of one size, got {values.shape[:2]} and {guides.shape[:2]}")
    height, width = values.shape[:2]
    values = values.reshape(height, width, -1)
    guides = guides.reshape(height, width, -1)
    reach = [side // 2 for side in kernel.shape]
    padded, padded_guide = (pad(a, reach, reach, border=border, border_value=border_value) for a in (values, guides))
    total, weights = np.zeros_like(values), np.zeros((height, width, 1))
    for (j, i), spatial in np.ndenumerate(kernel):
        if spatial == 0:
            continue
        there = slice(j, j + height), slice(i, i + width)
        difference = np.abs(padded_guide[there] - guides)
        if norm == "l2":
            distance = np.sqrt(np.sum(difference**2, axis=2, keepdims=True))
        elif norm == "l1":
            distance = np.sum(difference, axis=2, keepdims=True)
        else:
            raise ValueError(f"norm must be 'l1' or 'l2', got {norm!r}")
        found = spatial * weight(distance)
        total += found * padded[there]
        weights += found
    shape = np.asarray(image).shape
    return (total / weights).reshape(shape)


def nonlocal_means(
    image: ArrayLike,
    *,
    strength: float,
    search_radius: int = 10,
    patch_radius: int = 3,
    noise: float = 0.0,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Average over a window, with less weight for pixels whose surroundings differ more (Buades et al., CVPR 2005).

    .. math:: w(p, t) = e^{-\max(m(p, t) - 2 noise^2, 0) / strength^2}

    where :math:`m` is the mean, over patch and channels, of the squared differences between the patches around
    :math:`p + t` and :math:`p`.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; all channels make up a colour.
    strength : float
        In the image's units.
    search_radius, patch_radius : int
        Of the window that is averaged over, and of the patches; both are squares.
    noise : float
        Standard deviation of the noise.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.
    """
    array = as_image(image)
    height, width = array.shape[:2]
    values = array.reshape(height, width, -1)
    reach = search_radius + patch_radius
    padded = pad(values, [reach] * 2, [reach] * 2, border=border, border_value=border_value)
    patch = 2 * patch_radius + 1
    mid = padded[search_radius : search_radius + height + 2 * patch_radius][
        :, search_radius : search_radius + width + 2 * patch_radius
    ]
    total, weights = np.zeros_like(values), np.zeros((height, width, 1))
    for j in range(2 * search_radius + 1):
        for i in range(2 * search_radius + 1):
            there = padded[j : j + mid.shape[0], i : i + mid.shape[1]]
            square = np.mean((there - mid) ** 2, axis=2)
            windows = np.lib.stride_tricks.sliding_window_view(square, (patch, patch))
            mean = windows.mean(axis=(2, 3))[..., None]
            found = np.exp(-np.maximum(mean - 2 * noise * noise, 0.0) / (strength * strength))
            inner = there[patch_radius : patch_radius + height, patch_radius : patch_radius + width]
            total += found * inner
            weights += found
    return (total / weights).reshape(array.shape)
