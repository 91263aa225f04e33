"""Steps that are filters: of this toolkit, and of one's own."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsl
from data.transforms.base import Numbers, Pixelwise, Rows, Samples, between
from dsl.arguments import interval, number, whole
from filters import programs

#: Weights less than this, of a kernel's largest one, are left out at its ends.
_NOTHING = 1e-6


class GaussianBlur(Pixelwise):
    """Blur by a Gaussian of random size.

    Parameters
    ----------
    kernel_size : int, (int, int) or None
        Width and height of the kernel, odd: torchvision's, which cuts the Gaussian off there. None for the whole one,
        at the same cost however large it is.
    sigma : float or (float, float)
        Range of the standard deviation in pixels, along rows and columns.
    """

    symmetric = True
    draws = 1
    _shown = ("shape", "sigma")

    def __init__(self, kernel_size: int | Sequence[int] | None, sigma: Any = (0.1, 2.0)) -> None:
        given: Any = () if kernel_size is None else kernel_size
        sides = tuple(given) if isinstance(given, (tuple, list)) else (given, given)
        self.shape = tuple(whole(side, "kernel_size") for side in sides)
        if len(self.shape) not in (0, 2) or any(side % 2 == 0 for side in self.shape):
            raise ValueError(f"kernel_size must be an odd int, two or None, not {kernel_size!r}")
        self.sigma = interval(sigma, "sigma", 1e-3, programs.MAX_SIGMA)

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameters: of the whole Gaussian its sigma, of one that is cut off its weights."""
        if not self.shape:
            return {"sigma": dsl.Scalar}
        return {"across": dsl.Table, "down": dsl.Table} if self.shape[0] != self.shape[1] else {"both": dsl.Table}

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameters of each sample."""
        sigma = np.where(samples.active, between(self.sigma, samples.drawn[0]), 0.0)
        if not self.shape:
            return {"sigma": sigma}
        return {name: _weights(side, sigma) for name, side in zip(self.parameters, self.shape, strict=False)}

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        if not self.shape:
            return dsl.convolve(image, dsl.gaussian(values["sigma"]))
        kernels = [dsl.kernel(values[name]) for name in self.parameters]
        return dsl.convolve(image, kernels[-1], kernels[0])


def _weights(side: int, sigma: NDArray[np.float64]) -> Rows:
    """Give the weights of a kernel for each sample, without those at its ends that are next to nothing."""
    radius = side // 2
    squares = np.square(np.arange(-radius, radius + 1.0))
    safe = np.maximum(sigma, 1e-3)[:, None]
    weights = np.exp(-squares / (2 * safe * safe))
    reach = (weights[:, radius:] >= _NOTHING).sum(axis=1) - 1
    weights = weights / weights.sum(axis=1, keepdims=True)
    return Rows(np.ascontiguousarray(weights, np.float32), radius - reach, 2 * reach + 1)


class Unsharp(Pixelwise):
    """Sharpen: add a random share of what a Gaussian takes away.

    Parameters
    ----------
    sigma : float or (float, float)
        Range of the Gaussian's standard deviation in pixels.
    amount : float or (float, float)
        Range of the share; negative ones blur.
    """

    symmetric = True
    draws = 2
    _shown = ("sigma", "amount")

    def __init__(self, sigma: Any = (0.5, 3.0), amount: Any = (0.0, 1.5)) -> None:
        self.sigma = interval(sigma, "sigma", 0, programs.MAX_SIGMA)
        self.amount = interval(amount, "amount")

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameters."""
        return {"sigma": dsl.Scalar, "amount": dsl.Scalar}

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameters of each sample."""
        drawn = between(self.sigma, samples.drawn[0]), between(self.amount, samples.drawn[1])
        return {name: np.where(samples.active, each, 0) for name, each in zip(self.parameters, drawn, strict=True)}

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        sharp = dsl.clamp(programs.unsharp(image, values["sigma"], values["amount"]), 0, peak)
        return dsl.select(values["amount"] != 0, sharp, image)  # else it is not even brought back to the range


class Bilateral(Pixelwise):
    """Smooth, but keep edges: average the pixels near by that are similar, as :func:`filters.bilateral` does.

    Parameters
    ----------
    sigma_space : float
        Standard deviation in pixels; the radius is 1.5 times as large, unless it is given.
    sigma_range : float or (float, float)
        Range of the standard deviation of differences, in units of the image.
    radius : int, optional
        Of the disc.
    """

    symmetric = True
    neutral = False
    draws = 1
    _shown = ("sigma_space", "sigma_range", "radius")

    def __init__(self, sigma_space: float, sigma_range: Any, radius: int | None = None) -> None:
        self.sigma_space = number(sigma_space, "sigma_space", 1e-3)
        self.sigma_range = interval(sigma_range, "sigma_range", 1e-6)
        self._taps, self.radius = programs.disc(self.sigma_space, radius)

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameter."""
        return {"sigma_range": dsl.Scalar}

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameter of each sample."""
        return {"sigma_range": between(self.sigma_range, samples.drawn[0])}

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        return programs.bilateral(image, dsl.table(self._taps), self.radius, values["sigma_range"])


class LocalLaplacian(Pixelwise):
    """Bring details out, or smooth them, and keep edges: :func:`filters.local_laplacian` with random parameters.

    Parameters
    ----------
    sigma : float or (float, float)
        Range of the size of what is a detail, in units of the image.
    detail : float or (float, float)
        Range of how much details are brought out; below zero they are smoothed.
    beta : float or (float, float)
        Range of the factor of edges.
    levels : int, optional
        Of the Laplacian pyramid; by default as many as the size gives.
    terms : int, optional
        Oscillators of the Fourier pyramid: what accuracy is bought with. By default as many as keep the error, in the
        middle of sigma's range and at the largest detail, to one gray value of 8 bits.
    """

    neutral = False
    draws = 3
    _shown = ("sigma", "detail", "beta", "levels", "terms")

    def __init__(
        self,
        sigma: Any,
        detail: Any = (-0.5, 1.5),
        beta: Any = 1.0,
        levels: int | None = None,
        terms: int | None = None,
    ) -> None:
        self.sigma = interval(sigma, "sigma", 1e-6)
        self.detail = interval(detail, "detail")
        self.beta = interval(beta, "beta", 0)
        self.levels = None if levels is None else whole(levels, "levels", 0, 16)
        self.terms = None if terms is None else whole(terms, "terms", 1, 12)

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameters."""
        return dict.fromkeys(("sigma", "detail", "beta", "active"), dsl.Scalar)

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameters of each sample."""
        ranges = {"sigma": self.sigma, "detail": self.detail, "beta": self.beta}
        found: dict[str, Numbers | Rows] = {
            name: between(limits, drawn) for (name, limits), drawn in zip(ranges.items(), samples.drawn, strict=False)
        }
        side = np.minimum(samples.height, samples.width)
        found["active"] = np.minimum(self._capacity, programs.levels_of(side) if self.levels is None else self.levels)
        return found

    @property
    def _capacity(self) -> int:
        """Levels that the program has; the size says how many are used."""
        return _MOST_LEVELS if self.levels is None else self.levels

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        filtered = programs.local_laplacian(
            image,
            values["sigma"],
            values["detail"],
            values["beta"],
            (0.0, peak),
            values["active"],
            levels=self._capacity,
            terms=self.terms or self._terms(peak),
        )
        return dsl.clamp(filtered, 0, peak)

    def _terms(self, peak: float) -> int:
        """Give the terms for images of a range."""
        most = max(abs(detail) for detail in self.detail)
        accuracy = _ONE_GRAY_VALUE + 20 * math.log10(max(most, 1e-3))
        return programs.terms_of(sum(self.sigma) / 2 / peak, accuracy)


#: In dB, of 8 bits.
_ONE_GRAY_VALUE = 20 * math.log10(255)
#: Levels of images whose shorter side is below 512 pixels; of larger ones the last is coarse enough.
_MOST_LEVELS = 7


class Filter(Pixelwise):
    """A filter written in the language, with random parameters.

    Parameters
    ----------
    filter : dsl.Filter
        With one image, ``dsl.Image`` or ``dsl.Color``.
    **parameters
        Values of its parameters: of a Scalar a number, or the two ends of a range that it is drawn from; of a Table
        numbers; of int, str and bool the value. Those that are not given keep their default.

    Examples
    --------
    >>> import dsl
    >>> from data import transforms
    >>> @dsl.filter
    ... def vignette(image: dsl.Image, strength: dsl.Scalar) -> dsl.Image:
    ...     return image * (1 - strength)
    >>> transforms.Filter(vignette, strength=(0, 0.5))
    Filter(vignette, strength=(0.0, 0.5))
    """

    neutral = False

    def __init__(self, filter: dsl.Filter, **parameters: Any) -> None:
        if not isinstance(filter, dsl.Filter):
            raise TypeError(f"filter must be a dsl.Filter, made by @dsl.filter, not {type(filter).__name__}")
        self.filter = filter
        self._ranges: dict[str, tuple[float, float]] = {}
        self._tables: dict[str, tuple[float, ...]] = {}
        self._structural: dict[str, Any] = {}
        known = {parameter.name: parameter for parameter in filter.parameters}
        images = [name for name, each in known.items() if issubclass(each.kind, dsl.Image)]
        if len(images) != 1:
            raise ValueError(f"{filter.__name__} has {len(images)} images; a step of a pipeline has one")
        self._image = images[0]
        if unknown := [name for name in parameters if name not in known or name in images]:
            accepted = ", ".join(name for name in known if name not in images) or "none"
            raise TypeError(f"{filter.__name__} has no parameter {unknown[0]!r} to be given; it has {accepted}")
        for name, parameter in known.items():
            if name not in images:
                self._keep(parameter, parameters.get(name, parameter.default))
        if filter.trace(self._structural).several:
            raise ValueError(f"{filter.__name__} returns several images; a step of a pipeline gives one")
        self._colored = issubclass(known[self._image].kind, dsl.Color)
        self.draws = len(self._ranges)

    def _keep(self, parameter: Any, value: Any) -> None:
        name = parameter.name
        if value is inspect.Parameter.empty:
            raise TypeError(f"{self.filter.__name__}: {name} is missing")
        if parameter.kind is dsl.Scalar:
            self._ranges[name] = interval(value, name)
        elif parameter.kind is dsl.Table:
            self._tables[name] = tuple(np.asarray(value, np.float64).ravel().tolist())
        else:
            self._structural[name] = value

    def __repr__(self) -> str:
        given = {**self._ranges, **self._tables, **self._structural}
        return f"Filter({', '.join([self.filter.__name__, *(f'{k}={v!r}' for k, v in given.items())])})"

    @property
    def program(self) -> str:
        """A digest of what is computed, which the name does not tell."""
        return hashlib.sha256(self.filter.source(**self._structural).encode()).hexdigest()

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameters."""
        return dict.fromkeys(self._ranges, dsl.Scalar)

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameters of each sample."""
        limits = self._ranges.items()
        return {name: between(each, drawn) for (name, each), drawn in zip(limits, samples.drawn, strict=True)}

    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step."""
        if self._colored and len(image.channels) == 1:
            raise ValueError(f"{self!r} filters colours, images have one channel")
        tables = {name: dsl.table(numbers) for name, numbers in self._tables.items()}
        return self.filter.function(**{self._image: image}, **values, **tables, **self._structural)
