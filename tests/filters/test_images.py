import io
import itertools
import os
import stat
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from filters import images, png16
from filters.images import ImageFileError, Metadata

RNG = np.random.default_rng(7)


def random_image(dtype, *shape):
    if dtype == "float32":
        return RNG.normal(0, 1000, shape).astype(np.float32)
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def error_of(path, **options):
    with pytest.raises(ImageFileError) as caught:
        images.read(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


# Round trips


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"),
    [
        *itertools.product([".png"], ["uint8", "uint16"], [0, 2, 3, 4]),
        *itertools.product([".tif", ".TIFF"], ["uint8", "uint16", "float32"], [0, 2, 3, 4, 5]),
        *itertools.product([".bmp", ".ppm"], ["uint8"], [0, 3]),
    ],
)
def test_lossless_formats_give_back_what_was_written(tmp_path, suffix, dtype, channels):
    array = random_image(dtype, 33, 41, *([channels] if channels else []))
    images.write(tmp_path / f"a{suffix}", array)
    back = images.read(tmp_path / f"a{suffix}").array
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(("suffix", "channels"), [(".jpg", 0), (".jpg", 3), (".webp", 3), (".webp", 4)])
def test_lossy_formats_come_close(tmp_path, suffix, channels):
    ramp = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
    array = ramp if not channels else np.stack([ramp + 10 * c for c in range(channels)], axis=2).astype(np.uint8)
    images.write(tmp_path / f"a{suffix}", array)
    back = images.read(tmp_path / f"a{suffix}").array
    assert back.shape == array.shape
    assert np.abs(back.astype(int) - array).mean() < 3


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_single_channel_axis_is_dropped(tmp_path, suffix, dtype):
    array = random_image(dtype, 12, 9, 1)
    images.write(tmp_path / f"a{suffix}", array)
    np.testing.assert_array_equal(images.read(tmp_path / f"a{suffix}").array, array[..., 0])


def test_arrays_need_not_be_contiguous(tmp_path):
    array = random_image("uint16", 20, 30, 6)[::-1, ::2, 1:4]
    for name in ("a.png", "a.tif"):
        images.write(tmp_path / name, array)
        np.testing.assert_array_equal(images.read(tmp_path / name).array, array)


# 16-bit PNG against another implementation


