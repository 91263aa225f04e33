"""Convolution with kernels of one's own: against float64, at parameters drawn at random."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filters
from dsl import fitting
from filters import _separable, reference
from filters._convolution import FOURIER_ACCURACY
from filters.reference.metrics import psnr

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
RANDOM = settings(derandomize=True, deadline=None, max_examples=12)


def noise(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(dtype)


@RANDOM
@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from(BORDERS), st.integers(0, 99))
def test_direct_sums_are_exact(ry, rx, border, seed):
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=2 * ry + 1), rng.normal(size=2 * rx + 1)
    image = noise((23, 41), seed=seed)
    got = filters.convolve(image, kernel, method="fir", border=border, border_value=9.0)
    expected = reference.convolve(image, kernel, border=border, border_value=9.0)
    # float32 rounds every product and sum: 1e-6 of the sum of magnitudes is some roundings
    assert np.abs(got - expected).max() <= 1e-6 * 255 * np.abs(kernel[0]).sum() * np.abs(kernel[1]).sum()


@pytest.mark.parametrize("sides", [(3, 5), (9, 9), (1, 7)])
def test_a_kernel_of_full_rank(sides):
    kernel = np.random.default_rng(1).normal(size=sides)
    image = noise((40, 50))
    got = filters.convolve(image, kernel)
    # split to 1e-6 of the magnitudes, and float32
    assert np.abs(got - reference.convolve(image, kernel)).max() <= 5e-6 * 255 * np.abs(kernel).sum()


@RANDOM
@given(
    st.integers(0, 6),
    st.integers(0, 6),
    st.sampled_from(BORDERS),
    st.sampled_from([np.uint8, np.uint16, np.float32]),
    st.sampled_from([(1, 1), (23, 41), (64, 7), (2, 130), (37, 20, 3), (9, 50, 2)]),
    st.integers(0, 99),
)
def test_kernels_of_both_dimensions_at_once(ry, rx, border, dtype, shape, seed):
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(2 * ry + 1, 2 * rx + 1))
    size = np.abs(kernel).sum()
    image = noise(shape, dtype, seed)
    options = {"border": border, "border_value": 9.0}
    got = filters.convolve(image, kernel / size, **options)
    expected = reference.convolve(image, kernel / size, **options)
    if dtype is np.float32:
        assert np.abs(got - expected).max() <= 2e-6 * 255  # some roundings, and what is left of the split
    else:
        assert np.abs(got - np.clip(np.rint(expected), 0, None)).max() <= 1  # at a half


def test_what_a_2_d_kernel_is_computed_by(monkeypatch):
    """Of full rank by its weights as they are, a product by two passes, a sum of few by whatever costs less."""
    ran = []
    for name in ("direct_program", "direct_2d_program"):
        program = getattr(_separable, name)

        def run(*args, _run=program.run, _name=name, **options):
            ran.append((_name, dict(options.get("choices", ())).get("convolve_2d")))
            return _run(*args, **options)

        monkeypatch.setattr(_separable, name, SimpleNamespace(run=run))
    column = np.arange(1.0, 10)
    plus = np.zeros((31, 31))
    plus[15] = plus[:, 15] = 1 / 61
    full = np.random.default_rng(0)
    for kernel, method, program in [
        (full.random((5, 5)), "auto", ("direct_2d_program", None)),
        (full.random((45, 45)), "auto", ("direct_2d_program", "fourier")),
        (full.random((45, 45)), "fir", ("direct_2d_program", None)),
        (full.random((3, 3)), "fourier", ("direct_2d_program", "fourier")),
        (np.outer(column, column), "fir", ("direct_program", None)),
        (plus, "fir", ("direct_program", None)),
    ]:
        filters.convolve(noise((300, 200)), kernel, method=method)
        assert ran.pop() == program
        assert not ran


@RANDOM
@given(
    st.integers(0, 25),
    st.integers(0, 25),
    st.sampled_from(BORDERS),
    st.sampled_from([np.uint8, np.uint16, np.float32]),
    st.sampled_from([(1, 1), (23, 41), (300, 7), (2, 530), (37, 20, 3), (9, 50, 2), (2, 61, 30, 1)]),
    st.integers(0, 99),
)
def test_fourier_transforms_are_as_accurate_as_they_say(ry, rx, border, dtype, shape, seed):
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(2 * ry + 1, 2 * rx + 1))
    kernel /= np.abs(kernel).sum()
    peak = 255 if dtype is np.float32 else np.iinfo(dtype).max
    image = (noise(shape, seed=seed) * (peak / 255)).astype(dtype)
    options = {"border": border, "border_value": 9.0}
    got = filters.convolve(image, kernel, method="fourier", **options)
    images = image if image.ndim == 4 else image[None]
    expected = np.stack([reference.convolve(each, kernel, **options) for each in images]).reshape(shape)
    if dtype is np.float32:
        assert psnr(got, expected, peak=255) >= FOURIER_ACCURACY
    else:
        assert np.abs(got - np.clip(np.rint(expected), 0, None)).max() <= 1  # at a half


@pytest.mark.parametrize("kind", ["constant", "checks", "spike", "halves", "columns"])
@pytest.mark.parametrize("rows", [3, 33, 65, 257])
def test_images_that_transforms_find_hard(kind, rows):
    """All at one frequency, or all at all of them: what rounding is relative to."""
    y, x = np.indices((300, 40))
    image = {
        "constant": np.full(y.shape, 255),
        "checks": 255 * ((y + x) % 2),
        "spike": 255 * ((y == 150) & (x == 20)),
        "halves": 255 * (y >= 150),
        "columns": 255 * (x % 2),
    }[kind].astype(np.float32)
    signs = (-1.0) ** np.arange(rows)
    for column in (np.ones(rows), signs, np.cos(np.arange(rows))):
        kernel = np.outer(column, [1.0, 2.0, -1.0, 0.5, 1.0])
        kernel /= np.abs(kernel).sum()
        got = filters.convolve(image, kernel, method="fourier")
        assert psnr(got, reference.convolve(image, kernel), peak=255) >= FOURIER_ACCURACY


@pytest.mark.parametrize("row", [0, 20, 170, 299])
def test_nan_stays_local_where_transforms_would_spread_it(row):
    image = noise((300, 90))
    image[row, 40] = np.inf
    kernel = np.random.default_rng(0).random((45, 45))
    direct = filters.convolve(image, kernel, method="fir")
    assert np.isfinite(direct).any()
    assert np.array_equal(filters.convolve(image, kernel), direct, equal_nan=True)
    out = np.full(image.shape, 7, np.float32)
    with pytest.raises(ValueError, match="NaN or infinity"):
        filters.convolve(image, kernel, method="fourier", out=out)
    assert (out == 7).all()


def test_nan_and_infinity_stay_where_a_2_d_kernel_reaches():
    image = noise((40, 50))
    image[20, 30], image[3, 4] = np.nan, np.inf
    kernel = np.random.default_rng(0).random((5, 7))
    got = filters.convolve(image, kernel)
    touched = np.zeros(image.shape, bool)
    touched[18:23, 27:34] = touched[1:6, 1:8] = True
    assert (np.isfinite(got) == ~touched).all()


@RANDOM
@given(st.floats(2, 30), st.floats(30, 75), st.booleans(), st.integers(0, 99))
def test_sliding_sums_keep_the_accuracy_asked_for(sigma, accuracy, derivative, seed):
    r = np.arange(-int(6 * sigma) - 1, int(6 * sigma) + 2)
    smooth = np.exp(-0.5 * (r / sigma) ** 2)
    smooth /= smooth.sum()
    kernel = (-r / sigma * smooth if derivative else smooth, smooth)
    image = noise((70, 90), seed=seed)
    got = filters.convolve(image, kernel, method="sliding", accuracy=accuracy)
    assert psnr(got, reference.convolve(image, kernel), peak=255) >= accuracy


def test_the_worst_image_keeps_it_too():
    r = np.arange(-60, 61)
    kernel = np.exp(-0.5 * (r / 9) ** 2)
    kernel /= kernel.sum()
    fit = fitting.fit(kernel, 3)
    error = np.zeros(201)
    error[100 - fit.radius - 1 : 100 + fit.radius + 2] = fit.samples()
    error[40:161] -= kernel
    image = np.where(error[None, ::-1] > 0, 255, 0).astype(np.float32)
    got = filters.convolve(image, ([1.0], kernel), method="sliding", terms=3)
    missed = abs(got - reference.convolve(image, ([1.0], kernel)))[0, 100]
    bound = 255 * 10 ** (-fitting.guaranteed(fit, kernel) / 20)
    assert 0.9 * bound <= missed <= 1.01 * bound  # it is what the bound is made for; float32 may add a little


@RANDOM
@given(st.floats(2, 10), st.floats(3, 30), st.floats(-4, 4), st.floats(-4, 4))
def test_gabor(sigma, wavelength, orientation, phase):
    image = noise((60, 70))
    expected = reference.gabor(image, sigma, wavelength, orientation, phase)
    exact = filters.gabor(image, sigma, wavelength, orientation, phase, method="fir")
    assert np.abs(exact - expected).max() <= 1e-3  # cut off at 5 sigma: 1e-6 of 255
    assert psnr(filters.gabor(image, sigma, wavelength, orientation, phase), expected, peak=255) >= 40


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_round_and_saturate(dtype):
    image = noise((30, 40, 3), dtype)
    kernel = [-1.0, 3.5, -1.0]
    expected = np.clip(np.rint(reference.convolve(image, kernel)), 0, np.iinfo(dtype).max)
    assert np.abs(filters.convolve(image, kernel) - expected).max() <= 1  # at a half


@pytest.mark.parametrize("row", [0, 63, 64, 65, 255, 256, 299])
def test_nan_stays_local_wherever_chunks_end(row):
    image = noise((300, 90))
    image[row, 40] = np.nan
    got = filters.gaussian(image, 5.0)
    assert np.array_equal(got, filters.gaussian(image, 5.0, method="fir"), equal_nan=True)
    assert np.isnan(got).any()
    with pytest.raises(ValueError, match="NaN or infinity"):
        filters.gaussian(image, 5.0, method="sliding")


def test_a_spike_leaves_with_the_window():
    image = noise((300, 400))
    spiked = image.copy()
    spiked[100, 150] = 1e8
    sigma, reach = 6.0, 24
    difference = np.abs(
        filters.gaussian(spiked, sigma, method="sliding") - filters.gaussian(image, sigma, method="sliding")
    )
    difference[100 - reach : 101 + reach, 150 - reach : 151 + reach] = 0
    assert difference.max() <= 1e-6 * 1e8


@pytest.mark.parametrize("radius", [40, 500])
def test_rounding_does_not_grow_along_a_row(radius):
    r = np.arange(-2 * radius, 2 * radius + 1)
    kernel = np.exp(-0.5 * (r * 3.47 / radius) ** 2)
    fit = fitting.fit(kernel / kernel.sum(), 3, radius=radius)
    image = noise((8, 8192))
    got = filters.convolve(image, ([1.0], fit.samples()), method="sliding", terms=3)
    again = fitting.fit(fit.samples(), 3)  # what was run: the fit of a fit, the same up to rounding
    assert again.radius == radius
    assert psnr(got, reference.convolve(image, ([1.0], again.samples())), peak=255) >= 115


@pytest.mark.parametrize(
    ("kernel", "options", "message"),
    [
        ([1.0, 2.0], {}, "kernel has shape"),
        ([np.nan], {}, "NaN"),
        (np.ones((2, 3)), {}, "odd"),
        (([1], [1], [1]), {}, "tuple of 3"),
        ([1.0], {"terms": 3, "accuracy": 50}, "both given"),
        ([1.0], {"method": "fast"}, "method"),
        ([1.0], {"method": "fourier"}, "separable as it came"),
        (np.ones((515, 3)), {"method": "fourier"}, "515 rows; method='fourier' takes 513"),
        (np.ones((3, 3)), {"method": "fourier", "accuracy": 130}, "at most 110 dB"),
        (np.ones((3, 3)), {"method": "fourier", "target": "host-opencl"}, "for CPUs"),
        (np.where(np.arange(-30, 31) >= 0, 0.9 ** np.abs(np.arange(-30, 31)), 0), {"method": "sliding"}, "is reached"),
    ],
)
def test_errors_leave_out_alone(kernel, options, message):
    out = np.full((20, 20), 7, np.float32)
    with pytest.raises(ValueError, match=message):
        filters.convolve(noise((20, 20)), kernel, out=out, **options)
    assert (out == 7).all()


def test_a_new_kernel_compiles_nothing():
    def run(sigma):
        r = np.arange(-60, 61)
        kernel = np.exp(-0.5 * (r / sigma) ** 2)
        filters.convolve(noise((40, 40)), kernel / kernel.sum(), method="sliding", terms=3)

    run(5.0)
    before = {v.key for v in filters.compiled()}
    run(7.3)
    assert {v.key for v in filters.compiled()} == before
