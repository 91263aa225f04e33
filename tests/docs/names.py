"""What the pages' examples speak of without making it: pages import it in a comment that readers do not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import data
import filters
from filters import images
from schedules import NativeError

#: (128, 160, 3) uint8.
photo = np.ascontiguousarray(images.read(data.sample("coffee")).array[100:228, 220:380, :3])
#: (128, 160) float32, 0 to 255.
gray = (photo @ np.array([0.299, 0.587, 0.114])).astype(np.float32)
#: (128, 160) float32: noisy distances of the cup and of what is behind it.
depth = np.where(gray > 120, 40, 90).astype(np.float32) + np.random.default_rng(0).normal(0, 4, gray.shape).astype("f4")


def write_photos(folder: str | Path, count: int = 8) -> None:
    """Write a folder of small photographs in two classes, as ``data.ImageFolder`` reads."""
    for i in range(count):
        path = Path(folder) / ("cup", "table")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, np.roll(photo, 9 * i, axis=1))


def has_opencl() -> bool:
    """Tell whether there is an OpenCL device, by using it."""
    try:
        filters.box(gray[:8, :8], 1, target="host-opencl")
    except NativeError:
        return False
    return True


def small_network() -> Any:
    """Make a VGG for images of three channels, with weights by chance; torch is needed."""
    import torch

    from compress import models

    torch.manual_seed(0)
    return models.vgg6_bn(channels=3).eval()


def small_batches(labels: bool = False) -> list[Any]:
    """Give what the small network takes: two batches of 16 images by chance; with labels, pairs of tensors."""
    import torch

    chance = torch.Generator().manual_seed(0)
    images = torch.randn(2, 16, 3, 32, 32, generator=chance)
    classes = torch.randint(10, (2, 16), generator=chance)
    return list(zip(images, classes, strict=True)) if labels else list(images)
