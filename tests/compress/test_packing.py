"""Codes of a few bits side by side, beside their definition by bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.kernels import pack, reference, unpack


@pytest.mark.parametrize("bits", range(1, 9))
def test_what_is_packed_comes_back(bits):
    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 3000), st.integers(0, 2**32 - 1))
    def check(count, seed):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 1 << bits, count, np.uint8)
        packed = pack(codes, bits)
        assert len(packed) == -(-count * bits // 8)
        np.testing.assert_array_equal(packed, reference.pack(codes, bits))
        np.testing.assert_array_equal(unpack(packed, bits, count), codes)
        # Bits behind the last code may be anything.
        given = rng.integers(0, 256, len(packed), np.uint8)
        np.testing.assert_array_equal(unpack(given, bits, count), reference.unpack(given, bits, count))

    check()


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: pack(np.uint8([8]), 3), ValueError, "codes have 8, which takes more than 3 bits"),
        (lambda: pack(np.int64([1]), 3), TypeError, "codes must be uint8, not int64"),
        (lambda: pack(np.uint8([1]), 9), ValueError, "bits must be from 1 to 8, not 9"),
        (lambda: unpack(np.uint8([1]), 3, 3), ValueError, "packed must be uint8 of 2 bytes"),
    ],
)
def test_arguments_that_make_no_sense(call, error, said):
    with pytest.raises(error, match=said):
        call()
