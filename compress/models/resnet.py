"""Residual networks for CIFAR: three stages of 16, 32 and 64 channels (He et al., 2015)."""

from __future__ import annotations

import torch
from torch import nn


class _Block(nn.Module):
    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != width:
            self.shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(inner + self.shortcut(x))


class ResNet(nn.Module):
    """A residual network.

    Parameters
    ----------
    blocks : int
        Of each of the three stages.
    classes : int
        Results.
    channels : int
        Of images.
    width : int
        Channels of the first stage.
    """

    def __init__(self, blocks: int, classes: int, channels: int = 3, width: int = 16) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        layers: list[nn.Module] = []
        before = width
        for stage in range(3):
            for block in range(blocks):
                layers.append(_Block(before, width << stage, 2 if stage and block == 0 else 1))
                before = width << stage
        self.layers = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give a number for each class, (N, classes), of images (N, C, H, W)."""
        x = self.layers(self.relu(self.bn(self.conv(images))))
        return self.classifier(torch.flatten(self.pool(x), 1))


def resnet(depth: int = 20, classes: int = 10, channels: int = 3) -> ResNet:
    """Make a residual network of so many layers: 20, 32, 44, 56, ...

    Raises
    ------
    ValueError
        If no network has that depth.
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"depth must be 6 n + 2, such as 20 or 56, not {depth}")
    return ResNet((depth - 2) // 6, classes, channels)
