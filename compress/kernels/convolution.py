"""Convolutions of inference: batch normalisation folded into the weights, ReLU at the end, any number of channels."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.kernels import native
from compress.shapes import ACROSS
from dsl.arguments import number, whole

#: Channels of a tile at most: as many as leave registers for what is multiplied; with vectors of 16 there are 32.
_TILE, _TILE_OF_FEW_REGISTERS = 13, 6
#: Bytes of inputs that are gone through for all channels in turn: a part of what a cache near the core has.
_NEAR = 1 << 19
#: How many images' numbers lie side by side, and what it costs to bring results back where they belong.
_TOGETHER, _FOLDING = (1, 2, 4, 8, 16), 1.06


@dataclass(frozen=True)
class _Arrangement:
    """How tiles lie on the results of an image.

    Attributes
    ----------
    lowering : str
        Of :mod:`compress.lowering.convolution`.
    rows : int
        Lines of a tile.
    together : int
        Images whose numbers lie side by side.
    through : bool
        Whether tiles go on from line to line.
    """

    lowering: str
    rows: int = 1
    together: int = 1
    through: bool = False


class Convolution:
    """A convolution, ready to be called: its weights lie as they are read.

    Parameters
    ----------
    weights : array_like or tensor
        float32, (O, C, H, W): results, inputs, height and width of the kernel.
    bias : array_like or tensor, optional
        float32, (O,): what is added to each result; zero by default.
    stride, padding : int
        The step from one position to the next, and how many zeros are around the image.
    relu : bool
        Whether results below zero become zero.
    threads : int, optional
        Most threads to use; by default as :func:`filters.config` says.

    Raises
    ------
    TypeError, ValueError
        If a dtype, a shape or a number is another.

    Examples
    --------
    >>> import numpy as np
    >>> from compress.kernels import Convolution
    >>> blur = Convolution(np.full((1, 1, 3, 3), 1 / 9, np.float32), padding=1)
    >>> blur(np.ones((1, 1, 2, 2), np.float32))
    array([[[[0.44444445, 0.44444445],
             [0.44444445, 0.44444445]]]], dtype=float32)
    """

    def __init__(
        self,
        weights: Any,
        bias: Any = None,
        *,
        stride: int = 1,
        padding: int = 0,
        relu: bool = False,
        threads: int | None = None,
    ) -> None:
        array = native.floats(weights, "weights")
        if array.ndim != 4 or array.size == 0:
            raise ValueError(f"weights has shape {array.shape}; (O, C, H, W) with some numbers each is accepted")
        self.shape, self.threads = array.shape, threads
        self.stride, self.padding = whole(stride, "stride"), whole(padding, "padding", 0)
        self.relu = bool(relu)
        offsets = np.zeros(len(array), np.float32) if bias is None else native.floats(bias, "bias")
        if offsets.shape != array.shape[:1]:
            raise ValueError(f"bias has shape {offsets.shape}; {array.shape[:1]} goes with weights of {array.shape}")
        self._lanes = native.lanes()
        most = _TILE if self._lanes == 16 else _TILE_OF_FEW_REGISTERS
        # Tiles of equal sizes: 23 channels as 12 and 11.
        self._tile = -(-len(array) // -(-len(array) // most))
        self._weights = np.ascontiguousarray(_in_tiles(array.reshape(len(array), -1), self._tile).transpose(0, 2, 1))
        self._bias = _in_tiles(offsets, self._tile)

    @classmethod
    def of(cls, layer: Any, norm: Any = None, *, relu: bool = False, threads: int | None = None) -> Convolution:
        """Make one of a layer of torch, and of the batch normalisation behind it, as they are in ``eval()`` mode.

        Parameters
        ----------
        layer : nn.Conv2d
            Without groups and dilation, its stride and padding the same in both directions.
        norm : nn.BatchNorm2d, optional
            What follows, with its running statistics.
        relu, threads
            As of the class.
        """
        stride, padding = _same(layer.stride, "stride"), _same(layer.padding, "padding")
        for name, value, accepted in (
            ("groups", layer.groups, 1), ("dilation", _same(layer.dilation, "dilation"), 1),
            ("padding_mode", layer.padding_mode, "zeros"),
        ):  # fmt: skip
            if value != accepted:
                raise ValueError(f"layer has {name}={value!r}; {accepted!r} is accepted")
        weights = native.floats(layer.weight, "layer.weight").astype(np.float64)
        bias = np.zeros(len(weights)) if layer.bias is None else native.floats(layer.bias, "layer.bias")
        if norm is not None:
            mean, variance = (native.floats(each, "norm") for each in (norm.running_mean, norm.running_var))
            factor, shift = _affine(norm, len(weights))
            factor = factor / np.sqrt(variance.astype(np.float64) + number(norm.eps, "norm.eps"))
            weights, bias = weights * factor[:, None, None, None], (bias - mean) * factor + shift
        folded = weights.astype(np.float32), bias.astype(np.float32)
        return cls(*folded, stride=stride, padding=padding, relu=relu, threads=threads)

    def __call__(self, features: Any, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Compute the results.

        Parameters
        ----------
        features : array_like or tensor
            float32, (N, C, H, W). Dense ones are not copied.
        out : ndarray, optional
            float32, dense, of the result's shape: what is written to, and returned. It may not share memory with
            ``features``.

        Returns
        -------
        ndarray
            float32, (N, O, height, width).

        Raises
        ------
        TypeError, ValueError
            If a dtype or shape is another, or an image is smaller than the kernel.
        """
        array = np.ascontiguousarray(native.floats(features, "features"))
        results, channels, *sizes = self.shape
        if array.ndim != 4 or array.shape[1] != channels:
            raise ValueError(f"features has shape {array.shape}; (N, {channels}, H, W) is accepted")
        around = 2 * self.padding
        height, width = ((n + around - k) // self.stride + 1 for n, k in zip(array.shape[2:], sizes, strict=True))
        if min(height, width) < 1:
            raise ValueError(f"features has shape {array.shape}; with {around} zeros around it needs {sizes} pixels")
        result = native.written(out, (len(array), results, height, width), array, "features")
        if result.size:
            self._run(array, result)
        return result

    def _run(self, features: NDArray[np.float32], result: NDArray[np.float32]) -> None:
        arrays: dict[str, NDArray[Any]] = {"weights": self._weights, "bias": self._bias}
        program: dict[str, Any] = {"tile": self._tile, "relu": self.relu, "rows": 1}
        if (*self.shape[2:], self.stride, self.padding) == (1, 1, 1, 0):
            arrays |= {"features": _flat(features), "result": _flat(result)}
            native.run("convolution:pointwise", arrays, program=program, threads=self.threads)
            return
        count, _, height, width = result.shape
        lines, pitch = (self._spread(size) for size in features.shape[2:])
        found = _arranged(count, height, width, pitch, ACROSS * self._lanes)
        phases = tuple(itertools.product(*(range(min(self.stride, size)) for size in self.shape[2:])))
        wide, planes = pitch * found.together, len(phases) * features.shape[1]
        # Where tiles stay in their lines, a line of each channel in turn: what a tile reads is near each other.
        to_line, to_plane = (wide, lines * wide) if found.through else (planes * wide, wide)
        if lines * planes * wide >= 1 << 31:
            raise ValueError(
                f"features has shape {features.shape}; there are 2**31 numbers at most in {found.together}"
            )
        strip = max(_NEAR // (4 * planes * wide), found.rows)
        scalars = {
            "pad": self.padding, "to_line": to_line, "to_plane": to_plane, "size": lines * planes * wide,
            "strip": min(strip, height),
        }  # fmt: skip
        away = _away(self.shape, self.stride, to_line, to_plane, found.together)
        arrays |= {"features": features, "away": away, "result": result}
        program |= {
            "stride": self.stride, "phases": phases, "rows": found.rows, "together": found.together,
            "through": found.through,
        }  # fmt: skip
        native.run(f"convolution:{found.lowering}", arrays, scalars, program=program, threads=self.threads)

    def _spread(self, size: int) -> int:
        """Give how many numbers a line of each phase takes, or lines a plane; those around are shared by neighbours."""
        return -(-(size + (1 if self.stride == 1 else 2) * self.padding) // self.stride)


@functools.lru_cache(maxsize=256)  # of the layers of a network
def _away(shape: tuple[int, ...], stride: int, to_line: int, to_plane: int, together: int) -> NDArray[np.int32]:
    """Give how far from its own place each channel and tap reads: phases of the stride are planes of their own."""
    _, channels, *size = shape
    phased = [min(stride, each) for each in size]
    y, x = np.indices(size)
    phase = y % stride * phased[1] + x % stride
    taps = phase * to_plane + y // stride * to_line + x // stride * together
    planes = np.arange(channels) * (phased[0] * phased[1] * to_plane)
    found: NDArray[np.int32] = np.add.outer(planes, taps.ravel()).ravel().astype(np.int32)
    return found


@functools.lru_cache(maxsize=256)
def _arranged(count: int, height: int, width: int, pitch: int, span: int) -> _Arrangement:
    """Choose how tiles lie, so that few of their positions are beyond the results."""

    def up(size: int, step: int) -> int:
        return -(-size // step) * step

    tried = [(float(count * height * up(width, span)), _Arrangement("planes"))]
    if width <= span // 2:
        tried.append((count * up(height, 2) * up(width, span // 2), _Arrangement("planes", rows=2)))
    for n in _TOGETHER:
        groups = _FOLDING * -(-count // n)
        tried.append((groups * height * up(width * n, span), _Arrangement("folded", together=n)))
        tried.append((groups * up(height * pitch * n, span), _Arrangement("folded", together=n, through=True)))
    return min(tried, key=lambda each: each[0])[1]


def _in_tiles(rows: NDArray[np.float32], tile: int) -> NDArray[np.float32]:
    """Give channels in tiles, the last one with zeros at its end."""
    filled = np.zeros((-(-len(rows) // tile) * tile, *rows.shape[1:]), np.float32)
    filled[: len(rows)] = rows
    return filled.reshape(-1, tile, *rows.shape[1:])


def _flat(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    return planes.reshape(*planes.shape[:2], -1)


def _same(value: Any, name: str) -> int:
    """Give what a layer has in both directions."""
    first, *others = value if isinstance(value, tuple) else (value,)
    if isinstance(value, str) or any(each != first for each in others):
        raise ValueError(f"layer has {name}={value!r}; one number for both directions is accepted")
    return int(first)


def _affine(norm: Any, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give what a normalisation multiplies by, and what it adds."""
    given = ((norm.weight, np.ones), (norm.bias, np.zeros))
    factor, shift = (make(channels) if each is None else native.floats(each, "norm") for each, make in given)
    return factor.astype(np.float64), shift.astype(np.float64)
