"""The methods of local Laplacian filtering, how one is chosen, the log domain, and tiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import local_laplacian, reference
from filters._laplacian import planning
from filters._laplacian.planning import Samples
from filters._laplacian.series import Series

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
RANDOM = settings(derandomize=True, deadline=None, max_examples=8)
OPTIONS = {"levels": 3, "value_range": (0, 255)}


@pytest.fixture(scope="module")
def crop(photograph):
    return np.ascontiguousarray(photograph[40:130, 60:141])


def s_shaped(d, sigma):
    """The detail of Paris et al. for enhancement: a square root below sigma, nothing beyond."""
    return np.where(d < sigma, np.sqrt(sigma * d) - d, 0.0)


def round_hat(d, sigma):
    return d * np.maximum(1 - (d / (2 * sigma)) ** 2, 0) ** 2


def chosen(method="auto", *, sigma, curve=None, terms=None, samples=None, accuracy=None, size=255.0):
    wanted = planning.wanted(method, terms, samples, accuracy)
    return planning.plan(wanted, sigma, 1.0, curve, size).way


# ------------------------------------------------------------------------------------------------------ methods


@RANDOM
@given(
    sigma=st.floats(4, 120),
    detail=st.floats(-1, 2),
    beta=st.floats(0.4, 1.3),
    border=st.sampled_from(BORDERS),
    curve=st.sampled_from([None, round_hat]),
)
def test_exact_is_the_definition(crop, sigma, detail, beta, border, curve):
    options = {**OPTIONS, "beta": beta, "border": border, "border_value": 70.0, "curve": curve}
    expected = reference.local_laplacian(crop, sigma, detail, **options)
    result = local_laplacian(crop, sigma, detail, method="exact", **options)
    # A coefficient errs by 1e-4 of sigma at detail 1; a pixel is the sum of three levels, in float32.
    assert np.abs(result - expected).max() <= 3e-4 * sigma * max(abs(detail), 1) + 1e-3


def test_exact_does_not_depend_on_the_range(crop):
    expected = reference.local_laplacian(crop, 25.0, 1.0, levels=3)
    result = local_laplacian(crop, 25.0, method="exact", levels=3, value_range=(100, 110))
    assert np.abs(result - expected).max() <= 1e-2


@RANDOM
@given(
    sigma=st.floats(4, 120),
    samples=st.integers(2, 20),
    beta=st.floats(0.4, 1.3),
    border=st.sampled_from(BORDERS),
    curve=st.sampled_from([None, s_shaped]),
)
def test_interpolated_is_linear_between_samples(crop, sigma, samples, beta, border, curve):
    options = {**OPTIONS, "beta": beta, "border": border, "border_value": 70.0, "curve": curve, "samples": samples}
    expected = reference.local_laplacian(crop, sigma, 1.0, method="interpolated", **options)
    result = local_laplacian(crop, sigma, method="interpolated", **options)
    # Remapped images of up to 0.6 sigma are kept with 11 bits, over three levels.
    assert np.abs(result - expected).max() <= 3 * 2**-11 * sigma + 1e-3
    assert reference.psnr(result, expected, 255) >= 80


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("method", ["interpolated", "exact"])
def test_other_methods_take_colour_and_integers(crop, dtype, method):
    scale = np.iinfo(dtype).max / 255
    color = np.round(np.stack([crop, crop[::-1], 255 - crop], -1) * scale).astype(dtype)
    options = {"levels": 2, "method": method, "value_range": (0, 255 * scale)}
    result = local_laplacian(color, 30 * scale, 0.7, **options)
    luma = (color @ np.float32([0.299, 0.587, 0.114])).astype(np.float32)
    change = local_laplacian(luma, 30 * scale, 0.7, **options) - luma
    exact = np.clip(color + change[..., None].astype(np.float64), 0, np.iinfo(dtype).max)
    # The exact filter's samples lie elsewhere, as the range of colours is not that of their luminance.
    assert np.abs(result - exact).max() <= 0.5 + 1e-4 * 30 * scale
    batch = local_laplacian(np.stack([color, color[::-1]]), 30 * scale, 0.7, **options)
    assert np.array_equal(batch[0], result)


# ----------------------------------------------------------------------------------------- what is chosen, and why


def test_four_terms_do_from_a_tenth_of_the_range_on():
    assert chosen(sigma=26.0) == chosen(sigma=300.0) == 4
    assert chosen(sigma=30.0, terms=7) == 7
    few = chosen(sigma=24.0)
    many = chosen(sigma=2.0)
    assert isinstance(few, Series)
    assert few.terms < many.terms <= 256


def test_auto_interpolates_where_series_are_too_long():
    way = chosen(sigma=0.2)
    assert isinstance(way, Samples)
    assert way.between == "linear"
    with pytest.raises(ValueError, match="more than 256 terms; give a narrower value_range"):
        chosen("fourier", sigma=0.2)


def test_auto_interpolates_curves_with_corners_if_they_are_to_be_accurate():
    def jump(d, sigma):
        return np.where(d < sigma, d, 0.0)

    assert isinstance(chosen(sigma=30.0, curve=jump, accuracy=45), Series)
    assert isinstance(chosen(sigma=30.0, curve=jump, accuracy=55), Samples)
    assert isinstance(chosen(sigma=30.0, curve=round_hat, accuracy=55), Series)
    with pytest.raises(ValueError, match="accuracy must be at most 50 dB for this curve with 60 terms"):
        chosen("fourier", sigma=30.0, curve=jump, accuracy=55)


@pytest.mark.parametrize("sigma", [2.0, 5.0, 11.0, 20.0])
def test_sigma_far_below_the_range_takes_as_many_terms_as_needed(crop, sigma):
    expected = reference.local_laplacian(crop, sigma, 1.0, **OPTIONS)
    result = local_laplacian(crop, sigma, **OPTIONS)
    assert np.sqrt(np.mean((result - expected) ** 2)) <= 0.01 * sigma


@pytest.mark.parametrize(("method", "accuracy"), [("fourier", 45), ("fourier", 78), ("interpolated", 45)])
@pytest.mark.parametrize("sigma", [9.0, 27.0, 80.0])
def test_accuracy_is_reached_to_three_decibels(crop, method, accuracy, sigma):
    expected = reference.local_laplacian(crop, sigma, 1.0, **OPTIONS)
    result = local_laplacian(crop, sigma, method=method, accuracy=accuracy, **OPTIONS)
    assert reference.psnr(result, expected, 255) >= accuracy - 3


def test_accuracy_at_its_own_peak_of_16_bits(crop):
    image = np.round(crop * 257).astype(np.uint16)
    expected = reference.local_laplacian(image, 30 * 257.0, 1.0, levels=3, value_range=(0, 65535))
    for terms, least in ((2, 44), (3, 52), (4, 61), (6, 80)):
        result = local_laplacian(image, 30 * 257.0, terms=terms, levels=3, value_range=(0, 65535))
        assert reference.psnr(result, np.clip(expected, 0, 65535), 65535) >= least


# --------------------------------------------------------------------------------------------------- log domain


@pytest.fixture(scope="module")
def radiance(crop):
    """An image of high dynamic range: five decades."""
    return np.exp(crop / 255 * np.log(1e5) - 3).astype(np.float32)


@pytest.mark.parametrize(("terms", "least"), [(2, 44), (3, 52), (4, 61), (6, 80)])
def test_the_logarithm_is_filtered_at_its_own_peak(radiance, terms, least):
    log = np.log(radiance.astype(np.float64))
    size = np.ptp(log)
    sigma = 30 / 255 * size
    expected = reference.local_laplacian(log, sigma, 1.0, levels=3)
    result = local_laplacian(radiance, sigma, terms=terms, levels=3, domain="log")
    assert reference.psnr(np.log(result.astype(np.float64)), expected, size) >= least


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("method", ["auto", "exact"])
def test_colours_are_multiplied_by_what_changes_their_luminance(radiance, border, method):
    color = np.stack([radiance, radiance[::-1], 3 * radiance], -1)
    color[5:9, 3:20] = 0  # stays black
    luma = color.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    positive = color[color > 0]
    floor = max(positive.min(), 1e-6 * color.max())
    log = np.log(np.maximum(luma, floor))
    options = {"levels": 3, "beta": 0.7, "border": border}
    change = reference.local_laplacian(log, 1.5, 0.8, border_value=np.log(40.0), **options) - log
    result = local_laplacian(color, 1.5, 0.8, domain="log", method=method, border_value=40.0, **options)
    np.testing.assert_allclose(result, color * np.exp(change)[..., None], rtol=0.02 if method == "auto" else 2e-3)


def test_a_range_under_log_is_of_the_image_not_of_its_logarithm(radiance):
    low, high = float(radiance.min()), float(radiance.max())
    given = local_laplacian(radiance, 1.0, levels=3, domain="log", value_range=(low, high))
    assert np.array_equal(given, local_laplacian(radiance, 1.0, levels=3, domain="log"))
    brighter = local_laplacian(64 * radiance, 1.0, levels=3, domain="log")
    np.testing.assert_allclose(brighter, 64 * given, rtol=1e-3)  # the logarithm takes no notice of exposure


@pytest.mark.parametrize("value", [0.0, -2.0, 7.0])
def test_a_constant_stays_under_log(value):
    image = np.full((20, 20), value, np.float32)
    assert np.array_equal(local_laplacian(image, 0.4, domain="log"), image)


# -------------------------------------------------------------------------------------------------------- tiles


@pytest.mark.parametrize("options", [{}, {"method": "interpolated"}, {"curve": round_hat}])
@pytest.mark.parametrize("channels", [0, 3])
def test_a_tile_with_its_halo_is_the_whole_image_to_the_bit(photograph, options, channels):
    image = np.stack([photograph, photograph[::-1], photograph], -1) if channels else photograph
    image = np.ascontiguousarray(image[:160, :200])
    options = {"levels": 2, "value_range": (0, 255), **options}
    whole = local_laplacian(image, 35.0, **options)
    rows, columns = local_laplacian.halo(levels=2)
    cell = 2**2  # pyramids begin at even pixels of every level
    assert 2 * max(rows, columns) + cell < 120
    for y, x in ((48, 60), (52, 100)):
        top, left = (y - rows) // cell * cell, (x - columns) // cell * cell
        tile = local_laplacian(image[top : y + 20 + rows, left : x + 30 + columns], 35.0, **options)
        part = tile[y - top : y - top + 20, x - left : x - left + 30]
        assert np.array_equal(part, whole[y : y + 20, x : x + 30])


# ------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "fast"}, "method must be one of 'auto', 'fourier', 'interpolated', 'exact', not 'fast'"),
        ({"method": "exact", "terms": 4}, "terms=4 does not go with method='exact', which takes none of"),
        ({"samples": 8}, "samples=8 does not go with method='auto', which takes terms and accuracy"),
        ({"method": "interpolated", "samples": 1}, "samples must be from 2 to 16384, not 1"),
        ({"method": "interpolated", "samples": 9, "accuracy": 50}, "both given"),
        ({"method": "interpolated", "accuracy": 190}, "accuracy must be at most"),
        ({"method": "interpolated", "sigma": np.full((40, 40), 30.0)}, "maps of sigma or detail go with method 'four"),
        ({"method": "exact", "sigma": 1e-3}, "sigma must be at least 0.00049 of the value range for method 'exact'"),
        ({"domain": "hdr"}, "domain must be one of 'linear', 'log', not 'hdr'"),
        ({"domain": "log", "value_range": (0, 9)}, r"value_range must be positive under domain='log', not \(0, 9\)"),
    ],
)
def test_errors_name_the_argument_and_nothing_is_written(options, text):
    out = np.full((40, 40), 5, np.float32)
    image = np.linspace(0, 255, 1600, dtype=np.float32).reshape(40, 40)
    with pytest.raises(ValueError, match=text):
        local_laplacian(image, **{"sigma": 30, "out": out, **OPTIONS, **options})
    assert (out == 5).all()
