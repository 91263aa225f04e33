"""The loader: one stream whatever the threads and processes; memory, states, failures, and a network that learns."""

import gc
import itertools
import json
import pickle
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import weakref
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import data
import filters
from data import transforms
from data.calls import Calls
from data.sources import FASHION_MNIST
from schedules import options

ROOT = Path(__file__).parents[2]
FASHION = Path(FASHION_MNIST)

#: Takes images of any sizes; compiled once for all tests.
STEPS = [transforms.RandomResizedCrop(12), transforms.RandomHorizontalFlip(), transforms.ToDtype("float32", scale=True)]
PIPELINE = data.Compose(STEPS)
COUNT = 23
IMAGES = [np.random.default_rng(i).integers(0, 256, (20 + i, 40 - i, 3), np.uint8) for i in range(COUNT)]
SOURCE = data.ArraySource(IMAGES, labels=[7 * i for i in range(COUNT)])
STACK = data.ArraySource(np.stack([image[:18, :18] for image in IMAGES]), labels=np.arange(COUNT, dtype=np.uint8))


class Failing:
    """A source some of whose samples cannot be read."""

    def __init__(self, bad, count=COUNT):
        self.bad, self.count = set(bad), count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index in self.bad:
            raise OSError(f"{index} is broken")
        return SOURCE[index]

    def name_of(self, index):
        return f"file{index}.jpg"


def loader_of(source=SOURCE, size=4, transform=PIPELINE, **settings):
    return data.FilterLoader(source, transform, size, **({"seed": 5, "shuffle": True, "threads": 2} | settings))


def epoch_of(loader, epoch):
    loader.set_epoch(epoch)
    return list(loader)


def take(loader, count):
    """Give the first batches, and leave the rest."""
    return list(itertools.islice(loader, count))


def labels_of(batches):
    return [int(label) for _, labels in batches for label in labels]


def check_same(found, expected):
    assert [len(labels) for _, labels in found] == [len(labels) for _, labels in expected]
    for (images, labels), (others, numbers) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(labels, numbers)


def check_no_threads():
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("filter-loader")]


# The stream


@pytest.mark.parametrize("source", [SOURCE, STACK], ids=["sizes", "stack"])
def test_streams_are_the_same_whatever_the_threads(source):
    expected = [epoch_of(loader_of(source, threads=0), epoch) for epoch in range(2)]
    for threads, prefetch in ((1, 1), (2, 2), (4, 5), (None, 1)):
        loader = loader_of(source, threads=threads, prefetch=prefetch)
        for epoch in range(2):
            check_same(list(loader), expected[epoch])
    check_no_threads()


@pytest.mark.parametrize("source", [SOURCE, STACK], ids=["sizes", "stack"])
def test_samples_do_not_depend_on_their_batch(source):
    whole = {
        label: image
        for images, labels in loader_of(source)
        for label, image in zip(labels.tolist(), images, strict=True)
    }
    for size in (1, 7, COUNT, 100):
        for images, labels in loader_of(source, size):
            for image, label in zip(images, labels.tolist(), strict=True):
                np.testing.assert_array_equal(image, whole[label])


def test_samples_are_those_of_the_pipeline():
    loader = loader_of(shuffle=False)
    loader.set_epoch(3)
    images = np.concatenate([images for images, _ in loader])
    np.testing.assert_array_equal(images, PIPELINE(IMAGES, seed=5, epoch=3))


def test_epochs_differ_and_come_again():
    loader = loader_of()
    first, second = list(loader), list(loader)
    assert loader.epoch == 2
    assert sorted(labels_of(first)) == sorted(labels_of(second)) == [7 * i for i in range(COUNT)]
    assert labels_of(first) != labels_of(second)
    images = [
        {int(n): image for images, labels in e for n, image in zip(labels, images, strict=True)}
        for e in (first, second)
    ]
    assert all((images[0][n] != images[1][n]).any() for n in images[0])
    check_same(epoch_of(loader, 1), second)
    check_same(epoch_of(loader, 0), first)
    other = epoch_of(loader_of(seed=6), 0)
    assert labels_of(other) != labels_of(first)


