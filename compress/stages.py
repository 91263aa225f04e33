"""Pruning in stages: before training by noise, after some epochs by what was learned, and on to the end."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from compress import training
from compress.loading import pruned_once
from compress.pruning import Pruned, prune, prune_at_initialization
from dsl.arguments import whole


@dataclass(frozen=True)
class Staged:
    """What became of a network, stage by stage.

    Attributes
    ----------
    model : nn.Module
        The network, trained to the end.
    before, between : Pruned
        What pruning before training gave, and pruning between its two parts.
    history : list of Epoch
        Of all epochs.
    """

    model: nn.Module
    before: Pruned
    between: Pruned
    history: list[training.Epoch]

    def save(self, path: str | Path) -> Path:
        """Write the network and the second report: see :meth:`Pruned.save`."""
        return self.between.save(path)

    def export(self, path: str | Path) -> Path:
        """Write the network to an ONNX file: see :meth:`Pruned.export`."""
        return self.between.export(path)


def staged(
    model: nn.Module,
    loader: Any,
    input_shape: Sequence[int],
    *,
    epochs: int = 200,
    pruned_after: int = 30,
    first: float | Mapping[str, float] = 0.99,
    second: float | Mapping[str, float] = 0.99,
    calibration: Any = None,
    rate: float = 0.1,
    checkpoint: str | Path | None = None,
    told: Callable[[int, training.Epoch], None] | None = None,
) -> Staged:
    """Prune a network in stages, and train it.

    Its structure comes from noise (:func:`compress.prune_at_initialization`); after some epochs its channels are chosen
    by what it has learned (:func:`compress.prune`); then it is trained to the end of the same cycle of rates.

    Parameters
    ----------
    model : nn.Module
        A network with its initial weights; it stays as it is.
    loader : FilterLoader or iterable
        Training data: see :func:`compress.training.train`.
    input_shape : sequence of int
        Of one input, (C, H, W).
    epochs, pruned_after : int
        Of the whole training, and before the second pruning: 200 and 30 in the source.
    first, second : float or mapping
        The ratio, or the target, of each pruning.
    calibration : iterable, optional
        Inputs for the second pruning; by default those of the loader.
    rate : float
        The largest rate of the training.
    checkpoint : path, optional
        A folder where both pruned networks and the states of their trainings are kept. What is there is not done again.
    told : function, optional
        Called after each epoch with its number and what it came to.

    References
    ----------
    Maeda: Report on project 21K17768, 2023.
    """
    whole(epochs, "epochs", 2)
    whole(pruned_after, "pruned_after", 1, epochs - 1)
    seen = loader if calibration is None else calibration

    def kept(name: str) -> Path | None:
        return None if checkpoint is None else Path(checkpoint) / name

    def part(found: Pruned, name: str, first: int, last: int) -> list[training.Epoch]:
        return training.train(
            found.model, loader, epochs, rate=rate, first=first, last=last, checkpoint=kept(name), told=told
        )

    of_noise = functools.partial(prune_at_initialization, model, input_shape, **_wanted(first))
    before = pruned_once(kept("before.safetensors"), of_noise)
    history = part(before, "before.pt", 0, pruned_after)
    of_inputs = functools.partial(prune, before.model, seen, **_wanted(second))
    between = pruned_once(kept("between.safetensors"), of_inputs)
    history += part(between, "between.pt", pruned_after, epochs)
    return Staged(between.model, before, between, history)


def _wanted(given: float | Mapping[str, float]) -> dict[str, Any]:
    return {"target": given} if isinstance(given, Mapping) else {"ratio": given}
