"""PSNR, SSIM and GMSD: known values, and GMSD beside its definition."""

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("cv2")

from bench import quality


@pytest.fixture
def reference():
    ramp = np.add.outer(np.arange(48.0), 2 * np.arange(64.0))
    return np.clip(ramp + np.random.default_rng(0).integers(0, 60, ramp.shape), 0, 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_is_lost_of_equal_images(reference, channels):
    image = np.stack([reference] * channels, axis=-1) if channels > 1 else reference
    assert quality.assess(image, image, 255) == quality.Quality(np.inf, 1.0, 0.0)


def test_a_constant_difference(reference):
    found = quality.assess(reference + 5, reference, 255)
    assert found.psnr == pytest.approx(20 * np.log10(255 / 5))
    assert found.gmsd < 0.01  # gradients are the same but at the border
    assert str(found).startswith("PSNR 34.15 dB")


def test_the_deviation_of_gradients_is_that_of_its_paper(reference):
    result = np.rint(ndimage.gaussian_filter(reference, 1.5))
    assert quality.assess(result, reference, 255).gmsd == pytest.approx(deviation(result, reference), rel=1e-5)


def deviation(result, reference):
    """Xue et al. 2014: halved by means of 2 x 2, gradients by Prewitt, similarity with the constant 170."""
    sizes = []
    for image in (result, reference):
        half = ndimage.convolve(image, np.full((2, 2), 1 / 4), mode="constant")[::2, ::2]
        prewitt = np.array([[1, 0, -1]] * 3) / 3
        sizes.append(np.hypot(*(ndimage.convolve(half, each, mode="constant") for each in (prewitt, prewitt.T))))
    a, b = sizes
    return np.std((2 * a * b + 170) / (a * a + b * b + 170))


def test_the_peak_scales_values(reference):
    result = ndimage.gaussian_filter(reference, 1)
    small, large = quality.assess(result, reference, 255), quality.assess(result * 257, reference * 257, 65535)
    assert [large.psnr, large.ssim, large.gmsd] == pytest.approx([small.psnr, small.ssim, small.gmsd], rel=1e-5)


def test_channels_are_averaged(reference):
    result = ndimage.gaussian_filter(reference, 1)
    both = quality.assess(np.stack([reference, result], -1), np.stack([reference] * 2, -1), 255)
    assert both.gmsd == pytest.approx(quality.assess(result, reference, 255).gmsd / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("result", "reference"),
    [
        (np.zeros((32, 32)), np.zeros((32, 31))),
        (np.zeros((32, 8)), np.zeros((32, 8))),
        (np.zeros(64), np.zeros(64)),
        (np.full((32, 32), np.nan), np.zeros((32, 32))),
    ],
)
def test_what_cannot_be_compared(result, reference):
    with pytest.raises(ValueError):
        quality.assess(result, reference, 255)
