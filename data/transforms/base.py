"""What a transform is: a step that moves pixels, or one that computes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import dsl
from dsl.arguments import number

if TYPE_CHECKING:
    from data.transforms.views import Views

#: Numbers of every sample of a batch.
Numbers = NDArray[Any]
#: What white is, by dtype.
PEAKS = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0, "float16": 1.0}


@dataclass(frozen=True)
class Rows:
    """A table for every sample: so many numbers of a row, from the first on."""

    values: NDArray[np.float32]
    first: Numbers
    length: Numbers


@dataclass(frozen=True)
class Samples:
    """What numbers of a step are made from.

    Attributes
    ----------
    drawn : ndarray
        Random numbers between 0 and 1, of shape (draws, samples).
    active : ndarray of bool
        Of the samples that the step is applied to.
    height, width : ndarray of int
        The size that images have at the step.
    """

    drawn: NDArray[np.float64]
    active: NDArray[np.bool_]
    height: NDArray[np.int64]
    width: NDArray[np.int64]


class Transform:
    """A step of a pipeline.

    Two steps are the same if their ``repr`` is: it tells all parameters.
    """

    #: Random numbers that a sample takes.
    draws: int = 0
    _shown: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._shown)})"

    def dtype(self, dtype: str) -> str:
        """Tell the dtype behind the step, from that before it."""
        return dtype


class Geometric(Transform, ABC):
    """A step that moves pixels: all of them together are one resampling, whose numbers they set for each sample."""

    #: Whether pixels get another pitch; only one step may.
    resizes: ClassVar[bool] = False
    #: Whether pixels are read by an affine map.
    warps: ClassVar[bool] = False
    #: Whether a part is taken, and whether it is mirrored.
    crops: ClassVar[bool] = False
    mirrors: ClassVar[bool] = False
    interpolation: str = ""

    @abstractmethod
    def move(self, views: Views, drawn: NDArray[np.float64]) -> None:
        """Change where samples are read; ``drawn`` are random numbers, of shape (draws, samples)."""

    def size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        """Tell the size behind the step, from that before it; None if it depends on the sample."""
        return size


class Pixelwise(Transform, ABC):
    """A step that computes pixels where they are."""

    #: Whether a pixel depends on no other one.
    pointwise: bool = False
    #: Whether a mirrored image gives a mirrored result.
    symmetric: ClassVar[bool] = False
    #: Whether numbers can say that nothing is done. Samples that other steps leave alone run a program without them.
    neutral: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, type]:
        """The run-time parameters of the step: names, and ``dsl.Scalar`` or ``dsl.Table``."""
        return {}

    def numbers(self, samples: Samples, peak: float) -> dict[str, Numbers | Rows]:
        """Give the parameters of each sample; ``peak`` is what white is."""
        return {}

    @abstractmethod
    def apply(self, image: dsl.Image, values: Mapping[str, Any], peak: float) -> Any:
        """Write the step in the language; ``values`` are the parameters."""


def probability(value: Any, name: str = "p") -> float:
    """Check a probability."""
    return number(value, name, 0, 1)


def between(limits: tuple[float, float], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring random numbers into a range."""
    low, high = limits
    return low + (high - low) * drawn
