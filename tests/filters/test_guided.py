"""The guided filter, against its float64 definition."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import data
import filters
from filters import guided, images, reference
from schedules.schedule import Schedule

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
PEAKS = {"uint8": 255.0, "uint16": 65535.0, "float32": 255.0}
OPTIONS: dict[str, Any] = {"radius": 4, "eps": 200.0}
#: Of float32 images up to 255 with an eps of a hundred or more. Sums hold squares up to 128 ** 2, 2 ** -24 of which
#: is a thousandth: beside eps the slope is wrong by a hundred-thousandth, of differences up to 128.
FLOATS = 1e-3


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A colour crop, uint8."""
    return np.ascontiguousarray(images.read(data.sample("coffee")).array[100:153, 200:271, :3])


def notes(name: str) -> list[str]:
    """How the kernels of a filter's programs were lowered."""
    return [text for found in filters.compiled() if found.filter == name for text in found.notes]


def as_dtype(image: np.ndarray, dtype: str) -> np.ndarray:
    return (image.astype(np.float64) * (PEAKS[dtype] / 255)).astype(dtype)


def floats(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32)


def furthest(image: np.ndarray, guide: np.ndarray, **options: Any) -> float:
    """The largest difference to the definition, image by image of a batch."""
    result = guided(image, guide, **options)
    assert result.shape == image.shape and result.dtype == image.dtype
    if image.ndim < 4:
        return float(np.abs(result - reference.guided(image, guide, **options)).max())
    wanted = [reference.guided(one, by, **options) for one, by in zip(image, guide, strict=True)]
    return float(np.abs(result - np.stack(wanted)).max())


# --------------------------------------------------------------------------------------------------- the definition


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(("channels", "kind"), [(1, 1), (1, 3), (3, 3)])
def test_every_dtype(photo: np.ndarray, dtype: str, channels: int, kind: int) -> None:
    scale = PEAKS[dtype] / 255
    image, guide = as_dtype(photo, dtype)[..., :channels].squeeze(), as_dtype(photo[::-1], dtype)[..., :kind].squeeze()
    options = {"radius": 4, "eps": 200.0 * scale**2}
    wanted = reference.guided(image, guide, **options)
    result = guided(image, guide, **options)
    assert result.dtype == image.dtype
    if dtype == "float32":
        assert np.abs(result - wanted).max() < FLOATS
        return
    # What is near a half may fall to the other side of it, by as much as float32 is off.
    assert np.abs(result - np.clip(wanted, 0, PEAKS[dtype])).max() < 0.5 + FLOATS * scale
    assert (result != np.clip(np.rint(wanted), 0, PEAKS[dtype])).mean() < (0.001 if dtype == "uint8" else 0.05)
    assert any("windows fused" in note for note in notes(name_of(channels, kind)))


def name_of(channels: int, kind: int) -> str:
    named = {1: "gray", 3: "color"}
    return f"guided_{named[channels]}_by_{named[kind]}"


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (8, 1), (7, 10), (3, 131), (70, 2)])
def test_every_border_and_size(border: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    image, guide = floats(rng.uniform(0, 255, shape)), floats(rng.uniform(0, 255, (*shape, 3)))
    for radius in (0, 1, 3, 50):
        options = {"radius": radius, "eps": 900.0, "border": border, "border_value": 90.0}
        assert furthest(image, guide[..., 0].copy(), **options) < FLOATS
        assert furthest(image, guide, **options) < FLOATS


@hypothesis.settings(max_examples=25, deadline=None, derandomize=True)
@hypothesis.given(data=st.data())
def test_any_radius_eps_and_size(data: st.DataObject) -> None:
    shape = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 90))
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    image, guide = (floats(rng.uniform(0, 255, shape)) for _ in range(2))
    options = {
        "radius": data.draw(st.integers(0, 60)),
        "eps": 10 ** data.draw(st.floats(2, 6)),
        "border": data.draw(st.sampled_from(BORDERS)),
        "border_value": data.draw(st.floats(0, 255)),
    }
    assert furthest(image, guide, **options) < FLOATS


@pytest.mark.parametrize(("eps", "decibels"), [(0.01, 130), (1.0, 130), (1e4, 140), (1e8, 140)])
def test_little_and_much_eps(photo: np.ndarray, eps: float, decibels: float) -> None:
    image, guide = floats(photo[..., 0]), floats(photo[..., 1])
    result = guided(image, guide, radius=5, eps=eps)
    assert reference.psnr(result, reference.guided(image, guide, radius=5, eps=eps), 255) > decibels


