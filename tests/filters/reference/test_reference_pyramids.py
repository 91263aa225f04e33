"""Pyramids, against OpenCV's, against scipy's convolution, and against loops."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from filters.reference import border_index, collapse, down, gaussian_pyramid, laplacian_pyramid, up

SCIPY = {
    "reflect101": "mirror",
    "reflect": "reflect",
    "replicate": "nearest",
    "wrap": "wrap",
    "constant": "constant",
}
OPENCV = {
    "reflect101": cv2.BORDER_REFLECT_101,
    "reflect": cv2.BORDER_REFLECT,
    "replicate": cv2.BORDER_REPLICATE,
    "wrap": cv2.BORDER_WRAP,
}
BORDERS = sorted(SCIPY)
TAPS = np.array([1.0, 4.0, 6.0, 4.0, 1.0])
PLANE = np.outer(TAPS, TAPS)
sizes = st.integers(1, 17)


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(100, 50, shape)


def half(height: int, width: int) -> tuple[int, int]:
    return (height + 1) // 2, (width + 1) // 2


def up_line(coarse: Any, size: int, border: str, border_value: float) -> Any:
    """One line doubled, one sample and one tap at a time."""
    out = np.zeros(size)
    for i in range(size):
        total = gain = 0.0
        for offset, tap in zip(range(-2, 3), TAPS, strict=True):
            position = i + offset
            source = int(border_index(position, size, border))
            if source >= 0 and source % 2 == 0:
                total += tap * coarse[source // 2]
                gain += tap
            elif source < 0 and position % 2 == 0:
                total += tap * border_value
                gain += tap
        out[i] = total / gain
    return out


@settings(derandomize=True, deadline=None, max_examples=40)
@given(border=st.sampled_from(BORDERS), height=sizes, width=sizes)
def test_down_is_a_convolution_at_even_pixels(border: str, height: int, width: int) -> None:
    image = noise(height, width)
    expected = ndimage.convolve(image, PLANE / 256, mode=SCIPY[border], cval=30)[::2, ::2]
    np.testing.assert_allclose(down(image, border=border, border_value=30), expected, rtol=1e-12, atol=1e-10)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(border=st.sampled_from(sorted(OPENCV)), height=sizes, width=sizes)
def test_up_is_a_convolution_over_its_own_gain(border: str, height: int, width: int) -> None:
    coarse = noise(*half(height, width))
    fine, even = np.zeros((height, width)), np.zeros((height, width))
    fine[::2, ::2] = coarse
    even[::2, ::2] = 1
    total, gain = (ndimage.convolve(grid, PLANE, mode=SCIPY[border]) for grid in (fine, even))
    out = up(coarse, (height, width), border=border)
    np.testing.assert_allclose(out, total / gain, rtol=1e-12, atol=1e-10)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(border=st.sampled_from(BORDERS), height=sizes, width=sizes)
def test_up_tap_by_tap(border: str, height: int, width: int) -> None:
    coarse = noise(*half(height, width))
    tall = np.stack([up_line(column, height, border, -40) for column in coarse.T], axis=1)
    expected = np.stack([up_line(row, width, border, -40) for row in tall])
    out = up(coarse, (height, width), border=border, border_value=-40)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-10)


def test_up_into_a_constant() -> None:
    line = up([[8.0, 16.0]], (1, 4), border="constant", border_value=80)
    # Along y: (80 + 6 v + 80) / 8; along x, at 0: (80 + 6 a + b) / 8, at 1: (a + b) / 2, at 3: (b + 80) / 2.
    a, b = (160 + 6 * 8) / 8, (160 + 6 * 16) / 8
    expected = [[(80 + 6 * a + b) / 8, (a + b) / 2, (a + 6 * b + 80) / 8, (b + 80) / 2]]
    np.testing.assert_allclose(line, expected)


@pytest.mark.parametrize("border", sorted(OPENCV))
@pytest.mark.parametrize("shape", [(8, 6), (2, 4), (12, 30), (16, 10, 3)])
def test_down_is_opencvs(border: str, shape: tuple[int, ...]) -> None:
    image = noise(*shape).astype(np.float32)
    expected = cv2.pyrDown(image, borderType=OPENCV[border])
    np.testing.assert_allclose(down(image, border=border), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("shape", [(4, 3), (1, 2), (6, 15), (8, 5, 3)])
def test_up_is_opencvs_on_even_sizes(shape: tuple[int, ...]) -> None:
    image = noise(*shape).astype(np.float32)
    expected = cv2.pyrUp(image)
    np.testing.assert_allclose(up(image, expected.shape), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("border", BORDERS)
def test_one_pixel(border: str) -> None:
    value = 10.0 if border == "constant" else 50.0  # Where constant, outside is 10 and inside 50.
    weight = 6 / 16
    expected = value + (50 - value) * weight**2
    np.testing.assert_allclose(down([[50]], border=border, border_value=10), [[expected]])
    weight = 6 / 8
    expected = value + (50 - value) * weight**2
    np.testing.assert_allclose(up([[50]], (1, 1), border=border, border_value=10), [[expected]])


@settings(derandomize=True, deadline=None, max_examples=30)
@given(border=st.sampled_from(BORDERS), height=sizes, width=sizes)
def test_a_constant_stays_constant(border: str, height: int, width: int) -> None:
    rule: dict[str, Any] = {"border": border, "border_value": 77}
    image = np.full((height, width), 77, np.uint8)
    np.testing.assert_allclose(down(image, **rule), np.full(half(height, width), 77), rtol=1e-14)
    np.testing.assert_allclose(up(down(image, **rule), image.shape, **rule), image, rtol=1e-14)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(border=st.sampled_from(BORDERS), height=sizes, width=sizes, levels=st.integers(0, 6))
def test_collapse_undoes_the_laplacian_pyramid(border: str, height: int, width: int, levels: int) -> None:
    rule: dict[str, Any] = {"border": border, "border_value": -9}
    image = noise(height, width, 2)
    pyramid = laplacian_pyramid(image, levels, **rule)
    assert len(pyramid) == levels + 1
    np.testing.assert_allclose(collapse(pyramid, **rule), image, rtol=0, atol=1e-9)


def test_pyramids_level_by_level() -> None:
    image = noise(13, 6).astype(np.float32)
    rule: dict[str, Any] = {"border": "constant", "border_value": 20}
    gaussians = gaussian_pyramid(image, 3, **rule)
    laplacians = laplacian_pyramid(image, 3, **rule)
    assert [level.shape for level in gaussians] == [(13, 6), (7, 3), (4, 2), (2, 1)]
    np.testing.assert_array_equal(gaussians[0], image)
    np.testing.assert_array_equal(laplacians[3], gaussians[3])
    for level in range(3):
        np.testing.assert_array_equal(gaussians[level + 1], down(gaussians[level], **rule))
        raised = up(gaussians[level + 1], gaussians[level].shape, **rule)
        np.testing.assert_allclose(laplacians[level], gaussians[level] - raised, atol=1e-12)


def test_the_image_is_left_alone() -> None:
    image = noise(5, 5)
    before = image.copy()
    for out in (*gaussian_pyramid(image, 1), *laplacian_pyramid(image, 0), collapse([image]), down(image)):
        assert out.dtype == np.float64
        assert not np.shares_memory(out, image)
    np.testing.assert_array_equal(image, before)


def test_channels_are_filtered_alone() -> None:
    image = noise(9, 6, 3)
    for channel in range(3):
        np.testing.assert_array_equal(down(image)[..., channel], down(image[..., channel]))
        np.testing.assert_array_equal(up(image, (17, 12))[..., channel], up(image[..., channel], (17, 12)))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="halve"):
        up(np.ones((3, 3)), (4, 6))
    with pytest.raises(ValueError, match="levels"):
        gaussian_pyramid(np.ones((3, 3)), -1)
    with pytest.raises(TypeError):
        laplacian_pyramid(np.ones((3, 3)), 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="border"):
        down(np.ones((3, 3)), border="mirror")
