"""Images and labels for training: where they come from, and a few photos for demonstrations, examples and tests."""

from __future__ import annotations

from schedules import siblings

siblings.check(__name__, "filters", "dsl", "schedules")

from data.compose import Compose
from data.loader import FilterLoader
from data.photos import sample, samples
from data.reading import ReadError
from data.sharding import world
from data.sources import ArraySource, CifarSource, IdxSource, ImageFolder, Source

__all__ = [
    "ArraySource",
    "CifarSource",
    "Compose",
    "FilterLoader",
    "IdxSource",
    "ImageFolder",
    "ReadError",
    "Source",
    "sample",
    "samples",
    "world",
]
