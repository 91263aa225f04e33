"""What is known of a network's operations: those that leave channels where they are, and those that join tensors."""

from __future__ import annotations

import operator

import torch
import torch.nn.functional as F  # noqa: N812 (as everybody writes it)
from torch import nn

#: Modules whose results have the channels of what they are given.
SAME: tuple[type[nn.Module], ...] = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh,
    nn.Dropout, nn.Dropout2d, nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d,
    nn.Upsample,
)  # fmt: skip
#: Functions, and methods of tensors by name, that do so, too.
SAME_FUNCTIONS = (
    F.relu, F.relu6, F.leaky_relu, F.elu, F.gelu, F.silu, F.hardswish, F.hardsigmoid, F.dropout, F.max_pool2d,
    F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d, F.interpolate, torch.relu, torch.sigmoid, torch.tanh,
    torch.clamp, operator.neg,
)  # fmt: skip
SAME_METHODS = ("relu", "sigmoid", "tanh", "clamp", "contiguous", "float")
#: Element by element, of two tensors or of one and a number.
JOINING = (operator.add, operator.iadd, operator.sub, operator.mul, operator.imul, torch.add, torch.sub, torch.mul)
JOINING_METHODS = ("add", "add_", "sub", "mul", "mul_")
#: What tells sizes.
SIZES = ("size", "shape", "dim", "ndim", "numel", "dtype", "device")
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
