"""Pruning on Fashion-MNIST: ``python -m bench.pruning`` (a quarter of an hour on two cores, which should be idle).

A small VGG is trained on a part of the images, pruned, and trained on for a little; over several seeds, of which every
figure is the mean with its spread. ``--quick`` for one seed and few images. The report's tables are of CIFAR: these are
not.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from bench import command
from bench.tables import Row, Table, judged
from compress.experiments import Plan, read, spread
from compress.experiments.experiment import GENTLE, LONG


@dataclass(frozen=True)
class Scale:
    """How much is trained."""

    seeds: int = 3
    images: int = 20_000
    epochs: int = 12

    def plan(self) -> Plan:
        """Give what experiments with Fashion-MNIST are made with."""
        return Plan(read(), self.seeds, self.epochs / LONG, self.images)


QUICK = Scale(1, 3000, 2)


def pruning(scale: Scale) -> Iterator[Table]:
    """Train, prune and train on, for every seed."""
    torch.set_num_threads(2)
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    plan = scale.plan()
    for experiment in plan.experiments():
        dense = experiment.dense()
        note("dense, accuracy", dense.top1)
        note("dense, seconds an epoch", dense.seconds / scale.epochs)
        for share in (0.45, 0.78, 0.89):
            for method in ("paper", "compensated"):
                pruned = experiment.pruned(dense.model, share, method)
                name = f"{share:.0%} removed, {method}"
                before = experiment.accuracy(pruned.model) / dense.top1
                note(f"{name}: share of the accuracy before training", before)
                note(f"{name}: MACs", pruned.report.after.macs / pruned.report.before.macs)
                one = experiment.train(name, pruned.model, 1, GENTLE)
                note(f"{name}: seconds an epoch", one.seconds)
                note(f"{name}: points lost after one epoch", 100 * (dense.top1 - one.top1))
        again = experiment.train("again", experiment.pruned(dense.model, 0.45).model, 2, GENTLE)
        note("45% removed, two epochs: points lost", 100 * (dense.top1 - again.top1))
        note("45% removed, two epochs: time of training, of the dense one's", again.seconds / dense.seconds)
    rows = [{"": name, "mean": statistics.mean(each), "spread": spread(each)} for name, each in found.items()]
    yield Table(plan.notes()[0], rows)
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


SECTIONS: dict[str, Callable[[Scale], Iterator[Table]]] = {"pruning": pruning}

if __name__ == "__main__":
    command.run("bench.pruning", __doc__, SECTIONS, Scale(), QUICK)
