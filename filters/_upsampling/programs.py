"""Programs of two sizes: resampling, and the ways to the full size of what was filtered small, by the full source."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

import dsl
from dsl.kinds import declare, kind_of, word
from filters._guided.programs import along, lines_by, stacked

#: Squared differences beyond this, in squares of sigma, weigh as this one does: where all pixels differ that much, the
#: mean is by place alone.
_FAR = 80.0
#: Averages over neighbouring cells.
_BLUR = (0.25, 0.5, 0.25)


@dsl.filter
def averaged(image: dsl.Small, like: dsl.Image) -> dsl.Image:
    """Average over areas, to the size of another image, which is not read."""
    return dsl.resize(image, like, "area")


@dsl.filter
def averaged_color(image: dsl.SmallColor, like: dsl.Color) -> dsl.Color:
    """Do the same to the channels of a colour together, whose rows are dense."""
    return dsl.resize(image, like, "area")  # type: ignore[return-value]  # it has the channels of the image


@dsl.filter
def interpolated(low_result: dsl.Small, like: dsl.Image) -> dsl.Image:
    """Interpolate by cubics to the size of another image, which is not read."""
    return dsl.resize(low_result, like, "cubic")


def _joint_bilateral(given: dict[str, Any]) -> dsl.Image:
    """Average small pixels around, with less weight for what differs from the source's pixel."""
    low_source, source = given["low_source"], given["source"]
    at = dsl.around(low_source, source, given["radius"], given["sigma_space"])
    differences = ((low_source[at] - source) * given["scale"]).channels
    squared = functools.reduce(operator.add, (d * d for d in differences))
    weights: dsl.Image = dsl.exp(-0.5 * dsl.minimum(squared, _FAR))
    return dsl.weighted_mean(given["low_result"][at], weights)


def _guided(given: dict[str, Any]) -> dsl.Image:
    """Fit lines from the low source to the low result in windows; go along them, resampled, to the source."""
    source, low_source, radius = given["source"], given["low_source"], given["radius"]
    at = dsl.taps(np.ones((2 * radius + 1, 2 * radius + 1)))
    # What is squared is little: differences from a window's middle.
    fit = lines_by(
        low_source[at] - low_source, given["eps"], lambda images: dsl.weighted_mean(stacked(images)).channels
    )

    def lines(channel: dsl.Image) -> list[dsl.Image]:
        *slopes, offset = fit(channel[at] - channel)
        return [*slopes, channel + along([*(-slope for slope in slopes), offset], low_source)]

    found = [dsl.convolve(stacked(lines(channel)), dsl.box(radius)) for channel in given["low_result"].channels]
    return stacked([along(dsl.resize(each, source, given["kernel"]).channels, source) for each in found])


def _bilateral_guided(given: dict[str, Any]) -> dsl.Image:
    """Fit lines to what the filter changed, in cells of place and luminance; interpolate to where the source lies."""
    level = dsl.levels(given["bins"])[0]
    source, low_source = given["source"] - level, given["low_source"] - level  # what is squared is little, near levels
    cells = functools.reduce(lambda image, _: dsl.down(image), range(given["halvings"]), given["low_source"])
    distance = given["scale"] * luminance(low_source)
    weight = dsl.exp(-0.5 * dsl.minimum(distance * distance, _FAR))

    def means(images: Sequence[dsl.Image]) -> list[dsl.Image]:
        weighted = dsl.resize(stacked([*(weight * image for image in images), weight]), cells, "area")
        *totals, weights = dsl.convolve(weighted, dsl.kernel(_BLUR)).channels
        return [total / weights for total in totals]

    fit = lines_by(low_source, given["eps"], means)
    changes = [b - a for a, b in zip(alike(given, given["low_source"]), given["low_result"].channels, strict=True)]
    numbers = dsl.resize(stacked([each for change in changes for each in fit(change)]), source, "linear").channels
    count = len(source.channels) + 1
    lines = [numbers[i : i + count] for i in range(0, len(numbers), count)]
    changed = dsl.interpolate(stacked([along(each, source) for each in lines]), [luminance(given["source"])])
    result: dsl.Image = stacked(alike(given, given["source"])) + changed
    return result


def alike(given: dict[str, Any], source: dsl.Image) -> list[dsl.Image]:
    """Give what the channels of the result would be, had nothing been filtered."""
    count = len(given["low_result"].channels)
    return list(source.channels) if len(source.channels) == count else [luminance(source)] * count


def luminance(image: dsl.Image) -> dsl.Image:
    """Give what levels are of: a gray image itself, of a colour a mean with twice as much green."""
    if len(image.channels) == 1:
        return image
    red, green, blue = image.channels
    mean: dsl.Image = 0.25 * red + 0.5 * green + 0.25 * blue
    return mean


_METHODS = {"joint_bilateral": _joint_bilateral, "guided": _guided, "bilateral_guided": _bilateral_guided}
#: Parameters beside the images, by method.
_PARAMETERS: dict[str, dict[str, Any]] = {
    "joint_bilateral": {"sigma_space": dsl.Scalar, "scale": dsl.Scalar, "radius": int},
    "guided": {"eps": dsl.Scalar, "radius": int, "kernel": str},
    "bilateral_guided": {"eps": dsl.Scalar, "scale": dsl.Scalar, "bins": dsl.Table, "halvings": int},
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "joint_bilateral": {"radius": 2},
    "guided": {"radius": 1, "kernel": "linear"},
    "bilateral_guided": {"halvings": 1},
}


@functools.cache
def program(method: str, result: int, source: int) -> dsl.Filter:
    """Give the program of a method for a low result of one or three channels, and a source of one or three.

    Its images are ``low_result``, ``source`` and ``low_source``.
    """
    kinds: dict[str, Any] = {
        "low_result": kind_of(result, small=True),
        "source": kind_of(source),
        "low_source": kind_of(source, small=True),
        **_PARAMETERS[method],
    }
    name = f"upsampled_{method}_{word(result)}_by_{word(source)}"

    def upsampled(**given: Any) -> dsl.Image:
        return _METHODS[method](given)

    return declare(upsampled, name, _METHODS[method].__doc__ or "", kinds, _DEFAULTS[method])


def __getattr__(name: str) -> dsl.Filter:
    """Find a program by its name, as pickles do."""
    for method, result, source in itertools.product(_METHODS, (1, 3), (1, 3)):
        found = program(method, result, source)
        if found.__name__ == name:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
