"""A pipeline in the language: one filter, whose numbers say what is different from sample to sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dsl
from data.located import Kind
from data.plan import Step
from data.transforms import Pixelwise
from data.transforms.base import PEAKS
from dsl.kinds import declare, kind_of
from schedules.native.signature import BORDERS

#: What lies outside where images are blurred; torchvision pads by it, too.
BORDER = BORDERS.index("reflect101")
#: Numbers of the resampling, and of the affine map; see :meth:`data.transforms.views.Views.numbers`.
RESAMPLE = ("tall", "wide", "top", "left", "rows", "columns")
WARP = tuple("abcdef")


def written(steps: Sequence[Step], kind: Kind) -> dsl.Filter:
    """Write steps as a filter of images of a kind.

    Its image may be of any size; ``like`` is not looked at, only the size that results have.
    """
    channels = kind[1]
    kinds: dict[str, Any] = {
        "image": kind_of(channels, small=True),
        "like": kind_of(channels),
        **dict.fromkeys((*RESAMPLE, *WARP), dsl.Scalar),
    }
    for step in steps:
        if isinstance(step.transform, Pixelwise):
            kinds |= {named(name, step): parameter for name, parameter in step.transform.parameters.items()}

    def pipeline(image: Any, like: Any, **values: Any) -> Any:
        return _written(steps, kind[0], image, like, values)

    return declare(pipeline, "pipeline", "A pipeline of transforms.", kinds)


def named(name: str, step: Step) -> str:
    """Name a step's parameter in the program."""
    return f"{name}_{step.operation}"


def _written(steps: Sequence[Step], dtype: str, image: Any, like: Any, values: Mapping[str, Any]) -> Any:
    if not any(step.reads for step in steps):
        image = _resampled(image, like, "nearest", values)
    for i, step in enumerate(steps):
        if step.reads == "resample":
            image = _resampled(image, like, step.kernel, values)
        elif step.reads == "warp":
            size = image if any(later.reads == "resample" for later in steps[i:]) else like
            fill = getattr(step.transform, "fill", 0.0)
            image = dsl.warp(image, size, [values[name] for name in WARP], kernel=step.kernel, fill=fill)
        elif isinstance(step.transform, Pixelwise):
            own = {name: values[named(name, step)] for name in step.transform.parameters}
            image = step.transform.apply(image, own, PEAKS[dtype])
        dtype = step.transform.dtype(dtype)
    return image


def _resampled(image: Any, like: Any, kernel: str, values: Mapping[str, Any]) -> Any:
    tall, wide, top, left, rows, columns = (values[name] for name in RESAMPLE)
    return dsl.resize(image, like, kernel, window=(tall, wide, top, left), mirrored=(rows, columns))
