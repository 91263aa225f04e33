"""First and second moments of the channels of feature maps, as many batches of them as come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compress.kernels import native
from compress.shapes import ROWS, SIDE, TILE, VECTORS
from dsl.arguments import choice, whole

#: Positions whose products are added up in float32, of each lane of vectors apart; and where channels lie side by side.
_BLOCK, _BLOCK_OF_PIXELS = 1024, 256
#: Fewer positions than these of an image are gone through with channels side by side.
_FEW = 32
#: Bytes of the images that are read for all squares in turn: what caches near a core have.
_READ = 1 << 20
#: Positions of an image up to which those of several are brought side by side.
_SCATTERED = 128
#: Numbers that an index reaches.
_INDEXED = 1 << 30


class Moments:
    """Moments of channels, over all images and positions that were added: sums, and sums of products of all pairs.

    Products are added up in float32 for an image, or 1024 positions of several, and these sums in float64.

    Parameters
    ----------
    channels : int
        Of the feature maps.
    relu : bool
        Whether values below zero count as zero.
    threads : int, optional
        Most threads to use; by default as :func:`filters.config` says.

    Attributes
    ----------
    count : int
        Positions so far.
    sum : ndarray
        (C,) float64.
    gram : ndarray
        (C, C) float64: sums of products.

    Examples
    --------
    >>> import numpy as np
    >>> from compress.kernels import Moments
    >>> moments = Moments(2)
    >>> moments.add(np.float32([[[[1, 3]], [[2, 6]]]]))  # one image of two channels, 1 x 2
    >>> moments.mean, moments.covariance
    (array([2., 4.]), array([[1., 2.],
           [2., 4.]]))
    """

    def __init__(self, channels: int, *, relu: bool = False, threads: int | None = None) -> None:
        self.channels, self.relu, self.threads = whole(channels, "channels"), bool(relu), threads
        self.count = 0
        self.sum = np.zeros(self.channels)
        self.gram = np.zeros((self.channels, self.channels))

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean of each channel, (C,)."""
        return self.sum / max(self.count, 1)

    @property
    def covariance(self) -> NDArray[np.float64]:
        """The covariance of all pairs of channels, (C, C)."""
        return self.gram / max(self.count, 1) - np.outer(self.mean, self.mean)

    def add(self, features: Any, layout: Literal["NCHW", "NHWC"] = "NCHW") -> None:
        """Add feature maps.

        Parameters
        ----------
        features : array_like or tensor
            float32, (N, C, H, W) or (N, C); or (N, H, W, C) with ``layout="NHWC"``. Dense ones are not copied, but for
            images of few positions, or of positions that do not fill whole vectors.
        layout : str
            Where channels are.

        Raises
        ------
        TypeError, ValueError
            If the dtype, the number of dimensions or of channels is another.
        """
        choice(layout, "layout", ("NCHW", "NHWC"))
        array = native.floats(features, "features")
        if array.ndim not in (2, 4):
            raise ValueError(f"features has shape {array.shape}; (N, C, H, W), (N, H, W, C) and (N, C) are accepted")
        axis = 1 if layout == "NCHW" else array.ndim - 1
        if array.shape[axis] != self.channels:
            raise ValueError(f"features of shape {array.shape} have {array.shape[axis]} channels, not {self.channels}")
        if array.size == 0:
            return
        lanes, positions = native.lanes(), array.size // (len(array) * self.channels)
        if axis == 1 and (positions >= _FEW or positions % lanes == 0):
            planes = np.ascontiguousarray(array).reshape(*array.shape[:2], -1)
            if positions % lanes:
                planes = np.pad(planes, [(0, 0), (0, 0), (0, -positions % lanes)])  # zeros add nothing
            for some in _side_by_side(planes):
                self._add_planes(some, lanes)
        else:
            self._add_pixels(np.ascontiguousarray(np.moveaxis(array, axis, -1)).reshape(-1, self.channels))
        self.count += array.size // self.channels

    def _add_planes(self, features: NDArray[np.float32], lanes: int) -> None:
        """Add (images, channels, positions), of whole vectors."""
        count, channels, positions = features.shape
        away = np.add.outer(np.arange(count) * (channels * positions), np.arange(0, positions, lanes)).ravel()
        # What follows the first position of each channel: vectors lie equally far from it for all.
        rows = np.lib.stride_tricks.as_strided(
            features, (channels, (count - 1) * channels * positions + positions), (4 * positions, 4), writeable=False
        )
        arrays = {"features": rows, "away": away.astype(np.int32)}
        near = max(_READ // (4 * channels * _BLOCK), 1)
        numbers = {"block": _BLOCK // lanes, "near": near}
        found = self._run("planes", arrays, SIDE, (SIDE // TILE, SIDE // TILE, TILE, TILE), numbers)
        self._put(found.transpose(0, 1, 3, 2, 4).reshape(-1, SIDE, SIDE), SIDE)

    def _add_pixels(self, features: NDArray[np.float32]) -> None:
        """Add (positions, channels)."""
        lanes = native.lanes()
        side = VECTORS * lanes
        if self.channels < side:
            features = np.pad(features, [(0, 0), (0, side - self.channels)])
        tiles = side // ROWS, ROWS, VECTORS, lanes
        found = self._run("pixels", {"features": features}, side, tiles, {"block": _BLOCK_OF_PIXELS})
        self._put(found.reshape(-1, side, side), side)

    def _run(
        self, kind: str, inputs: dict[str, NDArray[Any]], side: int, tiles: tuple[int, ...], numbers: dict[str, int]
    ) -> NDArray[np.float64]:
        """Compute the squares on and above the diagonal, and the sums."""
        channels = max(self.channels, side if kind == "pixels" else 0)
        self._squares = squares(channels, side)
        gram = np.empty((len(self._squares), *tiles))
        sums = np.empty(channels)
        arrays = {**inputs, "squares": self._squares, "gram": gram, "sums": sums}
        native.run(f"moments:{kind}", arrays, numbers, program={"relu": self.relu}, threads=self.threads)
        self.sum += sums[: self.channels]
        return gram

    def _put(self, found: NDArray[np.float64], side: int) -> None:
        """Add squares in their places, and mirrored ones below the diagonal."""
        whole = np.zeros((max(self.channels, side),) * 2)
        for (i, j), square in zip(self._squares, found, strict=True):
            whole[j : j + side, i : i + side] = square[: len(whole) - i, : len(whole) - j].T
            whole[i : i + side, j : j + side] = square[: len(whole) - i, : len(whole) - j]
        self.gram += whole[: self.channels, : self.channels]


def _side_by_side(planes: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Give images of more positions, where there are few: at a distance of whole images lines of caches collide."""
    count, channels, positions = planes.shape
    together = min(_BLOCK // positions if positions <= _SCATTERED else 1, count)
    step = max(_INDEXED // planes[0].size // together, 1) * together
    for first in range(0, count, step):
        some = planes[first : first + step]
        whole = len(some) // together * together
        for part, each in ((some[:whole], together), (some[whole:], len(some) - whole)):
            if len(part):
                grouped = part.reshape(-1, each, channels, positions).transpose(0, 2, 1, 3)
                yield np.ascontiguousarray(grouped).reshape(-1, channels, each * positions)


def squares(channels: int, side: int) -> NDArray[np.int32]:
    """Give the first channels, down and across, of the squares on and above the diagonal, which may overlap."""
    firsts = [min(first, max(channels - side, 0)) for first in range(0, channels, side)]
    return np.array([(i, j) for a, i in enumerate(firsts) for j in firsts[a:]], np.int32)
