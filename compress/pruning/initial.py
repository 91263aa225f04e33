"""Pruning before training: what principal components of noise, gone through a fresh network, say of its layers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from compress.network import trace
from compress.pruning.report import Pruned
from compress.pruning.search import Observed, Search
from dsl.arguments import choice, number, whole


def prune_at_initialization(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    ratio: float = 0.99,
    target: Mapping[str, float] | None = None,
    inputs: int = 2560,
    batch_size: int = 128,
    seed: int = 0,
    round_to: int | None = None,
    observe: Observed = "conv",
    least: int = 4,
) -> Pruned:
    """Give the smaller structure that a network needs, before it has been trained.

    Numbers of a normal distribution go forward through it, batch normalisation by the statistics of each batch, and
    principal components of the feature maps are counted as :func:`compress.prune` does. Counts are all that comes of
    it: which channels stay does not matter among random ones, and those that do keep their initial weights.

    Parameters
    ----------
    model : nn.Module
        A network with its initial weights; it stays as it is.
    input_shape : sequence of int
        Of one input, (C, H, W).
    ratio : float
        The share of the variance, above 0, up to 1.
    target : mapping, optional
        ``{"params": 0.45}`` or ``{"macs": 0.5}``: the share that is to be removed, for which the ratio is searched.
    inputs : int
        Random inputs. Of deep layers, whose feature maps are of few pixels, too few make too few channels.
    batch_size : int
        Inputs that go through together.
    seed : int
        What they are drawn from.
    round_to, observe, least
        As of :func:`compress.prune`.

    Returns
    -------
    Pruned
        ``model``, which is smaller and not trained, and ``report``.

    References
    ----------
    Maeda: Report on project 21K17768, 2023.
    """
    number(ratio, "ratio", 1e-6, 1)
    choice(observe, "observe", ("conv", "bn", "relu"))
    whole(inputs, "inputs")
    whole(batch_size, "batch_size", 2)
    if len(input_shape) != 3:
        raise ValueError(f"input_shape must be (C, H, W), not {tuple(input_shape)}")
    example = torch.zeros(1, *input_shape)
    channels = trace(copy.deepcopy(model), example)

    def batches() -> Iterator[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        for first in range(0, inputs, batch_size):
            yield torch.randn(min(batch_size, inputs - first), *input_shape, generator=generator)

    search = Search(channels, batches(), observe, "paper", round_to, least, training=True)
    found = search.result(ratio, target, example)
    for module in found.model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()  # which are those of noise
    return found
