"""VGG with batch normalisation, as it is used for CIFAR: one linear layer behind the last pooling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import torch
from torch import nn

#: Channels of each convolution; "M": the largest of 2 x 2 pixels.
Widths = Sequence[int | Literal["M"]]
_SIX: Widths = (16, 32, "M", 48, 48, "M", 64, 64)
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
        self.widths, self.classes, self.channels = tuple(widths), classes, channels
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

    def anew(self, counts: Iterable[int]) -> VGG:
        """Make one with as many channels in each convolution as are given, and new weights."""
        left = iter(counts)
        return VGG([each if each == "M" else next(left) for each in self.widths], self.classes, self.channels)


def vgg16_bn(classes: int = 10, channels: int = 3, width: float = 1.0) -> VGG:
    """Make a VGG-16; of ``width`` times as many channels as usual."""
    return VGG(_scaled(_SIXTEEN, width), classes, channels)


def vgg6_bn(classes: int = 10, channels: int = 1, width: float = 1.0) -> VGG:
    """Make a VGG of six convolutions of 16 to 64 channels, for small gray images; or ``width`` times as many."""
    return VGG(_scaled(_SIX, width), classes, channels)


def _scaled(widths: Widths, width: float) -> Widths:
    return [each if each == "M" else max(round(each * width), 1) for each in widths]
