r"""The guided filter by its definition: in every window the image is a line of the guide.

K. He, J. Sun and X. Tang, "Guided image filtering" (ECCV 2010); the fast variant is that of K. He and J. Sun,
"Fast guided filter" (arXiv:1505.00996), with this project's pyramid steps for the resampling.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .borders import FloatArray, as_image
from .convolution import box, convolve
from .pyramids import down, up

# Takes the mean of what it is given, (H, W) and any further axes, whose value outside under "constant" comes second.
Mean = Callable[[FloatArray, float], FloatArray]


def guided(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    radius: int,
    eps: float,
    window: str = "box",
    subsample: int = 1,
    border: str = "reflect101",
    border_value: float = 0.0,
) -> FloatArray:
    r"""Smooth an image, keeping the edges that a guide has.

    With :math:`M` the mean over a window around each pixel, :math:`g` a gray guide and :math:`p` a channel of the
    image,

    .. math:: a = \frac{M[g p] - M[g] M[p]}{M[g g] - M[g]^2 + \epsilon}, \qquad b = M[p] - a M[g],
              \qquad out = M[a] \, g + M[b].

    For a guide of several channels :math:`a` and :math:`g` are vectors:

    .. math:: a = (\Sigma + \epsilon I)^{-1} (M[g p] - M[g] M[p]), \quad \Sigma = M[g g^T] - M[g] M[g]^T,
              \quad b = M[p] - a^T M[g], \quad out = M[a]^T g + M[b].

    Every mean continues what *it* is given by the border rule. Under ``"constant"`` image and guide are `border_value`
    outside, products of them the products of it, and the lines are those of constant images, :math:`a = 0` and
    :math:`b` the border value.

    Parameters
    ----------
    image : array_like
        ``(H, W)`` or ``(H, W, C)``, of any real dtype; channels are filtered alone, by the same guide.
    guide : array_like
        ``(H, W)`` or ``(H, W, C)``, of the image's height and width; its first three channels are taken.
    radius : int
        Of the window, in pixels. With zero every window is one pixel, and the image stays as it is.
    eps : float
        Variance of the guide that counts as little, in its squared units.
    window : str
        ``"box"``, of ``2 radius + 1`` pixels along each axis, or ``"gaussian"``, of the same variance: see
        `gaussian_window`.
    subsample : int
        1, 2, 4 or 8: the lines are fitted to image and guide halved so often, by `down`, in windows of
        ``round(radius / subsample)``, at least 1; their means are doubled back by `up`.
    border, border_value
        The border rule (see `border_index`), and the value outside for ``"constant"``.

    Returns
    -------
    ndarray of float64
        Of the image's shape.
    """
    values, guides = as_planes(image), as_planes(guide)[..., :3]
    if values.shape[:2] != guides.shape[:2]:
        raise ValueError(f"image and guide must be of one size, got {values.shape[:2]} and {guides.shape[:2]}")
    if subsample not in (1, 2, 4, 8):
        raise ValueError(f"subsample must be 1, 2, 4 or 8, got {subsample}")
    reach = radius if subsample == 1 else max(round(radius / subsample), 1)
    sizes: list[tuple[int, ...]] = []
    small, small_guides = values, guides
    while subsample > 2 ** len(sizes):
        sizes.append(small.shape[:2])
        small, small_guides = (down(a, border=border, border_value=border_value) for a in (small, small_guides))
    mean = window_mean(window, reach, border)
    slope, offset = mean_lines(small, small_guides, eps, mean, border_value, border_value)
    for size in reversed(sizes):
        slope = up(slope.reshape(*slope.shape[:2], -1), size, border=border, border_value=0.0)
        offset = up(offset, size, border=border, border_value=border_value)
    return on_lines(guides, slope, offset).reshape(np.shape(image))


def mean_lines(
    image: FloatArray, guide: FloatArray, eps: float, mean: Mean, outside: float, guide_outside: float
) -> tuple[FloatArray, FloatArray]:
    """Fit the image by a line of the guide in every window, and take the mean of the lines that a pixel is in.

    Parameters
    ----------
    image, guide : ndarray of float64
        ``(H, W, C)`` and ``(H, W, G)``.
    eps : float
        Added to the variances of the guide.
    mean : Mean
        Over the window.
    outside, guide_outside : float
        What image and guide hold outside, under ``"constant"``.

    Returns
    -------
    slope, offset : ndarray of float64
        ``(H, W, G, C)`` and ``(H, W, C)``.
    """
    if not 0 < eps < math.inf:
        raise ValueError(f"eps must be finite and positive, got {eps}")
    mean_guide, mean_image = mean(guide, guide_outside), mean(image, outside)
    squares = mean(_outer(guide, guide), guide_outside * guide_outside) - _outer(mean_guide, mean_guide)
    products = mean(_outer(guide, image), guide_outside * outside) - _outer(mean_guide, mean_image)
    slope = np.asarray(np.linalg.solve(squares + eps * np.eye(guide.shape[2]), products), np.float64)
    offset = mean_image - np.einsum("hwgc,hwg->hwc", slope, mean_guide)
    return mean(slope, 0.0), mean(offset, outside)


def on_lines(guide: FloatArray, slope: FloatArray, offset: FloatArray) -> FloatArray:
    """Give the values on the lines at the guide's own values."""
    slopes = slope.reshape(*guide.shape, -1)
    found: FloatArray = np.einsum("hwgc,hwg->hwc", slopes, guide) + offset
    return found


def window_mean(window: str, radius: int, border: str) -> Mean:
    """Give the mean over a window, ``"box"`` or ``"gaussian"``."""
    if window not in ("box", "gaussian"):
        raise ValueError(f"window must be 'box' or 'gaussian', got {window!r}")

    def mean(operand: FloatArray, outside: float) -> FloatArray:
        planes = operand.reshape(*operand.shape[:2], -1)
        if window == "box":
            smooth = box(planes, radius, border=border, border_value=outside)
        else:
            smooth = convolve(planes, gaussian_window(radius), border=border, border_value=outside)
        return smooth.reshape(operand.shape)

    return mean


def gaussian_window(radius: int) -> FloatArray:
    r"""Give the samples, along one axis, of the Gaussian that is as wide as a box.

    .. math:: k(t) = e^{-t^2 / 2 \sigma^2} \Big/ \sum_{|q| \le R} e^{-q^2 / 2 \sigma^2}, \qquad
              \sigma^2 = \frac{r (r + 1)}{3}, \qquad |t| \le R = \max(\lceil 6 \sigma \rceil, 1)

    whose variance is that of the numbers from :math:`-r` to :math:`r`. A radius of zero leaves all as it is.
    """
    if radius < 0:
        raise ValueError(f"radius must not be negative, got {radius}")
    if radius == 0:
        return np.ones(1)
    sigma = math.sqrt(radius * (radius + 1) / 3)
    reach = max(math.ceil(6 * sigma), 1)
    samples: FloatArray = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    samples /= samples.sum()
    return samples


def as_planes(image: ArrayLike) -> FloatArray:
    """Return an image as ``(H, W, C)`` of float64, a gray one as one channel."""
    array = as_image(image)
    return array.reshape(*array.shape[:2], -1)


def _outer(a: FloatArray, b: FloatArray) -> FloatArray:
    """Multiply every channel of one image with every channel of another."""
    return a[..., :, None] * b[..., None, :]
