"""Sparsification: training that lets channels vanish, which principal components then do not count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from compress.network import operations, trace
from dsl.arguments import choice, number, whole

Penalty = Literal["group", "l1"]


@dataclass(frozen=True)
class Sparsify:
    """A penalty of weights while a network is trained, so that fewer of its channels are needed.

    This is our reading. The report on project 21K17768 speaks of principal components *and sparsification*, and lists
    several rates of compression at one share of the variance; it does not say how networks become sparse. Here the
    strength of the penalty sets the rate.

    What is penalised is all that makes a channel: its rows of weights in convolutions and linear layers, biases, and
    factor and shift of batch normalisation; of channels that go together those of all layers. Batch normalisation takes
    the scale of weights away, so a penalty of these alone would come to nothing; its factor is not taken away, and
    where it and the weights are zero no gradient comes back. Each step of gradients is followed by a proximal step, in
    which what would pass zero becomes zero: channels vanish to the bit. What a strength does grows with the steps and
    their rate, too.

    Attributes
    ----------
    strength : float
        The factor of the penalty beside the loss. With 0 there is none.
    penalty : str
        ``"group"``: of each channel the Euclidean norm, times the root of the number of layers that make it.
        ``"l1"``: of each weight the absolute value.
    epochs, rate : int, float
        Of the training that :func:`compress.prune` does before it counts: how long, and its largest rate.

    References
    ----------
    Wen, Wu, Wang, Chen, Li: Learning structured sparsity in deep neural networks. NIPS 2016.
    Parikh, Boyd: Proximal algorithms. 2014.
    """

    strength: float
    penalty: Penalty = "group"
    epochs: int = 4
    rate: float = 0.1

    def __post_init__(self) -> None:
        number(self.strength, "strength", 0)
        choice(self.penalty, "penalty", ("group", "l1"))
        whole(self.epochs, "epochs")
        number(self.rate, "rate", 0)

    def __str__(self) -> str:
        """Tell it in a line."""
        return f"{self.penalty} penalty of {self.strength:g}, epochs: {self.epochs}, rate: {self.rate:g}"


class Shrinkage:
    """The proximal steps of a penalty: what would pass zero becomes zero.

    Parameters
    ----------
    sparsify : Sparsify
        The penalty.
    model : nn.Module
        The network, whose weights are changed in each step.
    example : Tensor
        An input.
    """

    def __init__(self, sparsify: Sparsify, model: nn.Module, example: torch.Tensor) -> None:
        self._sparsify = sparsify
        channels = trace(model, example)
        thresholds = torch.zeros(channels.count)
        for group in channels.groups():
            layers = len(group.producers) if sparsify.penalty == "group" else 1
            thresholds[torch.from_numpy(group.numbers)] = math.sqrt(layers)
        self._thresholds = thresholds.to(example.device)
        self._rows: list[tuple[nn.Parameter, torch.Tensor]] = []
        for name in channels.read:
            module = channels.graph.get_submodule(name)
            if isinstance(module, (nn.Conv2d, nn.Linear, *operations.NORMS)):
                numbers = torch.from_numpy(channels.roots(channels.rows(name))).to(example.device)
                self._rows += [(parameter, numbers) for parameter in module.parameters(recurse=False)]

    def step(self, rate: float) -> None:
        """Shrink the weights, after a step of so large a rate."""
        thresholds = self._sparsify.strength * rate * self._thresholds
        with torch.no_grad():
            if self._sparsify.penalty == "group":
                self._shrink_channels(thresholds)
            else:
                for parameter, numbers in self._rows:
                    parameter.mul_(_kept(parameter.abs(), _along(thresholds[numbers], parameter)))

    def _shrink_channels(self, thresholds: torch.Tensor) -> None:
        squares = torch.zeros_like(thresholds)
        for parameter, numbers in self._rows:
            squares.index_add_(0, numbers, parameter.reshape(len(parameter), -1).square().sum(1))
        kept = _kept(squares.sqrt(), thresholds)
        for parameter, numbers in self._rows:
            parameter.mul_(_along(kept[numbers], parameter))


def _kept(sizes: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
    """Give the share of sizes that is beyond thresholds."""
    return torch.where(sizes > thresholds, 1 - thresholds / sizes.clamp(min=1e-30), 0)


def _along(values: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """Give a value for each row of a parameter, in as many axes."""
    return values.reshape(-1, *[1] * (parameter.ndim - 1))
