"""Files that pipelines of other libraries read."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bench.loading_peers import Files, jpegs, pictures


@pytest.fixture
def paths(tmp_path):
    return jpegs(tmp_path, 5)


def test_files_are_those_of_a_folder_of_classes(paths):
    assert [path.parent.name for path in paths] == ["class0", "class1", "class2", "class3", "class0"]
    assert all(path.is_file() for path in paths)


@pytest.mark.parametrize(
    ("name", "kind"), [("torchvision", np.ndarray), ("torchvision PIL", Image.Image), ("albumentations", np.ndarray)]
)
def test_peers_read_them_as_their_users_do(paths, name, kind):
    if name == "albumentations":
        pytest.importorskip("cv2")
    files = Files(SimpleNamespace(name=name, package=name.split()[0]), paths)
    assert isinstance(files[0], kind)
    assert len(files) == len(list(files)) == 5
    picture = pictures(1)[0].astype(int)
    assert np.abs(np.asarray(files[0]).astype(int) - picture).mean() < 8  # JPEG, and channels in their order


def test_a_part_is_read_when_it_is_wanted(paths):
    part = Files(SimpleNamespace(name="torchvision", package="torchvision"), [*paths, None])[1:5]
    assert [image.shape for image in part] == [picture.shape for picture in pictures(5)[1:]]
