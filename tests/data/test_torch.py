"""Datasets for torch's DataLoader: the loader's samples and batches, in any workers, however they are started."""

import subprocess
import sys

import numpy as np
import pytest

import data
from data import transforms
from data.calls import Calls

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader  # noqa: E402

import data.torch  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes"),
]

PIPELINE = data.Compose(
    [transforms.RandomResizedCrop(12), transforms.RandomHorizontalFlip(), transforms.ToDtype("float32", scale=True)]
)
IMAGES = [np.random.default_rng(i).integers(0, 256, (20 + i, 30 - i, 3), np.uint8) for i in range(13)]
SOURCE = data.ArraySource(IMAGES, labels=[10 * i for i in range(13)])
STACK = data.ArraySource(np.stack([image[:18, :18] for image in IMAGES]), labels=np.arange(13, dtype=np.uint8))


def loader_of(source=SOURCE, size=3, **options):
    return data.FilterLoader(source, PIPELINE, size, **({"seed": 5, "shuffle": True, "threads": 0} | options))


def epoch_of(loader, epoch):
    loader.set_epoch(epoch)
    return list(loader)


def check_same(found, expected):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for (images, labels), (others, numbers) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(images), np.asarray(others))
        np.testing.assert_array_equal(np.asarray(labels), np.asarray(numbers))


# Samples


@pytest.mark.parametrize("source", [SOURCE, STACK], ids=["sizes", "stack"])
@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_samples_are_the_loaders(source, framework):
    dataset = data.torch.MapDataset(source, PIPELINE, seed=5, framework=framework)
    assert len(dataset) == 13
    for epoch in (0, 3):
        dataset.set_epoch(epoch)
        ((images, labels),) = epoch_of(loader_of(source, 13, shuffle=False), epoch)
        for i in (0, 7, 12, -1, np.int64(4)):
            image, label = dataset[i]
            assert isinstance(image, torch.Tensor if framework == "torch" else np.ndarray)
            assert (type(label), label) == (int, labels[i])
            np.testing.assert_array_equal(image, images[i])
        several = dataset.__getitems__([5, 2, 2])
        assert [label for _, label in several] == labels[[5, 2, 2]].tolist()
        np.testing.assert_array_equal(np.stack([image for image, _ in several]), images[[5, 2, 2]])
    assert dataset.__getitems__([]) == []


def test_a_batch_is_one_call(monkeypatch):
    dataset = data.torch.MapDataset(SOURCE, PIPELINE)
    calls = []
    run = Calls.run
    monkeypatch.setattr(
        Calls, "run", lambda self, first, last, **rest: calls.append(last - first) or run(self, first, last, **rest)
    )
    assert [len(images) for images, _ in DataLoader(dataset, batch_size=5)] == [5, 5, 3]
    assert calls == [5, 5, 3]


@pytest.mark.parametrize(("method", "threads"), [("fork", None), ("fork", 1), ("spawn", 1)])
def test_samples_in_workers_that_are_kept(method, threads):
    dataset = data.torch.MapDataset(SOURCE, PIPELINE, seed=5, threads=threads)
    dataset[0]  # native threads of this process are there by now
    options = {"num_workers": 2, "multiprocessing_context": method, "persistent_workers": True}
    batches = DataLoader(dataset, batch_size=3, **options)
    for epoch in (0, 4):
        dataset.set_epoch(epoch)
        check_same(batches, epoch_of(loader_of(shuffle=False), epoch))


def test_samples_that_cannot_be_read():
    class Broken:
        def __len__(self):
            return 13

        def __getitem__(self, index):
            if index in (3, 4):
                raise OSError("no such thing")
            return SOURCE[index]

    with pytest.raises(data.ReadError, match=r"sample 3 .*no such thing"):
        data.torch.MapDataset(Broken(), PIPELINE)[3]
    samples = data.torch.MapDataset(Broken(), PIPELINE, on_error="substitute").__getitems__([3, 6])
    assert [label for _, label in samples] == [50, 60]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"on_error": "skip"}, ValueError, "on_error must be one of 'raise', 'substitute'"),
        ({"framework": "jax"}, ValueError, "framework must be"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"threads": 1.5}, TypeError, "threads must be an int"),
    ],
)
def test_arguments_that_make_no_sense(options, error, said):
    with pytest.raises(error, match=said):
        data.torch.MapDataset(SOURCE, PIPELINE, **options)


def test_indices_and_epochs_that_make_no_sense():
    dataset = data.torch.MapDataset(SOURCE, PIPELINE)
    for index in (13, -14):
        with pytest.raises(IndexError, match="has 13 images"):
            dataset[index]
    with pytest.raises(ValueError, match="epoch must be at least 0"):
        dataset.set_epoch(-1)


# Batches


