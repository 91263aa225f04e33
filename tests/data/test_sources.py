"""The sources of images: what they read, what they refuse, and that workers can have copies."""

import copy
import gzip
import io
import os
import pickle
import struct
import tarfile
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import data
from data.sources import FASHION_MNIST, ImageError, decode, fingerprint, name_of
from data.sources.digests import Digest, spread

FASHION = Path(FASHION_MNIST)


def pixels(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def smooth(height, width):
    """An image that JPEG hardly changes."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8)


def palette(transparency=None):
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) % 3, "L")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    return encoded(image, **({} if transparency is None else {"transparency": transparency}))


def torchvisions(content):
    """What torchvision's default loader reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def huge_png(side=60000):
    """A file of 57 bytes whose header claims an image of 3.6 gigapixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


CONTENTS = {
    "JPEG": encoded(smooth(40, 60), "JPEG"),
    "progressive JPEG": encoded(smooth(40, 60), "JPEG", progressive=True),
    "gray JPEG": encoded(pixels(20, 30), "JPEG"),
    "CMYK JPEG": encoded(Image.fromarray(smooth(20, 30)).convert("CMYK"), "JPEG"),
    "PNG": encoded(pixels(20, 30, 3)),
    "gray PNG": encoded(pixels(20, 30)),
    "PNG with alpha": encoded(pixels(20, 30, 4)),
    "gray PNG with alpha": encoded(pixels(20, 30, 2)),
    "PNG of bits": encoded(Image.fromarray(pixels(20, 30)).convert("1")),
    "palette": palette(),
    "palette, one index transparent": palette(1),
    "palette, alpha of each index": palette(b"\x00\x80\xff"),
    "colour declared transparent": encoded(pixels(20, 30, 3), transparency=(1, 2, 3)),
    "WebP": encoded(smooth(20, 30), "WEBP", lossless=True),
    "BMP": encoded(pixels(20, 30, 3), "BMP"),
    "TIFF": encoded(pixels(20, 30, 3), "TIFF", compression="tiff_lzw"),
    "PPM": encoded(pixels(20, 30, 3), "PPM"),
    "GIF": encoded(pixels(20, 30), "GIF"),
}


# Decoding


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_colours_are_those_of_torchvision(content):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = decode(content)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, torchvisions(content))


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_gray_is_pillows(content):
    image = decode(content, "L")
    assert image.dtype == np.uint8
    expected = Image.open(io.BytesIO(content))
    if "transparency" in expected.info:
        del expected.info["transparency"]
    np.testing.assert_array_equal(image, np.asarray(expected.convert("L")))


def test_bytes_and_paths_give_the_same(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(CONTENTS["JPEG"])
    expected = decode(CONTENTS["JPEG"])
    for source in (path, str(path), bytearray(CONTENTS["JPEG"]), memoryview(CONTENTS["JPEG"])):
        np.testing.assert_array_equal(decode(source), expected)


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {})]
)
def test_gray_of_16_bits(kind, options):
    image = np.array([[0, 255, 256], [1000, 32768, 65535]], np.uint16)
    content = encoded(image, kind, **options)
    deep = decode(content, "I;16")
    assert deep.dtype == np.uint16
    np.testing.assert_array_equal(deep, image)
    clipped = np.minimum(image, 255)
    np.testing.assert_array_equal(decode(content, "L"), clipped)
    np.testing.assert_array_equal(decode(content, "RGB"), np.repeat(clipped[..., None], 3, axis=2))


@pytest.mark.parametrize("name", ["PNG", "gray PNG", "JPEG", "palette"])
def test_what_has_8_bits_is_not_read_as_16(name):
    with pytest.raises(ImageError, match="no gray image of 16 bits"):
        decode(CONTENTS[name], "I;16")


def test_integers_beyond_16_bits_are_refused():
    content = encoded(np.array([[0, 70000]], np.int32), "TIFF")
    with pytest.raises(ImageError, match="no gray image of 16 bits"):
        decode(content, "I;16")


def test_the_exif_orientation_is_not_applied():
    exif = Image.Exif()
    exif[274] = 6
    content = encoded(smooth(40, 60), "JPEG", exif=exif)
    assert decode(content).shape == (40, 60, 3)


def test_the_first_of_several_frames_is_read():
    frames = [Image.fromarray(pixels(8, 8, 3, seed=i)) for i in range(2)]
    content = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(content), np.asarray(frames[0]))


def test_the_limit_of_pillow_matters_to_few(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("JPEG", "PNG", "BMP", "PPM", "palette"):
            decode(CONTENTS[name])
    with pytest.raises(ImageError, match="MAX_IMAGE_PIXELS"):
        decode(CONTENTS["TIFF"])


BROKEN = {
    "empty": (b"", "zero bytes"),
    "text": (b"Hello, world", "is not an image"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n", "is not an image"),
    "sound": (b"RIFF\x24\0\0\0WAVEfmt ", "damaged"),
    "only the start of a JPEG": (CONTENTS["JPEG"][:3], "damaged or truncated"),
    "half a JPEG": (encoded(pixels(40, 60, 3), "JPEG")[:2000], "truncated"),
    "nearly a JPEG": (CONTENTS["JPEG"][:-20], "truncated"),
    "half a progressive JPEG": (CONTENTS["progressive JPEG"][: len(CONTENTS["JPEG"]) // 2], "truncated"),
    "half a PNG": (CONTENTS["PNG"][: len(CONTENTS["PNG"]) // 2], "truncated"),
    "half a header": (CONTENTS["PNG"][:20], "damaged or truncated"),
    "half a WebP": (CONTENTS["WebP"][: len(CONTENTS["WebP"]) // 2], "damaged or truncated"),
    "half a TIFF": (CONTENTS["TIFF"][: len(CONTENTS["TIFF"]) // 2], "damaged or truncated"),
    "half a PPM": (CONTENTS["PPM"][: len(CONTENTS["PPM"]) // 2], "truncated"),
    "huge": (huge_png(), "60000 x 60000 pixels are more than the limit"),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(tmp_path, content, said):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=said) as caught:
        decode(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.path == str(path)
    assert caught.value.index is None
    with pytest.raises(ImageError, match=said) as caught:
        decode(content)
    assert caught.value.path is None


def test_errors_are_chained_from_their_causes(tmp_path):
    with pytest.raises(ImageError) as caught:
        decode(BROKEN["nearly a JPEG"][0])
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(ImageError, match="folder") as caught:
        decode(tmp_path)
    assert isinstance(caught.value.__cause__, IsADirectoryError)
    with pytest.raises(ImageError, match="no such file") as caught:
        decode(tmp_path / "missing.jpg")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_other_errors_of_the_system_are_told(tmp_path):
    with pytest.raises(ImageError, match=r"cannot be read: .*too long"):
        decode(tmp_path / ("a" * 300))


def test_a_limit_on_pixels_is_the_callers():
    assert decode(CONTENTS["PNG"], max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(ImageError, match="allow it with max_pixels=600"):
        decode(CONTENTS["PNG"], max_pixels=599)


def test_huge_images_are_refused_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(ImageError, match="more than the limit of 268435456"):
        decode(huge_png())


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"mode": "RGBA"}, ValueError, r"mode must be one of 'RGB', 'L', 'I;16', not 'RGBA'"),
        ({"max_pixels": 0}, ValueError, "max_pixels must be 1 or more"),
        ({"max_pixels": 1e6}, TypeError, "max_pixels must be an integer, not float"),
        ({"source": 3}, TypeError, "source must be bytes or a path, not int"),
    ],
)
def test_arguments_of_decode_that_make_no_sense(arguments, error, said):
    with pytest.raises(error, match=said):
        decode(**({"source": CONTENTS["PNG"]} | arguments))


def test_memory_that_does_not_suffice_is_told(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("data.sources.decoding._converted", fail)
    with pytest.raises(ImageError, match="not enough memory"):
        decode(CONTENTS["PNG"])


def test_an_error_survives_the_way_back_from_a_worker():
    error = pickle.loads(pickle.dumps(ImageError("a.jpg: is bad", "a.jpg", 3)))
    assert (str(error), error.path, error.index) == ("a.jpg: is bad", "a.jpg", 3)


# Folders


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    for name, content in [
        ("dog/b.PNG", CONTENTS["gray PNG"]),
        ("dog/a.jpg", CONTENTS["PNG"]),  # a PNG file with the wrong name
        ("dog/sub-folder/0.jpeg", CONTENTS["JPEG"]),
        ("dog/sub/z.webp", CONTENTS["WebP"]),
        ("cat/x.jpg/deep.tiff", CONTENTS["TIFF"]),
        ("cat/notes.txt", b"notes"),
        ("cat/.hidden.jpg", b""),
        (".git/c.jpg", b""),
        ("readme.jpg", b""),
    ]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def torchvisions_samples(root):
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and entry.name != ".git")
    found = []
    for label, name in enumerate(classes):
        for folder, _, files in sorted(os.walk(os.path.join(root, name), followlinks=True)):
            for file in sorted(files):
                if file.lower().endswith(data.sources.EXTENSIONS) and not file.startswith("."):
                    found.append((os.path.join(folder, file), label))
    return found


def test_a_folder_in_the_layout_of_torchvision(root):
    source = data.ImageFolder(root)
    assert source.classes == ["cat", "dog"]
    assert source.class_to_idx == {"cat": 0, "dog": 1}
    assert source.samples == torchvisions_samples(root)
    assert len(source) == 5
    assert [label for _, label in source] == [0, 1, 1, 1, 1]
    for i, (image, _) in enumerate(source):
        np.testing.assert_array_equal(image, torchvisions(Path(source.samples[i][0]).read_bytes()))
        assert name_of(source, i) == source.samples[i][0]
    assert str(root) in repr(source)


def test_the_mode_of_a_folder(root):
    assert data.ImageFolder(str(root), mode="L")[1][0].shape == (20, 30)
    with pytest.raises(ImageError, match="16 bits"):
        data.ImageFolder(root, mode="I;16")[0]
    with pytest.raises(ValueError, match="mode"):
        data.ImageFolder(root, mode="rgb")
    with pytest.raises(ValueError, match="max_pixels"):
        data.ImageFolder(root, max_pixels=-1)


def test_indices_from_the_end_and_of_numpy(root):
    source = data.ImageFolder(root)
    assert source[-1][1] == 1
    np.testing.assert_array_equal(source[np.int64(2)][0], source[-3][0])
    assert source.name_of(-1) == source.samples[-1][0]
    for index in (5, -6, np.uint8(200)):
        with pytest.raises(IndexError, match="has 5 images"):
            source[index]
    for index in (1.0, slice(2), "a"):
        with pytest.raises(TypeError, match="index must be an integer"):
            source[index]


def test_an_error_tells_path_and_index(root):
    source = data.ImageFolder(root)
    path = Path(source.samples[2][0])
    path.write_bytes(b"")
    with pytest.raises(ImageError, match="zero bytes") as caught:
        source[-3]
    assert (caught.value.path, caught.value.index) == (str(path), 2)
    path.unlink()
    path.mkdir()
    with pytest.raises(ImageError, match="folder"):
        source[2]


def test_the_limit_of_a_folder(root):
    (root / "cat" / "huge.png").write_bytes(huge_png())
    source = data.ImageFolder(root)
    with pytest.raises(ImageError, match=r"huge\.png: 60000 x 60000"):
        source[0]
    with pytest.raises(ImageError, match="limit of 599"):
        data.ImageFolder(root, max_pixels=599)[1]


def test_links_are_followed(root, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "1.png").write_bytes(CONTENTS["PNG"])
    (root / "emu").symlink_to(other, target_is_directory=True)
    (root / "cat" / "link.png").symlink_to(other / "1.png")
    source = data.ImageFolder(root)
    assert source.classes == ["cat", "dog", "emu"]
    assert source.samples == torchvisions_samples(root)


def test_a_link_in_a_circle_is_refused(root):
    (root / "dog" / "sub" / "up").symlink_to(root / "dog", target_is_directory=True)
    with pytest.raises(ValueError, match="leads to a folder that it is in"):
        data.ImageFolder(root)


def test_a_path_stays_valid_elsewhere(root, monkeypatch, tmp_path):
    monkeypatch.chdir(root.parent)
    source = data.ImageFolder("root")
    monkeypatch.chdir(root)
    assert len(source[0]) == 2
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data.ImageFolder("~/root").samples == source.samples


def test_folders_that_hold_no_data_set(root, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path: there is no .*nowhere"):
        data.ImageFolder(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError, match=r"path must be a folder .*readme.jpg"):
        data.ImageFolder(root / "readme.jpg")
    with pytest.raises(ValueError, match=r"path: .*sub holds no class folders"):
        data.ImageFolder(root / "dog" / "sub")
    with pytest.raises(TypeError, match="path must be a path, not int"):
        data.ImageFolder(3)
    for i in range(7):
        (root / f"empty{i}").mkdir()
    with pytest.raises(ValueError, match=r"classes without images: empty0, .*empty4, \.\.\.; images end in \.jpg"):
        data.ImageFolder(root)


def test_the_fingerprint_of_a_folder(root, tmp_path):
    first = fingerprint(data.ImageFolder(root))
    assert len(bytes.fromhex(first)) == 32
    assert fingerprint(data.ImageFolder(root)) == first
    assert fingerprint(data.ImageFolder(root.rename(tmp_path / "moved"))) == first
    root = tmp_path / "moved"
    assert fingerprint(data.ImageFolder(root, mode="L")) != first
    (root / "cat" / "more.txt").write_text("not an image")
    assert fingerprint(data.ImageFolder(root)) == first
    seen = {first}

    def changed():
        now = fingerprint(data.ImageFolder(root))
        fresh = now not in seen
        seen.add(now)
        return fresh

    (root / "dog" / "a.jpg").write_bytes(CONTENTS["BMP"])
    assert changed()
    (root / "dog" / "a.jpg").rename(root / "dog" / "c.jpg")
    assert changed()
    (root / "dog" / "c.jpg").rename(root / "cat" / "c.jpg")
    assert changed()
    (root / "cat").rename(root / "cow")
    assert changed()
    (root / "cow" / "c.jpg").unlink()
    assert changed()


def test_a_file_removed_since_changes_the_fingerprint(root):
    source = data.ImageFolder(root)
    first = source.fingerprint()
    Path(source.samples[0][0]).unlink()
    assert source.fingerprint() != first


# Arrays


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(5, 7, 9), (5, 7, 9, 3)])
def test_images_of_an_array_are_views(dtype, shape):
    images = pixels(*shape, dtype=dtype)
    source = data.ArraySource(images)
    assert len(source) == 5
    image, label = source[-2]
    assert np.shares_memory(image, images)
    np.testing.assert_array_equal(image, images[3])
    assert (image.dtype, label) == (dtype, 3)
    assert [label for _, label in source] == [0, 1, 2, 3, 4]


def test_an_only_channel_is_left_out():
    images = pixels(5, 7, 9, 1)
    image = data.ArraySource(images)[0][0]
    assert image.shape == (7, 9)
    assert np.shares_memory(image, images)
    assert data.ArraySource([images[0], images[1, :4]])[1][0].shape == (4, 9)


@pytest.mark.parametrize("pack", [list, tuple, lambda images: np.array([*images, None], object)[:-1]])
def test_images_of_mixed_sizes(pack):
    images = [pixels(4 + i, 9 - i, 3, seed=i) for i in range(5)]
    source = data.ArraySource(pack(images), labels="abcde")
    for i, image in enumerate(images):
        assert source[i][0] is image or np.shares_memory(source[i][0], image)
        assert source[i][1] == "abcde"[i]
    assert repr(source) == "ArraySource(5 images, uint8 colour)"


def test_objects_that_are_arrays_of_others():
    class Tensor:
        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array

    images = pixels(5, 7, 9)
    source = data.ArraySource(Tensor(images), labels=Tensor(np.arange(5) * 2))
    assert np.shares_memory(source[1][0], images)
    assert source[1][1] == 2
    assert np.shares_memory(data.ArraySource([Tensor(image) for image in images])[1][0], images)
    assert data.ArraySource([Image.fromarray(images[0])])[0][0].shape == (7, 9)


def test_labels_of_any_kind():
    images = pixels(2, 4, 4)
    assert type(data.ArraySource(images, labels=np.array([3, 4], np.uint8))[0][1]) is int
    assert type(data.ArraySource(images, labels=np.array([3, 4], np.float32))[0][1]) is float
    assert data.ArraySource(images, labels=[{"a": 1}, None])[0][1] == {"a": 1}
    assert data.ArraySource(images, labels=b"\x07\x09")[1][1] == 9
    np.testing.assert_array_equal(data.ArraySource(images, labels=np.eye(2))[1][1], [0, 1])


def test_no_images_are_a_source_too():
    for images in ([], np.zeros((0, 4, 4), np.uint8)):
        source = data.ArraySource(images)
        assert len(source) == 0
        assert list(source) == []
        assert "0 images" in repr(source)
        fingerprint(source)


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [
        (pixels(5, 3, 8, 9), ValueError, r"images must be .*not \(5, 3, 8, 9\); .*np\.moveaxis\(images, 1, -1\)"),
        ([pixels(3, 8, 9)], ValueError, r"images\[0\] must be .*np\.moveaxis\(images\[0\], 0, -1\)"),
        (pixels(5, 8, 9, 4), ValueError, r"pass \[\.\.\., :3\] to leave out alpha"),
        (pixels(5, 8, 9, 2), ValueError, "choose 1 or 3 channels"),
        (pixels(8, 9), ValueError, r"images\[None\]"),
        (pixels(1, 2, 8, 9, 3), ValueError, r"of shape \(N, H, W\), .*not \(1, 2, 8, 9, 3\)"),
        (pixels(5, 8, 9, dtype=np.float64), ValueError, r"not float64; convert with \.astype\(np\.float32\)"),
        (pixels(5, 8, 9, dtype=">u2"), ValueError, r"convert with \.astype\(np\.uint16\)"),
        (pixels(5, 8, 9, dtype=bool), ValueError, "images must be uint8, uint16 or float32, not bool"),
        (pixels(5, 0, 9), ValueError, "has no pixels"),
        ([pixels(8, 9), pixels(8)], ValueError, r"images\[1\] must be of shape \(H, W\), .*not \(8,\)"),
        ([pixels(8, 9), pixels(8, 9, dtype=np.uint16)], ValueError, r"images\[1\] is uint16 gray, but images\[0\]"),
        ([pixels(8, 9), pixels(8, 9, 3)], ValueError, r"images\[1\] is uint8 colour"),
        ([[1, 2], [3, 4]], TypeError, r"images\[0\] must be an array, not list"),
        ("abc", TypeError, "images must be an array or a sequence of arrays, not str"),
        ({0: pixels(8, 9)}, TypeError, "not dict"),
        ((image for image in pixels(5, 8, 9)), TypeError, "not generator"),
    ],
)
def test_arrays_that_are_no_images(images, error, said):
    with pytest.raises(error, match=said):
        data.ArraySource(images)


@pytest.mark.parametrize(
    ("labels", "error", "said"),
    [
        ([1], ValueError, "one label for each of 2 images, 1 came"),
        ({0: 1, 1: 2}, TypeError, "labels must be a sequence, not dict"),
        (3, TypeError, "not int"),
        (np.array(3), TypeError, "not ndarray"),
        (iter([1, 2]), TypeError, "not list_iterator"),
    ],
)
def test_labels_that_are_none(labels, error, said):
    with pytest.raises(error, match=said):
        data.ArraySource(pixels(2, 8, 9), labels)


def test_names_of_images_in_memory():
    source = data.ArraySource(pixels(20, 8, 9))
    assert name_of(source, 17) == "image 17 of ArraySource(20 images, uint8 (8, 9))"
    assert source.name_of(-1).startswith("image 19 ")
    with pytest.raises(IndexError, match="index 20 is out of range"):
        source.name_of(20)


def test_the_fingerprint_of_arrays():
    images = pixels(5, 8, 9)
    first = fingerprint(data.ArraySource(images))
    assert fingerprint(data.ArraySource(images.copy())) == first
    assert fingerprint(data.ArraySource(np.asfortranarray(images))) == first
    other = images.copy()
    other[2, 3, 4] ^= 1
    variants = [
        data.ArraySource(other),
        data.ArraySource(images[:4]),
        data.ArraySource(images.astype(np.uint16)),
        data.ArraySource(images.reshape(5, 9, 8)),
        data.ArraySource(list(images)[::-1]),
        data.ArraySource(images, labels=[0, 1, 2, 3, 5]),
        data.ArraySource(images, labels=["0", "1", "2", "3", "4"]),
        data.ArraySource(images, labels=np.arange(5.0)),
        data.ArraySource(images, labels=[(i, {"box": np.arange(i)}) for i in range(5)]),
        data.ArraySource(images, labels=[(i, {"box": np.arange(i) + 1}) for i in range(5)]),
    ]
    assert len({first, *map(fingerprint, variants)}) == len(variants) + 1


def test_the_fingerprint_of_much_looks_at_a_part():
    class Counting(np.ndarray):
        read = 0

        def __getitem__(self, key):
            found = super().__getitem__(key)
            Counting.read += found.size if isinstance(key, tuple) else 0
            return found

    images = [pixels(300, 200).view(Counting)] * 1000
    source = data.ArraySource(pixels(2, 4, 4))
    source.images, source.labels = images, range(1000)
    fingerprint(source)
    assert 0 < Counting.read <= 256 * 64 * 64


def test_digests_do_not_depend_on_the_process():
    things = [{"b", "a"}, frozenset([1, 2]), None, True, 1, 1.5, "ä", b"x", (1, [2, {"k": np.float32(3)}]), range(3)]
    assert Digest(*things).hexdigest() == Digest(*copy.deepcopy(things)).hexdigest()
    assert Digest({"a", "b"}).hexdigest() == Digest({"b", "a"}).hexdigest()
    assert Digest("ab", "c").hexdigest() != Digest("a", "bc").hexdigest()
    assert Digest([1]).hexdigest() != Digest(["1"]).hexdigest()
    assert Digest(np.array([1, None], object)).hexdigest() == Digest([1, None]).hexdigest()
    assert Digest(Path("a")).hexdigest() == Digest(Path("a")).hexdigest()


def test_spread_takes_the_first_and_the_last():
    assert spread(3, 5) == [0, 1, 2]
    assert spread(101, 5) == [0, 25, 50, 75, 100]
    assert spread(0, 5) == []


# Foreign sources


class Foreign:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return np.zeros((4, 4), np.uint8), index


def test_foreign_sources_have_names_and_fingerprints_too():
    assert isinstance(Foreign(3), data.Source)
    assert not isinstance(3, data.Source)
    assert name_of(Foreign(3), np.int64(2)) == "image 2 of Foreign"
    assert fingerprint(Foreign(3)) == fingerprint(Foreign(3))
    assert len({fingerprint(Foreign(3)), fingerprint(Foreign(4)), fingerprint([0, 1, 2])}) == 3


# IDX


def idx(array, code=8):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(params=["", ".gz"])
def mnist(request, tmp_path):
    """A folder with six images for training and four for testing."""
    pack = gzip.compress if request.param else bytes
    for start, count in (("train", 6), ("t10k", 4)):
        images = pixels(count, 5, 4, seed=count)
        (tmp_path / f"{start}-images-idx3-ubyte{request.param}").write_bytes(pack(idx(images)))
        labels = np.arange(count, dtype=np.uint8) * 2
        (tmp_path / f"{start}-labels-idx1-ubyte{request.param}").write_bytes(pack(idx(labels)))
    return tmp_path


@pytest.mark.parametrize(("train", "count"), [(True, 6), (False, 4)])
def test_a_folder_of_idx_files(mnist, train, count):
    source = data.IdxSource.folder(mnist, train)
    assert len(source) == count
    np.testing.assert_array_equal([image for image, _ in source], pixels(count, 5, 4, seed=count))
    assert [label for _, label in source] == [2 * i for i in range(count)]
    image, label = source[-1]
    assert (type(image), image.dtype, image.flags.writeable, type(label)) == (np.ndarray, np.uint8, False, int)
    assert name_of(source, -1) == f"image {count - 1} of IdxSource({count} images, uint8 (5, 4))"


def test_fingerprints_of_idx_files(mnist, tmp_path):
    first = data.IdxSource.folder(mnist).fingerprint()
    assert data.IdxSource.folder(str(mnist)).fingerprint() == first
    assert data.IdxSource.folder(mnist, train=False).fingerprint() != first
    path = next(mnist.glob("train-images*"))
    assert data.IdxSource(path).fingerprint() != first
    labels = tmp_path / "labels"
    labels.write_bytes(idx(np.array([0, 2, 4, 6, 8, 9], np.uint8)))
    assert data.IdxSource(path, labels).fingerprint() != first
    labels.write_bytes(idx(np.array([0, 2, 4, 6, 8, 10], np.uint8)))
    assert data.IdxSource(path, labels).fingerprint() == first


def test_labels_of_more_bytes(tmp_path, mnist):
    path = tmp_path / "labels"
    path.write_bytes(idx(np.array([300, -1, 2, 3, 4, 5], ">i4"), 0x0C))
    source = data.IdxSource(next(mnist.glob("train-images*")), path)
    assert [label for _, label in source] == [300, -1, 2, 3, 4, 5]
    path.write_bytes(idx(np.arange(12).reshape(6, 2).astype(">i2"), 0x0B))  # rows, as QMNIST has them
    source = data.IdxSource(next(mnist.glob("train-images*")), path)
    np.testing.assert_array_equal(source[2][1], [4, 5])


def test_idx_files_without_labels_or_images(tmp_path, mnist):
    assert [label for _, label in data.IdxSource(next(mnist.glob("t10k-images*")))] == [0, 1, 2, 3]
    (tmp_path / "none").write_bytes(idx(np.zeros((0, 28, 28), np.uint8)))
    assert len(data.IdxSource(tmp_path / "none")) == 0


GOOD = idx(pixels(6, 5, 4))
BAD_IDX = {
    "empty": (b"", "no IDX file: it starts with nothing"),
    "another file": (CONTENTS["PNG"], "no IDX file: it starts with 89 50 4e 47"),
    "unknown type": (b"\0\0\x0a\x03" + GOOD[4:], "no IDX file"),
    "header cut": (GOOD[:10], "its header ends before the 3 sizes"),
    "truncated": (GOOD[:-1], "truncated: 120 bytes must follow its header, 119 do"),
    "trailing": (GOOD + b"x", "too long: 120 bytes"),
    "too large to be": (b"\0\0\x08\x03" + b"\xff" * 12, "truncated: 79228162458924105385300197375 bytes"),
    "labels": (idx(pixels(6)), r"must hold uint8 \(N, H, W\), not uint8 \(6,\)"),
    "floats": (idx(pixels(6, 5, 4, dtype=">f4"), 0x0D), "not float32"),
    "no pixels": (idx(pixels(6, 5, 0)), "no pixels"),
}


@pytest.mark.parametrize(("content", "said"), BAD_IDX.values(), ids=BAD_IDX)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bad_idx_files(tmp_path, content, said, pack):
    path = tmp_path / "images"
    path.write_bytes(pack(content))
    with pytest.raises(ValueError, match=said) as caught:
        data.IdxSource(path)
    assert str(caught.value).startswith("images")
    if "no pixels" not in said:
        assert str(path) in str(caught.value)


def test_damaged_gzip_files(tmp_path):
    path = tmp_path / "images.gz"
    packed = gzip.compress(GOOD)
    flipped = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]  # in the checksum
    for content in (packed[:-12], packed[:20], flipped, packed[:12] + b"\xff" * 40):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"images: .*images\.gz is damaged or truncated"):
            data.IdxSource(path)


def test_idx_files_that_are_missing_or_do_not_match(tmp_path, mnist):
    with pytest.raises(FileNotFoundError, match="labels: there is no"):
        data.IdxSource(next(mnist.glob("train-images*")), tmp_path / "nothing")
    with pytest.raises(ValueError, match="one label for each of 6 images, 4 came"):
        data.IdxSource(next(mnist.glob("train-images*")), next(mnist.glob("t10k-labels*")))
    next(mnist.glob("t10k-labels*")).unlink()
    with pytest.raises(FileNotFoundError, match=r"path: .* holds neither t10k-labels-idx1-ubyte nor t10k-.*\.gz"):
        data.IdxSource.folder(mnist, train=False)


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_fashion_mnist():
    source = data.IdxSource.folder(FASHION, train=False)
    assert len(source) == 10000
    assert source[0][0].shape == (28, 28)
    assert [source[i][1] for i in range(5)] == [9, 2, 1, 1, 6]
    np.testing.assert_array_equal(np.bincount(source.labels), [1000] * 10)


# CIFAR


def python2(thing):
    """Pickle as Python 2 did: its strings are neither bytes nor text, and numpy had another name."""
    if isinstance(thing, dict):
        items = b"".join(python2(key) + python2(value) for key, value in thing.items())
        return b"}(" + items + b"u"
    if isinstance(thing, list):
        return b"](" + b"".join(python2(each) for each in thing) + b"e"
    if isinstance(thing, int):
        return b"J" + struct.pack("<i", thing)
    if isinstance(thing, np.ndarray):
        made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        kind = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        shape = b"J" + struct.pack("<i", len(thing)) + b"J" + struct.pack("<i", thing.shape[1]) + b"\x86"
        return made + b"(K\x01" + shape + kind + b"\x89" + python2(thing.tobytes()) + b"tb"
    return b"T" + struct.pack("<i", len(thing)) + (thing.encode() if isinstance(thing, str) else thing)


PICKLERS = {"python 2": lambda thing: b"\x80\x02" + python2(thing) + b"."} | {
    f"protocol {i}": lambda thing, i=i: pickle.dumps(thing, i) for i in (2, 4, 5)
}


def cifar_files(hundred, dumps):
    """Files with two images in each batch."""
    if hundred:
        names = {"fine_label_names": [f"fine{i}" for i in range(100)], "coarse_label_names": ["a", "b", "c"]}
        files = {"meta": dumps(names)}
        for seed, name in enumerate(["train", "test"]):
            batch = {"data": pixels(2, 3072, seed=seed), "fine_labels": [99, seed], "coarse_labels": [2, seed]}
            files[name] = dumps(batch | {"filenames": ["a.png", "b.png"]})
        return {f"cifar-100-python/{name}": content for name, content in files.items()}
    files = {"batches.meta": dumps({"label_names": ["plane", "car", "bird", "cat", "deer", "dog"], "num_vis": 3072})}
    for seed, name in enumerate(["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"]):
        files[name] = dumps({"data": pixels(2, 3072, seed=seed), "labels": [seed, 0], "batch_label": name})
    files["test_batch"] = dumps({"data": pixels(2, 3072, seed=5), "labels": [5, 0]})
    return {f"cifar-10-batches-py/{name}": content for name, content in files.items()}


def write_archive(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.mark.parametrize("dumps", PICKLERS.values(), ids=PICKLERS)
@pytest.mark.parametrize("place", ["archive", "plain archive", "folder", "folder around it"])
def test_cifar_10(tmp_path, dumps, place):
    files = cifar_files(False, dumps)
    path = write_folder(tmp_path, files) if "folder" in place else tmp_path / "cifar.tar"
    if "archive" in place:
        write_archive(path, files, "w" if "plain" in place else "w:gz")
    source = data.CifarSource(path / "cifar-10-batches-py" if place == "folder" else path)
    assert source.classes == ["plane", "car", "bird", "cat", "deer", "dog"]
    assert [label for _, label in source] == [0, 0, 1, 0, 2, 0, 3, 0, 4, 0]
    planes = np.concatenate([pixels(2, 3072, seed=i) for i in range(5)]).reshape(-1, 3, 32, 32)
    assert len(source) == 10
    for i in range(10):
        image, label = source[i]
        assert (image.shape, image.dtype, type(label)) == ((32, 32, 3), np.uint8, int)
        assert image.flags.c_contiguous
        np.testing.assert_array_equal(image, planes[i].transpose(1, 2, 0))
    assert name_of(source, 3).startswith("image 3 of CifarSource(")
    test = data.CifarSource(path, train=False)
    assert [label for _, label in test] == [5, 0]
    assert test.fingerprint() != source.fingerprint()


@pytest.mark.parametrize("dumps", [PICKLERS["python 2"], PICKLERS["protocol 5"]])
def test_cifar_100(tmp_path, dumps):
    path = write_archive(tmp_path / "cifar.tar.gz", cifar_files(True, dumps))
    fine, coarse = data.CifarSource(path), data.CifarSource(path, coarse=True)
    assert [label for _, label in fine] == [99, 0]
    assert fine.classes[99] == "fine99"
    assert [label for _, label in coarse] == [2, 0]
    assert coarse.classes == ["a", "b", "c"]
    assert [label for _, label in data.CifarSource(path, train=False)] == [99, 1]
    assert fine.fingerprint() != coarse.fingerprint()
    assert "coarse=True" in repr(coarse)


class Harm:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Harm(os.system, ("exit 1",)), "system"),
        (Harm(eval, ("1",)), "eval"),
        (Harm(np.load, ("file",)), "load"),
        (Harm(bytearray, (5,)), "bytearray"),
        (np.zeros((2, 2)), "only uint8"),
        (np.array([None]), "only uint8"),
        (Harm(__import__("codecs").encode, ("a", "utf-16")), "only latin1"),
        (Harm(complex, (1, 2)), "complex"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_that_do_more_than_hold_data_are_refused(tmp_path, harm, said, protocol):
    files = cifar_files(True, PICKLERS["python 2"])
    files["cifar-100-python/train"] = pickle.dumps({"data": harm}, protocol)
    with pytest.raises(ValueError, match=said) as caught:
        data.CifarSource(write_archive(tmp_path / "a.tar.gz", files))
    assert str(caught.value).startswith("path: ")
    assert "train" in str(caught.value)


BAD_BATCHES = {
    "no pickle": (b"hello", "damaged or truncated"),
    "empty": (b"", "damaged or truncated"),
    "no dict": (pickle.dumps([1]), "must hold a dict, not list"),
    "no data": (pickle.dumps({"fine_labels": [1]}), r"data of shape \(1, 3072\)"),
    "data of another shape": (pickle.dumps({"fine_labels": [1], "data": pixels(1, 3071)}), "data of shape"),
    "too few labels": (pickle.dumps({"fine_labels": [1], "data": pixels(2, 3072)}), "data of shape"),
    "no labels": (pickle.dumps({"data": pixels(1, 3072)}), "must have fine_labels"),
    "labels beyond the classes": (pickle.dumps({"fine_labels": [100]}), "integers below 100"),
    "labels that are no numbers": (pickle.dumps({"fine_labels": ["a"]}), "integers below 100"),
    "an array without content": (b"\x80\x02}U\x04datacnumpy\nndarray\n)\x81s.", "must have fine_labels"),
    "content that does not fit": (
        pickle.dumps({"data": pixels(1, 3072)}, 2).replace(b"M\x00\x0c", b"M\x01\x0c"),
        "damaged",
    ),
}


@pytest.mark.parametrize(("content", "said"), BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_bad_batches(tmp_path, content, said):
    files = cifar_files(True, PICKLERS["python 2"]) | {"cifar-100-python/train": content}
    with pytest.raises(ValueError, match=said) as caught:
        data.CifarSource(write_archive(tmp_path / "a.tar.gz", files))
    assert "train" in str(caught.value)


def test_archives_that_are_none(tmp_path):
    path = tmp_path / "a.tar.gz"
    whole = write_archive(path, cifar_files(True, PICKLERS["python 2"])).read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], gzip.compress(b"hello"), whole[:-9]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"path: .*a\.tar\.gz.* (no tar archive|damaged)"):
            data.CifarSource(path)


def test_folders_and_archives_that_hold_something_else(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither batches\.meta nor meta.*python version"):
        data.CifarSource(write_archive(tmp_path / "a.tar", {"cifar-10-batches-bin/data_batch_1.bin": b"x"}))
    with pytest.raises(FileNotFoundError, match="neither"):
        data.CifarSource(tmp_path)
    with pytest.raises(FileNotFoundError, match="path: there is no"):
        data.CifarSource(tmp_path / "nothing")
    files = cifar_files(False, pickle.dumps)
    write_folder(tmp_path, files)
    with pytest.raises(ValueError, match="coarse: only CIFAR-100 has coarse labels"):
        data.CifarSource(tmp_path, coarse=True)
    for name in ("data_batch_2", "data_batch_4"):
        (tmp_path / "cifar-10-batches-py" / name).unlink()
    with pytest.raises(FileNotFoundError, match="is CIFAR-10, but lacks data_batch_2, data_batch_4"):
        data.CifarSource(tmp_path)
    write_folder(tmp_path, cifar_files(True, pickle.dumps))
    with pytest.raises(ValueError, match="holds both"):
        data.CifarSource(tmp_path)
    (tmp_path / "cifar-100-python" / "meta").write_bytes(pickle.dumps({}))
    with pytest.raises(ValueError, match="has no fine_label_names"):
        data.CifarSource(tmp_path / "cifar-100-python")


# Copies for workers


@pytest.fixture(params=["folder", "array", "mixed", "idx", "gz", "cifar"])
def source(request, tmp_path, root):
    if request.param == "folder":
        return data.ImageFolder(root)
    if request.param == "array":
        return data.ArraySource(pixels(5, 8, 9, 3), labels=list("abcde"))
    if request.param == "mixed":
        return data.ArraySource([pixels(4 + i, 5) for i in range(3)])
    if request.param == "cifar":
        return data.CifarSource(write_archive(tmp_path / "a.tar", cifar_files(True, pickle.dumps)), False, coarse=True)
    path = tmp_path / "images"
    path.write_bytes(GOOD if request.param == "idx" else gzip.compress(GOOD))
    return data.IdxSource(path)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda source: pickle.loads(pickle.dumps(source))])
def test_copies_are_the_same(source, duplicate):
    same = duplicate(source)
    assert type(same) is type(source)
    assert repr(same) == repr(source)
    assert fingerprint(same) == fingerprint(source)
    assert len(same) == len(source)
    for (image, label), (expected, other) in zip(same, source, strict=True):
        np.testing.assert_array_equal(image, expected)
        assert label == other


def test_pickles_of_sources_of_files_hold_no_images(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(idx(pixels(1000, 28, 28))))
    assert len(pickle.dumps(data.IdxSource(path))) < 1000
