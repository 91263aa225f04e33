"""What the loader and pruning save of the time: ``python -m bench.speedup`` on two idle cores (a quarter of an hour).

*target*: on Fashion-MNIST, the time until a network has the accuracy that another has at its end: ours by
:class:`data.FilterLoader`, a few epochs, :func:`compress.prune` and some more, all of it counted; the other by torch's
DataLoader, with images transformed one by one in two workers, and the whole network. Tests are not counted.
*latency* and *epochs*: what half the products save of the time of a call and of an epoch, with channels in multiples of
16 and without. ``--quick`` for few images and rounds.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn
from torch.utils.data import DataLoader, Dataset

import compress
import data
from bench import command
from bench.paired import Effort, measure
from bench.pruning import Scale as Trained
from bench.tables import Row, Table, judged
from compress import models, training
from compress.experiments import DataSet, Experiment
from compress.experiments.experiment import RATE
from data import transforms as t

Tables = Iterator[Table]
_BATCH, _ROUND_TO = 128, 16
_WHOLE, _ROUNDED = "whole", f"multiples of {_ROUND_TO}"
#: Inputs of noise that structures are found with; only how wide layers are matters.
_NOISE = 640
#: Inputs (C, H, W) and networks for them.
_NETWORKS: dict[str, tuple[tuple[int, int, int], Callable[[], nn.Module]]] = {
    "VGG-6": ((1, 26, 26), models.vgg6_bn),
    "VGG-16": ((3, 32, 32), models.vgg16_bn),
}


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes
    ----------
    trained : Trained
        Seeds, images, and the epochs of the whole network.
    before, cycle : int
        Our epochs before pruning, and all of them.
    latency, epochs : Effort
        Of calls, and of epochs.
    batches : dict
        Of an epoch that is timed, by network.
    """

    trained: Trained
    before: int
    cycle: int
    latency: Effort
    epochs: Effort
    batches: dict[str, int]


FULL = Scale(Trained(3, 8_000, 12), 2, 8, Effort(5, 5, 200), Effort(20, 3, 10), {"VGG-6": 20, "VGG-16": 3})
QUICK = Scale(Trained(1, 1500, 3), 1, 2, Effort(0.01, 2, 2), Effort(0.01, 1, 1), {"VGG-6": 2, "VGG-16": 1})


# ------------------------------------------------------------------------------------------------------------- target


class Images(Dataset):
    """Images one by one, by Pillow and numpy: a random part, turned over or not, as normalised numbers."""

    def __init__(self, found: DataSet, count: int) -> None:
        self.images, self.labels = found.train.images[:count], np.asarray(found.train.labels[:count])
        self.side, self.mean, self.deviation = found.side, found.mean[0], found.deviation[0]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self.images[index])
        left, top = (int(torch.randint(size - self.side + 1, ())) for size in image.size)
        image = image.crop((left, top, left + self.side, top + self.side))
        if torch.rand(()) < 0.5:
            image = ImageOps.mirror(image)
        values = (np.asarray(image, np.float32) / 255 - self.mean) / self.deviation
        return torch.from_numpy(values[None]), int(self.labels[index])


@dataclass(frozen=True)
class Reached:
    """Where training is behind an epoch: seconds without tests, and accuracy."""

    seconds: float
    accuracy: float


def target(scale: Scale) -> Tables:
    """Time to the accuracy of a network that was trained without the loader and without pruning."""
    torch.set_num_threads(2)
    plan = scale.trained.plan()
    rows: list[Row] = []
    for experiment in plan.experiments():
        theirs = _theirs(experiment, scale.trained)
        ours = _ours(experiment, scale)
        first = next((each for each in ours if each.accuracy >= theirs.accuracy), None)
        best = first or max(ours, key=lambda each: each.accuracy)
        rows.append({
            "seed": experiment.seed, "its accuracy": theirs.accuracy, "its seconds": theirs.seconds,
            "our accuracy": best.accuracy, "our seconds": best.seconds, "reached": "yes" if first else "no",
            "of its time": best.seconds / theirs.seconds,
            **judged(first.seconds / theirs.seconds if first else math.inf, 1 / 2, 1 / 4, larger=False),
        })  # fmt: skip
    note = "where its accuracy is not reached, ours is the best, and the time is that of the best"
    yield Table(f"time to the accuracy of {scale.trained.epochs} epochs", rows, (*plan.notes(), note))


