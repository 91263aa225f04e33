"""The kernels' definitions in plain float64 numpy: slow, and meant to be obviously right.

Nothing here depends on the rest of the project, so that the one can be tested against the other. Where the kernels take
a :class:`~compress.kernels.Format`, these take the list of its numbers from zero up, or its bits.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def moments(
    features: ArrayLike, layout: str = "NCHW", *, relu: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Sum channels, and the products of all pairs of them, over images and positions.

    .. math:: s_i = \sum_p x_{pi}, \qquad G_{ij} = \sum_p x_{pi} \, x_{pj}

    Parameters
    ----------
    features : array_like
        (N, C, H, W) or (N, C); or (N, H, W, C) with ``layout="NHWC"``.
    layout : str
        Where channels are.
    relu : bool
        Whether values below zero count as zero.

    Returns
    -------
    sum : ndarray
        float64, (C,).
    gram : ndarray
        float64, (C, C).

    Examples
    --------
    >>> moments([[1, 2], [3, -4]])
    (array([ 4., -2.]), array([[ 10., -10.],
           [-10.,  20.]]))
    """
    array = np.asarray(features, np.float64)
    channels_last = np.moveaxis(array, 1, -1) if layout == "NCHW" else array
    positions = channels_last.reshape(-1, channels_last.shape[-1])
    if relu:
        positions = np.maximum(positions, 0)
    return positions.sum(axis=0), positions.T @ positions


