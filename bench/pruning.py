"""Pruning on Fashion-MNIST: ``python -m bench.pruning`` (a quarter of an hour on two cores, which should be idle).

A small VGG is trained on a part of the images, pruned, and trained on for a little; over several seeds, of which every
figure is the mean with its spread. ``--quick`` for one seed and few images. The report's tables are of CIFAR: these are
not.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

import compress
import data
from bench.convolution import machine
from bench.loading import FASHION
from bench.report import Row, Table, judged, spread
from compress import training
from compress.models import VGG
from data import transforms as t

_WIDTHS: tuple[Any, ...] = (16, 32, "M", 48, 48, "M", 64, 64)
_STEPS = [t.ToDtype("float32", scale=True), t.Normalize(0.286, 0.353)]
_BATCH = 128


@dataclass(frozen=True)
class Scale:
    """How much is trained."""

    seeds: int = 3
    images: int = 20_000
    epochs: int = 12


class Experiment:
    """A network trained with a seed, and what can be done with it."""

    def __init__(self, scale: Scale, seed: int) -> None:
        self.scale, self.seed = scale, seed
        source = data.IdxSource.folder(FASHION, train=True)
        few = data.ArraySource(source.images[: scale.images], np.asarray(source.labels[: scale.images]))
        steps = [t.RandomCrop(26), t.RandomHorizontalFlip(), *_STEPS]
        self.loader = data.FilterLoader(few, steps, _BATCH, shuffle=True, seed=seed, threads=1, framework="torch")
        calibration = data.ArraySource(source.images[:2048], np.asarray(source.labels[:2048]))
        middle = [t.CenterCrop(26), *_STEPS]
        self.calibration = data.FilterLoader(calibration, middle, _BATCH, framework="torch")
        self.test = data.FilterLoader(data.IdxSource.folder(FASHION, train=False), middle, 1000, framework="torch")
        self.dense = self.fresh()
        self.seconds = self.train(self.dense, scale.epochs, 0.1)
        self.accuracy = self.test_of(self.dense)

    def fresh(self) -> VGG:
        """Give the network with its initial weights."""
        torch.manual_seed(self.seed)
        return VGG(_WIDTHS, 10, 1)

    def train(self, model: nn.Module, epochs: int, rate: float) -> float:
        """Train a network; give the seconds that it took."""
        start = time.perf_counter()
        training.train(model, self.loader, epochs, rate=rate)
        return time.perf_counter() - start

    def test_of(self, model: nn.Module) -> float:
        """Give the share of test images that a network tells right."""
        return training.accuracy(model, self.test)

    def pruned(self, share: float, method: Any) -> compress.Pruned:
        """Prune the trained network."""
        return compress.prune(self.dense, self.calibration, target={"params": share}, method=method)


def tables(scale: Scale) -> Iterator[Table]:
    """Train, prune and train on, for every seed."""
    torch.set_num_threads(2)
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for seed in range(scale.seeds):
        trained = Experiment(scale, seed)
        note("dense, accuracy", trained.accuracy)
        note("dense, seconds an epoch", trained.seconds / scale.epochs)
        for share in (0.45, 0.78, 0.89):
            for method in ("paper", "compensated"):
                pruned = trained.pruned(share, method)
                name = f"{share:.0%} removed, {method}"
                note(f"{name}: share of the accuracy before training", trained.test_of(pruned.model) / trained.accuracy)
                note(f"{name}: MACs", pruned.report.after.macs / pruned.report.before.macs)
                one = trained.train(pruned.model, 1, 0.03)
                note(f"{name}: seconds an epoch", one)
                note(f"{name}: points lost after one epoch", 100 * (trained.accuracy - trained.test_of(pruned.model)))
        again = trained.pruned(0.45, "compensated").model
        spent = trained.train(again, 2, 0.03)
        note("45% removed, two epochs: points lost", 100 * (trained.accuracy - trained.test_of(again)))
        note("45% removed, two epochs: time of training, of the dense one's", spent / trained.seconds)
    rows = [{"": name, "mean": statistics.mean(each), "spread": spread(each)} for name, each in found.items()]
    yield Table(f"Fashion-MNIST, {scale.images} images, dense {scale.epochs} epochs, {scale.seeds} seeds", rows)
    yield Table("what was asked for", list(_judged(found)))


def _judged(found: dict[str, list[float]]) -> Iterator[Row]:
    """Give the figures that have goals."""

    def mean(name: str) -> float:
        return statistics.mean(found[name])

    def gain(share: str) -> float:
        lost = [mean(f"{share} removed, {m}: points lost after one epoch") for m in ("paper", "compensated")]
        return lost[0] - lost[1]

    yield {
        "": "points lost, 45 %, two epochs",
        **judged(mean("45% removed, two epochs: points lost"), 1.5, 0.5, larger=False),
    }
    time_share = mean("45% removed, two epochs: time of training, of the dense one's")
    yield {"": "its time of training", **judged(time_share, 1 / 10, 1 / 15, larger=False)}
    before = mean("45% removed, compensated: share of the accuracy before training")
    yield {"": "accuracy before training, 45 %", **judged(before, 0.7, 0.9)}
    yield {"": "points gained over paper, 78 %", **judged(gain("78%"), 2, 3)}
    yield {"": "points gained over paper, 89 %", **judged(gain("89%"), 5, 10)}


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.pruning", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed and few images: no figures to quote")
    options = parser.parse_args(arguments)
    print("  ".join(f"{key} {value}" for key, value in machine().items()))
    for table in tables(Scale(1, 3000, 2) if options.quick else Scale()):
        print(table, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