def test_channels(photo: np.ndarray) -> None:
    """Two channels of a guide are a colour without a third; any number of an image is filtered, by the same guide."""
    five = floats(np.concatenate([photo, photo[:, ::-1, :2]], axis=-1))
    gray = floats(photo[::-1, :, 1])
    assert furthest(five, gray, **OPTIONS) < FLOATS
    assert furthest(five[..., :2], gray, **OPTIONS) < FLOATS
    assert furthest(five[..., :1], gray[..., None], **OPTIONS) < FLOATS
    two = floats(photo[..., :2])
    assert furthest(gray, two, **OPTIONS) < FLOATS
    assert furthest(gray, five, **OPTIONS) < FLOATS


def test_batches_are_single_images(photo: np.ndarray) -> None:
    batch = floats(np.stack([photo, photo[::-1], photo[:, ::-1]]))
    by = batch[[1, 2, 0]]
    for image, guide in ((batch[..., :1], by[..., :1]), (batch[..., :1], by), (batch, by)):
        result = guided(image, guide, **OPTIONS)
        assert furthest(image, guide, **OPTIONS) < FLOATS
        for i in range(3):
            assert np.array_equal(result[i], guided(image[i], guide[i], **OPTIONS))
    second = batch[1]
    assert np.array_equal(guided(batch, batch, **OPTIONS)[1], guided(second, second, **OPTIONS))
    assert guided(batch[:0], by[:0], **OPTIONS).shape == (0, *photo.shape)


def test_the_image_is_its_own_guide(photo: np.ndarray) -> None:
    """One program computes what both share; a copy of the image takes the other."""
    for image in (floats(photo[..., 1]), floats(photo), photo, photo[..., 1]):
        own, other = guided(image, image, **OPTIONS), guided(image, image.copy(), **OPTIONS)
        wanted = np.clip(reference.guided(image, image, **OPTIONS), 0, 255)
        for result in (own, other):
            assert np.abs(result - wanted).max() < FLOATS + (0.5 if image.dtype == np.uint8 else 0)


def test_a_constant_stays(photo: np.ndarray) -> None:
    for value in (0, 7, 200, 255):
        assert (guided(np.full(photo.shape[:2], value, np.uint8), photo, **OPTIONS) == value).all()
    image = np.full(photo.shape[:2], 0.1, np.float32)
    assert np.abs(guided(image, floats(photo[..., 0]), **OPTIONS) - image).max() < 1e-6


def test_depth_far_away_keeps_its_digits(photo: np.ndarray) -> None:
    """Squares of 1000 would leave nothing of a structure of one unit, whose own are a millionth of them."""
    depth = floats(1000 + photo[..., 0] / 255.0)
    for image in (floats(photo[..., 1]), depth):
        wanted = reference.guided(image, depth, radius=4, eps=0.01)
        assert (
            reference.psnr(guided(image, depth, radius=4, eps=0.01), wanted, np.ptp(image)) > 88
        )  # steps of float32 there
    wanted = reference.guided(depth, depth, radius=4, eps=0.01)
    assert reference.psnr(guided(depth, depth.copy(), radius=4, eps=0.01), wanted, 1.0) > 90


# ----------------------------------------------------------------------------------------- other windows, smaller fits


@pytest.mark.parametrize("border", BORDERS)
def test_gaussian_windows(photo: np.ndarray, border: str) -> None:
    """By sliding sums, as accurate as filters.gaussian is with three terms."""
    image, guide = floats(photo[..., 0]), floats(photo[..., 1])
    for radius in (0, 1, 6, 30):
        options = {"radius": radius, "eps": 200.0, "window": "gaussian", "border": border, "border_value": 90.0}
        wanted = reference.guided(image, guide, **options)
        assert reference.psnr(guided(image, guide, **options), wanted, 255) > 82


@pytest.mark.parametrize("subsample", [2, 4])
@pytest.mark.parametrize("border", BORDERS)
def test_lines_of_smaller_images(photo: np.ndarray, subsample: int, border: str) -> None:
    image, guide = floats(photo[..., 0]), floats(photo[..., 1])
    for radius in (1, 8, 40):
        options = {"radius": radius, "eps": 200.0, "subsample": subsample, "border": border, "border_value": 90.0}
        assert furthest(image, guide, **options) < FLOATS
        assert furthest(image[:1, :3].copy(), guide[:1, :3].copy(), **options) < FLOATS


def test_lines_by_a_colour_of_smaller_images(photo: np.ndarray) -> None:
    for size in (photo.shape[0], 6):
        assert furthest(floats(photo[:size, :, 0]), photo[:size], radius=8, eps=200.0, subsample=2) < FLOATS


# -------------------------------------------------------------------------------------------------- as every filter


