"""Local Laplacian filtering with maps and with range functions of one's own, against the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import local_laplacian, reference
from filters._laplacian import series

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
RANDOM = settings(derandomize=True, deadline=None, max_examples=8)
OPTIONS = {"levels": 3, "value_range": (0, 255)}


def crop(photograph, height, width, seed):
    rng = np.random.default_rng(seed)
    y, x = rng.integers([0, 0], np.array(photograph.shape) - (height, width) + 1)
    return np.ascontiguousarray(photograph[y : y + height, x : x + width])


def smooth_map(shape, low, high, seed):
    """A map that takes on both of its ends."""
    rough = np.random.default_rng(seed).uniform(size=shape)
    blurred = reference.gaussian(rough, 2.0)
    blurred = (blurred - blurred.min()) / np.ptp(blurred)
    return (low + (high - low) * blurred).astype(np.float32)


# ---------------------------------------------------------------------------------------------------- maps


@RANDOM
@given(border=st.sampled_from(BORDERS), beta=st.floats(0.4, 1.3), seed=st.integers(0, 999))
def test_maps_are_right_at_every_coefficient(photograph, border, beta, seed):
    image = crop(photograph, 19, 22, seed)
    sigma, detail = smooth_map(image.shape, 20, 60, seed), smooth_map(image.shape, -1, 2, seed + 1)
    options = {**OPTIONS, "beta": beta, "border": border, "border_value": 90.0}
    expected = reference.local_laplacian(image, sigma, detail, **options)
    result = local_laplacian(image, sigma, detail, **options)
    # A remapped value is right to 0.2; a Laplacian coefficient is a difference of two, a pixel the sum of four levels,
    # and detail goes to 2.
    assert np.abs(result - expected).max() <= 0.2 * 2 * 2
    assert reference.psnr(result, expected, 255) >= 60


@pytest.mark.parametrize(("low", "high"), [(20, 60), (10, 60), (10, 10), (100, 400), (60, 61)])
def test_every_remap_of_a_map_is_right_to_a_fifth_of_a_gray_value(low, high):
    found = series.of_maps(low / 255, high / 255, None, 0.2 / 255)
    d = np.linspace(0, 255, 2000)
    k = np.arange(1, found.terms + 1)
    omega = 2 * np.pi * k / (found.period * 255)
    for sigma in np.linspace(low, high, 37):
        b = np.sqrt(2 / np.pi) * sigma**3 * omega[0] ** 2 * k * np.exp(-0.5 * (sigma * omega) ** 2)
        assert np.abs(b @ np.sin(np.outer(omega, d)) - d * np.exp(-0.5 * (d / sigma) ** 2)).max() <= 0.21


def test_a_constant_map_is_the_number(photograph):
    image = crop(photograph, 90, 100, 1)
    expected = reference.local_laplacian(image, 40.0, 1.5, **OPTIONS)
    for sigma, detail in ((np.full(image.shape, 40.0), 1.5), (40.0, np.full(image.shape, 1.5))):
        assert reference.psnr(local_laplacian(image, sigma, detail, **OPTIONS), expected, 255) >= 60


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_maps_with_colour_and_batches(photograph, dtype):
    scale = 257 if dtype == np.uint16 else 1
    color = np.stack([crop(photograph, 60, 50, seed) for seed in range(4)], -1) * scale
    batch = np.stack([color, color[::-1]]).astype(dtype)
    sigma = smooth_map((60, 50), 20 * scale, 60 * scale, 3)
    options = {"levels": 3, "value_range": (0, 255 * scale)}
    together = local_laplacian(batch, np.stack([sigma, sigma[::-1]]), 1.0, **options)
    for image, of_image, result in zip(batch, (sigma, sigma[::-1]), together, strict=True):
        assert np.array_equal(local_laplacian(image, of_image, 1.0, **options), result)
        assert np.array_equal(result[..., 3], image[..., 3])
    apart = local_laplacian(batch[0], sigma, 1.0, color="separate", **options)
    for c in range(3):
        assert np.array_equal(apart[..., c], local_laplacian(batch[0][..., c].copy(), sigma, 1.0, **options))
    luma = (batch[0][..., :3].astype(np.float32) @ np.float32([0.299, 0.587, 0.114])).astype(np.float32)
    change = local_laplacian(luma, sigma, 1.0, **options) - luma
    exact = batch[0][..., :3] + change[..., None]
    exact = exact if dtype == np.float32 else np.clip(exact, 0, np.iinfo(dtype).max)
    assert np.abs(together[0][..., :3] - exact).max() <= (0.01 if dtype == np.float32 else 0.6) * scale


def test_a_map_does_not_depend_on_threads(photograph):
    image = crop(photograph, 97, 97, 2)
    sigma = smooth_map(image.shape, 20, 60, 2)
    results = [local_laplacian(image, sigma, threads=n, **OPTIONS) for n in (1, 2, 3)]
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


# ---------------------------------------------------------------------------------------------------- curves


def gaussian_detail(d, sigma):
    return d * np.exp(-0.5 * (d / sigma) ** 2)


def s_shaped(d, sigma):
    """Detail of Paris et al.: a power of the difference below sigma, a constant beyond."""
    return np.where(d < sigma, sigma * (d / sigma) ** 0.7, sigma) - np.minimum(d, sigma)


def test_the_usual_curve_is_the_default(photograph):
    image = crop(photograph, 80, 70, 4)
    own = local_laplacian(image, 35.0, 1.2, curve=gaussian_detail, **OPTIONS)
    usual = local_laplacian(image, 35.0, 1.2, **OPTIONS)
    assert np.abs(own - usual).max() <= 0.02  # the default is read off a table of fits


@RANDOM
@given(sigma=st.floats(20, 80), beta=st.floats(0.5, 1.2), seed=st.integers(0, 99))
def test_a_curve_of_ones_own(photograph, sigma, beta, seed):
    image = crop(photograph, 50, 60, seed)
    options = {**OPTIONS, "beta": beta, "curve": s_shaped}
    expected = reference.local_laplacian(image, sigma, 1.0, **options)
    result = local_laplacian(image, sigma, 1.0, terms=12, **options)
    # It has infinite slope at 0: twelve sines do what they can.
    assert reference.psnr(result, expected, 255) >= 45


@pytest.mark.parametrize("channels", [(), (3,)])
def test_accuracy_chooses_terms_of_a_curve(photograph, channels):
    image = crop(photograph, 60, 60, 5)
    image = np.stack([image, image.T, image[::-1]], -1) if channels else image

    def hat(d, sigma):
        return d * np.maximum(1 - (d / (2 * sigma)) ** 2, 0) ** 2

    for accuracy in (45, 55):
        result = local_laplacian(image, 40.0, curve=hat, accuracy=accuracy, **OPTIONS)
        expected = reference.local_laplacian(image, 40.0, curve=hat, **OPTIONS)
        assert reference.psnr(result, expected, 255) >= accuracy - 3


# ---------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"sigma": np.ones((5, 6))}, ValueError, r"sigma is a map of shape \(5, 6\); \(40, 40\) is needed"),
        ({"sigma": np.zeros((40, 40))}, ValueError, "sigma must be at least 1e-06 everywhere, not 0.0"),
        ({"sigma": np.full((40, 40), np.nan)}, ValueError, "sigma must be finite everywhere"),
        ({"sigma": np.full((40, 40), 1.0)}, ValueError, "its map goes down to 0.0039 of it"),
        ({"sigma": 30, "detail": np.array(["a"])}, TypeError, "detail must be a number or a map of numbers"),
        ({"sigma": 30, "curve": "tone"}, TypeError, "curve must be a function"),
        ({"sigma": 30, "curve": lambda d, sigma: 1.0}, ValueError, "curve must give a finite number"),
        ({"sigma": 30, "curve": lambda d, sigma: d * np.nan}, ValueError, "not finite"),
        ({"sigma": np.full((40, 40), 30.0), "curve": gaussian_detail}, ValueError, "curve goes with numbers"),
        (
            {"sigma": 30, "curve": lambda d, sigma: (d > 9) * 9.0, "accuracy": 90},
            ValueError,
            "accuracy must be at most",
        ),
    ],
)
def test_errors_name_the_argument_and_nothing_is_written(options, error, text):
    out = np.full((40, 40), 5, np.float32)
    image = np.linspace(0, 255, 1600, dtype=np.float32).reshape(40, 40)
    with pytest.raises(error, match=text):
        local_laplacian(image, **{"out": out, **OPTIONS, **options})
    assert (out == 5).all()
