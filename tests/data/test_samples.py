from pathlib import Path

import pytest
from PIL import Image

import data

FOLDER = Path(data.__file__).parent / "samples"


def test_there_are_three_and_each_is_a_small_rgb_photo():
    assert len(data.samples()) == 3
    for name in data.samples():
        path = data.sample(name)
        assert path.stat().st_size <= 400 * 1024
        with Image.open(path) as image:
            assert image.mode == "RGB"
            assert min(image.size) >= 300


def test_every_photo_has_its_licence_recorded():
    text = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    files = {path.name for path in FOLDER.iterdir()} - {"LICENSES.md"}
    assert files == {data.sample(name).name for name in data.samples()}
    for file in files:
        row = next(line for line in text.splitlines() if f"`{file}`" in line)
        assert "CC0" in row or "public domain" in row


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="chelsea"):
        data.sample("lena")
    with pytest.raises(ValueError, match="one of"):
        data.sample("../samples/coffee")
    with pytest.raises(TypeError, match="string"):
        data.sample(3)
