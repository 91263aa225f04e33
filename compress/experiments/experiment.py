"""What experiments have in common: networks, loaders, and trainings that go on where they were stopped."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

import data
from compress import training
from compress.experiments.datasets import DataSet
from compress.loading import pruned_once
from compress.models import VGG
from compress.pruning import Pruned, prune
from compress.pruning.search import Method
from dsl.arguments import number, whole
from schedules import targets

#: Called after each epoch: of which training, how many epochs of how many are done, and what the last one came to.
Told = Callable[[str, int, int, training.Epoch], None]
#: Epochs of the report: of networks that begin with random weights, and of those that inherit theirs.
LONG, SHORT = 200, 20
#: The largest rates of both.
RATE, GENTLE = 0.1, 0.03
_BATCH, _TESTED = 128, 1000
#: Images that feature maps are looked at for: of 2 x 2 pixels, there are twenty positions for each of 512 channels.
_CALIBRATION = 2560


@dataclass(frozen=True)
class Trained:
    """A network behind its training.

    Attributes
    ----------
    model : nn.Module
        The network.
    seconds : float
        Of its epochs; tests are not counted.
    top1, top5 : float
        The share of test images whose class is the first that the network gives, or among the first five.
    """

    model: nn.Module
    seconds: float
    top1: float
    top5: float


@dataclass(frozen=True)
class Plan:
    """How much an experiment trains, and with what.

    Attributes
    ----------
    data : DataSet
        Images and a network for them.
    seeds : int
        How often all of it is done.
    scale : float
        What the report's numbers of epochs are multiplied by, at least 0.01.
    images : int, optional
        The first so many of those for training; by default all.
    width : float
        Channels of the network, as a part of the usual ones.
    state : path, optional
        A folder where networks and states are kept: what is there is not done again, what was stopped goes on.
    told : function, optional
        Called after each epoch.
    """

    data: DataSet
    seeds: int = 3
    scale: float = 1.0
    images: int | None = None
    width: float = 1.0
    state: Path | None = None
    told: Told | None = None

    def __post_init__(self) -> None:
        whole(self.seeds, "seeds")
        number(self.scale, "scale", 0.01)
        number(self.width, "width", 0.01)
        whole(len(self.data.train) if self.images is None else self.images, "images", 2, len(self.data.train))

    def epochs(self, count: int) -> int:
        """Give as many epochs as there are of so many in the report."""
        return max(round(count * self.scale), 1)

    def experiments(self) -> Iterator[Experiment]:
        """Give an experiment for each seed."""
        return (Experiment(self, seed) for seed in range(self.seeds))

    def notes(self) -> tuple[str, ...]:
        """Tell what a reader of figures has to know."""
        used, given = self.images or len(self.data.train), len(self.data.train)
        found = [
            f"Data: {self.data.title}, {used} of {given} images for training, {len(self.data.test)} for testing; "
            f"seeds: {self.seeds}; figures are means, ± their standard deviation."
        ]
        if not self.data.title.startswith("CIFAR"):
            found.append("The report's figures are of CIFAR; these are not, and cannot be compared with them.")
        if (used, self.scale, self.width) != (given, 1, 1):
            found.append(f"Less than the report's: {self.scale:g} times its epochs, {self.width:g} times the channels.")
        found.append(f"Times are of this machine: {targets.host()}, {torch.get_num_threads()} threads.")
        return tuple(found)


class Experiment:
    """A data set and a seed: networks of random weights, their training and tests.

    Parameters
    ----------
    plan : Plan
        What is trained with.
    seed : int
        Weights, the order of images, and their random parts come from it.

    Attributes
    ----------
    loader, calibration, test : FilterLoader
        For training, for looking at feature maps, and for tests.
    """

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan, self.seed = plan, seed
        found = plan.data
        train = found.train if plan.images is None else _first(found.train, plan.images)
        self.loader = data.FilterLoader(
            train, found.varied, _BATCH, shuffle=True, seed=seed, threads=1, framework="torch"
        )
        next(iter(self.loader))  # compiles, which is no part of an epoch
        self.calibration = data.FilterLoader(_first(train, _CALIBRATION), found.plain, _BATCH, framework="torch")
        self.test = data.FilterLoader(found.test, found.plain, _TESTED, framework="torch")

    def network(self) -> VGG:
        """Give the network, with random weights."""
        torch.manual_seed(self.seed)
        return self.plan.data.network(self.plan.data.classes, len(self.plan.data.mean), self.plan.width)

    def anew(self, pruned: Pruned) -> VGG:
        """Give a network of as many channels as one that was pruned, with random weights."""
        return self.network().anew(layer.after for layer in pruned.report.layers)

    def dense(self) -> Trained:
        """Train the whole network, for as long as the report does."""
        return self.train("whole network", self.network(), self.plan.epochs(LONG))

    def retrained(self, pruned: Pruned, share: float) -> Trained:
        """Train a network on that a share of the parameters was removed from, for as long as the report does."""
        return self.train(
            f"{share:g} removed, {pruned.report.method}, re-trained", pruned.model, self.plan.epochs(SHORT), GENTLE
        )

    def train(self, name: str, model: nn.Module, epochs: int, rate: float = RATE) -> Trained:
        """Train a network, which is changed, and test it.

        Parameters
        ----------
        name : str
            What it is called in states and messages; different ones are called differently.
        model : nn.Module
            The network.
        epochs : int
            Of its training.
        rate : float
            The largest rate.
        """
        history = training.train(
            model, self.loader, epochs, rate=rate, checkpoint=self.kept(f"{name}.pt"), told=self.told(name, epochs)
        )
        return self.tested(model, sum(epoch.seconds for epoch in history))

    def tested(self, model: nn.Module, seconds: float) -> Trained:
        """Test a network whose training took so long."""
        return Trained(model, seconds, self.accuracy(model), self.accuracy(model, 5))

    def accuracy(self, model: nn.Module, top: int = 1) -> float:
        """Give the share of test images whose class is among the first that a network gives."""
        return training.accuracy(model, self.test, top)

    def pruned(self, dense: nn.Module, share: float, method: Method = "compensated") -> Pruned:
        """Remove a share of the parameters of the whole network, when it has been trained."""
        kept = self.kept(f"{share:g} removed, {method}.safetensors")
        target = {"params": share}
        return pruned_once(kept, lambda: prune(dense, self.calibration, target=target, method=method))

    def told(self, name: str, epochs: int) -> Callable[[int, training.Epoch], None] | None:
        """Give what is called after each epoch of a training."""
        told = self.plan.told
        if told is None:
            return None
        return lambda epoch, found: told(f"seed {self.seed}, {name}", epoch + 1, epochs, found)

    def kept(self, name: str) -> Path | None:
        """Give where something is kept: in a folder for all that decides about trainings but their names."""
        if self.plan.state is None:
            return None
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / name

    @functools.cached_property
    def _folder(self) -> Path:
        assert self.plan.state is not None
        decides = self.loader.fingerprint, self.plan.scale, self.plan.width
        digest = hashlib.sha256(repr(decides).encode()).hexdigest()
        return self.plan.state / f"{self.plan.data.title}, seed {self.seed}, {digest[:12]}"


def _first(source: data.ArraySource, count: int) -> data.ArraySource:
    return data.ArraySource(source.images[:count], np.asarray(source.labels[:count]))
