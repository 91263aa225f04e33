r"""Images of another size, pixel centres matching: the exact mean over an area, and interpolation by many kernels.

Pixel :math:`x` of :math:`n` on a target line lies at :math:`(x + \frac12) \, n_s / n - \frac12` on a source line of
:math:`n_s` pixels, whatever the two sizes are. R. G. Keys, "Cubic convolution interpolation for digital image
processing", IEEE Transactions on Acoustics, Speech, and Signal Processing 29 (1981) 1153-1160.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .borders import FloatArray, as_image, border_index

#: Standard deviations of the Gaussian kernels, in pixels of the source.
SIGMAS = {"gauss4": 0.5, "gauss16": 0.85, "gauss64": 2.0}


class Kernel(NamedTuple):
    """What a pixel between others is made of, along one axis."""

    taps: int  # Source pixels read: the nearest ones; of two as near, the later.
    weight: Callable[[FloatArray], FloatArray]  # Of a source pixel by its distance; the sum is brought to one.


def _gaussian(sigma: float) -> Callable[[FloatArray], FloatArray]:
    return lambda distance: np.exp(-0.5 * (distance / sigma) ** 2)


def _keys(distance: FloatArray) -> FloatArray:
    """Weigh by the cubic that reproduces parabolas, a = -1/2."""
    inner = 1 + distance**2 * (1.5 * distance - 2.5)
    outer = 2 + distance * (-4 + distance * (2.5 - 0.5 * distance))
    return np.where(distance < 1, inner, np.where(distance < 2, outer, 0.0))


KERNELS = {
    "nearest": Kernel(1, np.ones_like),
    "box4": Kernel(2, np.ones_like),
    "box16": Kernel(4, np.ones_like),
    "box64": Kernel(8, np.ones_like),
    "gauss4": Kernel(2, _gaussian(SIGMAS["gauss4"])),
    "gauss16": Kernel(4, _gaussian(SIGMAS["gauss16"])),
    "gauss64": Kernel(8, _gaussian(SIGMAS["gauss64"])),
    "linear": Kernel(2, lambda distance: 1 - distance),
    "cubic": Kernel(4, _keys),
}


def downsample(image: ArrayLike, shape: Sequence[int]) -> FloatArray:
    r"""Shrink an image: the mean over the area that a pixel of the result covers.

    Along each axis pixel :math:`x` of :math:`n` covers the source from :math:`x \, n_s / n` to
    :math:`(x + 1) \, n_s / n`, source pixel :math:`i` reaching from :math:`i` to :math:`i + 1`; those at the ends
    count by the part that is covered. The same where the image grows.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype.
    shape : sequence of int
        Height and width of the result; further numbers are not looked at.

    Returns
    -------
    ndarray of float64
        The image of that size.

    Examples
    --------
    >>> downsample([[0, 6, 0]], (1, 2))
    array([[2., 2.]])
    """
    small = as_image(image)
    for axis, size in enumerate(_checked(shape)):
        coverage = _coverage(small.shape[axis], size)
        small = np.moveaxis(np.tensordot(coverage, small, axes=(1, axis)), 0, axis)
    return small


def resize(
    image: ArrayLike,
    shape: Sequence[int],
    kernel: str = "cubic",
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Bring an image to another size by interpolation.

    Along each axis, at the place :math:`s` in the source, with the kernel's weight :math:`w`,

    .. math:: out = \sum_i w(|s - i|) \, image(i) \Big/ \sum_i w(|s - i|)

    over the kernel's number of pixels nearest to :math:`s`. Nothing is smoothed where the image shrinks.

    ====================================  =================  ===========================================
    kernel                                pixels             weight
    ====================================  =================  ===========================================
    ``"nearest"``                         1 x 1              1
    ``"box4"``, ``"box16"``, ``"box64"``  2 x 2, 4 x 4, 8²   1
    ``"gauss4"``, ..., ``"gauss64"``      2 x 2, 4 x 4, 8²   a Gaussian, of the sigma that `SIGMAS` names
    ``"linear"``                          2 x 2              1 - distance
    ``"cubic"``                           4 x 4              Keys' cubic, a = -1/2
    ====================================  =================  ===========================================

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype.
    shape : sequence of int
        Height and width of the result; further numbers are not looked at.
    kernel : str
        One of the names above.
    border, border_value
        The border rule at the image's own size (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The image of that size.

    Examples
    --------
    >>> resize([[0, 4]], (1, 4), "linear", border="replicate")
    array([[0., 1., 3., 4.]])
    """
    out = as_image(image)
    for axis, size in enumerate(_checked(shape)):
        index, weights = neighbours(out.shape[axis], size, kernel)
        source = border_index(index, out.shape[axis], border)
        lines = np.moveaxis(out, axis, 0)
        read = np.where((source < 0)[(..., *[None] * (out.ndim - 1))], border_value, lines[source])
        out = np.moveaxis(np.einsum("nk,nk...->n...", weights, read), 0, axis)
    return out


def neighbours(source: int, target: int, kernel: str) -> tuple[NDArray[np.intp], FloatArray]:
    """Name the source pixels that each target pixel is made of, along one axis.

    Parameters
    ----------
    source, target : int
        Numbers of pixels.
    kernel : str
        One of `KERNELS`.

    Returns
    -------
    index : ndarray of intp
        ``(target, count)``: consecutive source pixels, which may lie outside.
    weights : ndarray of float64
        ``(target, count)``; the sum for each target pixel is one.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(KERNELS)}; got {kernel!r}")
    count, weight = KERNELS[kernel]
    # Twice the target's size times the place, an integer: whether two pixels are as near is no matter of rounding.
    place = (2 * np.arange(target) + 1) * source - target
    before = place // (2 * target) if count % 2 == 0 else (place + target) // (2 * target)
    index = before[:, None] + np.arange(count) - (count - 1) // 2
    weights = weight(np.abs(place[:, None] - 2 * target * index) / (2 * target))
    return index, weights / weights.sum(axis=1, keepdims=True)


def _coverage(source: int, target: int) -> FloatArray:
    """Give the share of each source pixel in each target pixel, ``(target, source)``."""
    # In units of which a source pixel has `target` and a target pixel has `source`: ends are integers.
    first, begin = np.arange(source) * target, np.arange(target)[:, None] * source
    covered = np.minimum(first + target, begin + source) - np.maximum(first, begin)
    coverage: FloatArray = np.maximum(covered, 0) / source
    return coverage


def _checked(shape: Sequence[int]) -> tuple[int, int]:
    height, width = shape[:2]
    if min(height, width) < 1:
        raise ValueError(f"shape must be at least (1, 1), got {tuple(shape)}")
    return height, width
