"""Ray's data sets: the loader's samples, in Ray's tasks and actors."""

import os

import numpy as np
import pytest
from PIL import Image

import data
from data import transforms

pytest.importorskip("pyarrow")
ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")

import data.ray  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")

PIPELINE = [
    transforms.RandomResizedCrop(12),
    transforms.RandomHorizontalFlip(),
    transforms.ToDtype("float32", scale=True),
]
COUNT = 42


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for i in range(COUNT):
        folder = root / f"class{i % 3}"
        folder.mkdir(exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (20 + i % 7, 30 - i % 5, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return root


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def expected(root):
    """Images and labels of an epoch, in order."""
    loader = data.FilterLoader(data.ImageFolder(root), PIPELINE, COUNT, seed=3, threads=0)
    loader.set_epoch(2)
    return next(iter(loader))


def sorted_rows(dataset):
    return sorted(dataset.take_all(), key=lambda row: row["index"])


def test_images_are_those_of_the_folder(cluster, root):
    folder = data.ImageFolder(root)
    rows = sorted_rows(data.ray.read_images(root, include_paths=True))
    assert [row["index"] for row in rows] == list(range(COUNT))
    for row, (path, label), (image, _) in zip(rows, folder.samples, folder, strict=True):
        assert set(row) == {"image", "index", "label", "path"}
        assert (row["path"], row["label"]) == (path, label)
        np.testing.assert_array_equal(row["image"], image)


def test_samples_are_the_loaders(cluster, root, expected):
    """Whatever blocks and actors are."""
    done = (
        data.ray.read_images(root)
        .random_shuffle(seed=1)
        .repartition(5)
        .map_batches(
            data.ray.Pipeline,
            fn_constructor_args=(PIPELINE,),
            fn_constructor_kwargs={"seed": 3, "epoch": 2},
            concurrency=2,
            num_cpus=0.5,
            batch_size=8,
        )
    )
    rows = sorted_rows(done)
    assert [row["index"] for row in rows] == list(range(COUNT))
    np.testing.assert_array_equal(np.stack([row["image"] for row in rows]), expected[0])
    np.testing.assert_array_equal([row["label"] for row in rows], expected[1])


def test_other_columns_and_half_precision(cluster, root):
    images = data.ray.read_images(root, include_labels=False, mode="L").rename_columns({"image": "x", "index": "i"})
    steps = [transforms.Resize((8, 9)), transforms.ToDtype("float16", scale=True)]
    done = images.map_batches(
        data.ray.Pipeline,
        fn_constructor_args=(steps,),
        fn_constructor_kwargs={"image": "x", "index": "i"},
        concurrency=1,
        batch_size=COUNT,
    )
    batch = done.take_batch(COUNT)
    assert set(batch) == {"x", "i"}
    assert (batch["x"].dtype, batch["x"].shape) == (np.float16, (COUNT, 1, 8, 9))
    ((whole, _),) = data.FilterLoader(data.ImageFolder(root, mode="L"), steps, COUNT, threads=0)
    np.testing.assert_array_equal(batch["x"], whole[batch["i"]])


def test_a_pipeline_outside_of_ray(root, expected):
    pipeline = data.ray.Pipeline(PIPELINE, seed=3, epoch=2, threads=1)
    folder = data.ImageFolder(root)
    batch = {"image": [folder[i][0] for i in (7, 3)], "index": np.array([7, 3]), "note": np.array(["a", "b"])}
    done = pipeline(batch)
    np.testing.assert_array_equal(done["image"], expected[0][[7, 3]])
    assert done["note"].tolist() == ["a", "b"]


def test_what_makes_no_sense(tmp_path):
    with pytest.raises(ValueError, match="batch has no column 'index'; its columns are image, label"):
        data.ray.Pipeline(PIPELINE)({"image": np.zeros((1, 20, 20, 3), np.uint8), "label": np.zeros(1)})
    with pytest.raises(ValueError, match="epoch must be at least 0"):
        data.ray.Pipeline(PIPELINE, epoch=-1)
    with pytest.raises(FileNotFoundError):
        data.ray.read_images(tmp_path / "nowhere")
