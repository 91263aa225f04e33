"""Resampling to a part of a size, mirrored; affine maps; averages; and batches of images of any sizes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import dsl
from dsl.batches import Batch

#: float32 weights of a few pixels of up to 255.
FLOATS = 1e-4
#: Half a step of what is up to 255.
ROUNDED = {"uint8": 0.501, "float16": 0.07}


@dsl.filter
def part(
    image: dsl.SmallColor,
    like: dsl.Color,
    tall: dsl.Scalar = 0.0,
    wide: dsl.Scalar = 0.0,
    top: dsl.Scalar = 0.0,
    left: dsl.Scalar = 0.0,
    rows: dsl.Scalar = 0.0,
    columns: dsl.Scalar = 0.0,
    kernel: str = "triangle",
) -> dsl.Image:
    return dsl.resize(image, like, kernel, window=(tall, wide, top, left), mirrored=(rows, columns))


@dsl.filter
def moved(image: dsl.SmallColor, like: dsl.Color, right: dsl.Scalar, down: dsl.Scalar) -> dsl.Image:
    return dsl.warp(image, like, (1, 0, right, 0, 1, down), fill=7)


@dsl.filter
def without_mean(image: dsl.SmallColor, like: dsl.Color) -> dsl.Image:
    small = dsl.resize(image, like, "triangle", mirrored=(0, 1))
    return small - dsl.average(0.5 * small.channel(0))


def picture(height=61, width=83, dtype=np.float32):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(dtype)


def by_pillow(image, size):
    planes = [
        Image.fromarray(np.float32(image[..., c])).resize(size[::-1], Image.Resampling.BILINEAR) for c in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], -1)


def room(*size):
    return np.zeros((*size, 3), np.float32)


@pytest.mark.parametrize("size", [(224, 224), (20, 31), (61, 83), (1, 1), (3, 200)])
def test_triangles_are_pillows_bilinear(size):
    image = picture()
    wanted = by_pillow(image, size)
    np.testing.assert_allclose(part(image, room(*size)), wanted, atol=FLOATS)
    np.testing.assert_allclose(part(image, room(*size), columns=1), wanted[:, ::-1], atol=FLOATS)
    np.testing.assert_allclose(part(image, room(*size), rows=1), wanted[::-1], atol=FLOATS)


def test_a_window_is_a_part_of_a_size():
    image = picture()
    wanted = by_pillow(image, (40, 50))[8:32, 13:37][::-1, ::-1]
    found = part(image, room(24, 24), tall=40, wide=50, top=8, left=13, rows=1, columns=1)
    np.testing.assert_allclose(found, wanted, atol=FLOATS)


@pytest.mark.parametrize("kernel", ["nearest", "linear", "cubic", "area"])
def test_other_kernels_are_those_of_whole_images(kernel):
    image = picture()

    @dsl.filter
    def whole(image: dsl.SmallColor, like: dsl.Color) -> dsl.Image:
        return dsl.resize(image, like, kernel)

    inner = (slice(4, -4), slice(4, -4))  # what lies outside is the nearest pixel here, and the border's there
    found = part(image, room(30, 40), columns=1, kernel=kernel)[:, ::-1]
    np.testing.assert_allclose(found[inner], whole(image, room(30, 40))[inner], atol=FLOATS)


def test_a_map_moves_pixels_and_fills_what_is_outside():
    image = picture()
    found = moved(image, room(61, 83), right=2, down=-1)
    np.testing.assert_array_equal(found[1:, :-2], image[:-1, 2:])
    assert (found[0] == 7).all()
    assert (found[:, -2:] == 7).all()
    half = moved(image, room(61, 83), right=0.5, down=0)
    np.testing.assert_allclose(half[:, :-1], (image[:, :-1] + image[:, 1:]) / 2, atol=FLOATS)


def test_an_average_is_of_the_whole_image():
    image = picture()
    small = by_pillow(image, (20, 31))[:, ::-1]
    np.testing.assert_allclose(without_mean(image, room(20, 31)), small - 0.5 * small[..., 0].mean(), atol=FLOATS)


@pytest.mark.parametrize(("out_dtype", "planar"), [("float32", True), ("float16", True), ("uint8", False)])
def test_a_batch_is_its_images_one_by_one(out_dtype, planar):
    images = [picture(20 + 9 * i, 70 - 7 * i, np.uint8) for i in range(5)]
    batch = Batch(part, dtype="uint8", out_dtype=out_dtype, planar=planar)
    out = np.zeros((5, 3, 24, 32) if planar else (5, 24, 32, 3), out_dtype)
    table = batch.table(5)
    table["image"], table["image_stride"] = [i.ctypes.data for i in images], [i.strides[0] for i in images]
    table["small_height"], table["small_width"] = zip(*(i.shape[:2] for i in images), strict=True)
    table["result"] = table["like"] = out.ctypes.data + np.arange(5) * out.strides[0]
    table["result_stride"], table["like_stride"] = 32 if planar else 96, 96
    if planar:
        table["result_plane_stride"] = 24 * 32
    table["height"], table["width"], table["channels"] = 24, 32, 1
    table["columns"] = [0, 1, 0, 1, 1]
    found = []
    for threads in (1, 2):
        out[...] = 0
        batch.run(table, threads)
        found.append(out.copy())
    np.testing.assert_array_equal(*found)
    for image, mirrored, result in zip(images, table["columns"], out, strict=True):
        wanted = part(np.float32(image), room(24, 32), columns=float(mirrored))
        result = np.moveaxis(result, 0, -1) if planar else result
        np.testing.assert_allclose(np.float32(result), wanted, atol=ROUNDED.get(out_dtype, FLOATS))