def norms(weights: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sum the sizes of each channel's weights, find the largest one, and sum their squares.

    Parameters
    ----------
    weights : array_like
        (C, ...).

    Returns
    -------
    l1, largest, squares : ndarray
        float64, (C,) each.

    Examples
    --------
    >>> norms([[1, -2], [3, 0]])
    (array([3., 3.]), array([2., 3.]), array([5., 9.]))
    """
    array = np.asarray(weights, np.float64)
    rows = array.reshape(len(array), -1)
    return np.abs(rows).sum(axis=1), np.abs(rows).max(axis=1), np.square(rows).sum(axis=1)


def decode(codes: ArrayLike, exponent: int, mantissa: int, scale: ArrayLike = 1.0) -> NDArray[np.float64]:
    r"""Give what codes of a sign, an exponent :math:`e` and a mantissa :math:`i` of :math:`M` bits stand for.

    .. math:: \pm \, i / 2^M \quad (e = 0), \qquad \pm \, (1 + i / 2^M) \, 2^{e - 1} \quad (e > 0)

    Parameters
    ----------
    codes : array_like of int
        (C, ...): the sign in the highest bit, then the exponent.
    exponent, mantissa : int
        How many bits each of them has.
    scale : array_like
        What numbers are multiplied by: one, or (C,), one for each channel.

    Returns
    -------
    ndarray
        float64, of the same shape.

    Examples
    --------
    >>> decode([0b0001, 0b0010, 0b0111, 0b1111], 2, 1)
    array([ 0.5,  1. ,  6. , -6. ])
    """
    code = np.asarray(codes, np.int64)
    sign = np.where(code >> (exponent + mantissa), -1.0, 1.0)
    e = (code >> mantissa) % 2**exponent
    fraction = code % 2**mantissa / 2**mantissa
    size = np.where(e == 0, fraction, (1 + fraction) * 2.0 ** (e - 1))
    found: NDArray[np.float64] = sign * size * _by_channel(scale, code.ndim)
    return found


def encode(values: ArrayLike, numbers: ArrayLike, bits: int, scale: ArrayLike = 1.0) -> NDArray[np.uint8]:
    """Give the codes of what `round_to` makes of values: the place among the numbers, and the sign in the highest bit.

    Parameters
    ----------
    values, numbers, scale
        As of `round_to`.
    bits : int
        Of a code, with the sign.

    Returns
    -------
    ndarray
        uint8, of the shape of the values.

    Examples
    --------
    >>> encode([0.2, 2.5, -99], [0, 0.5, 1, 1.5, 2, 3, 4, 6], 4)
    array([ 0,  4, 15], dtype=uint8)
    """
    array = np.asarray(values, np.float64)
    places = _nearest(np.abs(array) / _by_channel(scale, array.ndim), numbers)
    return (places + np.where(np.signbit(array), 2 ** (bits - 1), 0)).astype(np.uint8)


def round_to(values: ArrayLike, numbers: ArrayLike, scale: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Round values to the nearest of some numbers times a scale, half to even; signs stay, also those of zeros.

    Parameters
    ----------
    values : array_like
        (C, ...).
    numbers : array_like
        One-dimensional, from zero up: those of a format, by their codes. Larger values become the last one.
    scale : array_like
        Above zero: one, or (C,), one for each channel.

    Returns
    -------
    ndarray
        float64, of the shape of the values.

    Examples
    --------
    >>> round_to([0.2, 0.25, 2.5, 5, -99], [0, 0.5, 1, 1.5, 2, 3, 4, 6])
    array([ 0.,  0.,  2.,  4., -6.])
    """
    array = np.asarray(values, np.float64)
    scales = _by_channel(scale, array.ndim)
    places = _nearest(np.abs(array) / scales, numbers)
    return np.copysign(np.asarray(numbers, np.float64)[places] * scales, array)


def errors(
    weights: ArrayLike, formats: Sequence[ArrayLike], thresholds: ArrayLike, importance: ArrayLike = 1.0
) -> NDArray[np.float64]:
    r"""Sum, for each channel, format and threshold, the squared differences that rounding makes of weights.

    .. math:: E = \sum_n a_n \, (w_n - \mathrm{round}(w_n))^2

    Parameters
    ----------
    weights : array_like
        (C, ...).
    formats : sequence of array_like
        The numbers of each, as of `round_to`.
    thresholds : array_like
        (C, T): what the largest number is worth.
    importance : array_like
        What each squared difference counts.

    Returns
    -------
    ndarray
        float64, (C, formats, T).

    Examples
    --------
    >>> errors([[0.5, -1, 6]], [[0, 0.5, 1, 1.5, 2, 3, 4, 6]], [[6, 3]])
    array([[[0., 9.]]])
    """
    array, clipped, counts = (np.asarray(each, np.float64) for each in (weights, thresholds, importance))
    found = np.empty((len(array), len(formats), clipped.shape[1]))
    for f, numbers in enumerate(formats):
        for t, threshold in enumerate(clipped.T):
            rounded = round_to(array, numbers, threshold / np.max(numbers))
            found[:, f, t] = (counts * np.square(array - rounded)).reshape(len(array), -1).sum(axis=1)
    return found


def pack(codes: ArrayLike, bits: int) -> NDArray[np.uint8]:
    """Put the bits of codes behind each other, the lowest one first, and give them as bytes.

    Parameters
    ----------
    codes : array_like of int
        Of any shape.
    bits : int
        Of a code.

    Returns
    -------
    ndarray
        uint8, one-dimensional; what is left of the last byte is zero.

    Examples
    --------
    >>> [f"{byte:08b}" for byte in pack([1, 2, 7, 0], 3)]
    ['11010001', '00000001']
    """
    each = np.ravel(codes)[:, None] >> np.arange(bits) & 1
    return np.packbits(each.ravel(), bitorder="little")


def unpack(packed: ArrayLike, bits: int, count: int) -> NDArray[np.uint8]:
    """Give so many codes of bytes in which their bits are behind each other, the lowest one first.

    Parameters
    ----------
    packed : array_like of int
        One-dimensional.
    bits : int
        Of a code.
    count : int
        How many codes there are.

    Returns
    -------
    ndarray
        uint8, (count,).

    Examples
    --------
    >>> unpack([0b11010001, 0b00000001], 3, 4)
    array([1, 2, 7, 0], dtype=uint8)
    """
    each = np.unpackbits(np.asarray(packed, np.uint8), bitorder="little")[: count * bits].reshape(count, bits)
    return (each @ 2 ** np.arange(bits)).astype(np.uint8)


def convolution(
    features: ArrayLike, weights: ArrayLike, bias: ArrayLike, *, stride: int = 1, padding: int = 0, relu: bool = False
) -> NDArray[np.float64]:
    r"""Convolve feature maps as networks do: kernels are not mirrored.

    .. math:: y_{no}(v, u) = b_o + \sum_{c, j, i} w_{oc}(j, i) \, x_{nc}(s v + j - p, s u + i - p)

    Parameters
    ----------
    features : array_like
        (N, C, H, W).
    weights : array_like
        (O, C, J, I): results, inputs, height and width of the kernel.
    bias : array_like
        (O,).
    stride, padding : int
        The step s from one position to the next, and how many zeros p are around the image.
    relu : bool
        Whether results below zero become zero.

    Returns
    -------
    ndarray
        float64, (N, O, height, width).

    Examples
    --------
    >>> convolution([[[[1, 2, 3]]]], [[[[1, 10]]]], [0.5])
    array([[[[21.5, 32.5]]]])
    """
    kernels = np.asarray(weights, np.float64)
    around = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    padded = np.pad(np.asarray(features, np.float64), around)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernels.shape[2:], axis=(2, 3))
    products = np.einsum("ncvuji,ocji->novu", windows[:, :, ::stride, ::stride], kernels, optimize=True)
    found: NDArray[np.float64] = products + np.reshape(bias, (-1, 1, 1))
    return np.maximum(found, 0) if relu else found


def _by_channel(scale: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    """Give one scale, or one for each channel, in the shape that goes with arrays whose channels come first."""
    return np.asarray(scale, np.float64).reshape(-1, *[1] * (dimensions - 1))


def _nearest(sizes: NDArray[np.float64], numbers: ArrayLike) -> NDArray[np.intp]:
    """Give the places of the nearest of some numbers from zero up.

    Of two as near that is the even multiple of their difference: just one of two neighbours is. It has an even
    mantissa; where there are no bits of it, it is the larger one, as in IEEE 754.
    """
    every = np.asarray(numbers, np.float64)
    middles = (every[:-1] + every[1:]) / 2
    upper_is_even = every[1:] / np.diff(every) % 2 == 0
    beyond = (sizes[..., None] > middles) | (upper_is_even & (sizes[..., None] == middles))
    return np.asarray(beyond.sum(axis=-1), np.intp)