def test_without_shuffling_samples_come_in_order():
    assert labels_of(loader_of(shuffle=False)) == [7 * i for i in range(COUNT)]


def test_an_epoch_that_was_left_begins_anew():
    loader = loader_of()
    expected = list(loader_of())
    assert len(take(loader, 3)) == 3
    check_same(list(loader), expected)


def test_every_so_many_th_batch():
    expected = epoch_of(loader_of(), 2)
    loader = loader_of()
    loader.set_epoch(2)
    for step, first in ((1, 0), (2, 0), (2, 1), (3, 2), (3, 7)):
        check_same(list(loader.every(step, first)), expected[first::step])
    assert loader.epoch == 2
    with pytest.raises(ValueError, match="step must be at least 1"):
        next(loader.every(0))


def test_the_smallest_of_sources():
    assert list(loader_of(data.ArraySource(IMAGES[:1]), 4, drop_last=True)) == []
    ((images, labels),) = loader_of(data.ArraySource(IMAGES[:1]))
    assert (images.shape, labels.tolist()) == ((1, 3, 12, 12), [0])
    assert list(loader_of(Failing([], 0))) == []
    assert len(loader_of(Failing([], 0))) == 0


def test_options_of_the_caller_hold_in_threads(monkeypatch):
    seen = []
    run = Calls.run

    def watched(self, first, last, out, threads, empty):
        seen.append((threads, options.threads()))
        return run(self, first, last, out, threads, empty)

    monkeypatch.setattr(Calls, "run", watched)
    with filters.config(threads=3):
        list(loader_of(threads=None))
    assert set(seen) == {(3, 3)}


# Processes


@pytest.mark.parametrize("count", [1, 6, 22, 23])
@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_an_epoch(count, world):
    source = data.ArraySource(IMAGES[:count])
    found = [epoch_of(loader_of(source, threads=0, rank=rank, world_size=world), 1) for rank in range(world)]
    assert sorted(label for each in found for label in labels_of(each)) == list(range(count))
    alone = {
        n: i for images, labels in epoch_of(loader_of(source), 1) for n, i in zip(labels.tolist(), images, strict=True)
    }
    for images, labels in (batch for each in found for batch in each):
        np.testing.assert_array_equal(images, [alone[n] for n in labels.tolist()])
    assert [len(each) for each in found] == [
        len(loader_of(source, rank=rank, world_size=world)) for rank in range(world)
    ]