def test_batches_without_workers():
    dataset = data.torch.IterableBatches(loader_of(framework="torch"))
    batches = DataLoader(dataset, batch_size=None)
    assert len(batches) == len(dataset) == 5
    for epoch in (0, 2):
        dataset.set_epoch(epoch)
        check_same(batches, epoch_of(loader_of(), epoch))
    check_same(batches, epoch_of(loader_of(), 2))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("method", "workers", "threads"), [("fork", 2, None), ("fork", 3, 1), ("fork", 2, 0), ("spawn", 2, 1)]
)
def test_batches_in_workers_come_in_the_loaders_order(method, workers, threads, keep):
    if method == "spawn" and not keep:
        pytest.skip("takes long, and says no more than that which keeps them")
    loader = loader_of(threads=threads)
    next(iter(loader_of(threads=2)))  # native threads of this process are there by now
    dataset = data.torch.IterableBatches(loader)
    options = {"num_workers": workers, "multiprocessing_context": method, "persistent_workers": keep}
    batches = DataLoader(dataset, batch_size=None, **options)
    for epoch in (0, 3):
        dataset.set_epoch(epoch)
        found = list(batches)
        assert all(isinstance(each, torch.Tensor) for batch in found for each in batch)
        check_same(found, epoch_of(loader_of(), epoch))


def test_more_workers_than_batches():
    batches = DataLoader(data.torch.IterableBatches(loader_of(size=10)), batch_size=None, num_workers=3)
    check_same(batches, list(loader_of(size=10)))


def test_workers_share_the_threads(monkeypatch):
    monkeypatch.setenv("HALIDE_FILTERS_THREADS", "6")
    code = "import data.torch; print(data.torch._threads(None), data.torch._threads(4))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["6", "4"]
    info = type("Info", (), {"num_workers": 4})
    monkeypatch.setattr(data.torch, "get_worker_info", lambda: info)
    monkeypatch.setattr(data.torch.options, "threads", lambda: 6)
    assert (data.torch._threads(None), data.torch._threads(4)) == (1, 4)


def test_a_state_goes_on():
    dataset = data.torch.IterableBatches(loader_of())
    dataset.set_epoch(7)
    batches = iter(dataset)
    found = [next(batches), next(batches)]
    state = dataset.state_dict()
    check_same(found, epoch_of(loader_of(), 7)[:2])
    other = data.torch.IterableBatches(loader_of(threads=1))
    other.load_state_dict(state)
    check_same(other, epoch_of(loader_of(), 7)[2:])
    check_same(other, epoch_of(loader_of(), 7))
    other.load_state_dict(state)
    other.set_epoch(8)
    check_same(other, epoch_of(loader_of(), 8))
    with pytest.raises(ValueError, match="state has seed 5"):
        data.torch.IterableBatches(loader_of(seed=6)).load_state_dict(state)


def test_a_state_of_a_loader_goes_on():
    loader = loader_of()
    batches = iter(loader)
    next(batches)
    other = loader_of()
    other.load_state_dict(loader.state_dict())
    check_same(
        DataLoader(data.torch.IterableBatches(other), batch_size=None, num_workers=2), epoch_of(loader_of(), 0)[1:]
    )


def test_states_of_workers(monkeypatch):
    """As torchdata does it: each worker has its own."""
    whole = epoch_of(loader_of(), 1)
    states, found = [], {}
    for worker in range(2):
        monkeypatch.setattr(
            data.torch, "get_worker_info", lambda worker=worker: type("Info", (), {"id": worker, "num_workers": 2})
        )
        dataset = data.torch.IterableBatches(loader_of())
        dataset.set_epoch(1)
        batches = iter(dataset)
        found[worker] = next(batches)
        states.append(dataset.state_dict())
        other = data.torch.IterableBatches(loader_of())
        other.load_state_dict(states[worker])
        check_same([found[worker], *other], whole[worker::2])
    monkeypatch.setattr(data.torch, "get_worker_info", lambda: None)
    other.load_state_dict(states[0])
    with pytest.raises(ValueError, match="state is of 2 workers; 1 cannot go on"):
        iter(other)


@pytest.mark.parametrize("workers", [0, 2])
def test_torchdata(workers):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader

    def make():
        dataset = data.torch.IterableBatches(loader_of(threads=1))
        return dataset, stateful(dataset, batch_size=None, num_workers=workers)

    whole = epoch_of(loader_of(), 2)
    dataset, batches = make()
    dataset.set_epoch(2)
    going = iter(batches)
    found = [next(going) for _ in range(3)]
    state = batches.state_dict()
    del going
    dataset, batches = make()
    batches.load_state_dict(state)
    check_same([*found, *batches], whole)
    dataset.set_epoch(3)
    check_same(batches, epoch_of(loader_of(), 3))
