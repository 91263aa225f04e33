"""Local Laplacian filtering of one image again and again: what does not depend on the parameters is kept."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dsl import arrays
from dsl.arguments import choice, number, only_one, whole
from filters._gaussian import Border
from filters._laplacian import programs, series
from filters._laplacian.call import capacity, default_levels, luminance_of, range_of
from filters._laplacian.planning import MAX_TERMS

#: Sigmas to be ready for, as parts of the value range: of an 8-bit image, 20 to 60.
_SIGMAS = (20 / 255, 60 / 255)
_ACCURACY = 60.0


class LocalLaplacian:
    """An image, prepared so that rendering is fast: for sliders.

    The result is linear in what the terms of the Fourier series contribute, whatever ``detail``, ``beta`` and, for one
    period of the series, ``sigma`` are. Each term's share is computed once and kept, a float32 plane a term and one for
    the residual; rendering weighs and adds them.

    Parameters
    ----------
    image : array
        (H, W) or (H, W, C); uint8, uint16 or float32. It is kept, not copied: do not change it.
    sigmas : (float, float), optional
        The smallest and the largest sigma that will be asked for, in the image's units; by default 20 / 255 and
        60 / 255 of the value range. The more they are apart, the more terms are needed.
    levels : int, optional
        As of :func:`filters.local_laplacian`.
    terms : int, optional
        Sine and cosine pairs, 1 to 12; by default as many as are expected to give 60 dB on photographs at all sigmas.
    accuracy : float, optional
        Instead of ``terms``: PSNR in dB to expect on photographs at all sigmas; the peak is the width of the range.
    color, value_range, border, border_value, target, threads
        As of :func:`filters.local_laplacian`.

    Attributes
    ----------
    sigmas : (float, float)
        Between which :meth:`render` takes sigma.
    terms, levels : int
        What was chosen.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> from filters import LocalLaplacian
    >>> photo = np.random.default_rng(0).uniform(0, 255, (64, 64)).astype(np.float32)
    >>> prepared = LocalLaplacian(photo, value_range=(0, 255))
    >>> more, less = prepared.render(sigma=30, detail=1.0), prepared.render(sigma=30, detail=-0.5)
    >>> bool(np.std(less) < np.std(photo) < np.std(more))
    True
    """

    def __init__(
        self,
        image: ArrayLike,
        *,
        sigmas: tuple[float, float] | None = None,
        levels: int | None = None,
        terms: int | None = None,
        accuracy: float | None = None,
        color: Literal["luminance", "separate"] = "luminance",
        value_range: tuple[float, float] | Literal["image"] | None = None,
        border: Border = "reflect101",
        border_value: float = 0.0,
        target: str | None = None,
        threads: int | None = None,
    ) -> None:
        array = arrays.check(image)
        if array.ndim == 4:
            raise ValueError(f"image has shape {array.shape}; one image is needed, (H, W) or (H, W, C)")
        choice(color, "color", ("luminance", "separate"))
        self.image = array
        self.levels = default_levels(levels, array)
        self._range = range_of(value_range, array, border, border_value)
        size = self._range[1] - self._range[0]
        self.sigmas = _sigmas(sigmas, size)
        self._options: dict[str, Any] = {"target": target, "threads": threads}
        self._by_luminance = color == "luminance" and array.ndim == 3 and array.shape[2] >= 3
        self._colors = array[..., :3] if array.ndim == 3 and array.shape[2] > 3 else array
        self._series = self._chosen(terms, accuracy, size)
        self.terms = self._series.terms
        self._residual, self._kept = self._prepare(border, border_value)

    def __repr__(self) -> str:
        low, high = self.sigmas
        return f"<LocalLaplacian of {self.image.shape}, sigma {low:g} to {high:g}, {self.terms} terms>"

    def _chosen(self, terms: Any, accuracy: Any, size: float) -> series.Series:
        only_one(terms=terms, accuracy=accuracy)
        if terms is not None:
            terms = whole(terms, "terms", 1, MAX_TERMS)
        wanted = _ACCURACY if accuracy is None else number(accuracy, "accuracy", least=0.0)
        if size == 0:
            return series.Series(1.0, 1)
        low, high = self.sigmas
        found, reached = series.of_sigmas(low / size, high / size, terms, wanted, MAX_TERMS)
        if accuracy is not None and reached < wanted:
            raise ValueError(
                f"accuracy must be at most {reached:.0f} dB for sigmas={self.sigmas} in a range of {size:g}, "
                f"not {accuracy!r}"
            )
        return found

    def _prepare(self, border: str, border_value: float) -> tuple[Any, tuple[Any, ...]]:
        low, high = self._range
        if self.levels == 0 or low == high:
            return None, ()
        gray = self._colors
        options: dict[str, Any] = {**self._options, "border": border, "border_value": border_value}
        if self._by_luminance:
            gray = luminance_of(gray, self._options)
        omega = 2 * np.pi / (self._series.period * (high - low))
        gray, kept = gray.astype(np.float32, copy=False), []
        for first in range(0, self.terms, programs.FOUR):
            scalars = (omega, float(first), 0.5 * (low + high), float(self.levels))
            structural = {"levels": capacity(self.levels)}
            *four, residual = programs.kept_program.run((gray,), scalars, (), structural, **options)
            kept += four
        return residual, tuple(kept[: self.terms])

    def render(
        self, *, sigma: float, detail: float = 1.0, beta: float = 1.0, out: np.ndarray[Any, Any] | None = None
    ) -> np.ndarray[Any, Any]:
        """Give the filtered image.

        Parameters
        ----------
        sigma : float
            Where detail ends and edges begin, in the image's units, within ``sigmas``.
        detail, beta : float
            As of :func:`filters.local_laplacian`.
        out : array, optional
            Where to write the result; it must not overlap the image.

        Returns
        -------
        array
            Of the image's shape and dtype; integers saturate.

        Raises
        ------
        TypeError, ValueError
            Naming the argument, what came and what is accepted.
        """
        low, high = self.sigmas
        sigma = number(sigma, "sigma", least=low, most=high)
        detail, beta = number(detail, "detail"), number(beta, "beta")
        result = np.empty_like(self.image) if out is None else arrays.check_out(out, self.image, (self.image,))
        if not self._kept:
            result[...] = self.image
            return result
        size = self._range[1] - self._range[0]
        weights = detail * size * np.array(series.at(sigma / size, self._series))
        total, scale = self._residual, 1 - beta
        for first in range(0, self.terms, programs.FOUR):
            kept = self._kept[first : first + programs.FOUR]
            images = (total, *kept, *kept[:1] * (programs.FOUR - len(kept)))
            some = np.zeros(programs.FOUR)
            some[: len(kept)] = weights[first : first + programs.FOUR]
            if first + programs.FOUR < self.terms:
                total = programs.sum_program.run(images, (scale,), (some,), **self._options)
                scale = 1.0
            else:
                self._finish(images, some, scale, beta, result)
        return result

    def _finish(self, images: Any, weights: Any, scale: float, beta: float, result: Any) -> None:
        if self._by_luminance:
            into = result
            program, image = programs.color_render, self.image
        else:
            program, image = programs.gray_render, self._colors
            into = result[..., : image.shape[-1]] if image.ndim == 3 else result
            if image.shape != self.image.shape:
                result[..., image.shape[-1] :] = self.image[..., image.shape[-1] :]
        program.run((image, *images), (scale, beta), (weights,), out=into, **self._options)


def _sigmas(sigmas: Any, size: float) -> tuple[float, float]:
    if size == 0:
        return 0.0, math.inf  # a constant image stays as it is
    if sigmas is None:
        low, high = _SIGMAS
        return low * size, high * size
    if isinstance(sigmas, str) or not hasattr(sigmas, "__len__") or len(sigmas) != 2:
        raise ValueError(f"sigmas must be two numbers, the smallest and the largest, not {sigmas!r}")
    low, high = (number(v, "sigmas", least=1e-6) for v in sigmas)
    if low > high:
        raise ValueError(f"sigmas must be (smallest, largest), not {sigmas!r}")
    return low, high
