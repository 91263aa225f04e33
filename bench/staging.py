"""Pruning in stages on Fashion-MNIST: ``python -m bench.staging`` (a quarter of an hour on two cores, idle ones).

A small VGG loses most of its parameters in three ways. *Train, then prune*: it is trained as it is, pruned, and trained
on for a little. *Staged*: pruned before training by noise, after some epochs by what it has learned, and trained to the
end of as many epochs (:func:`compress.staged`). *Structures* of uniform width, by SNIP and by SynFlow
(``bench/structures.py``) are trained for the operations that the staged network took, to the nearest epoch. Every
figure is the mean over several seeds. ``--quick`` for one seed and few images.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

import compress
from bench import command, structures
from bench.pruning import Scale
from bench.tables import Row, Table, judged
from compress.experiments import Experiment, spread
from compress.experiments.experiment import GENTLE
from compress.network import costs

_EXAMPLE = torch.zeros(1, 1, 26, 26)
_TOTALS = (0.8, 0.9)
_DENSE, _STAGED = "train, then prune", "staged"
Structure = Callable[[nn.Module, Experiment, Mapping[str, float]], nn.Module]
_STRUCTURES: dict[str, Structure] = {
    "uniform width": lambda model, _, target: structures.uniform(model, _EXAMPLE, target),
    "SNIP": lambda model, experiment, target: structures.snip(model, experiment.calibration, target),
    "SynFlow": lambda model, _, target: structures.synflow(model, _EXAMPLE, target),
}


@dataclass(frozen=True)
class Outcome:
    """What a way came to.

    Attributes
    ----------
    accuracy : float
        Of the test images, in %.
    params, macs : float
        What is left, of the dense network's.
    operations : int
        Of all training: three times the MACs, for gradients take two passes more, of every image of every epoch.
    """

    accuracy: float
    params: float
    macs: float
    operations: int


class Contest:
    """The ways, for one seed; the dense network is trained once."""

    def __init__(self, scale: Scale, experiment: Experiment) -> None:
        self.scale, self.experiment = scale, experiment
        self.whole = experiment.dense()
        self.dense = costs(self.whole.model, _EXAMPLE)

    def operations(self, macs: int, epochs: int) -> int:
        """Count what epochs take."""
        return 3 * macs * self.scale.images * epochs

    def outcome(self, model: nn.Module, operations: int) -> Outcome:
        """Test a network at the end of its training."""
        left = costs(model, _EXAMPLE)
        accuracy = 100 * self.experiment.accuracy(model)
        return Outcome(accuracy, left.params / self.dense.params, left.macs / self.dense.macs, operations)

    def pruned_afterwards(self, total: float) -> Outcome:
        """Prune the trained network, and train it for a quarter of its epochs."""
        pruned = self.experiment.pruned(self.whole.model, total)
        more = max(self.scale.epochs // 4, 1)
        self.experiment.train("pruned afterwards", pruned.model, more, GENTLE)
        spent = self.operations(self.dense.macs, self.scale.epochs) + self.operations(pruned.report.after.macs, more)
        return self.outcome(pruned.model, spent)

    def staged(self, total: float) -> Outcome:
        """Prune in stages, of which each removes the same share of what is there."""
        epochs, share = self.scale.epochs, 1 - (1 - total) ** 0.5
        first = max(round(0.15 * epochs), 1)  # the report's: 30 of 200
        found = compress.staged(
            self.experiment.network(), self.experiment.loader, _EXAMPLE.shape[1:], epochs=epochs, pruned_after=first,
            first={"params": share}, second={"params": share}, calibration=self.experiment.calibration,
        )  # fmt: skip
        before, after = found.before.report.after.macs, found.between.report.after.macs
        return self.outcome(found.model, self.operations(before, first) + self.operations(after, epochs - first))

    def structure(self, make: Structure, total: float, operations: int) -> Outcome:
        """Train a structure for about so many operations."""
        model = make(self.experiment.network(), self.experiment, {"params": total})
        macs = costs(model, _EXAMPLE).macs
        epochs = max(round(operations / self.operations(macs, 1)), 1)
        self.experiment.train("structure", model, epochs)
        return self.outcome(model, self.operations(macs, epochs))

    def outcomes(self, total: float) -> dict[str, Outcome]:
        """Go all ways to a share of parameters that is removed in all."""
        found = {_DENSE: self.pruned_afterwards(total), _STAGED: self.staged(total)}
        spent = found[_STAGED].operations
        return found | {name: self.structure(make, total, spent) for name, make in _STRUCTURES.items()}


def staging(scale: Scale) -> Iterator[Table]:
    """Let the ways compete, for every seed."""
    torch.set_num_threads(2)
    found: dict[float, list[dict[str, Outcome]]] = {total: [] for total in _TOTALS}
    dense = []
    for experiment in scale.plan().experiments():
        contest = Contest(scale, experiment)
        dense.append(100 * contest.whole.top1)
        for total in _TOTALS:
            found[total].append(contest.outcomes(total))
    yield Table(
        f"Fashion-MNIST, {scale.images} images, {scale.epochs} epochs, {scale.seeds} seeds: accuracy in %",
        [_row(total, name, seeds) for total, seeds in found.items() for name in seeds[0]],
        (
            f"dense: {statistics.mean(dense):.2f}, spread {spread(dense):.2f}",
            "operations: of training, of those of train, then prune; without what choosing channels takes",
        ),
    )
    yield Table("what was asked for", [row for total, seeds in found.items() for row in _judged(total, seeds)])


def _row(total: float, name: str, seeds: Sequence[Mapping[str, Outcome]]) -> Row:
    accuracies = [each[name].accuracy for each in seeds]
    return {
        "wanted": f"{total:.0%}",
        "way": name,
        "accuracy": statistics.mean(accuracies),
        "spread": spread(accuracies),
        "removed": 1 - statistics.mean(each[name].params for each in seeds),
        "MACs left": statistics.mean(each[name].macs for each in seeds),
        "operations": _operations(name, seeds),
    }


def _operations(name: str, seeds: Sequence[Mapping[str, Outcome]]) -> float:
    """Give the operations of a way, of those of train, then prune."""
    return statistics.mean(each[name].operations / each[_DENSE].operations for each in seeds)


def _judged(total: float, seeds: Sequence[Mapping[str, Outcome]]) -> Iterator[Row]:
    """Give the figures that have goals."""

    def lead(other: str) -> float:
        return statistics.mean(each[_STAGED].accuracy - each[other].accuracy for each in seeds)

    yield {"": f"{total:.0%}: points lost to train, then prune", **judged(-lead(_DENSE), 1, 0, larger=False)}
    yield {"": f"{total:.0%}: its training operations", **judged(_operations(_STAGED, seeds), 0.7, 0.5, larger=False)}
    for name in _STRUCTURES:
        yield {"": f"{total:.0%}: points gained over {name}", **judged(lead(name), 0, 1)}


if __name__ == "__main__":
    command.run("bench.staging", __doc__, {"staging": staging}, Scale(images=7000), Scale(1, 1000, 3))