@given(
    hnp.arrays(
        np.uint16,
        st.tuples(st.integers(1, 24), st.integers(1, 24), st.integers(1, 4)),
        elements=st.integers(0, 65535) | st.sampled_from([0, 255, 256, 65535]),
    )
)
@settings(max_examples=60, deadline=None)
def test_sixteen_bit_png_is_read_and_written_exactly(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("png") / "a.png"
    images.write(path, array)
    expected = array[..., 0] if array.shape[2] == 1 else array
    np.testing.assert_array_equal(images.read(path).array, expected)


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_opencv_reads_our_sixteen_bit_png_alike(tmp_path, channels):
    smooth = np.cumsum(RNG.normal(0, 90, (300, 400, 4)), axis=1).clip(-30000, 30000) + 30000
    array = smooth.astype(np.uint16)[..., 0] if not channels else smooth.astype(np.uint16)[..., :channels]
    images.write(tmp_path / "a.png", array)
    theirs = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    order = {0: ..., 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    np.testing.assert_array_equal(theirs if not channels else theirs[..., order], array)


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_we_read_opencvs_sixteen_bit_png_alike(tmp_path, channels):
    array = random_image("uint16", 31, 17, *([channels] if channels else []))
    order = {0: ..., 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    cv2.imwrite(str(tmp_path / "a.png"), array if not channels else array[..., order])
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").array, array)


def test_filters_shrink_a_smooth_sixteen_bit_png(tmp_path):
    ramp = np.add.outer(np.arange(200) * 37, np.arange(300) * 91).astype(np.uint16)
    images.write(tmp_path / "a.png", np.stack([ramp, ramp + 5, ramp + 9], axis=2))
    assert (tmp_path / "a.png").stat().st_size < 200 * 300 * 6 / 10


def png(*chunks):
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def header(width, height, depth, color, interlace=0):
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)


def test_a_transparent_colour_of_a_sixteen_bit_png_becomes_alpha(tmp_path):
    rows = np.array([[[1, 2, 3], [256, 2, 3]]], ">u2")
    data = zlib.compress(b"\0" + rows.tobytes())
    key = b"tRNS", struct.pack(">HHH", 1, 2, 3)
    (tmp_path / "a.png").write_bytes(png(header(2, 1, 16, 2), key, (b"IDAT", data), (b"IEND", b"")))
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").array, [[[1, 2, 3, 0], [256, 2, 3, 65535]]])


@pytest.mark.parametrize(("color", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_interlaced_sixteen_bit_png(tmp_path, color, channels):
    array = random_image("uint16", 9, 11, channels)
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    rows = [row for y, x, dy, dx in passes for row in array[y::dy, x::dx] if row.size]
    data = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows))
    (tmp_path / "a.png").write_bytes(png(header(11, 9, 16, color, 1), (b"IDAT", data), (b"IEND", b"")))
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").array, array)


# What else is in files


def test_palettes_are_expanded(tmp_path):
    array = random_image("uint8", 8, 8, 3) // 64 * 64
    image = Image.fromarray(array).quantize(colors=64)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").array, np.asarray(image.convert("RGB")))
    image.save(tmp_path / "b.png", transparency=0)
    assert images.read(tmp_path / "b.png").array.shape == (8, 8, 4)
    image.save(tmp_path / "a.gif")
    assert images.read(tmp_path / "a.gif").array.shape == (8, 8, 3)


@pytest.mark.parametrize(("mode", "shape"), [("1", (6, 8)), ("CMYK", (6, 8, 3)), ("P", (6, 8, 3))])
def test_other_modes_become_gray_or_rgb(tmp_path, mode, shape):
    Image.fromarray(random_image("uint8", 6, 8, 3)).convert(mode).save(tmp_path / "a.tif")
    array = images.read(tmp_path / "a.tif").array
    assert (array.shape, array.dtype) == (shape, np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_orientation_is_applied_and_not_passed_on(tmp_path, orientation, suffix):
    array = random_image("uint8", 6, 9, 3)
    exif = Image.Exif()
    exif[274], exif[271] = orientation, "Maker"
    image = Image.fromarray(array)
    image.save(tmp_path / f"a{suffix}", exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
    picture = images.read(tmp_path / f"a{suffix}")
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # of Pillow's Transpose
    expected = image if orientation == 1 else image.transpose(Image.Transpose(turns[orientation]))
    np.testing.assert_array_equal(picture.array, np.asarray(expected))
    images.write(tmp_path / "b.png", picture.array, picture.metadata)
    with Image.open(tmp_path / "b.png") as back:
        assert back.getexif().get(274, 1) == 1
        assert suffix == ".tif" or back.getexif()[271] == "Maker"


@pytest.mark.parametrize(
    ("source", "target", "dtype"),
    [
        ("a.png", "b.png", "uint8"),
        ("a.png", "b.png", "uint16"),
        ("a.tif", "b.tif", "float32"),
        ("a.tif", "b.png", "uint16"),
        ("a.jpg", "b.webp", "uint8"),
        ("a.webp", "b.tif", "uint8"),
    ],
)
def test_the_colour_profile_is_kept(tmp_path, source, target, dtype):
    images.write(tmp_path / source, random_image(dtype, 8, 8, 3), Metadata(icc=profile()))
    picture = images.read(tmp_path / source)
    assert picture.metadata.icc == profile()
    images.write(tmp_path / target, picture.array, picture.metadata)
    assert images.read(tmp_path / target).metadata.icc == profile()


def test_exif_is_kept_in_sixteen_bit_png(tmp_path):
    exif = Image.Exif()
    exif[271] = "Maker"
    images.write(tmp_path / "a.png", random_image("uint16", 5, 5, 3), Metadata(exif=exif.tobytes()))
    with Image.open(tmp_path / "a.png") as image:
        assert image.getexif()[271] == "Maker"
    assert images.read(tmp_path / "a.png").metadata.exif


# TIFF by others


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib", "predictor": True},
        {"bigtiff": True, "byteorder": ">"},
        {"tile": (16, 16)},
        {"rowsperstrip": 3},
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_tiff_variants(tmp_path, options, dtype):
    array = random_image(dtype, 40, 30, 3)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", **options)
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif").array, array)


def test_planar_tiff_and_white_is_zero(tmp_path):
    array = random_image("uint16", 10, 12, 3)
    planes = np.ascontiguousarray(np.moveaxis(array, 2, 0))
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif").array, array)
    tifffile.imwrite(tmp_path / "b.tif", array[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(images.read(tmp_path / "b.tif").array, 65535 - array[..., 0])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [0, 3, 4])
def test_lzw_tiff_keeps_its_bits(tmp_path, dtype, channels):
    array = random_image(dtype, 50, 21, *([channels] if channels else []))
    order = {0: ..., 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    compression = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
    cv2.imwrite(str(tmp_path / "a.tif"), array if not channels else array[..., order], compression)
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif").array, array)


def test_premultiplied_alpha_is_divided_out(tmp_path):
    array = np.array([[[100, 50, 0, 128], [9, 9, 9, 0], [7, 8, 9, 255]]], np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["assocalpha"])
    expected = [[[199, 100, 0, 128], [0, 0, 0, 0], [7, 8, 9, 255]]]
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif").array, expected)


def test_other_floats_become_float32_and_other_integers_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.linspace(0, 1, 12).reshape(3, 4))
    assert images.read(tmp_path / "a.tif").array.dtype == np.float32
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((3, 4), np.int16))
    assert "int16" in error_of(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((3, 4, 5), np.uint8), volumetric=True, photometric="minisblack")
    error_of(tmp_path / "c.tif")


# What cannot be read


def test_missing_empty_folder_and_no_image(tmp_path):
    assert "no such file" in error_of(tmp_path / "no.png")
    (tmp_path / "empty.png").touch()
    assert "empty" in error_of(tmp_path / "empty.png")
    assert "folder" in error_of(tmp_path)
    (tmp_path / "text.png").write_text("no image at all\n" * 50)
    assert "not an image" in error_of(tmp_path / "text.png")


@pytest.mark.parametrize(
    ("name", "dtype"), [("a.png", "uint8"), ("a.png", "uint16"), ("a.jpg", "uint8"), ("a.tif", "uint16")]
)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_truncated_files(tmp_path, name, dtype, part):
    images.write(tmp_path / name, random_image(dtype, 60, 60, 3))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: max(9, int(len(data) * part))])
    error_of(tmp_path / name)


@given(
    st.binary(min_size=1, max_size=80),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\xff\xd8\xff\xe0", b"BM"]),
)
@settings(max_examples=80, deadline=None)
def test_rubbish_raises_one_kind_of_error(tmp_path_factory, data, start):
    path = tmp_path_factory.mktemp("rubbish") / "a.png"
    path.write_bytes(start + data)
    error_of(path)


@pytest.mark.parametrize(("depth", "color"), [(8, 2), (16, 2), (16, 6)])
def test_absurd_sizes_are_refused_before_decoding(tmp_path, depth, color):
    data = zlib.compress(bytes(1000))
    (tmp_path / "a.png").write_bytes(png(header(100_000, 100_000, depth, color), (b"IDAT", data), (b"IEND", b"")))
    message = error_of(tmp_path / "a.png")
    assert "100000 x 100000" in message
    assert "--max-pixels 10000000000" in message
    before = Image.MAX_IMAGE_PIXELS
    images.write(tmp_path / "b.tif", random_image("uint8", 20, 20))
    assert "--max-pixels 400" in error_of(tmp_path / "b.tif", max_pixels=399)
    assert images.read(tmp_path / "b.tif", max_pixels=400).array.shape == (20, 20)
    assert before == Image.MAX_IMAGE_PIXELS


def test_deep_colour_pnm_is_refused_rather_than_cut(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 2 1 65535\n" + bytes(12))
    assert "8 bits" in error_of(tmp_path / "a.ppm")
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 65535\n" + b"\x01\x02\xff\xff")
    np.testing.assert_array_equal(images.read(tmp_path / "a.pgm").array, np.array([[258, 65535]], np.uint16))


def test_only_the_first_frame_is_read_and_that_is_said(tmp_path, caplog):
    frames = [Image.fromarray(random_image("uint8", 5, 5)) for _ in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert images.read(tmp_path / "a.gif").array.shape[:2] == (5, 5)
    assert "first of 3" in caplog.text


# Writing


@pytest.mark.parametrize(
    ("name", "dtype", "channels", "advice"),
    [
        ("a.jpg", "uint16", 3, ".png or .tif"),
        ("a.webp", "uint16", 3, ".png or .tif"),
        ("a.png", "float32", 3, ".tif"),
        ("a.jpg", "uint8", 4, "alpha"),
        ("a.bmp", "uint8", 4, "alpha"),
        ("a.png", "uint8", 5, ".tif"),
        ("a.xyz", "uint8", 3, ".png"),
        ("a", "uint8", 3, ".png"),
        ("a.png", "int32", 3, "uint8"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_advice(tmp_path, name, dtype, channels, advice):
    array = np.zeros((4, 4, channels), dtype)
    with pytest.raises(ImageFileError, match=advice) as caught:
        images.write(tmp_path / name, array)
    assert str(tmp_path / name) in str(caught.value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ImageFileError):
        images.check_writable(tmp_path / name, array)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(file, *args, **kwargs):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(png16, "encode", fail)
    with pytest.raises(ImageFileError, match="No space left"):
        images.write(path, random_image("uint16", 4, 4, 3))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_and_folder_in_the_way(tmp_path):
    with pytest.raises(ImageFileError, match="no folder"):
        images.write(tmp_path / "no" / "a.png", random_image("uint8", 4, 4))
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ImageFileError, match="is a folder"):
        images.write(tmp_path / "a.png", random_image("uint8", 4, 4))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions and links of POSIX")
def test_new_files_have_usual_permissions_and_links_stay_links(tmp_path):
    mask = os.umask(0o027)
    try:
        images.write(tmp_path / "a.png", random_image("uint8", 4, 4))
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    new = random_image("uint8", 5, 5)
    images.write(tmp_path / "link.png", new)
    assert (tmp_path / "link.png").is_symlink()
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").array, new)


# Alpha


@pytest.mark.parametrize(
    ("channels", "seen"),
    [(0, (5, 6)), (1, (5, 6, 1)), (2, (5, 6)), (3, (5, 6, 3)), (4, (5, 6, 3)), (5, (5, 6, 5))],
)
def test_filter_color_filters_colour_and_keeps_alpha(channels, seen):
    array = random_image("uint8", 5, 6, *([channels] if channels else []))
    shapes = []

    def invert(color):
        shapes.append(color.shape)
        return 255 - color

    (result,) = images.filter_color(array, invert)
    assert shapes == [seen]
    assert (result.shape, result.dtype) == (array.shape, array.dtype)
    expected = 255 - array
    if channels in (2, 4):
        expected[..., -1] = array[..., -1]
    np.testing.assert_array_equal(result, expected)


def test_encoding_works_on_any_binary_file():
    buffer = io.BytesIO()
    png16.encode(buffer, random_image("uint16", 3, 3))
    assert buffer.getvalue().startswith(b"\x89PNG")
