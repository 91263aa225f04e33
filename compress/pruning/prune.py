"""Pruning by principal components: they say how many channels a layer needs, the weights which."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from compress.network import trace
from compress.pruning import observing
from compress.pruning.report import Pruned
from compress.pruning.search import Method, Observed, Search
from compress.sparsity import Sparsify
from compress.training import train
from dsl.arguments import choice, number, whole


def prune(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    ratio: float = 0.99,
    target: Mapping[str, float] | None = None,
    method: Method = "compensated",
    round_to: int | None = None,
    observe: Observed = "conv",
    least: int = 4,
    sparsify: Sparsify | None = None,
) -> Pruned:
    """Remove channels of a trained network that its feature maps do not need.

    Principal components of each layer's feature maps say how many channels stay: as many as have the share ``ratio`` of
    the variance. The L1 norm of the weights that make a channel says which.

    Parameters
    ----------
    model : nn.Module
        A network that ``torch.fx`` can trace; it stays as it is.
    batches : iterable
        Inputs, as tensors or arrays (N, C, H, W), alone or with labels; they are gone through twice. There should be
        twenty positions of feature maps for each channel.
    ratio : float
        Above 0, up to 1.
    target : mapping, optional
        ``{"params": 0.45}`` or ``{"macs": 0.5}``: the share that is to be removed, for which the ratio is searched.
    method : str
        ``"paper"``: channels are removed, that is all. ``"compensated"``: those that stay take over what least squares
        lets them of the others', and batch normalisation is calibrated anew.
    round_to : int, optional
        Channels stay in multiples of it: vectors and matrix units like 8 or 16.
    observe : str
        Which feature maps: behind the convolution, its batch normalisation, or the ReLU after that.
    least : int
        Channels that stay at least.
    sparsify : Sparsify, optional
        A penalty with which a copy is trained first, so that fewer channels are needed: at one ``ratio`` its strength
        sets how much is removed. This is our reading of the report, which speaks of sparsification and does not say
        what it is. Batches carry labels then, and have a length.

    Returns
    -------
    Pruned
        ``model``, which is smaller, and ``report``.

    Raises
    ------
    ValueError
        If there are no batches, or ``sparsify`` is given and they carry no labels.
    UnsupportedError
        If an operation is not known, by name.

    References
    ----------
    Hirose, Maeda, Hamamoto: Pruning by principal component analysis and re-training. IWAIT 2024.
    """
    number(ratio, "ratio", 1e-6, 1)
    choice(method, "method", ("paper", "compensated"))
    choice(observe, "observe", ("conv", "bn", "relu"))
    whole(least, "least")
    whole(round_to if round_to is not None else 1, "round_to")
    again = observing.repeatable(batches)
    example = next(observing.inputs(again), None)
    if example is None:
        raise ValueError("batches are none")
    copied = copy.deepcopy(model)
    if sparsify is not None:
        _train(copied, again, sparsify)
    channels = trace(copied, example[:1])
    search = Search(channels, again, observe, method, round_to, least)
    found = search.result(ratio, target, example[:1], sparsify)
    if method == "compensated":
        observing.recalibrate(found.model, again)
    return found


def _train(model: nn.Module, batches: Iterable[Any], sparsify: Sparsify) -> None:
    """Train a network with a penalty."""
    first = next(iter(batches))
    if not isinstance(first, (tuple, list)) or len(first) != 2:
        raise ValueError(f"batches must be of (inputs, labels) for sparsify, not of {type(first).__name__}")
    before = model.training
    train(model, batches, sparsify.epochs, rate=sparsify.rate, sparsify=sparsify)
    model.train(before)
