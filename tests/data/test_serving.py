"""Pipelines as C libraries: the same bytes as in Python, for images of any size."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import data
from data import transforms as t

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
SIZE = 24


def evaluation(dtype):
    steps = [t.Resize(32), t.CenterCrop(SIZE), t.GaussianBlur((5, 3), 1.3), t.ToDtype(dtype, scale=True)]
    return [*steps, t.Normalize([0.485], [0.229])] if dtype.startswith("float") else steps


@needs_compiler
@pytest.mark.parametrize(
    ("layout", "dtype", "channels"), [("NCHW", "float32", 3), ("NHWC", "uint8", 3), ("NCHW", "float16", 1)]
)
def test_a_library_gives_the_bytes_of_the_pipeline(layout, dtype, channels, tmp_path):
    pipeline = data.Compose(evaluation(dtype), layout=layout)
    files = pipeline.build(tmp_path, name="prepare", channels=channels)
    apply = load(files, tmp_path)
    for height, width in ((30, 41), (90, 25), (32, 32), (10, 9), (33, 47)):  # half of an odd number, up and down
        image = np.random.default_rng(height).integers(0, 256, (height, width, channels), np.uint8)
        wanted = pipeline([image])
        out = np.zeros_like(wanted)
        assert apply(image.ctypes.data, width * channels, height, width, out.ctypes.data, 2) == 0
        np.testing.assert_array_equal(out.view(np.uint8), wanted.view(np.uint8))


def test_what_depends_on_the_size_of_the_image_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"LocalLaplacian.*depends on the size of the image; put a Resize"):
        data.Compose([t.LocalLaplacian(20, 1.0), t.Resize((8, 8))]).build(tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs_compiler
def test_an_image_too_small_for_its_part_is_refused(tmp_path):
    pipeline = data.Compose([t.CenterCrop(SIZE)])
    apply = load(pipeline.build(tmp_path, name="prepare"), tmp_path)
    image, out = np.zeros((SIZE, SIZE - 1, 3), np.uint8), np.full((3, SIZE, SIZE), 7, np.uint8)
    assert apply(image.ctypes.data, 3 * (SIZE - 1), SIZE, SIZE - 1, out.ctypes.data, 1) == -1000
    assert (out == 7).all()


def load(files, folder):
    """Give the function of the header, which a C file makes one of a library."""
    source, made = folder / "exported.c", folder / "exported.so"
    source.write_text(
        '#include "prepare_apply.h"\n'
        "int apply(const void *image, int64_t stride, int64_t height, int64_t width, void *out, int threads)\n"
        "{ return prepare_apply(image, stride, height, width, out, threads); }\n"
    )
    libraries = [str(files["static"]), "-lm", "-lpthread", "-ldl"]
    subprocess.run(["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", made, source, *libraries], check=True)
    apply = ctypes.CDLL(str(made)).apply
    apply.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p, ctypes.c_int]
    return apply


def test_what_is_random_or_of_no_size_is_refused(tmp_path):
    for step in (t.RandomHorizontalFlip(), t.ColorJitter(0.2), t.RandomApply([t.GaussianBlur(3, 1.0)])):
        with pytest.raises(ValueError, match="is random"):
            data.Compose([t.Resize((8, 8)), step]).build(tmp_path)
    with pytest.raises(ValueError, match="depends on the image"):
        data.Compose([t.Resize(8)]).build(tmp_path)
    with pytest.raises(ValueError, match="channels"):
        data.Compose([t.Resize((8, 8))]).build(tmp_path, channels=2)
    assert not list(tmp_path.iterdir())
