"""The fits of a kernel by number of terms, and how good they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsl import fitting
from filters.kernel.reading import Array, RefusedError

MOST_TERMS = 6
DEFAULT_TERMS = 3
#: Relative error in dB from which on only rounding is left.
EXACT = -140.0


@dataclass(frozen=True)
class Row:
    """A fit, and how good it is.

    Attributes
    ----------
    error : float
        L2 norm of the difference relative to that of the kernel, in dB.
    guaranteed : float
        PSNR in dB of any image convolved along one axis.
    """

    fit: fitting.Fit
    error: float
    guaranteed: float

    @property
    def exact(self) -> bool:
        """Whether only rounding is left."""
        return self.error <= EXACT

    @property
    def texts(self) -> tuple[str, str]:
        """Both figures, to be read."""
        if self.exact:
            return "exact", "exact"
        return f"{self.error:.1f} dB", f"{self.guaranteed:.1f} dB"


def rows(kernel: Array, type: int) -> list[Row]:
    """Fit a kernel with 1 to 6 terms."""
    return [row_of(kernel, fitting.fit(kernel, terms, type=type)) for terms in range(1, MOST_TERMS + 1)]


def row_of(kernel: Array, fit: fitting.Fit) -> Row:
    """Tell how good a fit is."""
    squared = float((difference(fit, kernel) ** 2).sum() / (kernel @ kernel))
    return Row(fit, 10 * math.log10(squared) if squared else -math.inf, fitting.guaranteed(fit, kernel))


def difference(fit: fitting.Fit, kernel: Array) -> Array:
    """Give fit minus kernel; r = 0 in the middle."""
    radius = max(fit.radius + 1, kernel.size // 2)
    return around(fit.samples(), radius) - around(kernel, radius)


def around(values: Array, radius: int) -> Array:
    """Cut or pad to ``|r| <= radius``."""
    middle = values.size // 2
    values = values[max(middle - radius, 0) : middle + radius + 1]
    return np.pad(values, radius - values.size // 2)


def marked(text: str, kernel: Array, table: list[Row], terms: int | None, accuracy: float | None, type: int) -> Row:
    """Choose the row that was asked for."""
    if accuracy is None:
        return table[(DEFAULT_TERMS if terms is None else terms) - 1]
    if terms is not None:
        raise RefusedError(f"--terms {terms} and --accuracy {accuracy:g} are both given; one of them decides")
    if not math.isfinite(accuracy):
        raise RefusedError(f"--accuracy must be finite, in dB, not {accuracy}")
    chosen = fitting.choose(kernel, accuracy, most=MOST_TERMS, type=type)
    if chosen is None:
        best = max(row.guaranteed for row in table)
        raise RefusedError(
            f"--accuracy must be at most {math.floor(10 * best) / 10:g} dB for {text} with type {type} and up to "
            f"{MOST_TERMS} terms, not {accuracy:g}; direct sums are more accurate"
        )
    return row_of(kernel, chosen)