def _theirs(experiment: Experiment, scale: Trained) -> Reached:
    images = Images(experiment.plan.data, scale.images)
    loader = DataLoader(images, _BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    model = experiment.network()
    start = time.perf_counter()
    training.train(model, loader, scale.epochs, rate=RATE)
    return Reached(time.perf_counter() - start, experiment.accuracy(model))


def _ours(experiment: Experiment, scale: Scale) -> list[Reached]:
    """Train, prune, train on: where it is behind each epoch."""
    found: list[Reached] = []
    tests = 0.0

    def told(model: nn.Module, *_: object) -> None:
        nonlocal tests
        stopped = time.perf_counter()
        found.append(Reached(stopped - start - tests, experiment.accuracy(model)))
        tests += time.perf_counter() - stopped

    def trained(model: nn.Module, **bounds: int) -> None:
        note = functools.partial(told, model)
        training.train(model, experiment.loader, scale.cycle, rate=RATE, told=note, **bounds)

    model = experiment.network()
    _halved(model, experiment.calibration)  # compiles what is compiled once for a machine
    start = time.perf_counter()
    trained(model, last=scale.before)
    trained(_halved(model, experiment.calibration), first=scale.before)
    return found


def _halved(model: nn.Module, batches: Iterable[Any]) -> nn.Module:
    return compress.prune(model, batches, target={"macs": 0.5}, round_to=_ROUND_TO).model


# ---------------------------------------------------------------------------------------------------- half the products


def latency(scale: Scale) -> Tables:
    """Time of a call, on one thread."""
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name, (shape, make) in _NETWORKS.items():
        networks = _structures(make(), shape)
        for count in (1, 32):
            images = torch.randn(count, *shape)
            runs = {each: functools.partial(_call, found.model.eval(), images) for each, found in networks.items()}
            times = measure(runs, scale.latency)
            for each, found in _smaller(networks):
                goal = 1.6 if each == _ROUNDED else None
                rows.append({
                    "network": name, "batch": count, "channels": each, "of its products": found.share,
                    "whole, ms": 1e3 * times.middle(_WHOLE), "ms": 1e3 * times.middle(each),
                    **judged(times.ratio(_WHOLE, each), goal, None),
                })  # fmt: skip
    yield Table("a call of torch, one thread: times faster than the whole network", rows)


def epochs(scale: Scale) -> Tables:
    """Time of an epoch, on two threads, images by the loader."""
    torch.set_num_threads(2)
    rows: list[Row] = []
    for name, (shape, make) in _NETWORKS.items():
        networks = _structures(make(), shape)
        loader = _loader(shape, scale.batches[name])
        runs = {each: functools.partial(_epoch, found.model, loader) for each, found in networks.items()}
        times = measure(runs, scale.epochs)
        for each, found in _smaller(networks):
            of_time = times.ratio(each, _WHOLE)
            rows.append({
                "network": name, "channels": each, "of its products": found.share, "of its time": of_time,
                "whole, s": times.middle(_WHOLE), "s": times.middle(each),
                **judged(of_time / found.share, 1.3, None, larger=False),
            })  # fmt: skip
    yield Table(f"an epoch of batches of {_BATCH}: share of the time over share of the products", rows)


@dataclass(frozen=True)
class Structure:
    """A network, and its share of the products of the whole one."""

    model: nn.Module
    share: float


def _structures(model: nn.Module, shape: tuple[int, int, int]) -> dict[str, Structure]:
    """Give a network, and with half the products; how they are found does not matter for their time."""
    found = {_WHOLE: Structure(model, 1.0)}
    for name, round_to in ((_ROUNDED, _ROUND_TO), ("any", None)):
        pruned = compress.prune_at_initialization(model, shape, target={"macs": 0.5}, inputs=_NOISE, round_to=round_to)
        found[name] = Structure(pruned.model, pruned.report.after.macs / pruned.report.before.macs)
    return found


def _smaller(networks: dict[str, Structure]) -> Iterator[tuple[str, Structure]]:
    return ((name, found) for name, found in networks.items() if name != _WHOLE)


def _call(model: nn.Module, images: torch.Tensor) -> None:
    with torch.inference_mode():
        model(images)


def _epoch(model: nn.Module, loader: data.FilterLoader) -> None:
    training.train(model, loader, 1, rate=1e-3)


def _loader(shape: tuple[int, int, int], batches: int) -> data.FilterLoader:
    """Give images of nothing."""
    rng = np.random.default_rng(0)
    channels, height, width = shape
    images = rng.integers(0, 256, (batches * _BATCH, height, width, channels), np.uint8)
    steps = [t.RandomHorizontalFlip(), t.ToDtype("float32", scale=True)]
    labels = rng.integers(0, 10, len(images))
    return data.FilterLoader(data.ArraySource(images, labels), steps, _BATCH, threads=1, framework="torch")


SECTIONS: dict[str, Callable[[Scale], Tables]] = {"target": target, "latency": latency, "epochs": epochs}

if __name__ == "__main__":
    command.run("bench.speedup", __doc__, SECTIONS, FULL, QUICK)
