"""The data loader beside torchvision and albumentations: ``python -m bench.loading`` on a quiet machine (ten minutes).

``--quick`` for few images and rounds, ``--sections speed,files`` for some. The peers are in :mod:`bench.loading_peers`,
each with threads in the way that is fastest for it; ratios are of images a second, medians over rounds in one process.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import data
from bench import command
from bench import loading_peers as peers
from bench.loading_peers import CASES, Case
from bench.paired import Array, Effort, Run, measure
from bench.tables import Row, Table, judged
from data import transforms as t
from data.sources import FASHION_MNIST

Tables = Iterator[Table]

#: What must be reached, and what should be, in times of a peer's images a second.
_GOALS = {
    ("plain", "torchvision"): (3, 6),
    ("plain", "albumentations"): (1.5, 3),
    ("blur", "torchvision"): (5, 12),
    ("blur", "albumentations"): (2.5, 6),
}
_GOALS |= {("uint8", peer): _GOALS["plain", peer] for peer in ("torchvision", "albumentations")}
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 64


_EFFORT = Effort(8.0, 7, 40)


@dataclass(frozen=True)
class Scale:
    """How much is measured: images, rounds."""

    images: int = 64
    effort: Effort = _EFFORT
    epochs: int = 10


QUICK = Scale(8, Effort(0.01, 2, 2), 2)


def pipeline(case: Case, *extra: t.Transform) -> data.Compose:
    """Give a case as a pipeline of ours."""
    steps = [t.RandomResizedCrop(peers.SIZE), t.RandomHorizontalFlip(), *extra]
    steps += [t.ColorJitter(0.4, 0.4, 0.4, 0.1 if case.hue else 0)]
    steps += [t.GaussianBlur(23, (0.1, 5.0))] if case.blur else []
    steps += [t.ToDtype("float32", scale=True), t.Normalize(_MEAN, _STD)] if case.normalise else []
    return data.Compose(steps)


# ------------------------------------------------------------------------------------------------------------- speed


def speed(scale: Scale) -> Tables:
    """Random parts of decoded images, jitter, blur, normalisation, beside each peer's fastest way, for two threads."""
    images = peers.pictures(scale.images)
    found, missing = peers.load()
    notes = tuple(f"{name} is missing: {reason}" for name, reason in missing.items())
    for name, case in CASES.items():
        rows = [row for peer in found.values() for row in _beside(name, case, peer, images, scale)]
        yield Table(f"{name}: decoded arrays to a batch of {len(images)}, two threads", rows, notes)


def _beside(name: str, case: Case, peer: peers.Peer, images: Sequence[Array], scale: Scale) -> Iterator[Row]:
    ours = pipeline(case)
    out = ours(images)
    with ExitStack() as stack:
        ways = [way for way in peers.ways() if way[1] == 2]
        runs = {way: stack.enter_context(peers.Pipeline(peer, case, *way)) for way in ways}
        for (way, _), run in runs.items():
            if way == "workers":
                run(images)  # the processes start before there are threads
        timing: dict[str, Run] = {way: functools.partial(run, images) for (way, _), run in runs.items()}
        timing["ours"] = functools.partial(ours, images, out=out, threads=2)
        times = measure(timing, scale.effort)
        batches = {way: run.batches for (way, _), run in runs.items()}
    best = min(batches, key=lambda way: times.middle(way) / batches[way])
    ratio = times.ratio(best, "ours") / batches[best]
    must, reach = _GOALS.get((name, peer.name.split()[0]), (None, None))
    yield {
        "peer": peer.name,
        "its fastest way": best,
        "its images/s": round(batches[best] * len(images) / times.middle(best)),
        "our images/s": round(len(images) / times.middle("ours")),
        **judged(ratio, must, reach),
    }


# --------------------------------------------------------------------------------------------------- local Laplacian


