"""PSNR, by hand."""

import math

import numpy as np
import pytest

from filters.reference import psnr


def test_by_hand() -> None:
    assert psnr([[0, 0, 0, 0]], [[0, 0, 0, 51]], 255) == pytest.approx(10 * math.log10(255**2 / (51**2 / 4)))
    assert psnr(np.zeros((3, 3)), np.full((3, 3), 0.01), 1) == pytest.approx(40)
    assert psnr(np.zeros(2), np.full(2, 10.0), 1) == pytest.approx(-20)


def test_rounding_to_bytes() -> None:
    exact = np.random.default_rng(0).uniform(0, 255, 100_000)
    assert psnr(np.round(exact), exact, 255) == pytest.approx(58.92, abs=0.02)


def test_unsigned_numbers_do_not_wrap() -> None:
    assert psnr(np.zeros(1, np.uint8), np.ones(1, np.uint8), 10) == pytest.approx(20)


def test_extremes() -> None:
    image = np.arange(6.0).reshape(2, 3)
    assert psnr(image, image, 255) == math.inf
    assert psnr([0.0], [1e-200], 1e-199) == pytest.approx(20)
    assert psnr([0.0], [1e200], 1e201) == pytest.approx(20)


def test_bad_arguments() -> None:
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="finite"):
            psnr([0.0, value], [0.0, value], 255)
        with pytest.raises(ValueError, match="finite"):
            psnr([0.0, 1.0], [0.0, value], 255)
    with pytest.raises(ValueError, match="shape"):
        psnr(np.zeros((2, 3)), np.zeros((3, 2)), 255)
    with pytest.raises(ValueError, match="shape"):
        psnr(np.zeros((2, 3)), np.zeros(3), 255)
    with pytest.raises(ValueError, match="empty"):
        psnr([], [], 255)
    for peak in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="peak"):
            psnr([0.0], [1.0], peak)
