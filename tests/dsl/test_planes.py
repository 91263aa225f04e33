"""Planes beside colour: an image whose channels are told apart, and others of one channel, in one program."""

import numpy as np
import pytest

import dsl

RNG = np.random.default_rng(5)


def color(*shape, dtype=np.float32):
    return RNG.uniform(0, 255, shape).astype(dtype)


@dsl.filter
def shade(src: dsl.Color, shadow: dsl.Image, strength: dsl.Scalar = 1.0) -> dsl.Image:
    """Take away from all colours what a plane says."""
    return src - strength * shadow


@dsl.filter
def add_luma(total: dsl.Image, src: dsl.Color) -> dsl.Image:
    """Add a weighted sum of colours to a plane."""
    r, g, b = src.channels
    return total + (0.25 * r + 0.5 * g + 0.25 * b)


@dsl.filter
def blurred_guide(src: dsl.Color, guide: dsl.Image) -> tuple[dsl.Image, dsl.Image]:
    """Give colours with a pyramid level of the guide added, and with its neighbour."""
    coarse = dsl.down(guide)
    return src + dsl.up(coarse, guide), src + guide[1, -2]


def stored(result, dtype):
    return result if dtype == np.float32 else np.clip(np.rint(result), 0, 255).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("size", [(1, 1), (20, 37), (2, 9, 40)])
@pytest.mark.parametrize("channels", [3, 4, 5])
def test_a_plane_is_alike_for_all_colours(dtype, size, channels):
    src, shadow = color(*size, channels, dtype=dtype), color(*size)
    expected = src.copy()
    expected[..., :3] = stored(src[..., :3].astype(np.float32) - shadow[..., None], dtype)
    assert np.array_equal(shade(src, shadow), expected)


@pytest.mark.parametrize("size", [(20, 37), (2, 9, 40)])
def test_the_result_is_a_plane_where_the_first_image_is(size):
    total, src = color(*size), color(*size, 3, dtype=np.uint8)
    expected = total + (0.25 * src[..., 0] + 0.5 * src[..., 1] + 0.25 * src[..., 2])
    result = add_luma(total, src)
    assert result.shape == size
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_views_of_planes_and_colours_give_what_copies_give():
    src, shadow = color(40, 60, 4), color(40, 60)
    views = {
        "flipped": (src[::-1], shadow[::-1]),
        "cropped": (src[3:30, 5:40], shadow[3:30, 5:40]),
        "mirrored": (src[:, ::-1], shadow[:, ::-1]),
        "planar and every other column": (np.moveaxis(np.moveaxis(src, -1, 0).copy(), 0, -1)[:, ::2], shadow[:, ::2]),
        "broadcast": (src, np.broadcast_to(shadow[:1], shadow.shape)),
        "Fortran": (np.asfortranarray(src), np.asfortranarray(shadow)),
    }
    for what, (image, plane) in views.items():
        assert np.array_equal(shade(image, plane), shade(image.copy(), plane.copy())), what
        assert np.array_equal(add_luma(plane, image), add_luma(plane.copy(), image.copy())), what
        into = np.empty((80, 60), np.float32)[10 : 10 + len(plane), : plane.shape[1]]
        assert add_luma(plane, image, out=into) is into
        assert np.array_equal(into, add_luma(plane.copy(), image.copy())), what


def test_planes_are_read_at_neighbours_and_through_pyramids():
    src, guide = color(23, 31, 3), color(23, 31)
    first, second = blurred_guide(src, guide)

    @dsl.filter
    def alone(guide: dsl.Image) -> dsl.Image:
        return dsl.up(dsl.down(guide), guide)

    np.testing.assert_allclose(first, src + alone(guide)[..., None], rtol=1e-6)
    moved = np.pad(guide, 2, mode="reflect")[3:-1, :-4]
    np.testing.assert_allclose(second, src + moved[..., None], rtol=1e-6)


def test_a_map_beside_colour_is_a_plane_too():
    src, shadow, strength = color(2, 20, 30, 3), color(2, 20, 30), color(20, 30) / 255
    expected = src - (strength * shadow)[..., None]
    np.testing.assert_allclose(shade(src, shadow, strength), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: shade(color(4, 5, 3), color(4, 5, 3)), r"shadow has shape \(4, 5, 3\), src"),
        (lambda: shade(color(4, 5, 3), color(4, 6)), "equal sizes are needed"),
        (lambda: shade(color(4, 5), color(4, 5)), "at least 3 channels are needed"),
        (lambda: shade(color(4, 5, 3), color(4)), "it is one plane"),
        (lambda: shade(color(4, 5, 3), color(4, 5), color(5, 4)), "strength is a map of shape"),
        (lambda: shade(color(4, 5, 3), color(4, 5), color(4, 5, 3)), "strength is a map of shape"),
        (lambda: add_luma(color(4, 5), color(4, 5, 3), out=color(4, 5, 3)), r"\(4, 5\) and float32 are needed"),
    ],
)
def test_errors_name_the_argument(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_a_library_takes_planes(tmp_path):
    header = shade.build(tmp_path, dtype="uint8", channels=4)["header"].read_text()
    assert "uint8_t *shadow" in header
    assert "shadow_plane_stride" not in header
