"""Doubling along edges, against its float64 definition."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from filters import dcci_upscale, reference
from schedules.pictures import picture

WIDTHS = {"uint8": 255.0, "uint16": 65535.0, "float32": 200.0}
BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")


def wanted(image: np.ndarray, **options) -> np.ndarray:
    return reference.dcci_upscale(image, width=WIDTHS[image.dtype.name], **options)


def doubled(image: np.ndarray, **options) -> np.ndarray:
    value_range = (0, 200) if image.dtype == np.float32 else None
    return dcci_upscale(image, value_range=value_range, **options)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 1), ("uint8", 3), ("uint16", 1), ("float32", 4)])
def test_is_its_definition(dtype, channels, border):
    image = picture(21, 33, channels, dtype)
    options = {"border": border, "border_value": 40.0}
    exact = wanted(image, **options)
    found = doubled(image, **options)
    assert found.shape == exact.shape and found.dtype == image.dtype
    if dtype == "float32":
        assert np.abs(found - exact).max() < 2e-3  # float32's last bits, and their fifth power
    else:  # a tie may round otherwise
        assert np.abs(found - np.clip(np.rint(exact), 0, WIDTHS[dtype])).max() <= 1


@hypothesis.settings(max_examples=15, deadline=None, derandomize=True)
@hypothesis.given(height=st.integers(1, 9), width=st.integers(1, 40), border=st.sampled_from(BORDERS))
def test_every_size(height, width, border):
    image = np.random.default_rng(height).integers(0, 256, (height, width)).astype(np.uint8)
    exact = np.clip(np.rint(wanted(image, border=border)), 0, 255)
    assert np.abs(doubled(image, border=border) - exact).max() <= 1


def test_pixels_of_the_image_stay():
    image = picture(30, 20, 3, "uint8")
    assert np.array_equal(dcci_upscale(image)[::2, ::2], image)
    batch = np.stack([image, image[::-1]])
    found = dcci_upscale(batch)
    assert found.shape == (2, 60, 40, 3)
    assert np.array_equal(found[0], dcci_upscale(image))
    assert np.array_equal(found, dcci_upscale(batch, threads=1))
    out = np.zeros((60, 40, 3), np.uint8)
    assert dcci_upscale(image, out=out) is out and np.array_equal(out, found[0])


def test_straight_lines_and_constants_are_kept():
    y, x = np.mgrid[:20, :30]
    plane = (3 * x + 2 * y + 5).astype(np.float32)
    inside = (slice(8, 30), slice(8, 50))
    y, x = np.mgrid[:40, :60] / 2
    assert np.abs(dcci_upscale(plane)[inside] - (3 * x + 2 * y + 5)[inside]).max() < 1e-4
    assert (dcci_upscale(np.full((5, 6), 77, np.uint8)) == 77).all()


def test_slanted_edges_are_smoother_than_by_cubic_interpolation():
    y, x = np.mgrid[:160, :160]
    sharp = np.clip((x - y) * 8.0 + 128, 0, 255)
    low = sharp[::2, ::2].astype(np.float32)
    ours = dcci_upscale(low, value_range=(0, 255))[20:-20, 20:-20]
    across = np.repeat(np.repeat(low, 2, 0), 2, 1)[20:-20, 20:-20]
    truth = sharp[20:-20, 20:-20]
    assert reference.psnr(ours, truth, 255) > reference.psnr(across, truth, 255) + 15


def test_photographs_are_found_again_better_than_by_averaging_neighbours(photograph):
    low = np.ascontiguousarray(photograph[::2, ::2])
    truth = photograph[8:-8, 8:-8]
    ours = dcci_upscale(low, value_range=(0, 255))[8:-8, 8:-8]
    linear = low.copy()
    linear = np.repeat(np.repeat(linear, 2, 0), 2, 1)
    linear[:-1:2, 1:-1:2] = (low[:, :-1] + low[:, 1:]) / 2
    linear[1:-1:2, ::2] = (low[:-1] + low[1:]) / 2
    linear[1:-1:2, 1:-1:2] = (low[:-1, :-1] + low[1:, :-1] + low[:-1, 1:] + low[1:, 1:]) / 4
    assert reference.psnr(ours, truth, 255) > reference.psnr(linear[8:-8, 8:-8], truth, 255)


def test_a_float_image_has_the_range_it_has():
    image = picture(12, 14, 1, "float32")
    measured = (float(image.min()), float(image.max()))
    assert np.array_equal(dcci_upscale(image), dcci_upscale(image, value_range=measured))
    assert not np.array_equal(dcci_upscale(image), dcci_upscale(image, value_range=(0, 1e6)))
    image[3, 3] = np.nan
    assert np.isnan(dcci_upscale(image)).sum() < 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value_range": 3}, "value_range must be None or two numbers, not 3"),
        ({"value_range": (5, 5)}, r"value_range must be \(smallest, largest\), not \(5, 5\)"),
        ({"border": "mirror"}, "border must be one of"),
        ({"out": np.zeros((3, 3), np.uint8)}, "out"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        dcci_upscale(np.zeros((4, 4), np.uint8), **options)
