"""VGG with batch normalisation, as it is used for CIFAR: one linear layer behind the last pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

#: Channels of each convolution; "M": the largest of 2 x 2 pixels.
Widths = Sequence[int | Literal["M"]]
_SIXTEEN: Widths = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


class VGG(nn.Module):
    """Convolutions of 3 x 3, each with batch normalisation and ReLU; then the mean of what is left, and a linear layer.

    Parameters
    ----------
    widths : sequence
        Channels of the convolutions, and ``"M"`` where pixels are halved.
    classes : int
        Results.
    channels : int
        Of images.
    """

    def __init__(self, widths: Widths, classes: int, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width in widths:
            if width == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                before = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give a number for each class, (N, classes), of images (N, C, H, W)."""
        return self.classifier(torch.flatten(self.pool(self.features(images)), 1))


def vgg16_bn(classes: int = 10, channels: int = 3, width: float = 1.0) -> VGG:
    """Make a VGG-16; of ``width`` times as many channels as usual."""
    return VGG([each if each == "M" else max(round(each * width), 1) for each in _SIXTEEN], classes, channels)
