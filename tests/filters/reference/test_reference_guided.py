"""The guided filter, by loops, by identities, and against OpenCV's."""

import itertools
from typing import Any

import cv2
import numpy as np
import pytest

import data
from filters import images
from filters.reference import border_index, box, convolve, gaussian_window, guided, psnr

BORDERS = ["reflect101", "reflect", "replicate", "wrap", "constant"]
SHAPES = [(1, 1), (1, 9), (8, 1), (7, 10)]
WINDOWS = ["box", "gaussian"]


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(0, 255, shape)


@pytest.fixture(scope="module")
def photo() -> Any:
    return images.read(data.sample("coffee")).array[100:180, 180:270, :3].astype(np.float32)


def by_loops(image: Any, guide: Any, radius: int, eps: float, border: str, value: float) -> Any:
    """The formulas for a gray image and guide, one pixel at a time."""
    height, width = image.shape

    def mean(plane: Any, y: int, x: int, outside: float) -> float:
        total = 0.0
        for v, u in itertools.product(range(y - radius, y + radius + 1), range(x - radius, x + radius + 1)):
            row, column = int(border_index(v, height, border)), int(border_index(u, width, border))
            total += outside if min(row, column) < 0 else plane[row, column]
        return total / (2 * radius + 1) ** 2

    slope, offset, out = np.zeros_like(image), np.zeros_like(image), np.zeros_like(image)
    for y, x in np.ndindex(height, width):
        g, p = mean(guide, y, x, value), mean(image, y, x, value)
        covariance = mean(guide * image, y, x, value * value) - g * p
        slope[y, x] = covariance / (mean(guide * guide, y, x, value * value) - g * g + eps)
        offset[y, x] = p - slope[y, x] * g
    for y, x in np.ndindex(height, width):
        out[y, x] = mean(slope, y, x, 0.0) * guide[y, x] + mean(offset, y, x, value)
    return out


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("radius", [0, 1, 3])
def test_by_loops(border: str, radius: int) -> None:
    image, guide = noise(5, 6), noise(5, 6, seed=1)
    out = guided(image, guide, radius=radius, eps=400, border=border, border_value=70)
    np.testing.assert_allclose(out, by_loops(image, guide, radius, 400, border, 70), rtol=1e-10)


def test_a_colour_guide_fits_planes() -> None:
    """With little eps, an image that is a sum of the guide's channels is what the fit finds."""
    guide = noise(20, 20, 3)
    image = guide @ np.array([[0.2, 1.0], [0.5, -2.0], [-0.3, 0.5]]) + 10
    np.testing.assert_allclose(guided(image, guide, radius=2, eps=1e-9), image, atol=1e-8)


def test_a_colour_guide_is_ridge_regression() -> None:
    """One window's fit, as the least squares with a penalty that the paper derives it from."""
    image, guide, eps = noise(7, 7), noise(7, 7, 3, seed=1), 900.0
    centred = guide.reshape(-1, 3) - guide.mean(axis=(0, 1))
    rows = np.vstack([centred, np.sqrt(len(centred) * eps) * np.eye(3)])
    target = np.concatenate([image.ravel() - image.mean(), np.zeros(3)])
    slope = np.linalg.lstsq(rows, target, rcond=None)[0]
    # Every window of a periodic image of 7 pixels a side is the whole image.
    out = guided(image, guide, radius=3, eps=eps, border="wrap")
    np.testing.assert_allclose(out, image.mean() + (guide - guide.mean(axis=(0, 1))) @ slope, rtol=1e-10)


def test_gray_as_a_colour() -> None:
    """Three equal channels are one of three times the variance, so as one channel with a third of eps."""
    image, gray = noise(9, 11), noise(9, 11, seed=1)
    colour = np.repeat(gray[..., None], 3, axis=2)
    out = guided(image, colour, radius=2, eps=300)
    np.testing.assert_allclose(out, guided(image, gray, radius=2, eps=100), rtol=1e-10)
    np.testing.assert_array_equal(
        guided(image, gray[..., None], radius=2, eps=100), guided(image, gray, radius=2, eps=100)
    )


def test_two_channels_and_more_than_three() -> None:
    image, guide = noise(9, 11), noise(9, 11, 5, seed=1)
    three = guided(image, guide[..., :3], radius=2, eps=100)
    np.testing.assert_array_equal(guided(image, guide, radius=2, eps=100), three)
    flat = guide[..., :3].copy()
    flat[..., 2] = 17
    two = guided(image, guide[..., :2], radius=2, eps=100)
    np.testing.assert_allclose(two, guided(image, flat, radius=2, eps=100), rtol=1e-10)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("subsample", [1, 2, 4, 8])
