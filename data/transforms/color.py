"""Steps that change colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsl
from data.transforms.base import Numbers, Pixelwise, Rows, Samples, between, number, pair, probability

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
    back to the range. Each is ``clamp(r x + s gray(x) + t)``, so their order is a matter of numbers: the program has a
    place for each of them before the change of hue, and one behind. Of gray images brightness and contrast change.
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
    def places(self) -> int:
        """How many mixtures the program has."""
        return len(self._mixtures) * (2 if self._has_hue else 1)

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameters: of each place and of what the mean is taken of, of the hue, and if to change."""
        names = [f"{kind}{i}" for i in range(self.places) for kind in ("own", "gray", "mean")]
        if self._has_mean:
            names += [f"before_{kind}{i}" for i in range(self.places) for kind in ("own", "gray")]
        if self._has_hue:
            names += ["turn", "before_turn"] if self._has_mean else ["turn"]
        return dict.fromkeys([*names, "active"], dsl.Scalar)

    # ------------------------------------------------------------------------------------------------- numbers

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameters of each sample."""
        drawn = samples.drawn
        kinds = [*self._mixtures, *(["hue"] if self._has_hue else [])]
        rank = drawn[: len(kinds)].argsort(axis=0).argsort(axis=0)  # where in the order each of them is
        amounts = {name: between(getattr(self, name), drawn[4 + _OPERATIONS.index(name)]) for name in kinds}
        count = drawn.shape[1]
        found: dict[str, Any] = {"active": samples.active}
        table = {kind: np.zeros((self.places, count)) for kind in ("own", "gray", "mean", "before_own", "before_gray")}
        table["own"][...] = table["before_own"][...] = 1
        for k, name in enumerate(self._mixtures):
            place, factor = (self._place(rank, k), np.arange(count)), amounts[name]
            table["own"][place] = factor
            if name == "brightness":
                table["before_own"][place] = factor
            else:
                table["gray" if name == "saturation" else "mean"][place] = 1 - factor
            if name == "saturation":
                table["before_own"][place], table["before_gray"][place] = factor, 1 - factor
        if self._has_mean:
            before = rank < rank[self._mixtures.index("contrast")]
            self._forget(table, rank, before)
        for kind, rows in table.items():
            found |= {f"{kind}{i}": rows[i] for i in range(self.places)}
        if self._has_hue:
            found["turn"] = amounts["hue"] % 1
            if self._has_mean:
                found["before_turn"] = np.where(before[-1], found["turn"], 0)
        return {name: found[name] for name in self.parameters}

    def _place(self, rank: Numbers, k: int) -> Any:
        """Give the places of a mixture: of those before the hue, or behind."""
        if not self._has_hue:
            return rank[k]
        after = rank[k] > rank[-1]
        return np.where(after, len(self._mixtures) + rank[k] - rank[-1] - 1, rank[k])

    def _forget(self, table: Mapping[str, Numbers], rank: Numbers, before: NDArray[np.bool_]) -> None:
        """Leave out, of what the mean is taken of, the mixtures that come later."""
        for k in range(len(self._mixtures)):
            later = np.flatnonzero(~before[k])
            place = self._place(rank, k)[later], later
            table["before_own"][place], table["before_gray"][place] = 1, 0

    # ------------------------------------------------------------------------------------------------- program

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        mean = dsl.average(_gray(self._chain(image, values, peak, "before_"))) if self._has_mean else None
        changed = self._chain(image, values, peak, "", mean)
        return dsl.select(values["active"] > 0, changed, image)  # else it is not even brought back to the range

    def _chain(self, image: Any, values: Mapping[str, Any], peak: float, prefix: str, mean: Any = None) -> Any:
        count = len(self._mixtures)
        for i in range(self.places):
            if i == count:
                image = self._turned(image, values, peak, prefix)
            own, gray = values[f"{prefix}own{i}"], values[f"{prefix}gray{i}"]
            mixed = own * image + gray * _gray(image)
            if mean is not None:
                mixed = mixed + values[f"mean{i}"] * mean
            image = dsl.clamp(mixed, 0, peak)
        return image if count else self._turned(image, values, peak, prefix)

    def _turned(self, image: Any, values: Mapping[str, Any], peak: float, prefix: str) -> Any:
        colored = self._has_hue and len(image.channels) > 1
        return _turned(image, values[f"{prefix}turn"], peak) if colored else image


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

    With v the largest channel, c the chroma and h the hue in sixths of a turn, a channel is
    ``v - c clamp(min(k, 4 - k), 0, 1)`` with ``k = (n + h) mod 6``, n being 5, 3 and 1 of red, green and blue.
    """
    r, g, b = image.channels
    largest, least = dsl.maximum(dsl.maximum(r, g), b), dsl.minimum(dsl.minimum(r, g), b)
    chroma = largest - least
    scale = 1 / dsl.maximum(chroma, _COLORLESS * peak)
    of_red = (g - b) * scale
    sixths = dsl.select(largest == r, of_red, dsl.select(largest == g, 2 + (b - r) * scale, 4 + (r - g) * scale))
    hue = sixths + 6 * turn + 6  # above zero

    def channel(n: int) -> Any:
        k = hue + n
        k = k - 6 * dsl.floor(k * (1 / 6))
        return largest - chroma * dsl.clamp(dsl.minimum(k, 4 - k), 0, 1)

    return dsl.stack(channel(5), channel(3), channel(1))


def _factors(value: Any, name: str) -> tuple[float, float]:
    if isinstance(value, (tuple, list)):
        return pair(value, name, 0)
    spread = number(value, name, 0)
    return max(0.0, 1 - spread), 1 + spread


def _turns(value: float | Sequence[float]) -> tuple[float, float]:
    if isinstance(value, (tuple, list)):
        return pair(value, "hue", -0.5, 0.5)
    spread = number(value, "hue", 0, 0.5)
    return -spread, spread
