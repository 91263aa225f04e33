"""Convolutions by their definition: pad the image, then sum over the window.

The definition against which constant-time convolutions are measured is that of Otsuka, Fukushima, Maeda,
Sugimoto and Kamata: the direct sum in float64 with a window that truncates nothing that could be seen.
"""

import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .borders import FloatArray, as_image, pad


def convolve(
    image: ArrayLike,
    kernel: ArrayLike | tuple[ArrayLike, ArrayLike],
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Convolve an image with a kernel.

    .. math:: out(y, x) = \sum_{j=-R_y}^{R_y} \sum_{i=-R_x}^{R_x} k(j, i) \, image(y - j, x - i)

    This is the true convolution of `scipy.ndimage.convolve`: a single bright pixel yields the kernel, not its
    mirror image. The image is padded once, in both directions, so that the corners of a ``"constant"`` border
    are right for kernels of any sum.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone.
    kernel : array_like or (array_like, array_like)
        A 1-D array, used along both axes; a tuple ``(kernel_y, kernel_x)`` of 1-D arrays, standing for
        :math:`k(j, i) = k_y(j) k_x(i)`; or a 2-D array. Lengths are odd.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The convolved image, unrounded.

    Examples
    --------
    >>> convolve([[0, 0, 1, 0, 0]], ([1], [1, 2, 3]))
    array([[0., 1., 2., 3., 0.]])
    """
    array = as_image(image)
    weights = _kernel(kernel)
    extent = weights.shape if isinstance(weights, np.ndarray) else tuple(part.size for part in weights)
    radius = [length // 2 for length in extent]
    padded = pad(array, radius, radius, border=border, border_value=border_value)
    if isinstance(weights, np.ndarray):
        height, width = array.shape[:2]
        out = np.zeros_like(array)
        for (j, i), weight in np.ndenumerate(weights[::-1, ::-1]):
            out += weight * padded[j : j + height, i : i + width]
        return out
    for axis, part in enumerate(weights):
        padded = np.apply_along_axis(np.convolve, axis, padded, part, "valid")
    return padded


def gaussian(
    image: ArrayLike,
    sigma: float | Sequence[float],
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Smooth an image with a Gaussian.

    .. math:: k(r) = e^{-r^2 / 2 \sigma^2} \Big/ \sum_{|q| \le R} e^{-q^2 / 2 \sigma^2},
              \qquad |r| \le R = \lceil 9 \sigma \rceil

    along each axis. What lies beyond nine :math:`\sigma` is below one part in :math:`10^{18}` of the whole.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone.
    sigma : float or (float, float)
        Standard deviation in pixels, or one for each axis, ``(sigma_y, sigma_x)``. Zero leaves an axis as it
        is.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The smoothed image, unrounded.
    """
    sigma_y, sigma_x = _pair(sigma, "sigma")
    kernels = _gaussian_kernel(sigma_y), _gaussian_kernel(sigma_x)
    return convolve(image, kernels, border=border, border_value=border_value)


def gaussian_scale_space(
    image: ArrayLike,
    sigmas: Sequence[float],
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> tuple[FloatArray, ...]:
    """Smooth an image with each of several Gaussians: see `gaussian`.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone.
    sigmas : sequence of float
        Standard deviations in pixels.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    tuple of ndarray of float64
        The smoothed images, unrounded.
    """
    return tuple(gaussian(image, sigma, border=border, border_value=border_value) for sigma in sigmas)


def box(
    image: ArrayLike,
    radius: int | Sequence[int],
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Take the mean over a window of ``2 radius + 1`` pixels along each axis.

    .. math:: out(y, x) = \frac{1}{(2 R_y + 1)(2 R_x + 1)}
              \sum_{|j| \le R_y} \sum_{|i| \le R_x} image(y + j, x + i)

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone.
    radius : int or (int, int)
        Radius in pixels, or one for each axis, ``(radius_y, radius_x)``. Zero leaves an axis as it is.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The mean, unrounded.
    """
    radii = [operator.index(part) for part in np.broadcast_to(np.asarray(radius), 2)]
    if min(radii) < 0:
        raise ValueError(f"radius must not be negative, got {radius}")
    length_y, length_x = (2 * part + 1 for part in radii)
    ones = np.ones(length_y), np.ones(length_x)
    return convolve(image, ones, border=border, border_value=border_value) / (length_y * length_x)


def unsharp(
    image: ArrayLike,
    sigma: float | Sequence[float],
    amount: float = 1.0,
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Sharpen an image by what a Gaussian takes away from it.

    .. math:: out = image + amount \cdot (image - G_\sigma * image)

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone.
    sigma : float or (float, float)
        Standard deviation of the Gaussian, as in `gaussian`.
    amount : float
        Strength; zero returns the image, a negative one smooths.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The sharpened image, unrounded and unclipped.
    """
    array = as_image(image)
    return array + amount * (array - gaussian(array, sigma, border=border, border_value=border_value))


def gabor(
    image: ArrayLike,
    sigma: float,
    wavelength: float,
    orientation: float = 0.0,
    phase: float = 0.0,
    *,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Convolve an image with a wave under a Gaussian.

    .. math:: k(j, i) = g(j) \, g(i) \cos \Big( \frac{2 \pi}{\lambda} (i \cos \theta + j \sin \theta)
              + \varphi \Big), \qquad |j|, |i| \le R = \lceil 7 \sigma \rceil

    where :math:`g` is a Gaussian whose samples sum to one; what lies beyond seven :math:`\sigma` is below one part in
    :math:`10^{11}` of it. The kernel is summed over as the plane it is.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone.
    sigma : float
        Standard deviation of the Gaussian, in pixels.
    wavelength : float
        :math:`\lambda`, in pixels.
    orientation : float
        :math:`\theta`, in radians: the direction in which the wave runs, from the x axis towards the y axis.
    phase : float
        :math:`\varphi`, in radians.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        The convolved image, unrounded.
    """
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma must be finite and positive, got {sigma}")
    if not 0 < wavelength < math.inf:
        raise ValueError(f"wavelength must be finite and positive, got {wavelength}")
    radius = math.ceil(7 * sigma)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    envelope = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    way = x * math.cos(orientation) + y * math.sin(orientation)
    kernel = envelope / envelope.sum() * np.cos(2 * math.pi * way / wavelength + phase)
    return convolve(image, kernel, border=border, border_value=border_value)


def _kernel(kernel: ArrayLike | tuple[ArrayLike, ArrayLike]) -> FloatArray | tuple[FloatArray, FloatArray]:
    """Return a kernel as one 2-D array or as two 1-D arrays, y first."""
    if isinstance(kernel, tuple) and len(kernel) == 2:
        along_y, along_x = (np.asarray(part, np.float64) for part in kernel)
        if along_y.ndim != 1 or along_x.ndim != 1:
            raise ValueError(f"kernel's parts must be 1-D, got shapes {along_y.shape} and {along_x.shape}")
    else:
        array = np.asarray(kernel, np.float64)
        if array.ndim == 2:
            _check_odd(array)
            return array
        if array.ndim != 1:
            raise ValueError(f"kernel must be 1-D, a pair of 1-D arrays, or 2-D; got shape {array.shape}")
        along_y = along_x = array
    _check_odd(along_y)
    _check_odd(along_x)
    return along_y, along_x


def _check_odd(kernel: FloatArray) -> None:
    if any(length % 2 == 0 for length in kernel.shape):
        raise ValueError(f"kernel must be of odd length, got shape {kernel.shape}")


def _gaussian_kernel(sigma: float) -> FloatArray:
    if sigma == 0:
        return np.ones(1)
    radius = math.ceil(9 * sigma)
    with np.errstate(over="ignore"):
        samples: FloatArray = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    samples /= samples.sum()
    return samples


def _pair(value: float | Sequence[float], name: str) -> tuple[float, float]:
    along_y, along_x = (float(part) for part in np.broadcast_to(np.asarray(value), 2))
    if not (0 <= along_y < math.inf and 0 <= along_x < math.inf):
        raise ValueError(f"{name} must be finite and not negative, got {value}")
    return along_y, along_x
