"""Small floating point beside ml_dtypes and its definition; errors beside rounding every weight."""

import itertools

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compress.kernels import Format, decode, encode, errors, reference, round_to

FORMATS = [Format(e, m) for e, m in itertools.product(range(1, 6), range(8)) if 1 + e + m <= 8 and e + m > 1]
#: Formats that ml_dtypes has, too, by its names.
KNOWN = {
    "float8_e4m3fn": Format(4, 3, "nan"),
    "float8_e5m2": Format(5, 2, "infinity"),
    "float8_e3m4": Format(3, 4, "infinity"),
    "float8_e4m3": Format(4, 3, "infinity"),
    "float6_e2m3fn": Format(2, 3),
    "float6_e3m2fn": Format(3, 2),
    "float4_e2m1fn": Format(2, 1),
}

ONES = np.ones((1, 2), np.float32)
#: Rows that share a number.
SHARED = np.lib.stride_tricks.sliding_window_view(np.ones(3, np.float32), 2, writeable=True)


def unit(format):
    """Give what one of a format is worth in ml_dtypes, whose exponents go as far below 1 as above."""
    return 2.0 ** (2 - 2 ** (format.exponent - 1))


@pytest.mark.parametrize("name", KNOWN)
def test_bits_are_those_of_ml_dtypes(name):
    format, dtype = KNOWN[name], getattr(ml_dtypes, name)
    scale = unit(format)
    codes = np.arange(1 << format.bits, dtype=np.uint8)
    numbers = codes.view(dtype).astype(np.float32)
    fine = np.isfinite(numbers)
    np.testing.assert_array_equal(decode(format, codes[fine], scale), numbers[fine])
    rng = np.random.default_rng(0)
    some = rng.normal(0, 1, 200_000) * np.exp2(rng.uniform(-20, 20, 200_000))
    values = np.concatenate([some.astype(np.float32), (numbers[fine][1:] + numbers[fine][:-1]) / 2])
    values = values[np.abs(values) <= format.largest * scale]
    np.testing.assert_array_equal(round_to(format, values, scale), values.astype(dtype).astype(np.float32))
    np.testing.assert_array_equal(encode(format, values, scale), values.astype(dtype).view(np.uint8))


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_numbers_of_a_format_stay_what_they_are(format):
    codes = np.arange(1 << format.bits, dtype=np.uint8)
    numbers = decode(format, codes, 0.3)
    np.testing.assert_array_equal(round_to(format, numbers, 0.3), numbers)
    # 8 bits times the scale's 24 are exact in float64, so both are rounded once.
    right = reference.decode(codes, format.exponent, format.mantissa, np.float32(0.3))
    np.testing.assert_array_equal(numbers, right.astype(np.float32))
    np.testing.assert_array_equal(encode(format, numbers, 0.3), codes)
    assert len(np.unique(numbers)) == len(codes) - 1  # zero has two


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(FORMATS),
    arrays.arrays(np.float32, st.integers(1, 40), elements=st.floats(-300, 300, width=32)),
    st.sampled_from([1.0, 0.25, 8.0]),
)
def test_rounding_gives_the_nearest_number(format, values, scale):
    # Middles between neighbours are in, for random numbers hardly ever are.
    middles = ((format.values[1:] + format.values[:-1]) / 2 * scale).astype(np.float32)
    values = np.concatenate([values, middles])
    found = round_to(format, values, scale)
    np.testing.assert_array_equal(found, reference.round_to(values, format.values, scale))
    codes = reference.encode(values, format.values, format.bits, scale)
    np.testing.assert_array_equal(encode(format, values, scale), codes)
    np.testing.assert_array_equal(round_to(format, -values, scale), -found)
    np.testing.assert_array_equal(round_to(format, 2 * values, 2 * scale), 2 * found)
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    np.testing.assert_array_equal(np.signbit(found), np.signbit(values))


def test_each_channel_has_its_scale():
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    scales = [0.1, 1, 3]
    for transform in (lambda *a: round_to(*a), lambda f, v, s: decode(f, encode(f, v, s), s)):
        found = transform(Format(2, 2), values, scales)
        alone = [transform(Format(2, 2), each[None], scale)[0] for each, scale in zip(values, scales, strict=True)]
        np.testing.assert_array_equal(found, np.stack(alone))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(1,), (5, 1), (7, 3, 31), (3, 4099)])