def test_a_constant_stays(window: str, border: str, subsample: int) -> None:
    for shape, channels in itertools.product(SHAPES, [(), (2,), (4,)]):
        out = guided(
            np.full((*shape, 2), 42.0),
            noise(*shape, *channels),
            radius=2,
            eps=100,
            window=window,
            subsample=subsample,
            border=border,
            border_value=42,
        )
        assert out.shape == (*shape, 2)
        np.testing.assert_allclose(out, 42, rtol=1e-12)


@pytest.mark.parametrize("border", BORDERS)
def test_constant_outside(border: str) -> None:
    """Where image and guide hold the border value far and wide, a constant border changes nothing."""
    image, guide = np.full((16, 17), 9.0), np.full((16, 17, 3), 9.0)
    image[6:9, 7:10], guide[6:9, 7:10] = noise(3, 3), noise(3, 3, 3)
    options = {"radius": 2, "eps": 50.0}
    out = guided(image, guide, **options, border=border, border_value=9)
    np.testing.assert_allclose(out, guided(image, guide, **options), rtol=1e-12)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_huge_eps_averages_twice(border: str, channels: tuple[int, ...]) -> None:
    image, guide = noise(9, 12), noise(9, 12, *channels, seed=1)
    rule = {"border": border, "border_value": 30}
    once = box(image, 2, **rule)
    out = guided(image, guide, radius=2, eps=1e16, **rule)
    np.testing.assert_allclose(out, box(once, 2, **rule), rtol=1e-8)
    kernel = gaussian_window(2)
    twice = convolve(convolve(image, kernel, **rule), kernel, **rule)
    np.testing.assert_allclose(guided(image, guide, radius=2, eps=1e16, window="gaussian", **rule), twice, rtol=1e-8)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_tiny_eps_keeps_the_image(window: str) -> None:
    image = noise(12, 13)
    np.testing.assert_allclose(guided(image, image, radius=2, eps=1e-8, window=window), image, atol=1e-7)


def test_channels_are_filtered_alone() -> None:
    image, guide = noise(8, 9, 4), noise(8, 9, 3, seed=1)
    alone = [guided(image[..., c], guide, radius=2, eps=100, subsample=2) for c in range(4)]
    np.testing.assert_allclose(guided(image, guide, radius=2, eps=100, subsample=2), np.stack(alone, -1), rtol=1e-12)


@pytest.mark.parametrize("radius", [1, 2, 7])
def test_windows_are_equally_wide(radius: int) -> None:
    kernel = gaussian_window(radius)
    reach = len(kernel) // 2
    at = np.arange(-reach, reach + 1)
    assert kernel.sum() == pytest.approx(1, abs=1e-14)
    # Of the sampled Gaussian the variance lacks 1e-4 of it at radius 1, and less beyond.
    assert kernel @ at**2 == pytest.approx(np.mean(np.arange(-radius, radius + 1) ** 2), rel=2e-4)


def test_opencv(photo: Any) -> None:
    """OpenCV's border is "reflect"; its float32 products of up to 255 ** 2 cancel in the variances."""
    for guide, tolerance in ((photo[..., 0].copy(), 0.02), (photo, 0.01)):
        for radius, eps in ((2, 50.0), (6, 400.0)):
            theirs = cv2.ximgproc.guidedFilter(guide, photo, radius, eps)
            ours = guided(photo, guide, radius=radius, eps=eps, border="reflect")
            np.testing.assert_allclose(ours, theirs, atol=tolerance)


def test_subsampling_is_close(photo: Any) -> None:
    found = [
        psnr(guided(photo, photo, radius=8, eps=400, subsample=s), guided(photo, photo, radius=8, eps=400), 255)
        for s in (2, 4, 8)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 46
    assert found[2] > 33


def test_bad_arguments() -> None:
    image = noise(6, 7)
    good = {"radius": 1, "eps": 1.0}
    for bad, match in (
        ({"subsample": 3}, "subsample"),
        ({"window": "disc"}, "window"),
        ({"radius": -1}, "radius"),
        ({"radius": -1, "window": "gaussian"}, "radius"),
        ({"eps": 0.0}, "eps"),
        ({"eps": np.nan}, "eps"),
        ({"border": "edge"}, "border"),
    ):
        with pytest.raises(ValueError, match=match):
            guided(image, image, **{**good, **bad})
    with pytest.raises(ValueError, match="one size"):
        guided(image, image[1:], **good)