def test_what_is_not_finite_stays_near(photo: np.ndarray) -> None:
    image, guide = floats(photo[..., 0]), floats(photo[..., 1])
    clean = guided(image, guide, **OPTIONS)
    for value in (np.nan, np.inf):
        for spoilt in range(2):
            given = [image.copy(), guide.copy()]
            given[spoilt][20, 30] = value
            result = guided(*given, **OPTIONS)
            bad = np.argwhere(~np.isfinite(result))
            assert len(bad) and np.abs(bad - (20, 30)).max() <= 8
            near = np.zeros(image.shape, bool)
            near[20 - 8 : 20 + 9, 30 - 8 : 30 + 9] = True
            assert np.abs(result - clean)[~near].max() < FLOATS
    guide[20, 30] = np.nan  # bytes cannot show it, but must not lose the rest to it
    result = guided(photo[..., 0], guide, **OPTIONS)
    assert np.abs(result - clean)[~near].max() < 0.5 + FLOATS


def test_threads_and_out(photo: np.ndarray) -> None:
    for image, guide in ((np.tile(photo[..., 0], (6, 3)), np.tile(photo[..., 1], (6, 3))), (photo, photo[::-1])):
        for one, by in ((image, guide), (floats(image), floats(guide))):
            result = guided(one, by, threads=1, **OPTIONS)
            assert np.array_equal(result, guided(one, by, threads=2, **OPTIONS))
            out = np.empty_like(one)
            assert guided(one, by, out=out, **OPTIONS) is out
            assert np.array_equal(out, result)


def test_strides(photo: np.ndarray) -> None:
    image, guide = floats(photo), floats(photo[::-1])
    wanted = guided(image[::2, 3:, 0].copy(), guide[::2, 3:, 1].copy(), **OPTIONS)
    assert np.array_equal(guided(image[::2, 3:, 0], guide[::2, 3:, 1], **OPTIONS), wanted)


def test_separate_windows_give_the_same(photo: np.ndarray) -> None:
    image, guide = floats(photo[..., 0]), floats(photo[..., 1])
    fused = guided(image, guide, **OPTIONS)
    before = len(notes("guided_gray_by_gray"))
    separate = guided(image, guide, schedule=Schedule({"windows": "separate"}), **OPTIONS)
    assert not any("windows fused" in note for note in notes("guided_gray_by_gray")[before:])
    assert np.abs(fused - separate).max() < 2 * FLOATS
    with pytest.raises(Exception, match="nonsense"):
        guided(image, guide, schedule=Schedule({"windows": "nonsense"}), **OPTIONS)


def test_halo_pickles_and_source() -> None:
    import pickle

    assert pickle.loads(pickle.dumps(guided)) is guided
    assert guided.halo(size=5) == (10, 10)
    assert "convolve" in guided.source()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"radius": -1}, ValueError, "radius must be from 0 to 2000"),
        ({"radius": 2001}, ValueError, "radius must be from 0 to 2000"),
        ({"radius": 2.5}, TypeError, "radius must be an int"),
        ({"eps": 0}, ValueError, "eps must be"),
        ({"eps": np.nan}, ValueError, "eps must be"),
        ({"eps": "a"}, TypeError, "eps must be"),
        ({"window": "disc"}, ValueError, "window must be one of 'box', 'gaussian'"),
        ({"subsample": 3}, ValueError, "subsample must be one of 1, 2, 4, 8"),
        ({"subsample": True}, ValueError, "subsample must be one of 1, 2, 4, 8"),
        ({"border": "edge"}, ValueError, "border must be"),
        ({"border_value": "a"}, TypeError, "border_value must be"),
        ({"threads": 0}, ValueError, "threads must be"),
        ({"guide": np.zeros((3, 4), np.float32)}, ValueError, r"guide has shape \(3, 4\)"),
        ({"guide": np.zeros((53, 71))}, TypeError, "guide has dtype float64"),
        ({"image": np.zeros((53, 71))}, TypeError, "image has dtype float64"),
        ({"image": np.zeros((0, 71), np.uint8)}, ValueError, r"image has shape \(0, 71\)"),
        ({"out": np.zeros((53, 71))}, ValueError, "out has shape"),
    ],
)
def test_bad_arguments_are_named(photo: np.ndarray, options: dict[str, Any], error: Any, message: str) -> None:
    given = {"image": photo[..., 0], "guide": photo[..., 1], **OPTIONS, **options}
    with pytest.raises(error, match=message):
        guided(**given)


def test_out_may_not_be_an_input(photo: np.ndarray) -> None:
    image, guide = photo[..., 0].copy(), photo[..., 1].copy()
    for out in (image, guide):
        before = out.copy()
        with pytest.raises(ValueError, match="overlaps an input"):
            guided(image, guide, out=out, **OPTIONS)
        assert np.array_equal(out, before)