def laplacian(scale: Scale) -> Tables:
    """A local Laplacian augmentation, beside the same by OpenCV's pyramids from Python."""
    images = peers.pictures(scale.images)
    filtered = pipeline(CASES["plain"], t.LocalLaplacian((10.0, 40.0), (-0.5, 1.5), levels=_LEVELS))
    crops = data.Compose([t.RandomResizedCrop(peers.SIZE)], layout="NHWC")(images)
    alone = data.Compose([t.LocalLaplacian(30.0, 1.0, levels=_LEVELS)], layout="NHWC")
    import cv2

    cv2.setNumThreads(2)
    runs: dict[str, Run] = {
        "ours": functools.partial(alone, crops, threads=2),
        "ours, all": functools.partial(filtered, images, threads=2),
        "OpenCV": lambda: [by_opencv(crop, 30.0, 1.0) for crop in crops[: max(len(crops) // 8, 1)]],
    }
    times = measure(runs, scale.effort)
    count = max(len(crops) // 8, 1)
    ratio = times.ratio("OpenCV", "ours") / count * len(crops)
    wanted = np.stack([by_opencv(crop, 30.0, 1.0) for crop in crops[:2]])
    error = np.abs(wanted - alone(crops[:2]).astype(np.float64)).mean()
    row: Row = {
        "our images/s, the filter alone": round(len(crops) / times.middle("ours")),
        "with crop, jitter, normalise": round(len(crops) / times.middle("ours, all")),
        "OpenCV's images/s": round(count / times.middle("OpenCV")),
        "mean difference of 255": float(error),
        **judged(ratio, 10, 30),
    }
    yield Table(f"local Laplacian of {peers.SIZE} x {peers.SIZE} colour, {_LEVELS} levels, two threads", [row])


_LEVELS = 4
#: Samples of gray, of which OpenCV's pyramids are interpolated.
_SAMPLES = 12


def by_opencv(image: Array, sigma: float, detail: float, samples: int = _SAMPLES) -> Array:
    """Filter by sampled gray values, each with a remapped image and its pyramid: what one writes with OpenCV."""
    import cv2

    colour = image.reshape(*image.shape[:2], -1).astype(np.float32)
    gray = colour @ np.float32([0.299, 0.587, 0.114]) if colour.shape[2] == 3 else colour[..., 0]
    pyramid = [gray]
    for _ in range(_LEVELS):
        pyramid.append(cv2.pyrDown(pyramid[-1]))
    positions = np.linspace(0, 255, samples)
    step = positions[1]
    result = [np.zeros_like(level) for level in pyramid[:-1]]
    for sample in positions:
        difference = gray - np.float32(sample)
        fine = gray + np.float32(detail) * difference * np.exp(difference * difference * np.float32(-0.5 / sigma**2))
        for level in range(_LEVELS):
            coarse = cv2.pyrDown(fine)
            laplacian = fine - cv2.pyrUp(coarse, dstsize=fine.shape[::-1])
            result[level] += laplacian * np.maximum(1 - np.abs(pyramid[level] - sample) / step, 0)
            fine = coarse
    total = pyramid[-1]
    for level in reversed(result):
        total = cv2.pyrUp(total, dstsize=level.shape[::-1]) + level
    return np.clip(colour + (total - gray)[..., None], 0, 255)


# ------------------------------------------------------------------------------------------------------------- files


def files(scale: Scale) -> Tables:
    """JPEG files to batches: the loader, beside torch's DataLoader with two workers and torchvision's transforms."""
    found, _ = peers.load()
    if "torchvision" not in found:
        yield Table("JPEG files end to end: torch or torchvision is missing", [])
        return
    peer = found["torchvision PIL"]
    with tempfile.TemporaryDirectory() as folder, peers.Pipeline(peer, CASES["plain"], "workers", 2) as loaded:
        paths = peers.jpegs(Path(folder), scale.images * loaded.batches)
        some = peers.Files(peer, paths[: scale.images])
        source = data.ImageFolder(folder)
        loader = data.FilterLoader(source, pipeline(CASES["plain"]), _BATCH, shuffle=True, threads=2, framework="torch")
        runs: dict[str, Run] = {"ours": lambda: through(loader), "torch": lambda: loaded(some)}
        times = measure(runs, Effort(scale.effort.seconds * 4, scale.effort.least, scale.effort.most))
    row: Row = {
        "our images/s": round(len(paths) / times.middle("ours")),
        "theirs": round(len(paths) / times.middle("torch")),
        **judged(times.ratio("torch", "ours"), 1.2, 1.5),
    }
    yield Table(f"{len(paths)} JPEG files end to end: crop, flip, jitter, normalise; two threads, two workers", [row])


def through(loader: Any) -> int:
    """Take all batches of an epoch, and count the images."""
    return sum(len(images) for images, _ in loader)


# ---------------------------------------------------------------------------------------------------------- overhead


def overhead(scale: Scale) -> Tables:
    """What the loader takes beyond the native calls for the same batches, by the clock."""
    rows = []
    for threads in (1, 2):
        source = data.ArraySource(peers.pictures(scale.images * 8))
        loader = data.FilterLoader(source, pipeline(CASES["plain"]), _BATCH, shuffle=True, threads=threads)
        through(loader)
        bare = _native(loader)
        times = measure({"loader": functools.partial(_epoch_zero, loader), "bare": bare}, scale.effort)
        share = 100 * (times.ratio("loader", "bare") - 1)
        rows.append({"threads": threads, **judged(share, 5, 2, larger=False)})
    yield Table("the loader beyond its native calls, percent", rows)


def _epoch_zero(loader: data.FilterLoader) -> None:
    loader.set_epoch(0)
    through(loader)


def _native(loader: data.FilterLoader) -> Run:
    """Record the native calls of an epoch, to be done again without anything around them."""
    from dsl.batches import Batch

    calls: list[tuple[Any, ...]] = []
    run = Batch.run
    kept = []

    def recorded(self: Batch, table: Array, threads: int) -> None:
        calls.append((self, table, threads))
        run(self, table, threads)

    Batch.run = recorded  # type: ignore[method-assign]
    try:
        loader.set_epoch(0)
        kept = [images for images, _ in loader]
    finally:
        Batch.run = run  # type: ignore[method-assign]
    return lambda: [run(*call) for call in calls] and kept


# ------------------------------------------------------------------------------------------------- memory, training

_MEMORY = """
import numpy as np, data, sys
from pathlib import Path
from data import transforms as t
rng = np.random.default_rng(0)
images = [rng.integers(0, 256, (300 + i, 400 - i, 3), np.uint8) for i in range(96)]
steps = [t.RandomResizedCrop(224), t.ColorJitter(0.4, 0.4, 0.4), t.ToDtype("float32", scale=True)]
loader = data.FilterLoader(data.ArraySource(images * 4), steps, 32, shuffle=True, threads=2)
for epoch in range(int(sys.argv[1])):
    for batch in loader:
        pass
    print(int(Path("/proc/self/statm").read_text().split()[1]))
"""


def memory(scale: Scale) -> Tables:
    """How much memory grows over epochs, of a process of its own."""
    command = [sys.executable, "-c", _MEMORY, str(scale.epochs)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    pages = [int(each) for each in printed[-scale.epochs :]]
    grown = 100 * (pages[-1] / pages[1] - 1)
    row: Row = {"MB": round(pages[-1] * 4096 / 1e6), **judged(grown, 2, None, larger=False)}
    yield Table(f"memory, percent from the second epoch to number {scale.epochs}", [row])


def training(scale: Scale) -> Tables:
    """A small network on Fashion-MNIST: how much of the time it waits for batches."""
    try:
        import torch
    except ImportError:
        yield Table("training: torch is missing", [])
        return
    torch.manual_seed(0)
    torch.set_num_threads(2)
    source = data.IdxSource.folder(FASHION_MNIST, train=True)
    steps = [t.RandomCrop(26), t.RandomHorizontalFlip(), t.ToDtype("float32", scale=True), t.Normalize(0.286, 0.353)]
    loader = data.FilterLoader(source, steps, 256, shuffle=True, threads=1, framework="torch")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(32 * 5 * 5, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    rows = []
    for epoch in range(2 if scale is not QUICK else 1):
        start = time.perf_counter()
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(net(images), labels.long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        stats = loader.stats()
        rows.append({
            "epoch": epoch, "seconds": time.perf_counter() - start, "images/s": round(stats["images_per_second"]),
            "starvation": stats["starvation"], "accuracy": _accuracy(net),
        })  # fmt: skip
    yield Table("a small network trained on Fashion-MNIST", rows)


def _accuracy(net: Any) -> float:
    import torch

    source = data.IdxSource.folder(FASHION_MNIST, train=False)
    steps = [t.CenterCrop(26), t.ToDtype("float32", scale=True), t.Normalize(0.286, 0.353)]
    right = 0
    with torch.no_grad():
        for images, labels in data.FilterLoader(source, steps, 1000, framework="torch"):
            right += int((net(images).argmax(1) == labels).sum())
    return right / len(source)


# ------------------------------------------------------------------------------------------------------------ command

SECTIONS: dict[str, Callable[[Scale], Tables]] = {
    "speed": speed,
    "laplacian": laplacian,
    "files": files,
    "overhead": overhead,
    "memory": memory,
    "training": training,
}


if __name__ == "__main__":
    command.run("bench.loading", __doc__, SECTIONS, Scale(), QUICK)
