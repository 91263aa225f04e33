"""Convolutions beside their definition in float64, at any number of channels; which lowering runs for which sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.kernels import Convolution, native, reference
from compress.kernels.convolution import _arranged
from compress.shapes import ACROSS


def numbers(shape, seed=0):
    return np.random.default_rng(seed).normal(0.1, 1, shape).astype(np.float32)


def assert_right(found, features, weights, bias, stride, padding, relu):
    right = reference.convolution(features, weights, bias, stride=stride, padding=padding, relu=relu)
    sizes = reference.convolution(*map(abs, (features, weights, bias)), stride=stride, padding=padding)
    # The sum of K products in float32 is off by at most K / 2**24 of the sum of their sizes, to first order.
    bound = (weights[0].size + 2) * 2.0**-24 * sizes * 1.01
    np.testing.assert_array_less(abs(found - right), bound + 1e-30)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    st.integers(1, 9), st.integers(1, 40), st.sampled_from([1, 23, 39]), st.integers(1, 36), st.integers(1, 36),
    st.sampled_from([(1, 1), (3, 3), (5, 5), (2, 3), (1, 7)]), st.integers(1, 3), st.integers(0, 3),
)  # fmt: skip
def test_any_shape(count, channels, results, height, width, size, stride, padding):
    if height + 2 * padding < size[0] or width + 2 * padding < size[1]:
        return
    relu = results == 23
    features, weights = numbers((count, channels, height, width)), numbers((results, channels, *size), 1)
    bias = numbers(results, 2)
    convolution = Convolution(weights, bias, stride=stride, padding=padding, relu=relu)
    assert_right(convolution(features), features, weights, bias, stride, padding, relu)


@pytest.mark.parametrize(
    ("shape", "size", "lowering"),
    [
        ((2, 20, 9, 7), 1, "pointwise"),
        ((2, 20, 5, 64), 3, "planes"),
        ((1, 20, 16, 16), 3, "planes"),
        ((9, 20, 5, 5), 3, "folded"),
        ((9, 20, 8, 8), 3, "folded"),
        ((1, 20, 56, 56), 3, "folded"),
        ((17, 5, 2, 2), 3, "folded"),
    ],
)
def test_lowerings(shape, size, lowering, monkeypatch):
    if shape[-1] == 8 and ACROSS * native.lanes() <= 16:
        lowering = "planes"  # two rows of eight fill a tile
    ran, run = [], native.run
    monkeypatch.setattr(native, "run", lambda name, *rest, **options: (ran.append(name), run(name, *rest, **options)))
    features, weights, bias = numbers(shape), numbers((23, shape[1], size, size), 1), numbers(23, 2)
    assert_right(Convolution(weights, bias, padding=size // 2)(features), features, weights, bias, 1, size // 2, False)
    assert ran == [f"convolution:{lowering}"]


@pytest.mark.parametrize("span", [8, 16, 32])
def test_tiles_are_full_where_they_can_be(span):
    assert _arranged(1, 9, span, span + 1, span).lowering == "planes"
    assert _arranged(1, 8, span // 2, span // 2 + 1, span).rows == 2
    assert _arranged(16, 4, span // 4, span // 4 + 1, span).together == 4
    assert _arranged(1, span, span + 1, span + 2, span).through


def test_what_is_not_finite_stays_where_it_is():
    features = np.ones((9, 3, 8, 8), np.float32)
    features[4, 1, 3, 3] = np.nan
    found = Convolution(np.ones((15, 3, 3, 3), np.float32), padding=1)(features)
    spoilt = np.zeros((9, 15, 8, 8), bool)
    spoilt[4, :, 2:5, 2:5] = True
    np.testing.assert_array_equal(np.isnan(found), spoilt)


def test_threads_change_nothing():
    features, weights = numbers((5, 30, 16, 40)), numbers((31, 30, 3, 3), 1)
    first, second = (Convolution(weights, padding=1, threads=threads)(features) for threads in (1, 2))
    np.testing.assert_array_equal(first, second)


def test_out_and_strides():
    features, weights = numbers((2, 6, 18, 20)), numbers((7, 6, 3, 3), 1)
    convolution = Convolution(weights)
    right = convolution(features)
    out = np.full(right.shape, np.nan, np.float32)
    assert convolution(features, out) is out
    np.testing.assert_array_equal(out, right)
    seen = np.ascontiguousarray(features.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(convolution(seen), right)
    np.testing.assert_array_equal(convolution(features[::-1]), right[::-1])
    assert convolution(features[:0]).shape == (0, 7, 16, 18)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_layers_of_torch(biased, affine):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer, norm = torch.nn.Conv2d(23, 39, 3, 2, 1, bias=biased), torch.nn.BatchNorm2d(39, affine=affine)
    norm(layer(torch.randn(8, 23, 9, 9)))  # statistics other than those it begins with
    if affine:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    both = torch.nn.Sequential(layer, norm, torch.nn.ReLU()).eval()
    features = torch.randn(4, 23, 17, 15)
    with torch.no_grad():
        right = both(features).numpy()
    found = Convolution.of(layer, norm, relu=True)(features)
    np.testing.assert_allclose(found, right, rtol=0, atol=3e-6 * abs(right).max())  # 207 products, twice rounded


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"groups": 2}, "groups=2"),
        ({"dilation": 2}, "dilation=2"),
        ({"stride": (1, 2)}, r"stride=\(1, 2\)"),
        ({"padding": "same"}, "padding='same'"),
        ({"padding_mode": "reflect", "padding": 1}, "padding_mode='reflect'"),
    ],
)
def test_layers_that_are_refused(options, said):
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=said):
        Convolution.of(torch.nn.Conv2d(4, 4, 3, **options))


def test_errors():
    weights = np.zeros((2, 3, 3, 3), np.float32)
    with pytest.raises(TypeError, match="weights must be float32"):
        Convolution(weights.astype(float))
    with pytest.raises(ValueError, match=r"weights has shape \(2, 27\)"):
        Convolution(weights.reshape(2, 27))
    with pytest.raises(ValueError, match=r"bias has shape \(3,\)"):
        Convolution(weights, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="stride must be at least 1"):
        Convolution(weights, stride=0)
    convolution, features = Convolution(weights), np.zeros((1, 3, 9, 9), np.float32)
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\) is accepted"):
        convolution(features[:, :2])
    with pytest.raises(ValueError, match=r"it needs \[3, 3\] pixels"):
        convolution(features[:, :, :2])
    with pytest.raises(ValueError, match=r"out must be a float32 array of shape \(1, 2, 7, 7\), not float64"):
        convolution(features, np.zeros((1, 2, 7, 7)))
    with pytest.raises(ValueError, match="out must be dense"):
        convolution(features, np.zeros((1, 2, 7, 14), np.float32)[..., ::2])
    same = np.zeros((1, 2, 3, 3), np.float32)
    with pytest.raises(ValueError, match="shares memory"):
        Convolution(np.zeros((2, 2, 1, 1), np.float32))(same, same)
