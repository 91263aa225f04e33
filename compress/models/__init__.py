"""Networks for images of 32 x 32 pixels."""

from __future__ import annotations

from compress.models.resnet import ResNet, resnet
from compress.models.vgg import VGG, vgg6_bn, vgg16_bn

__all__ = ["VGG", "ResNet", "resnet", "vgg6_bn", "vgg16_bn"]
