"""Convolutions, against scipy's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.filters import gabor_kernel

from filters.reference import box, convolve, gabor, gaussian, unsharp

SCIPY = {
    "reflect101": "mirror",
    "reflect": "reflect",
    "replicate": "nearest",
    "wrap": "wrap",
    "constant": "constant",
}
BORDERS = sorted(SCIPY)
SHAPES = [(1, 1), (1, 9), (8, 1), (7, 10)]
sizes = st.integers(1, 12)


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(100, 50, shape)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(border=st.sampled_from(BORDERS), height=sizes, width=sizes, ry=st.integers(0, 4), rx=st.integers(0, 4))
def test_convolve_with_a_plane(border: str, height: int, width: int, ry: int, rx: int) -> None:
    image, kernel = noise(height, width), noise(2 * ry + 1, 2 * rx + 1, seed=1) / 100
    out = convolve(image, kernel, border=border, border_value=7)
    expected = ndimage.convolve(image, kernel, mode=SCIPY[border], cval=7)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-10)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(border=st.sampled_from(BORDERS), height=sizes, width=sizes, ry=st.integers(0, 9), rx=st.integers(0, 9))
def test_convolve_with_a_pair(border: str, height: int, width: int, ry: int, rx: int) -> None:
    image = noise(height, width)
    kernel_y, kernel_x = noise(2 * ry + 1, seed=1) / 100, noise(2 * rx + 1, seed=2) / 100
    out = convolve(image, (kernel_y, kernel_x), border=border, border_value=7)
    expected = ndimage.convolve(image, np.outer(kernel_y, kernel_x), mode=SCIPY[border], cval=7)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-9)


def test_one_kernel_goes_along_both_axes() -> None:
    image, kernel = noise(6, 7), [1.0, 2.0, 4.0]
    np.testing.assert_array_equal(convolve(image, kernel), convolve(image, (kernel, kernel)))
    np.testing.assert_allclose(convolve(image, kernel), convolve(image, np.outer(kernel, kernel)), rtol=1e-12)


def test_a_point_yields_the_kernel() -> None:
    point = np.zeros((5, 7), np.uint8)
    point[2, 3] = 1
    kernel = noise(5, 7)
    np.testing.assert_array_equal(convolve(point, kernel, border="constant"), kernel)
    pair = kernel[:, 0], kernel[0]
    np.testing.assert_array_equal(convolve(point, pair, border="constant"), np.outer(*pair))


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", [0.3, 2.0, (0.7, 3.1)])
def test_gaussian(border: str, shape: tuple[int, int], sigma: float | tuple[float, float]) -> None:
    image = noise(*shape)
    out = gaussian(image, sigma, border=border, border_value=-20)
    radius = np.ceil(9 * np.broadcast_to(sigma, 2)).astype(int).tolist()
    expected = ndimage.gaussian_filter(image, sigma, mode=SCIPY[border], cval=-20, radius=radius)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-10)


def test_gaussian_kernel() -> None:
    point = np.zeros((1, 61))
    point[0, 30] = 1
    kernel = gaussian(point, 2.5)[0]
    assert np.count_nonzero(kernel) == 2 * 23 + 1
    assert kernel.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(kernel[30:40] / kernel[30], np.exp(-(np.arange(10) ** 2) / 12.5), rtol=1e-12)
    assert np.count_nonzero(gaussian(point, 0.05)) == 3
    np.testing.assert_array_equal(gaussian(point, 1e-300), point)


def test_sigma_zero_leaves_an_axis_as_it_is() -> None:
    image = noise(5, 6)
    np.testing.assert_array_equal(gaussian(image, 0), image)
    expected = ndimage.gaussian_filter1d(image, 1.5, axis=1, mode="mirror", radius=14)
    np.testing.assert_allclose(gaussian(image, (0, 1.5)), expected, rtol=1e-12)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_box(border: str, shape: tuple[int, int]) -> None:
    image = noise(*shape)
    out = box(image, (3, 1), border=border, border_value=9)
    expected = ndimage.uniform_filter(image, (7, 3), mode=SCIPY[border], cval=9)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-10)


def test_box_of_whole_numbers_is_exact() -> None:
    image = np.full((9, 9), 255, np.uint8)
    np.testing.assert_array_equal(box(image, 3), image)
    assert box(np.arange(9, dtype=np.uint16).reshape(3, 3) * 8000, 1)[1, 1] == 32000
    np.testing.assert_array_equal(box(image, 0), image)


def test_unsharp() -> None:
    image = noise(8, 9)
    blurred = ndimage.gaussian_filter(image, 1.5, mode="nearest", radius=14)
    out = unsharp(image, 1.5, 0.75, border="replicate")
    np.testing.assert_allclose(out, image + 0.75 * (image - blurred), rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(unsharp(image, 1.5, -1.0), gaussian(image, 1.5), atol=1e-10)
    outside = unsharp(image, 1.5, border="constant", border_value=100)
    np.testing.assert_allclose(
        outside, 2 * image - gaussian(image, 1.5, border="constant", border_value=100), atol=1e-10
    )


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("phase", [0.0, -np.pi / 2, 0.7])
@pytest.mark.parametrize("orientation", [0.0, np.pi / 2, 0.4, -2.5])
def test_gabor(border: str, phase: float, orientation: float) -> None:
    image = noise(12, 9)
    out = gabor(image, 1.6, 4.5, orientation, phase, border=border, border_value=11)
    kernel = gabor_kernel(1 / 4.5, orientation, sigma_x=1.6, sigma_y=1.6, n_stds=7, offset=phase).real
    expected = ndimage.convolve(image, kernel, mode=SCIPY[border], cval=11)
    # scikit-image divides by the integral 2 pi sigma^2, not by the sum: Poisson's formula bounds the difference by
    # 4 exp(-2 pi^2 sigma^2), and its window is a pixel narrower or wider where the wave is inclined.
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-8 * np.abs(image).max())


def test_gabor_of_an_endless_wave_is_a_gaussian() -> None:
    image = noise(8, 9)
    np.testing.assert_allclose(gabor(image, 0.9, 1e12), gaussian(image, 0.9), rtol=1e-9)
    np.testing.assert_allclose(gabor(image, 0.9, 1e12, 1.0, np.pi), -gaussian(image, 0.9), rtol=1e-9)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int64, np.float32, np.float64])
def test_channels_are_filtered_alone(dtype: type) -> None:
    image = noise(6, 7, 4).clip(0, 255).astype(dtype)
    functions: list[Callable[[Any], Any]] = [
        lambda plane: gaussian(plane, 1.2),
        lambda plane: box(plane, (1, 2)),
        lambda plane: unsharp(plane, 0.8),
        lambda plane: convolve(plane, noise(3, 5)),
        lambda plane: gabor(plane, 0.8, 3.0, 0.5),
    ]
    for function in functions:
        out = function(image)
        assert out.dtype == np.float64
        assert out.shape == image.shape
        for channel in range(4):
            np.testing.assert_array_equal(out[..., channel], function(image[..., channel].astype(np.float64)))


def test_nan_stays_within_the_window() -> None:
    image = np.ones((21, 21))
    image[10, 10] = np.nan
    assert np.isnan(convolve(image, np.ones((3, 5)))).sum() == 15
    assert np.isnan(box(image, (1, 2))).sum() == 15


def test_the_image_is_left_alone() -> None:
    image = noise(5, 5)
    before = image.copy()
    for out in (gaussian(image, 0), box(image, 0), unsharp(image, 1), convolve(image, [1.0])):
        assert not np.shares_memory(out, image)
    np.testing.assert_array_equal(image, before)


def test_bad_arguments() -> None:
    image = np.ones((4, 4))
    even: list[Any] = [np.ones(4), np.ones((3, 2)), (np.ones(3), np.ones(2)), np.ones((3, 0)), []]
    for kernel in even:
        with pytest.raises(ValueError, match="odd"):
            convolve(image, kernel)
    solid: list[Any] = [np.ones((3, 3, 3)), (np.ones((3, 3)), np.ones(3)), 1.0]
    for kernel in solid:
        with pytest.raises(ValueError, match="1-D"):
            convolve(image, kernel)
    for sigma in (-1, np.nan, np.inf, (1, -1)):
        with pytest.raises(ValueError, match="sigma"):
            gaussian(image, sigma)
    for value in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="sigma"):
            gabor(image, value, 4)
        with pytest.raises(ValueError, match="wavelength"):
            gabor(image, 1, value)
    with pytest.raises(ValueError, match="radius"):
        box(image, (1, -1))
    with pytest.raises(TypeError):
        box(image, 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="border"):
        box(image, 1, border="mirror")
    with pytest.raises(TypeError, match="dtype"):
        gaussian(np.ones((4, 4), complex), 1)
