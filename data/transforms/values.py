"""Steps that change what numbers mean: types and normalisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dsl
from data.transforms.base import PEAKS, Pixelwise
from dsl.arguments import number


class ToDtype(Pixelwise):
    """Convert to a dtype.

    Parameters
    ----------
    dtype : str, numpy or torch dtype
        ``"float32"``, ``"float16"`` or ``"uint8"``. In between numbers are float32 whatever is said: the last step's
        dtype is that of results, which are rounded once, half to even, and saturate.
    scale : bool
        Whether white stays white: 255 of uint8, 65535 of uint16, 1 of floats.
    """

    pointwise = symmetric = True
    _shown = ("name", "scale")

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        self.name = _dtype_name(dtype)
        if not isinstance(scale, bool):
            raise TypeError(f"scale must be a bool, not {type(scale).__name__}")
        self.scale = scale

    def dtype(self, dtype: str) -> str:
        """Tell the dtype behind the step."""
        return self.name

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        factor = PEAKS[self.name] / peak if self.scale else 1.0
        return image if factor == 1 else image * factor


class Normalize(Pixelwise):
    """Subtract a mean and divide by a standard deviation, of each channel.

    Parameters
    ----------
    mean, std : sequence of float
        One number, or one a channel; in units of the image, which must be of floats by then.
    """

    pointwise = symmetric = True
    neutral = False
    _shown = ("mean", "std")

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = _numbers(mean, "mean"), _numbers(std, "std")
        if 0 in self.std:
            raise ValueError("std must not be zero")

    def dtype(self, dtype: str) -> str:
        """Tell the dtype behind the step."""
        if not dtype.startswith("float"):
            raise ValueError(f"{self!r}: images are {dtype} there; put ToDtype('float32', scale=True) before")
        return dtype

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        channels = image.channels
        lengths = {len(self.mean), len(self.std)} - {1, len(channels)}
        if lengths:
            raise ValueError(f"{self!r}: images have {len(channels)} channels, not {lengths.pop()}")
        means, stds = (numbers * (len(channels) // len(numbers)) for numbers in (self.mean, self.std))
        scaled = [c * (1 / std) + (-mean / std) for c, mean, std in zip(channels, means, stds, strict=True)]
        return dsl.stack(*scaled) if len(scaled) > 1 else scaled[0]


def _dtype_name(dtype: Any) -> str:
    name = str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]  # of numpy's types and instances, and of torch's
    if name not in ("float32", "float16", "uint8"):
        raise ValueError(f"dtype must be 'float32', 'float16' or 'uint8', not {dtype!r}")
    return name


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    given = values if isinstance(values, (tuple, list)) or hasattr(values, "__len__") else [values]
    if not len(given):
        raise ValueError(f"{name} must be one number, or one a channel; none came")
    return tuple(number(value, name) for value in given)
