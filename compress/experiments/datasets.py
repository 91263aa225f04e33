"""Data sets to train with: images, what happens to them, and the network that fits them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import data
from compress.models import VGG, vgg6_bn, vgg16_bn
from data import transforms as t
from data.sources import FASHION_MNIST

Name = Literal["fashion-mnist", "cifar10", "cifar100"]
#: Pixels that are put around images of CIFAR, so that a random part is as large as they are.
_PADDING = 4


@dataclass(frozen=True)
class DataSet:
    """Images to learn from and to be tested by.

    Attributes
    ----------
    title : str
        Its name.
    train, test : ArraySource
        Images and labels.
    side : int
        Pixels of a side of what the network is given: a part of an image, at random while training, else its middle.
    mean, deviation : tuple of float
        Of each channel, of values from 0 to 1.
    classes : int
        Labels are below it.
    network : function
        Makes a network for (classes, channels, width).
    rates : tuple of float
        Shares of the parameters that the report removes from such data's network.
    """

    title: str
    train: data.ArraySource
    test: data.ArraySource
    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    classes: int
    network: Callable[[int, int, float], VGG]
    rates: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an input, (C, H, W)."""
        return len(self.mean), self.side, self.side

    @property
    def plain(self) -> list[t.Transform]:
        """What happens to images but while training."""
        return [t.CenterCrop(self.side), *self._values]

    @property
    def varied(self) -> list[t.Transform]:
        """What happens to images while training."""
        return [t.RandomCrop(self.side), t.RandomHorizontalFlip(), *self._values]

    @property
    def _values(self) -> list[t.Transform]:
        return [t.ToDtype("float32", scale=True), t.Normalize(self.mean, self.deviation)]


def read(name: Name = "fashion-mnist", path: Path | None = None) -> DataSet:
    """Read a data set.

    Parameters
    ----------
    name : str
        ``"fashion-mnist"``, ``"cifar10"`` or ``"cifar100"``.
    path : path, optional
        The folder of the former, by default that of Debian's package; the archive or folder of the others, as
        :class:`data.CifarSource` takes it.

    Raises
    ------
    ValueError
        If no path is given of what is not at a known place, or if something else is there.
    """
    if name == "fashion-mnist":
        folder = FASHION_MNIST if path is None else path
        train, test = (data.IdxSource.folder(folder, train=each) for each in (True, False))
        return DataSet("Fashion-MNIST", train, test, 26, (0.286,), (0.353,), 10, vgg6_bn, (0.43, 0.47, 0.56, 0.65))
    if path is None:
        raise ValueError(f"{name} needs the path of its archive, which its authors offer as the python version")
    return _cifar10(path) if name == "cifar10" else _cifar100(path)


def _cifar10(path: Path) -> DataSet:
    train, test = _cifar(path, 10)
    mean, deviation = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    return DataSet("CIFAR-10", train, test, 32, mean, deviation, 10, vgg16_bn, (0.43, 0.47, 0.56, 0.65))


def _cifar100(path: Path) -> DataSet:
    train, test = _cifar(path, 100)
    mean, deviation = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
    return DataSet("CIFAR-100", train, test, 32, mean, deviation, 100, vgg16_bn, (0.24, 0.33, 0.51, 0.64))


def _cifar(path: Path, classes: int) -> tuple[data.ArraySource, data.ArraySource]:
    """Read images for training, with black around them, and for testing."""
    train, test = (data.CifarSource(path, train=each) for each in (True, False))
    if len(train.classes) != classes:
        raise ValueError(f"{path} has {len(train.classes)} classes; CIFAR-{classes} was asked for")
    around = (_PADDING, _PADDING)
    return data.ArraySource(np.pad(train.images, ((0, 0), around, around, (0, 0))), train.labels), test
