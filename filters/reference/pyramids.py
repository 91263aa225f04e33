"""Gaussian and Laplacian pyramids of images of any size.

P. J. Burt and E. H. Adelson, "The Laplacian pyramid as a compact image code", IEEE Transactions on
Communications 31 (1983) 532-540, with the binomial kernel and with the border rule held at every level.
"""

import itertools
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .borders import FloatArray, as_image, border_index

TAPS = (1.0, 4.0, 6.0, 4.0, 1.0)


def down(image: ArrayLike, *, border: str = "reflect101", border_value: float = 0.0) -> FloatArray:
    r"""Halve an image: smooth it, keep the even samples.

    .. math:: out(k) = \frac{1}{16} \sum_{t=-2}^{2} w_t \, image(2k + t), \qquad w = (1, 4, 6, 4, 1)

    along each axis, which gives :math:`\lfloor (n+1)/2 \rfloor` samples from :math:`n`.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The image of half the size.
    """
    flat = _down_rows(as_image(image), border, border_value)
    return _transpose(_down_rows(_transpose(flat), border, border_value))


def up(image: ArrayLike, shape: Sequence[int], *, border: str = "reflect101", border_value: float = 0.0) -> FloatArray:
    r"""Double an image: insert zeros, smooth, and make up for the zeros.

    With :math:`z(2j) = image(j)` and :math:`h(2j) = 1`, both zero at the odd positions of the fine grid,

    .. math:: out(i) = \sum_{t=-2}^{2} w_t \, z(i + t) \Big/ \sum_{t=-2}^{2} w_t \, h(i + t),
              \qquad w = (1, 4, 6, 4, 1)

    along each axis. The border rule holds on the fine grid: a position outside counts as the one inside that
    it maps to, so it contributes where *that* one is even. The gain is taken for each pixel, hence a constant
    image stays constant at every size and under every rule. Under ``"constant"`` the plane goes on outside:
    even positions hold the border value, odd ones nothing, and the gain is 8 everywhere.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype.
    shape : sequence of int
        Shape of the result; its first two numbers are the height and width, for which `down` gives `image`'s.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The image of twice the size.
    """
    coarse = as_image(image)
    height, width = shape[:2]
    if ((height + 1) // 2, (width + 1) // 2) != coarse.shape[:2]:
        raise ValueError(f"shape {tuple(shape)} does not halve to the image's {coarse.shape}")
    tall = _up_rows(coarse, height, border, border_value)
    return _transpose(_up_rows(_transpose(tall), width, border, border_value))


def gaussian_pyramid(
    image: ArrayLike, levels: int, *, border: str = "reflect101", border_value: float = 0.0
) -> list[FloatArray]:
    """Halve an image again and again.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype.
    levels : int
        How often.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    list of ndarray of float64
        ``levels + 1`` images, the first of which is `image`.
    """
    if operator.index(levels) < 0:
        raise ValueError(f"levels must not be negative, got {levels}")
    pyramid = [as_image(image).copy()]
    for _ in range(levels):
        pyramid.append(down(pyramid[-1], border=border, border_value=border_value))
    return pyramid


def laplacian_pyramid(
    image: ArrayLike, levels: int, *, border: str = "reflect101", border_value: float = 0.0
) -> list[FloatArray]:
    r"""Split an image into bands, one octave each, and a residual.

    .. math:: L_l = G_l - up(G_{l+1}) \quad (l < levels), \qquad L_{levels} = G_{levels}

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype.
    levels : int
        Number of bands, the residual not counted.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    list of ndarray of float64
        ``levels`` bands, the finest first, and the residual. `collapse` gives the image back.
    """
    gaussians = gaussian_pyramid(image, levels, border=border, border_value=border_value)
    bands = [
        fine - up(coarse, fine.shape, border=border, border_value=border_value)
        for fine, coarse in itertools.pairwise(gaussians)
    ]
    return [*bands, gaussians[-1]]


def collapse(pyramid: Sequence[ArrayLike], *, border: str = "reflect101", border_value: float = 0.0) -> FloatArray:
    """Put an image together again from its Laplacian pyramid.

    Parameters
    ----------
    pyramid : sequence of array_like
        Bands, the finest first, and the residual, as `laplacian_pyramid` returns them.
    border, border_value
        The border rule that the pyramid was made with.

    Returns
    -------
    ndarray of float64
        The image.
    """
    *bands, residual = map(as_image, pyramid)
    out: FloatArray = residual.copy()
    for band in reversed(bands):
        out = band + up(out, band.shape, border=border, border_value=border_value)
    return out


def _transpose(image: FloatArray) -> FloatArray:
    """Exchange rows and columns, so that what is done to rows is done to columns."""
    transposed: FloatArray = image.swapaxes(0, 1)
    return transposed


def _down_rows(rows: FloatArray, border: str, border_value: float) -> FloatArray:
    """Halve the number of rows."""
    size = len(rows)
    source = border_index(np.arange(-2, size + 2), size, border)
    padded = np.empty_like(rows, shape=(size + 4, *rows.shape[1:]))
    padded[...] = rows[source]
    padded[source < 0] = border_value
    return _weighted_sum(padded, size, step=2) / sum(TAPS)


def _up_rows(rows: FloatArray, size: int, border: str, border_value: float) -> FloatArray:
    """Double the number of rows, to `size`."""
    position = np.arange(-2, size + 2)
    source = border_index(position, size, border)
    outside = source < 0
    even = np.where(outside, position, source) % 2 == 0
    padded = np.empty_like(rows, shape=(size + 4, *rows.shape[1:]))
    padded[~even] = 0.0
    padded[even] = rows[source[even] // 2]
    padded[even & outside] = border_value
    gain = _weighted_sum(even.astype(np.float64), size).reshape(-1, *[1] * (rows.ndim - 1))
    doubled: FloatArray = _weighted_sum(padded, size) / gain
    return doubled


def _weighted_sum(padded: FloatArray, size: int, step: int = 1) -> FloatArray:
    """Sum five rows around every `step`-th of `size` rows, which two rows on each side surround."""
    total = TAPS[0] * padded[0:size:step]
    for offset, tap in enumerate(TAPS[1:], start=1):
        total += tap * padded[offset : offset + size : step]
    return total
