"""Images and labels for training: where they come from, and a few photos for demonstrations, examples and tests."""

from __future__ import annotations

from schedules import siblings

siblings.check(__name__, "filters", "dsl", "schedules")

from data.photos import sample, samples  # noqa: E402 (the check for files in the way of our packages comes first)
from data.sources import ArraySource, CifarSource, IdxSource, ImageFolder, Source  # noqa: E402

__all__ = [
    "ArraySource",
    "CifarSource",
    "IdxSource",
    "ImageFolder",
    "Source",
    "sample",
    "samples",
]
