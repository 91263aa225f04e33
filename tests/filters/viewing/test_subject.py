"""A picture and what becomes of it: the same in memory, as a file, by the lines of Python and by the command."""

import logging
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

import filters
from filters import commands, images
from filters.viewing import code
from filters.viewing.subject import Subject, Wish

PIXELS = np.random.default_rng(1).integers(0, 256, (30, 41, 4), dtype=np.uint8)


@pytest.fixture(autouse=True)
def restored():
    yield
    log = logging.getLogger("halide_filters")
    log.handlers, log.propagate = [], True


@pytest.fixture
def subject(tmp_path):
    def make(array, guide=None):
        path = tmp_path / f"photo's{'.tif' if array.dtype == np.float32 else '.png'}"
        images.write(path, array)
        if guide is not None:
            images.write(tmp_path / "guide.png", guide)
        return Subject(path, commands.available(), None if guide is None else tmp_path / "guide.png")

    return make


def wish(subject, name, **values):
    return Wish(name, {**subject.start(name), **values})


DEEP = PIXELS[..., :3].astype(np.uint16) * 257
REAL = PIXELS[..., 0].astype(np.float32) / 255
CASES = [
    (PIXELS[..., :3], "gaussian", {"sigma": 3.5, "terms": 2}),
    (PIXELS, "box", {"radius": 2, "border": "constant", "border_value": 20.0}),
    (PIXELS[..., :2], "gaussian", {"sigma": 0.5, "method": "fir"}),
    (PIXELS[..., 0], "convolve", {"kernel": "1,0,-1;0,0.5,0;0,0,0.5"}),
    (PIXELS, "guided", {"radius": 3, "eps": 123.0}),
    (DEEP, "gaussian", {"sigma": 2.0}),
    (REAL, "gaussian", {"sigma": 2.0, "accuracy": 50.0}),
    (PIXELS[..., :3], "downsample", {"scale": 2.5}),
]


@pytest.mark.parametrize(("array", "name", "values"), CASES, ids=[f"{n}-{a.dtype}-{a.shape[2:]}" for a, n, _ in CASES])
def test_file_python_and_command_agree(subject, tmp_path, monkeypatch, array, name, values):
    monkeypatch.chdir(tmp_path)
    found = subject(array)
    asked = wish(found, name, **values)
    file, content = found.saved(asked)
    (tmp_path / "saved" / file).parent.mkdir()
    (tmp_path / "saved" / file).write_bytes(content)
    saved = images.read(tmp_path / "saved" / file).array
    assert saved.dtype == array.dtype

    colors = saved if array.ndim == 2 or array.shape[2] == 3 else saved[..., :-1].squeeze()
    np.testing.assert_array_equal(found.filtered(asked), colors)
    names = {}
    exec(code.python(found, asked), names)
    np.testing.assert_array_equal(names["out"], colors)

    python, *words = shlex.split(code.command(found, asked))
    assert (python, words[:2]) == ("python", ["-m", "filters"])
    result = CliRunner().invoke(commands.application(), words[2:], prog_name="python -m filters")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(images.read(tmp_path / file).array, saved)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        np.testing.assert_array_equal(saved[..., -1], array[..., -1])


def test_the_lines_are_short(subject):
    found = subject(PIXELS)
    found.path = "photo.png"
    assert code.python(found, wish(found, "convolve", kernel="1,2,1")).splitlines() == [
        "import numpy as np",
        "from filters import convolve, images",
        "",
        "image = images.read('photo.png').array",
        "out = convolve(image[..., :3], kernel=np.array([1.0, 2.0, 1.0], np.float32))",
    ]


def test_a_guide_of_its_own(subject):
    guide = PIXELS[::-1, :, :3].copy()
    found = subject(PIXELS[..., :3], guide)
    asked = wish(found, "guided", radius=3, eps=400.0)
    expected = filters.guided(PIXELS[..., :3], guide, radius=3, eps=400.0)
    np.testing.assert_array_equal(found.filtered(asked), expected)
    names = {}
    exec(code.python(found, asked), names)
    np.testing.assert_array_equal(names["out"], expected)
    assert f"--guide {found.guide_path}" in code.command(found, asked)
    several = code.python(found, wish(found, "multilateral"))
    assert several.endswith("out = multilateral(image, guides=[guide], sigma_space=4.0, sigma_range=30.0)")


def test_the_colour_profile_is_kept(subject, tmp_path):
    found = subject(PIXELS[..., :3])
    images.write(found.path, PIXELS[..., :3], images.Metadata(icc=b"profile" * 20))
    found = Subject(found.path, commands.available())
    (tmp_path / "saved.png").write_bytes(found.saved(wish(found, "gaussian", sigma=1.0))[1])
    assert images.read(tmp_path / "saved.png").metadata.icc == b"profile" * 20


def test_what_cannot_be_read_is_said(subject, tmp_path):
    found = subject(PIXELS)
    with pytest.raises(ValueError, match=r"--kernel takes .* rows of different lengths|--kernel"):
        found.filtered(wish(found, "convolve", kernel="1,2;3"))
    with pytest.raises(images.ImageFileError, match="no such file"):
        Subject(tmp_path / "missing.png", commands.available())
    with pytest.raises(images.ImageFileError, match="no such file"):
        Subject(found.path, commands.available(), tmp_path / "missing.png")
