"""Draws the spectra of a VGG-16, pruned: ``python -m docs.examples.spectra docs/spectra.png`` (half a minute).

A narrow one, trained for a little on some of Fashion-MNIST. What it is measured at is printed.
"""

from __future__ import annotations

import sys

import numpy as np
import PIL.Image
import torch

import compress
import data
from bench.loading import FASHION
from compress.models import vgg16_bn
from compress.training import train
from data import transforms as t

STEPS = [t.Resize(32), t.ToDtype("float32", scale=True), t.Normalize(0.286, 0.353)]
IMAGES, EPOCHS, WIDTH = 4000, 2, 0.25


def loader(*, training: bool, count: int, batch: int) -> data.FilterLoader:
    """Give the first images, of 32 x 32 pixels."""
    source = data.IdxSource.folder(FASHION, train=training)
    few = data.ArraySource(source.images[:count], np.asarray(source.labels[:count]))
    return data.FilterLoader(few, STEPS, batch, shuffle=training, threads=1, framework="torch")


def main(path: str) -> None:
    """Write the picture."""
    torch.manual_seed(0)
    model = vgg16_bn(10, 1, WIDTH)
    train(model, loader(training=True, count=IMAGES, batch=64), EPOCHS)
    found = compress.prune(model, loader(training=True, count=1024, batch=128), ratio=0.99)
    train(found.model, loader(training=True, count=IMAGES, batch=64), 1, rate=0.03)
    found = found.measured(model, loader(training=False, count=2000, batch=500), engines=("torch", "onnxruntime"))
    print(found.report)
    found.report.plot(path)
    drawn = PIL.Image.open(path).convert("RGB")
    drawn.quantize(64, dither=PIL.Image.Dither.NONE).save(path, optimize=True)  # a third of the size


if __name__ == "__main__":
    main(sys.argv[1])
