"""What removed channels did, done by those that stay: least squares, from second moments.

With x what a layer reads, of which K stays and D goes, D is about ``B' K + c``. So the layer's weights of K take those
of D, times B; and what c makes is a constant of each result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from compress.kernels import Moments
from compress.network import add_constant

#: What is added to variances, as a part of their mean, so that channels that are alike do no harm.
_RIDGE = 1e-6


def regression(moments: Moments, kept: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give B, of shape (kept, removed), and c, (removed,)."""
    covariance, mean = moments.covariance, moments.mean
    own = covariance[np.ix_(kept, kept)]
    ridge = _RIDGE * max(float(np.trace(own)) / max(len(own), 1), 1e-30)
    share: NDArray[Any] = np.linalg.solve(own + ridge * np.eye(len(own)), covariance[np.ix_(kept, ~kept)])
    return share, mean[~kept] - share.T @ mean[kept]


def compensate(graph: fx.GraphModule, node: fx.Node, moments: Moments, kept: NDArray[np.bool_]) -> None:
    """Change the weights of a layer, before channels that it reads are removed."""
    module = graph.get_submodule(str(node.target))
    assert isinstance(module, (nn.Conv2d, nn.Linear))
    share, rest = regression(moments, kept)
    weight = module.weight.detach().double()
    # Of a linear layer behind a flattened tensor the features of a channel lie side by side.
    parts = weight.reshape(len(weight), len(kept), -1).numpy()
    moved = parts.copy()
    moved[:, kept] += np.einsum("odt,kd->okt", parts[:, ~kept], share)
    constant = np.einsum("odt,d->o", parts[:, ~kept], rest)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(moved).reshape(weight.shape))
    add_constant(graph, node, torch.from_numpy(constant).to(module.weight))
