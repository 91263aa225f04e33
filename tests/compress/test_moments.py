"""Moments of channels and norms beside their definitions in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.kernels import Moments, norms, reference

#: Of sums of products in float32 over at most 1024 positions, in units of the product of two channels' norms.
PRODUCTS = 2e-6


def features(shape, seed=0):
    return np.random.default_rng(seed).normal(0.3, 1, shape).astype(np.float32)


def assert_moments(moments, total, gram):
    sizes = np.sqrt(np.diag(gram))
    np.testing.assert_array_less(np.abs(moments.gram - gram), PRODUCTS * np.outer(sizes, sizes) + 1e-30)
    np.testing.assert_allclose(moments.sum, total, rtol=0, atol=PRODUCTS * np.sqrt(moments.count) * sizes.max() + 1e-30)
    np.testing.assert_array_equal(moments.gram, moments.gram.T)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_moments_of_any_shape(layout, relu):
    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(st.integers(1, 3), st.integers(1, 70), st.integers(1, 40), st.integers(1, 40))
    def check(count, channels, height, width):
        shape = (count, channels, height, width) if layout == "NCHW" else (count, height, width, channels)
        array, moments = features(shape), Moments(channels, relu=relu)
        moments.add(array, layout)
        assert moments.count == count * height * width
        assert_moments(moments, *reference.moments(array, layout, relu=relu))

    check()


def test_batches_add_up():
    array, moments = features((7, 37, 9, 33)), Moments(37)
    for some in np.split(array, (1, 4)):
        moments.add(some)
    moments.add(array[:0])
    assert_moments(moments, *reference.moments(array))
    rows = features((50, 37), 1)
    moments.add(rows)
    both = [a + b for a, b in zip(reference.moments(array), reference.moments(rows), strict=True)]
    assert moments.count == 7 * 9 * 33 + 50
    assert_moments(moments, *both)
    covariance = both[1] / moments.count - np.outer(moments.mean, moments.mean)
    np.testing.assert_allclose(moments.covariance, covariance, rtol=0, atol=2 * PRODUCTS)


@pytest.mark.parametrize("threads", [1, 2])
def test_whole_numbers_are_exact_whatever_the_threads(threads):
    array = np.random.default_rng(3).integers(-8, 9, (5, 40, 33, 70)).astype(np.float32)
    moments = Moments(40, threads=threads)
    moments.add(array)
    total, gram = reference.moments(array)
    np.testing.assert_array_equal(moments.gram, gram)
    np.testing.assert_array_equal(moments.sum, total)


def test_orthogonal_mixing_leaves_the_spectrum():
    array = features((4, 24, 20, 20))
    mixing = np.linalg.qr(features((24, 24), 1))[0].astype(np.float32)
    spectra = []
    for each in (array, np.einsum("ij,njhw->nihw", mixing, array)):
        moments = Moments(24)
        moments.add(each)
        spectra.append(np.linalg.eigvalsh(moments.covariance))
    np.testing.assert_allclose(*spectra, rtol=1e-4)


def test_tensors_are_taken_as_they_are():
    torch = pytest.importorskip("torch")
    tensor = torch.nn.Parameter(torch.from_numpy(features((2, 5, 8, 8))))
    moments = Moments(5)
    moments.add(tensor)
    assert_moments(moments, *reference.moments(tensor.detach().numpy()))
    assert norms(tensor).l1.shape == (2,)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (np.zeros((1, 3, 4, 4)), TypeError, "features must be float32, not float64"),
        (np.zeros((1, 3, 4), np.float32), ValueError, r"features has shape \(1, 3, 4\); .* are accepted"),
        (np.zeros((1, 4, 3, 3), np.float32), ValueError, "have 4 channels, not 3"),
    ],
)
def test_features_that_are_refused(given, error, said):
    moments = Moments(3)
    with pytest.raises(error, match=said):
        moments.add(given)
    assert moments.count == 0


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (33, 7, 3, 3), (2, 5000), (3, 16)])
def test_norms(shape):
    weights = features(shape)
    l1, largest, squares = reference.norms(weights)
    found = norms(weights)
    np.testing.assert_allclose(found.l1, l1, rtol=1e-6)
    np.testing.assert_array_equal(found.largest, largest)
    np.testing.assert_allclose(found.squares, squares, rtol=1e-6)


@pytest.mark.parametrize("given", [np.zeros(3, np.float32), np.zeros((3, 0), np.float32)])
def test_norms_of_nothing_are_refused(given):
    with pytest.raises(ValueError, match="weights has shape"):
        norms(given)
