"""A plain training loop for classification: stochastic gradients, one cycle of rates, states to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from compress.keeping import replaced
from compress.sparsity import Shrinkage, Sparsify
from dsl.arguments import number, whole

#: Of gradients, and of weights' squares: those of networks for CIFAR.
_MOMENTUM, _DECAY = 0.9, 5e-4


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Attributes
    ----------
    loss : float
        Mean over its batches.
    accuracy : float
        The share of inputs that were told right while training.
    seconds : float
        That it took, batches included.
    """

    loss: float
    accuracy: float
    seconds: float = field(compare=False)


def train(
    model: nn.Module,
    loader: Any,
    epochs: int,
    *,
    rate: float = 0.1,
    first: int = 0,
    last: int | None = None,
    checkpoint: str | Path | None = None,
    told: Callable[[int, Epoch], None] | None = None,
    sparsify: Sparsify | None = None,
) -> list[Epoch]:
    """Train a network.

    Parameters
    ----------
    model : nn.Module
        The network, which is changed.
    loader : FilterLoader or iterable
        Gives batches of inputs and labels, as tensors; anew for every epoch. It has a length.
    epochs : int
        Of the whole cycle of rates.
    rate : float
        The largest rate.
    first, last : int
        The part of the cycle that is trained: from an epoch on, up to another; by default all.
    checkpoint : path, optional
        Where the state is kept after each epoch. If it is there, training goes on from it.
    told : function, optional
        Called after each epoch with its number and what it came to.
    sparsify : Sparsify, optional
        A penalty under which channels become zero; of epochs and rates those of this function count.

    Returns
    -------
    list of Epoch
        Of all epochs from ``first`` on, those before a checkpoint too.

    Raises
    ------
    UnsupportedError
        If channels are to become zero, and cannot be followed through the network.
    """
    whole(epochs, "epochs")
    number(rate, "rate", 0)
    whole(first, "first", 0, epochs)
    end = epochs if last is None else whole(last, "last", first, epochs)
    optimizer = torch.optim.SGD(model.parameters(), rate, _MOMENTUM, weight_decay=_DECAY, nesterov=True)
    steps = len(loader)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * steps)
    for _ in range(first * steps):
        optimizer.step()  # nothing: there are no gradients yet; schedulers warn without
        scheduler.step()
    history = list[Epoch]()
    if checkpoint is not None and Path(checkpoint).exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        history = [Epoch(**each) for each in state["history"]]
    for epoch in range(first + len(history), end):
        if hasattr(loader, "set_epoch"):
            loader.set_epoch(epoch)
        history.append(_epoch(model, loader, optimizer, scheduler, sparsify))
        if checkpoint is not None:
            states = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "history": [asdict(each) for each in history],
            }
            with replaced(checkpoint) as beside:
                torch.save(states, beside)
        if told is not None:
            told(epoch, history[-1])
    return history


def _epoch(model: nn.Module, loader: Any, optimizer: Any, scheduler: Any, sparsify: Sparsify | None) -> Epoch:
    model.train()
    start = time.perf_counter()
    total, right, count, batches = 0.0, 0, 0, 0
    shrinkage: Shrinkage | None = None
    for batch in loader:
        images, labels = (torch.as_tensor(each) for each in batch)
        if sparsify is not None and shrinkage is None:
            shrinkage = Shrinkage(sparsify, model, images[:1])
        results = model(images)
        loss = nn.functional.cross_entropy(results, labels.long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if shrinkage is not None:  # by as much as gradients do that momentum repeats
            shrinkage.step(optimizer.param_groups[0]["lr"] / (1 - _MOMENTUM))
        scheduler.step()
        total, batches = total + float(loss.detach()), batches + 1
        right, count = right + int((results.argmax(1) == labels).sum()), count + len(labels)
    return Epoch(total / max(batches, 1), right / max(count, 1), time.perf_counter() - start)


def accuracy(model: nn.Module, loader: Any, top: int = 1) -> float:
    """Give the share of a loader's inputs that a network tells right.

    Parameters
    ----------
    model : nn.Module
        The network.
    loader : FilterLoader or iterable
        Gives batches of inputs and labels, as tensors.
    top : int
        An input counts as right if its label is among so many classes that the network gives the largest numbers.

    Raises
    ------
    ValueError
        If the loader gives no inputs.
    """
    return accuracies([model], loader, top)[0]


def accuracies(models: Sequence[nn.Module], loader: Any, top: int = 1) -> list[float]:
    """Give the accuracies of some networks; the loader is gone through once."""
    whole(top, "top")
    modes, right, count = [model.training for model in models], [0] * len(models), 0
    for model in models:
        model.eval()
    with torch.no_grad():
        for images, labels in loader:
            for i, model in enumerate(models):
                results = model(images)
                found = results.topk(min(top, results.shape[1]), dim=1).indices
                right[i] += int((found == labels[:, None]).sum())
            count += len(labels)
    for model, mode in zip(models, modes, strict=True):
        model.train(mode)
    if not count:
        raise ValueError("loader gives no inputs")
    return [each / count for each in right]
