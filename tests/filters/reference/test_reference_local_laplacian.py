"""The local Laplacian filter, against one pyramid for each coefficient."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.reference import collapse, gaussian_pyramid, laplacian_pyramid, local_laplacian, psnr

BORDERS = ["constant", "reflect", "reflect101", "replicate", "wrap"]


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(0, 255, shape)


def remap(i: Any, g: float, sigma: float, detail: float, beta: float) -> Any:
    return g + beta * (i - g) + detail * (i - g) * np.exp(-((i - g) ** 2) / (2 * sigma**2))


def by_pixel(image: Any, levels: int, border: str, border_value: float, coefficient: Callable[..., float]) -> Any:
    """Collapse the pyramid of ``coefficient(level, pixel, g)``, asked for one at a time."""
    rule: dict[str, Any] = {"border": border, "border_value": border_value}
    gaussians = gaussian_pyramid(image, levels, **rule)
    pyramid = [level.copy() for level in gaussians]
    for level in range(levels):
        for pixel in np.ndindex(gaussians[level].shape):
            pyramid[level][pixel] = coefficient(level, pixel, float(gaussians[level][pixel]))
    return collapse(pyramid, **rule)


def by_definition(
    image: Any, sigma: float, detail: float, beta: float, levels: int, border: str, border_value: float
) -> Any:
    def coefficient(level: int, pixel: tuple[int, ...], g: float) -> float:
        outside = remap(border_value, g, sigma, detail, beta)
        remapped = remap(image, g, sigma, detail, beta)
        pyramid = laplacian_pyramid(remapped, level + 1, border=border, border_value=outside)
        return float(pyramid[level][pixel])

    return by_pixel(image, levels, border, border_value, coefficient)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("sigma", "detail", "beta"), [(30, 1.5, 1.0), (12, -0.8, 0.6)])
def test_exact_is_the_definition(border: str, sigma: float, detail: float, beta: float) -> None:
    image = noise(8, 9)
    out = local_laplacian(image, sigma, detail, beta=beta, border=border, border_value=300)
    expected = by_definition(image, sigma, detail, beta, 2, border, 300)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-4)
    assert np.abs(out - image).max() > 5  # The filter did something.


@pytest.mark.parametrize("shape", [(1, 1), (1, 12), (7, 1), (2, 2), (5, 3)])
@pytest.mark.parametrize("border", BORDERS)
def test_exact_is_the_definition_at_any_size(shape: tuple[int, int], border: str) -> None:
    image = noise(*shape)
    out = local_laplacian(image, 40, levels=3, border=border, border_value=-100)
    expected = by_definition(image, 40, 1.0, 1.0, 3, border, -100)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("border", ["constant", "replicate"])
def test_interpolated_is_linear_between_samples(border: str) -> None:
    image = noise(8, 9)
    low, high, samples, outside = 40.0, 200.0, 5, 250.0
    step = (high - low) / (samples - 1)

    def coefficient(level: int, pixel: tuple[int, ...], g: float) -> float:
        position = min(max((g - low) / step, 0), samples - 1)
        below = min(int(position), samples - 2)
        ends = []
        for sample in (low + below * step, low + (below + 1) * step):
            remapped, value = (remap(i, sample, 30, 1.5, 0.9) for i in (image, outside))
            ends.append(laplacian_pyramid(remapped, 2, border=border, border_value=value)[level][pixel])
        return float(ends[0] + (position - below) * (ends[1] - ends[0]))

    expected = by_pixel(image, 2, border, outside, coefficient)
    out = local_laplacian(
        image,
        30,
        1.5,
        beta=0.9,
        method="interpolated",
        samples=samples,
        value_range=(low, high),
        border=border,
        border_value=outside,
    )
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("sigma", [6, 12, 30, 80])
def test_interpolation_error_of_exact(sigma: float) -> None:
    image = noise(32, 48)
    out = local_laplacian(image, sigma)
    finer = local_laplacian(image, sigma, samples=1700)
    step = min(np.ptp(image) / 255, sigma / 12)
    assert 0 < np.abs(out - finer).max() < min(2 * 0.14 * step**4 / sigma**3, 5e-5)


def test_interpolated_converges_to_exact() -> None:
    image = noise(32, 31)
    exact = local_laplacian(image, 30)
    ratios = [
        psnr(local_laplacian(image, 30, method="interpolated", samples=samples), exact, 255)
        for samples in (5, 9, 17, 65)
    ]
    assert ratios == sorted(ratios)
    assert ratios[0] < 40
    assert ratios[-1] > 75
    assert local_laplacian(image, 30, method="interpolated").tolist() == (
        local_laplacian(image, 30, method="interpolated", samples=8).tolist()
    )


def test_exact_hardly_depends_on_the_range() -> None:
    image = noise(16, 17)
    out = local_laplacian(image, 30)
    np.testing.assert_allclose(local_laplacian(image, 30, value_range=(70, 200)), out, rtol=0, atol=2e-5)
    np.testing.assert_allclose(local_laplacian(image, 30, value_range=(9, 9)), out, rtol=0, atol=2e-4)


def test_range_by_default() -> None:
    image = noise(16, 17).clip(50, 180).astype(np.uint8)
    few: dict[str, Any] = {"method": "interpolated", "samples": 4}
    for array, value_range in (
        (image, (0, 255)),
        (image.astype(np.uint16), (50, 180)),
        (image.astype(np.float32), (50, 180)),
    ):
        expected = local_laplacian(image.astype(np.float64), 30, value_range=value_range, **few)
        np.testing.assert_array_equal(local_laplacian(array, 30, **few), expected)
    alpha = np.dstack([image] * 3 + [np.full_like(image, 255)]).astype(np.float32)
    for color in ("luminance", "separate"):
        ours = local_laplacian(alpha, 30, color=color, **few)
        theirs = local_laplacian(alpha[..., :3], 30, color=color, **few)
        np.testing.assert_array_equal(ours[..., :3], theirs)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(border=st.sampled_from(BORDERS), height=st.integers(1, 12), width=st.integers(1, 12))
def test_without_detail_nothing_changes(border: str, height: int, width: int) -> None:
    image = noise(height, width)
    out = local_laplacian(image, 20, 0.0, levels=2, border=border, border_value=40)
    np.testing.assert_allclose(out, image, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["exact", "interpolated"])
def test_beta_scales_the_bands(method: str) -> None:
    image = noise(16, 17)
    *bands, residual = laplacian_pyramid(image, 3)
    expected = collapse([*(0.25 * band for band in bands), residual])
    out = local_laplacian(image, 20, 0.0, beta=0.25, method=method)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-9)


def test_a_wide_sigma_scales_the_bands_too() -> None:
    image = noise(16, 17)
    *bands, residual = laplacian_pyramid(image, 3)
    expected = collapse([*(3 * band for band in bands), residual])
    np.testing.assert_allclose(local_laplacian(image, 1e6, 2.0), expected, rtol=0, atol=1e-3)


def test_levels() -> None:
    image = noise(16, 9)
    np.testing.assert_array_equal(local_laplacian(image, 20, levels=0), image)
    np.testing.assert_array_equal(local_laplacian(image, 20), local_laplacian(image, 20, levels=2))
    assert np.abs(local_laplacian(image, 20) - local_laplacian(image, 20, levels=3)).max() > 0.1
    for shape in ((1, 40), (2, 2), (3, 3)):
        np.testing.assert_array_equal(local_laplacian(noise(*shape), 20), noise(*shape))


@pytest.mark.parametrize("border", ["reflect", "reflect101", "replicate", "wrap"])
def test_brightness_and_sign_do_not_matter(border: str) -> None:
    image = noise(11, 14)
    out = local_laplacian(image, 25, border=border)
    brighter = local_laplacian(image + 1000, 25, border=border)
    np.testing.assert_allclose(brighter, out + 1000, rtol=0, atol=1e-6)
    negative = local_laplacian(-image, 25, border=border)
    np.testing.assert_allclose(negative, -out, rtol=0, atol=1e-4)
    scaled = local_laplacian(image / 255, 25 / 255, border=border)
    np.testing.assert_allclose(scaled, out / 255, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["exact", "interpolated"])
def test_a_constant_image(method: str) -> None:
    image = np.full((9, 9), 31.0)
    np.testing.assert_allclose(local_laplacian(image, 20, method=method), image, rtol=0, atol=1e-9)
    # A frame of another value outside is an edge like any other.
    out = local_laplacian(image, 20, border="constant", border_value=31, method=method)
    np.testing.assert_allclose(out, image, rtol=0, atol=1e-9)
    out = local_laplacian(image, 20, border="constant", border_value=41, levels=2)
    expected = by_definition(image, 20, 1.0, 1.0, 2, "constant", 41)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-4)
    assert np.abs(out - image).max() > 0.1


def test_luminance() -> None:
    image = noise(16, 17, 5)
    y = 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]
    change = local_laplacian(y, 30) - y
    out = local_laplacian(image, 30)
    np.testing.assert_allclose(out[..., :3], image[..., :3] + change[..., None], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(out[..., 3:], image[..., 3:])
    assert np.abs(change).max() > 10


def test_separate() -> None:
    image = noise(16, 17, 4)
    out = local_laplacian(image, 30, color="separate")
    for channel in range(3):
        expected = local_laplacian(image[..., channel], 30)
        np.testing.assert_allclose(out[..., channel], expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(out[..., 3], image[..., 3])


@pytest.mark.parametrize("color", ["luminance", "separate"])
@pytest.mark.parametrize("channels", [1, 2])
def test_fewer_than_three_channels_are_filtered_alone(color: str, channels: int) -> None:
    image = noise(16, 17, channels)
    out = local_laplacian(image, 30, color=color)
    for channel in range(channels):
        expected = local_laplacian(image[..., channel], 30)
        np.testing.assert_allclose(out[..., channel], expected, rtol=0, atol=1e-5)


def test_grey_is_grey_in_either_mode() -> None:
    image = np.repeat(noise(16, 17, 1), 3, axis=2)
    luminance, separate = (local_laplacian(image, 30, color=color) for color in ("luminance", "separate"))
    np.testing.assert_allclose(luminance, separate, rtol=0, atol=1e-9)


def test_the_image_is_left_alone() -> None:
    image = noise(9, 9, 3)
    before = image.copy()
    out = local_laplacian(image, 20, levels=0)
    assert out.dtype == np.float64
    assert not np.shares_memory(out, image)
    assert not np.shares_memory(local_laplacian(image[..., 0], 20, levels=0), image)
    np.testing.assert_array_equal(image, before)


def test_bad_arguments() -> None:
    image = np.ones((4, 4))
    for sigma in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="sigma"):
            local_laplacian(image, sigma)
    bad: dict[str, list[Any]] = {
        "levels": [-1],
        "color": ["ratio"],
        "method": ["fourier"],
        "samples": [1],
        "value_range": [(1, 0), (0, np.inf), (np.nan, 1)],
        "border": ["mirror"],
    }
    for name, values in bad.items():
        for value in values:
            with pytest.raises(ValueError, match=name):
                local_laplacian(image, 1, **{"levels": 1, name: value})
    with pytest.raises(ValueError, match="border_value"):
        local_laplacian(image, 1, border="constant", border_value=np.nan)
    with pytest.raises(ValueError, match="finite"):
        local_laplacian(np.full((4, 4), np.nan), 1)
    with pytest.raises(TypeError):
        local_laplacian(image, 1, levels=1.0)  # type: ignore[arg-type]