def test_results_are_written_where_they_are_wanted(shape, threads):
    values, scales = np.random.default_rng(0).normal(size=shape).astype(np.float32), np.linspace(0.1, 1, shape[0])
    right = round_to(Format(2, 2), values, scales)
    out = np.full(shape, np.nan, np.float32)
    assert round_to(Format(2, 2), values, scales, out=out, threads=threads) is out
    np.testing.assert_array_equal(out, right)
    assert round_to(Format(2, 2), values, scales, out=values, threads=threads) is values
    np.testing.assert_array_equal(values, right)


def test_scales_may_be_written_over():
    values = np.float32([[0.3, 0.7], [0.9, 0.2], [0.5, 0.4]])
    scales = values.reshape(-1)[:3]  # the first row's results lie where the second one's scale was
    right = round_to(Format(2, 2), values, scales)
    np.testing.assert_array_equal(round_to(Format(2, 2), values, scales, out=values, threads=1), right)


def test_nothing_is_written_where_something_is_refused():
    values = np.float32([[0.3, np.nan], [0.2, 1]])
    given = values.copy()
    with pytest.raises(ValueError, match="values must be finite"):
        round_to(Format(2, 1), values, out=values)
    np.testing.assert_array_equal(values, given)


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_those_of_rounding(weighted):
    rng = np.random.default_rng(0)
    weights = rng.standard_t(3, (5, 3, 7, 7)).astype(np.float32)
    importance = {"importance": rng.uniform(0, 2, weights.shape).astype(np.float32)} if weighted else {}
    largest = np.abs(weights).max(axis=(1, 2, 3))
    thresholds = (largest[:, None] * np.linspace(0.3, 1, 35)).astype(np.float32)
    formats = FORMATS[::3]
    found = errors(weights, formats, thresholds, **importance)
    assert found.shape == (5, len(formats), 35)
    right = reference.errors(weights, [format.values for format in formats], thresholds, **importance)
    # Scale and product are rounded to float32: 3 / 2**24 of a weight, which with 8 bits errs by a 75th of it as a rule.
    np.testing.assert_allclose(found, right, rtol=3e-5)


def test_an_outlier_is_clipped():
    weights = np.random.default_rng(0).normal(size=(1, 2000)).astype(np.float32)
    weights[0, 7] = 12
    thresholds = np.linspace(1, 12, 24, dtype=np.float32)[None]
    assert thresholds[0, errors(weights, [Format(1, 2)], thresholds)[0, 0].argmin()] < 6


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Format(0, 3), "exponent must be from 1 to 5, not 0"),
        (lambda: Format(3, 8), "mantissa must be from 0 to 7, not 8"),
        (lambda: Format(5, 7), "make 13 bits; 8 is most"),
        (lambda: Format(1, 0, "nan"), "no number but zero"),
        (lambda: Format(2, 1, "inf"), "reserved must be one of"),
        (lambda: round_to(Format(2, 1), np.float32([np.nan])), "values must be finite"),
        (lambda: round_to(Format(2, 1), np.zeros((2, 3), np.float32), [1, 0]), "scale must be finite and above zero"),
        (lambda: round_to(Format(2, 1), np.zeros((2, 3), np.float32), [1, 1, 1]), r"scale has shape \(3,\)"),
        (lambda: round_to(Format(2, 1), ONES, out=np.ones((1, 2))), r"out must be a float32 array of shape \(1, 2\)"),
        (lambda: round_to(Format(2, 1), ONES, out=ONES.T), "out must be a float32 array of shape"),
        (lambda: round_to(Format(2, 1), ONES, out=np.ones((1, 4), np.float32)[:, ::2]), "out must be dense"),
        (lambda: round_to(Format(2, 1), SHARED[:1], out=SHARED[1:]), "out shares memory with values"),
        (lambda: decode(Format(4, 3, "nan"), np.uint8([127])), "codes have 127, which is no number"),
        (lambda: errors(np.zeros(3, np.float32), [], np.ones((3, 1))), "weights of shape"),
        (lambda: errors(np.zeros((3, 2), np.float32), [Format(2, 1)], np.zeros((3, 1))), "thresholds must be"),
        (lambda: errors(ONES, [Format(2, 1)], np.ones((1, 1)), importance=ONES[0]), "importance has shape"),
    ],
)
def test_arguments_that_make_no_sense(call, said):
    with pytest.raises(ValueError, match=said):
        call()