@pytest.mark.parametrize("count", [1, 15, 16, 23])
def test_all_processes_have_as_many_whole_batches(count):
    source = data.ArraySource(IMAGES[:count])
    found = [list(loader_of(source, threads=0, rank=rank, world_size=2, drop_last=True)) for rank in range(2)]
    assert [len(each) for each in found] == [count // 8] * 2
    assert {len(labels) for each in found for _, labels in each} <= {4}
    seen = [label for each in found for label in labels_of(each)]
    assert len(set(seen)) == len(seen) == count // 8 * 8


# Memory


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_memory_is_used_again_only_when_nobody_has_it(framework, threads):
    if framework == "torch":
        pytest.importorskip("torch")
    loader = loader_of(size=2, threads=threads, framework=framework)
    expected = [np.array(images) for images, _ in loader_of(size=2)]
    address = (lambda image: image.data_ptr()) if framework == "torch" else (lambda image: image.ctypes.data)
    kept = epoch_of(loader, 0)
    assert len({address(images) for images, _ in kept}) == len(kept) == 12
    views = [images[:1] for images, _ in kept]
    for (images, _), (other, _) in zip(kept, epoch_of(loader, 1), strict=True):
        assert address(images) != address(other)
    del kept, images, other
    for view, image in zip(views, expected, strict=True):
        np.testing.assert_array_equal(view, image[:1])
    before = {address(view) for view in views}
    assert not before & {address(images) for images, _ in epoch_of(loader, 2)}
    del views, view
    seen = []
    for images, _ in loader:
        seen.append(address(images))
    assert len(set(seen)) <= loader.prefetch + 3


def test_batches_are_the_callers():
    loader = loader_of(size=2)
    expected = list(loader_of(size=2))
    for (images, labels), (others, numbers) in zip(loader, expected, strict=True):
        np.testing.assert_array_equal(images, others)
        images[:] = -1
        labels[:] = -1
        del numbers
    check_same(epoch_of(loader, 0), expected)


FLAT = """
import numpy as np, data, os, sys
from data import transforms

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

images = [np.random.default_rng(i).integers(0, 256, (90 + i % 9, 120, 3), np.uint8) for i in range(200)]
loader = data.FilterLoader(
    data.ArraySource(images), [transforms.RandomResizedCrop(96), transforms.ToDtype('float32')], 10, threads=2
)
sizes = []
for epoch in range(12):
    for batch in loader:
        pass
    sizes.append(resident())
print(sizes[1], max(sizes[2:]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_as_it_is_after_the_first_epochs():
    done = subprocess.run([sys.executable, "-c", FLAT], cwd=ROOT, capture_output=True, text=True, check=True)
    first, last = map(int, done.stdout.split())
    assert last < 1.02 * first


# States


@pytest.mark.parametrize("source", [SOURCE, STACK], ids=["sizes", "stack"])
def test_a_state_goes_on_with_the_next_sample(source):
    whole = [*epoch_of(loader_of(source), 0), *epoch_of(loader_of(source), 1)]
    for stop in (0, 1, 5, 6, 7, 9):
        loader = loader_of(source, threads=0)
        states = [json.loads(json.dumps(loader.state_dict()))]
        while len(states) <= stop:
            for _ in loader:
                states.append(json.loads(json.dumps(loader.state_dict())))
        other = loader_of(source, threads=4, prefetch=1)
        other.load_state_dict(states[stop])
        found = [*other, *other] if stop <= 6 else list(other)
        check_same(found[: len(whole) - stop], whole[stop:])


def test_a_state_goes_on_with_batches_of_another_size():
    loader = loader_of()
    take(loader, 2)
    state = loader.state_dict()
    other = loader_of(size=5)
    other.load_state_dict(state)
    assert labels_of(other) == labels_of(loader_of())[state["position"] :]


def test_the_epoch_of_a_state_goes_on_also_if_it_is_named():
    loader = loader_of()
    loader.set_epoch(4)
    next(iter(loader))
    state = loader.state_dict()
    expected = epoch_of(loader_of(), 4)
    other = loader_of()
    other.load_state_dict(state)
    other.set_epoch(4)
    check_same(list(other), expected[1:])
    other.load_state_dict(state)
    other.set_epoch(5)
    check_same(list(other), epoch_of(loader_of(), 5))


@pytest.mark.parametrize(("before", "after"), [(2, 1), (2, 3), (1, 2), (3, 2)])
@pytest.mark.parametrize("batches", [1, 2, 3])
def test_other_numbers_of_processes_share_what_is_left(before, after, batches):
    first = [loader_of(size=3, rank=rank, world_size=before, threads=0) for rank in range(before)]
    seen = []
    for loader in first:
        loader.set_epoch(1)
        seen += labels_of(take(loader, batches))
    states = [loader.state_dict() for loader in first]
    assert states.count(states[0]) == before
    for rank in range(after):
        loader = loader_of(size=4, rank=rank, world_size=after, threads=2)
        loader.load_state_dict(states[0])
        seen += labels_of(list(loader))
    assert sorted(seen) == [7 * i for i in range(COUNT)]


def test_processes_with_batches_that_are_not_whole_agree():
    """The last batch of one process holds a sample less than that of the other."""
    loaders = [loader_of(data.ArraySource(IMAGES[:7]), rank=rank, world_size=2, threads=0) for rank in range(2)]
    positions = []
    for loader in loaders:
        for _ in loader:
            positions.append(loader.state_dict()["position"])
    assert positions == [7, 7]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda: loader_of(data.ArraySource(IMAGES[:-1])), "another source, transform or shuffle"),
        (lambda: loader_of(data.ArraySource(IMAGES)), "another source, transform or shuffle"),
        (lambda: loader_of(transform=[transforms.RandomResizedCrop(13), *STEPS[1:]]), "another source, transform"),
        (lambda: loader_of(transform=STEPS[::2]), "another source, transform"),
        (lambda: loader_of(transform=data.Compose(STEPS, layout="NHWC")), "another source, transform"),
        (lambda: loader_of(shuffle=False), "another source, transform"),
        (lambda: loader_of(on_error="skip"), "another source, transform"),
        (lambda: loader_of(seed=6), "state has seed 5, the loader 6"),
    ],
)
def test_states_of_others_are_refused(other, said):
    with pytest.raises(ValueError, match=said):
        other().load_state_dict(loader_of().state_dict())


def test_states_of_other_versions_are_refused():
    with pytest.raises(ValueError, match="state has version 99; 1 is understood"):
        loader_of().load_state_dict({"version": 99})
    with pytest.raises(ValueError, match="state has version None"):
        loader_of().load_state_dict({})


def test_another_target_is_told(caplog):
    state = loader_of().state_dict() | {"target": "x86-64-linux-sse41"}
    loader_of().load_state_dict(state)
    assert "state is of target x86-64-linux-sse41" in caplog.text


KILLED = """
import json, os, sys, zlib
import numpy as np, data
from data import transforms

state, threads = sys.argv[1], int(sys.argv[2])
images = [np.random.default_rng(i).integers(0, 256, (20 + i, 40 - i, 3), np.uint8) for i in range(23)]
steps = [transforms.RandomResizedCrop(12), transforms.RandomHorizontalFlip(), transforms.ToDtype("float32", scale=True)]
loader = data.FilterLoader(data.ArraySource(images), steps, 3, seed=9, shuffle=True, threads=threads)
if os.path.exists(state):
    with open(state) as file:
        loader.load_state_dict(json.load(file))
while loader.epoch < 2:
    for pixels, labels in loader:
        with open(state + ".new", "w") as file:
            json.dump(loader.state_dict(), file)
        os.replace(state + ".new", state)
        print(labels.tolist(), zlib.crc32(pixels), flush=True)
        sys.stdin.readline()
"""


def test_a_killed_process_goes_on(tmp_path):
    def run(state, threads, batches):
        """Let a process make so many batches, and kill it when it has saved the state behind the last."""
        command = [sys.executable, "-c", KILLED, str(state), str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        found = []
        with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
            while line := process.stdout.readline():
                found.append(line)
                if len(found) == batches:
                    process.kill()
                    break
                process.stdin.write("\n")
                process.stdin.flush()
        assert process.returncode == (-signal.SIGKILL if len(found) == batches else 0)
        return found

    whole = run(tmp_path / "alone", 0, 100)
    assert len(whole) == 16
    parts = [run(tmp_path / "killed", threads, batches) for threads, batches in ((2, 3), (0, 4), (4, 4), (1, 100))]
    assert list(itertools.chain(*parts)) == whole


# Ends


def test_threads_end_when_nobody_wants_batches():
    for prefetch in (1, 3):
        for batches in (1, 3):
            loader = loader_of(Failing([]), size=2, threads=3, prefetch=prefetch)
            take(loader, batches)
            check_no_threads()
            going = iter(loader)
            next(going)
            assert [thread for thread in threading.enumerate() if thread.name == "filter-loader"]
            del going
            check_no_threads()
            with pytest.raises(KeyboardInterrupt):
                stop(loader)
            check_no_threads()


def stop(loader):
    for _ in loader:
        raise KeyboardInterrupt


def test_iterators_that_the_garbage_collector_finds():
    """Also in the threads that it would have to wait for."""
    reading, left = threading.Event(), threading.Event()
    places = []

    class Collecting(Failing):
        def __getitem__(self, index):
            places.append(threading.current_thread().name)
            if len(places) == 3:
                reading.set()
                left.wait(20)
                gc.collect()
            return super().__getitem__(index)

    class Cycle:
        pass

    cycle = Cycle()
    cycle.own, cycle.going = cycle, iter(loader_of(Collecting([]), size=1, threads=1, prefetch=1))
    collected = weakref.ref(cycle)
    gc.disable()
    try:
        next(cycle.going)
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("filter-loader")]
        assert reading.wait(20)
        del cycle
        assert collected() is not None
        left.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
    finally:
        gc.enable()
    assert collected() is None
    assert places[2].startswith("filter-loader-read")


def test_a_program_may_end_in_the_middle():
    code = """
        import numpy as np, data
        from data import transforms

        source = data.ArraySource([np.zeros((40, 40, 3), np.uint8)] * 500)
        going = iter(data.FilterLoader(source, [transforms.Resize((8, 8))], 5, threads=2))
        next(going)
        print("done")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_loaders_can_be_pickled(threads):
    loader = loader_of(threads=threads, framework="numpy")
    next(iter(loader))
    loader.load_state_dict(loader.state_dict())
    other = pickle.loads(pickle.dumps(loader))
    check_same(list(other), epoch_of(loader_of(), 0)[1:])


# Failures


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A folder of images, some of which cannot be read; which, by index."""
    root = tmp_path_factory.mktemp("broken")
    for name in ("cat", "dog"):
        (root / name).mkdir()
    (root / "cat" / "none.jpg").mkdir()  # a folder whose name is that of an image is a folder
    for i, image in enumerate(IMAGES[:10]):
        Image.fromarray(image).save(root / ("cat", "dog")[i % 2] / f"{i}.png")
    good = (root / "cat" / "0.png").read_bytes()
    (root / "cat" / "png.jpg").write_bytes(good)  # what is inside counts
    (root / "dog" / "becomes a folder.jpg").write_bytes(good)
    Image.fromarray(IMAGES[0]).save(root / "dog" / "truncated.jpg", quality=95)
    content = (root / "dog" / "truncated.jpg").read_bytes()
    (root / "dog" / "truncated.jpg").write_bytes(content[: len(content) // 2])
    (root / "cat" / "empty.png").write_bytes(b"")
    (root / "cat" / "text.png").write_bytes(b"Hello, world")
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (b"IHDR" + header, b"IEND")]
    (root / "dog" / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    source = data.ImageFolder(root)
    (root / "dog" / "becomes a folder.jpg").unlink()
    (root / "dog" / "becomes a folder.jpg").mkdir()
    bad = {"becomes a folder.jpg": "folder", "truncated.jpg": "truncated", "empty.png": "zero bytes"}
    bad |= {"text.png": "not an image", "huge.png": "60000 x 60000"}
    names = [Path(path).name for path, _ in source.samples]
    return source, {names.index(name): why for name, why in bad.items()}


@pytest.mark.parametrize("threads", [0, 2])
def test_what_cannot_be_read_is_raised(broken, threads):
    source, bad = broken
    loader = loader_of(source, threads=threads)
    order = loader.shard.samples(0)
    first = next(i for i, sample in enumerate(order.tolist()) if sample in bad)
    seen = 0
    with pytest.raises(data.ReadError) as caught:
        for _, labels in loader:
            seen += len(labels)
    index = int(order[first])
    assert seen == first // 4 * 4
    assert (caught.value.index, caught.value.name) == (index, source.samples[index][0])
    assert bad[index] in str(caught.value)
    assert str(caught.value).startswith(f"sample {index} ({source.samples[index][0]}) cannot be read: ")
    assert isinstance(caught.value.__cause__, data.sources.ImageError)
    check_no_threads()
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.index, str(error)) == (index, str(caught.value))


@pytest.mark.parametrize("threads", [0, 3])
def test_what_cannot_be_read_is_left_out(broken, threads):
    source, bad = broken
    loader = loader_of(source, threads=threads, on_error="skip", shuffle=False)
    good = [i for i in range(len(source)) if i not in bad]
    for _ in range(2):
        batches = list(loader)
        assert labels_of(batches) == [source.samples[i][1] for i in good]
        stats = loader.stats()
        assert (stats["images"], stats["errors"]) == (len(good), 5)
        assert {failure.index: bad[failure.index] in failure.why for failure in stats["failures"]} == dict.fromkeys(
            bad, True
        )
        loader.set_epoch(0)
    whole = PIPELINE([source[i][0] for i in good], indices=good, seed=5)
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), whole)


@pytest.mark.parametrize("threads", [0, 3])
def test_others_stand_in_for_what_cannot_be_read(broken, threads):
    source, bad = broken
    loader = loader_of(source, threads=threads, on_error="substitute", shuffle=False)
    batches = list(loader)
    assert [len(labels) for _, labels in batches] == [4, 4, 4, 4, 1][: len(batches)]
    taken = []
    for i in range(len(source)):
        while i % len(source) in bad:
            i += 1
        taken.append(i % len(source))
    assert labels_of(batches) == [source.samples[i][1] for i in taken]
    whole = PIPELINE([source[i][0] for i in taken], indices=range(len(source)), seed=5)
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), whole)
    stats = loader.stats()
    assert (stats["images"], stats["errors"]) == (len(source), 5)
    assert {failure.index for failure in stats["failures"]} == set(bad)


@pytest.mark.parametrize("threads", [0, 2])
def test_batches_of_which_nothing_can_be_read(threads):
    loader = loader_of(Failing([4, 5, 6, 7, 9]), threads=threads, on_error="skip", shuffle=False)
    batches = []
    positions = []
    for batch in loader:
        batches.append(batch)
        positions.append(loader.state_dict()["position"])
    assert [len(labels) for _, labels in batches] == [4, 3, 4, 4, 3]
    assert positions == [4, 12, 16, 20, 23]
    assert (loader.stats()["batches"], loader.stats()["errors"]) == (5, 5)
    assert list(loader_of(Failing(range(COUNT)), threads=threads, on_error="skip")) == []


def test_nothing_stands_in():
    with pytest.raises(data.ReadError, match=r"sample \d+ \(file\d+\.jpg\) cannot be read: \d+ is broken"):
        list(loader_of(Failing(range(COUNT)), on_error="substitute"))


def test_errors_of_any_kind_are_told():
    class Odd(Failing):
        def __getitem__(self, index):
            if index == 3:
                raise MemoryError
            if index == 5:
                return np.zeros((9, 9)), 0
            return super().__getitem__(index)

    loader = loader_of(Odd([]), on_error="skip", shuffle=False)
    list(loader)
    assert [(failure.index, failure.name) for failure in loader.stats()["failures"]] == [
        (3, "file3.jpg"),
        (5, "file5.jpg"),
    ]
    assert loader.stats()["failures"][0].why == "MemoryError"
    assert "float64" in loader.stats()["failures"][1].why


@pytest.mark.parametrize("threads", [0, 2])
def test_errors_of_transforms_come_to_the_caller(threads):
    loader = loader_of(transform=[transforms.RandomCrop(30), transforms.ToDtype("float32")], threads=threads)
    with pytest.raises(ValueError, match="put a Resize before"):
        list(loader)
    check_no_threads()


def test_failures_keep_no_images():
    class Kept(Failing):
        def __getitem__(self, index):
            if index == 3:
                image = np.zeros((9, 9, 9), np.uint8)
                refused.append(weakref.ref(image))
                return image, 0
            return super().__getitem__(index)

    refused = []
    loader = loader_of(Kept([]), on_error="skip")
    list(loader)
    gc.collect()
    assert loader.stats()["errors"] == 1
    assert refused[0]() is None


# Labels


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("stack", [False, True], ids=["sizes", "stack"])
@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (list(range(5)), np.int64),
        (np.arange(5, dtype=np.uint8), np.int64),
        (np.linspace(0, 1, 5, dtype=np.float32), np.float64),
        ([0.5, 1.5, 2.5, 3.5, 4.5], np.float64),
        ([True, False, True, True, False], np.bool_),
        (["a", "bc", "d", "e", "f"], None),
        (np.array(["a", "bc", "d", "e", "f"]), None),
        ([None, 1, "a", (2, 3), {}], None),
        (np.arange(15, dtype=np.float32).reshape(5, 3), np.float32),
        ([np.arange(3, dtype=np.int16) + i for i in range(5)], np.int16),
        ([np.arange(i) for i in range(5)], None),
        (None, np.int64),
    ],
    ids=str,
)
def test_labels(labels, dtype, stack, threads):
    images = STACK.images[:5] if stack else IMAGES[:5]
    loader = loader_of(data.ArraySource(images, labels), 5, threads=threads, shuffle=False)
    ((_, found),) = loader
    expected = list(range(5)) if labels is None else labels
    if dtype is None:
        assert type(found) is list
        assert not any(isinstance(label, np.generic) for label in found)
    else:
        assert (type(found), found.dtype) == (np.ndarray, dtype)
    for label, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(label, other)


@pytest.mark.parametrize("source", [SOURCE, STACK], ids=["sizes", "stack"])
def test_tensors_share_the_memory(source):
    torch = pytest.importorskip("torch")
    expected = list(loader_of(source))
    for (images, labels), (others, numbers) in zip(loader_of(source, framework="torch"), expected, strict=True):
        assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
        np.testing.assert_array_equal(images.numpy(), others)
        np.testing.assert_array_equal(labels.numpy(), numbers)
        assert images.is_contiguous()
    loader = loader_of(data.ArraySource(IMAGES[:4], list("abcd")), framework="torch", shuffle=False)
    ((_, labels),) = loader
    assert labels == list("abcd")


def test_tensors_are_not_copied(monkeypatch):
    torch = pytest.importorskip("torch")
    made = []
    run = Calls.run
    monkeypatch.setattr(Calls, "run", lambda *a, **k: made.append(run(*a, **k)) or made[-1])
    found = [images for images, _ in loader_of(framework="torch")]
    assert all(isinstance(images, torch.Tensor) for images in found)
    assert [images.data_ptr() for images in found] == [array.ctypes.data for array in made]


# Statistics


@pytest.mark.parametrize("threads", [0, 2])
def test_statistics(threads):
    loader = loader_of(Failing([3]), threads=threads, on_error="skip", shuffle=False)
    keys = {"batches", "images", "seconds", "images_per_second", "starvation", "read", "draw", "filter"}
    assert set(loader.stats()) == keys | {"errors", "failures"}
    assert (loader.stats()["batches"], loader.stats()["images"]) == (0, 0)
    for i, _ in enumerate(loader):
        assert loader.stats()["batches"] == i + 1
    stats = loader.stats()
    assert (stats["batches"], stats["images"], stats["errors"]) == (6, COUNT - 1, 1)
    assert all(stats[name] > 0 for name in ("seconds", "images_per_second", "starvation", "read", "draw", "filter"))
    assert stats["starvation"] <= 1
    assert loader.stats() == stats or loader.stats()["seconds"] == stats["seconds"]
    assert stats["images_per_second"] * stats["seconds"] == pytest.approx(COUNT - 1)
    next(iter(loader))
    after = loader.stats()
    assert after["batches"] == 1
    assert loader.stats()["seconds"] == after["seconds"]  # time stands still when the epoch was left


def test_progress_gives_the_same_batches(capsys):
    check_same(list(loader_of().progress("Training")), list(loader_of()))
    said = capsys.readouterr().out
    assert "Training" in said
    assert "6/6" in said
    resumed = loader_of()
    resumed.load_state_dict({**loader_of().state_dict(), "position": 8})
    list(resumed.progress())
    assert "4/4" in capsys.readouterr().out
    loader = loader_of()
    for _ in loader.progress():
        break
    check_no_threads()
    assert loader.stats()["batches"] == 1


# Arguments


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"size": 0}, ValueError, "batch_size must be at least 1, not 0"),
        ({"size": 2.0}, TypeError, "batch_size must be an int, not float"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": 1 << 64}, ValueError, r"seed must be less than 2\*\*64"),
        ({"seed": None}, TypeError, "seed must be an int, not NoneType"),
        ({"threads": -1}, ValueError, "threads must be from 0 to 256"),
        ({"threads": True}, TypeError, "threads must be an int, not bool"),
        ({"threads": 257}, ValueError, "threads must be from 0 to 256, not 257"),
        ({"rank": 2, "world_size": 2}, ValueError, "rank must be less than world_size 2, not 2"),
        ({"rank": -1}, ValueError, "rank must be at least 0"),
        ({"world_size": 0}, ValueError, "world_size must be at least 1"),
        ({"prefetch": 0}, ValueError, "prefetch must be at least 1"),
        ({"on_error": "ignore"}, ValueError, "on_error must be one of 'raise', 'skip', 'substitute', not 'ignore'"),
        ({"framework": "jax"}, ValueError, "framework must be one of 'numpy', 'torch', not 'jax'"),
        ({"transform": [3]}, TypeError, "transforms must be of data.transforms, not int"),
        ({"target": "host-no_such"}, Exception, "no_such"),
    ],
)
def test_arguments_that_make_no_sense(settings, error, said):
    with pytest.raises(error, match=said):
        list(loader_of(**settings))


def test_epochs_that_make_no_sense():
    for epoch, error in ((-1, ValueError), (1.0, TypeError)):
        with pytest.raises(error, match="epoch must be"):
            loader_of().set_epoch(epoch)


def test_a_pipeline_keeps_its_target_unless_another_is_named():
    pipeline = data.Compose(STEPS, target="host-reproducible")
    assert loader_of(transform=pipeline).transform is pipeline
    assert loader_of(transform=PIPELINE, target="host-reproducible").transform.target == "host-reproducible"
    assert loader_of(transform=STEPS, target="host-reproducible").transform.target == "host-reproducible"


# Training


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_a_network_learns():
    train, test = (data.IdxSource.folder(FASHION, train=train) for train in (True, False))
    values = [transforms.ToDtype("float32", scale=True), transforms.Normalize([0.2860], [0.3530])]
    loader = data.FilterLoader(train, [transforms.RandomHorizontalFlip(), *values], 200, shuffle=True, seed=1)
    random = np.random.default_rng(1)
    sizes = 784, 48, 10
    weights = [random.normal(0, (2 / n) ** 0.5, (n, m)).astype(np.float32) for n, m in itertools.pairwise(sizes)]
    biases = [np.zeros(m, np.float32) for m in sizes[1:]]

    def forward(images):
        flat = images.reshape(len(images), -1)
        hidden = np.maximum(flat @ weights[0] + biases[0], 0)
        return flat, hidden, hidden @ weights[1] + biases[1]

    for rate in (0.2, 0.05):
        for images, labels in loader:
            flat, hidden, scores = forward(images)
            error = np.exp(scores - scores.max(axis=1, keepdims=True))
            error /= error.sum(axis=1, keepdims=True)
            error[np.arange(len(labels)), labels] -= 1
            error /= len(labels)
            back = error @ weights[1].T * (hidden > 0)
            for i, (before, after) in enumerate(((flat, back), (hidden, error))):
                weights[i] -= rate * (before.T @ after)
                biases[i] -= rate * after.sum(axis=0)
    assert loader.stats()["images"] == 60000
    right = sum(
        int((forward(images)[2].argmax(axis=1) == labels).sum())
        for images, labels in data.FilterLoader(test, values, 500)
    )
    assert right / len(test) > 0.82
