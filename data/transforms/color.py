"""Steps that change colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import dsl
from data.transforms.base import Numbers, Pixelwise, Rows, Samples, between, probability
from dsl.arguments import interval, number

#: Weights of red, green and blue in gray: torchvision's.
_GRAY = (0.2989, 0.587, 0.114)
#: In the order that torchvision numbers them.
_OPERATIONS = ("brightness", "contrast", "saturation", "hue")
#: A chroma less than this, of white's, is none.
_COLORLESS = 1e-6


class ColorJitter(Pixelwise):
    """Change brightness, contrast, saturation and hue by random amounts, in random order.

    Parameters
    ----------
    brightness, contrast, saturation : float or (float, float)
        Range of the factor; of one number b from max(0, 1 - b) to 1 + b.
    hue : float or (float, float)
        Range of the change, in turns of the circle of colours, between -0.5 and 0.5; of one number h from -h to h.

    Notes
    -----
    Brightness, contrast and saturation are mixtures with black, the image's mean gray and the pixel's gray, brought
    back to the range. Each is ``clamp(r x + s gray(x) + t)``, so their order is a matter of numbers; so is the number
    of them that come before the change of hue. Of gray images brightness and contrast change.
    """

    symmetric = True
    _shown = ("brightness", "contrast", "saturation", "hue")

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        self.brightness = _factors(brightness, "brightness")
        self.contrast = _factors(contrast, "contrast")
        self.saturation = _factors(saturation, "saturation")
        self.hue = _turns(hue)
        self._mixtures = [name for name in _OPERATIONS[:3] if getattr(self, name) != (1.0, 1.0)]
        self._has_hue = self.hue != (0.0, 0.0)
        self._has_mean = "contrast" in self._mixtures
        #: Whether a pixel depends on its own numbers alone.
        self.pointwise = not self._has_mean
        self.draws = 2 * len(_OPERATIONS)

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameters: of each mixture, and of those before contrast, which the mean is taken of.

        ``place`` tells how many mixtures come before the change of hue.
        """
        count = len(self._mixtures)
        names = [f"{kind}{i}" for i in range(count) for kind in ("own", "gray", "mean")]
        if self._has_mean:
            names += [f"before_{kind}{i}" for i in range(count - 1) for kind in ("own", "gray")]
        if self._has_hue:
            names += ["turn", "place", "before_place"] if self._has_mean else ["turn", "place"]
        return dict.fromkeys([*names, "active"], dsl.Scalar)

    # ------------------------------------------------------------------------------------------------- numbers

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameters of each sample."""
        drawn = samples.drawn
        kinds = [*self._mixtures, *(["hue"] if self._has_hue else [])]
        rank = drawn[: len(kinds)].argsort(axis=0).argsort(axis=0)  # where in the order each of them is
        amounts = {name: between(getattr(self, name), drawn[4 + _OPERATIONS.index(name)]) for name in kinds}
        count, every = len(self._mixtures), np.arange(drawn.shape[1])
        places = rank[:count] - (rank[:count] > rank[-1]) if self._has_hue else rank  # among the mixtures
        found: dict[str, Any] = {"active": samples.active}
        table = {kind: np.zeros((count, len(every))) for kind in ("own", "gray", "mean")}
        for name, place in zip(self._mixtures, places, strict=True):
            factor = amounts[name]
            table["own"][place, every] = factor
            if name != "brightness":
                table["gray" if name == "saturation" else "mean"][place, every] = 1 - factor
        if self._has_mean:
            contrast = places[self._mixtures.index("contrast")]
            before = np.arange(count - 1)[:, None] < contrast
            table["before_own"] = np.where(before, table["own"][:-1], 1)
            table["before_gray"] = np.where(before, table["gray"][:-1], 0)
        for kind, rows in table.items():
            found |= {f"{kind}{i}": row for i, row in enumerate(rows)}
        if self._has_hue:
            found["turn"], found["place"] = amounts["hue"] % 1, rank[-1]
            if self._has_mean:
                found["before_place"] = np.where(rank[-1] <= contrast, rank[-1], count)  # else it comes later
        return {name: found[name] for name in self.parameters}

    # ------------------------------------------------------------------------------------------------- program

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        mean = None
        if self._has_mean:
            mixtures = len(self._mixtures) - 1
            mean = dsl.average(_gray(self._chain(image, values, peak, mixtures, "before_")))
        changed = self._chain(image, values, peak, len(self._mixtures), "", mean)
        return dsl.select(values["active"] > 0, changed, image)  # else it is not even brought back to the range

    def _chain(
        self, image: Any, values: Mapping[str, Any], peak: float, count: int, prefix: str, mean: Any = None
    ) -> Any:
        """Write so many mixtures, and the change of hue behind as many of them as its place tells."""

        def mixed(image: Any, places: range) -> Any:
            for i in places:
                other = values[f"{prefix}gray{i}"] * _gray(image)
                if mean is not None:
                    other = other + values[f"mean{i}"] * mean
                image = dsl.clamp(values[f"{prefix}own{i}"] * image + other, 0, peak)
            return image

        if not self._has_hue or len(image.channels) == 1:
            return mixed(image, range(count))

        def turned(before: int) -> Any:
            return mixed(_turned(mixed(image, range(before)), values["turn"], peak), range(before, count))

        place = values[f"{prefix}place"]
        found = turned(count) if not prefix else dsl.select(place == count, turned(count), mixed(image, range(count)))
        for before in reversed(range(count)):
            found = dsl.select(place == before, turned(before), found)
        return found


class RandomGrayscale(Pixelwise):
    """Take the colour of some samples, which keep their channels.

    Parameters
    ----------
    p : float
        Probability.
    """

    pointwise = symmetric = True
    draws = 1
    _shown = ("p",)

    def __init__(self, p: float = 0.1) -> None:
        self.p = probability(p)

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameter: how much of an image is gray."""
        return {"share": dsl.Scalar}

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameter of each sample."""
        return {"share": ((samples.drawn[0] < self.p) & samples.active).astype(float)}

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        return dsl.select(values["share"] > 0, _gray(image), image)


def _gray(image: Any) -> Any:
    channels = image.channels
    if len(channels) == 1:
        return image
    r, g, b = channels
    return _GRAY[0] * r + _GRAY[1] * g + _GRAY[2] * b


def _turned(image: Any, turn: Any, peak: float) -> Any:
    """Change the hue by so many turns, 0 to 1.

    With c the chroma and h the hue in sixths of a turn, a channel is the least one and ``c clamp(d, 0, 1)``, where d is
    ``|h - 3| - 1`` of red, ``2 - |h - 2|`` of green and ``2 - |h - 4|`` of blue.
    """
    r, g, b = image.channels
    largest, least = dsl.maximum(dsl.maximum(r, g), b), dsl.minimum(dsl.minimum(r, g), b)
    chroma = largest - least
    scale = 1 / dsl.maximum(chroma, _COLORLESS * peak)
    of_red = (g - b) * scale
    sixths = dsl.select(largest == r, of_red, dsl.select(largest == g, 2 + (b - r) * scale, 4 + (r - g) * scale))
    hue = sixths + 6 * turn  # from -1 to 11
    hue = dsl.select(hue < 0, hue + 6, hue)
    hue = dsl.select(hue < 6, hue, hue - 6)

    def channel(distance: Any) -> Any:
        return least + chroma * dsl.clamp(distance, 0, 1)

    return dsl.stack(channel(abs(hue - 3) - 1), channel(2 - abs(hue - 2)), channel(2 - abs(hue - 4)))


def _factors(value: Any, name: str) -> tuple[float, float]:
    if isinstance(value, (tuple, list)):
        return interval(value, name, 0)
    spread = number(value, name, 0)
    return max(0.0, 1 - spread), 1 + spread


def _turns(value: float | Sequence[float]) -> tuple[float, float]:
    if isinstance(value, (tuple, list)):
        return interval(value, "hue", -0.5, 0.5)
    spread = number(value, "hue", 0, 0.5)
    return -spread, spread
