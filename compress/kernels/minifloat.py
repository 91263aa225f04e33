"""Small floating point: formats of few bits, rounding to them, their codes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compress.kernels import native
from dsl.arguments import choice, whole

Reserved = Literal["none", "nan", "infinity"]


@dataclass(frozen=True)
class Format:
    """A number format of a sign, exponent bits and mantissa bits.

    Numbers are ``i / 2**M`` below one and ``(1 + i / 2**M) * 2**e`` from there on, for ``0 <= i < 2**M`` and
    ``0 <= e <= 2**E - 2``: the subnormal ones and those of the smallest exponent are a uniform grid, and with one
    exponent bit all are, so integers are a special case.

    Parameters
    ----------
    exponent : int
        Exponent bits E, 1 to 5.
    mantissa : int
        Mantissa bits M, 0 to 7.
    reserved : str
        Codes that are no numbers: ``"none"``; ``"nan"``, the largest one (as of float8_e4m3fn); or ``"infinity"``, all
        of the largest exponent (as of IEEE).

    Examples
    --------
    >>> from compress.kernels import Format
    >>> Format(2, 1).values.tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """

    exponent: int
    mantissa: int
    reserved: Reserved = "none"

    def __post_init__(self) -> None:
        whole(self.exponent, "exponent", 1, 5)
        whole(self.mantissa, "mantissa", 0, 7)
        choice(self.reserved, "reserved", ("none", "nan", "infinity"))
        if self.bits > 8:
            raise ValueError(f"exponent {self.exponent} and mantissa {self.mantissa} make {self.bits} bits; 8 is most")
        if len(self.values) < 2:
            raise ValueError(f"{self} has no number but zero")

    @property
    def bits(self) -> int:
        """Bits of a number, with the sign."""
        return 1 + self.exponent + self.mantissa

    @functools.cached_property
    def values(self) -> NDArray[np.float64]:
        """All numbers from zero up, by their codes."""
        steps = 1 << self.mantissa
        code = np.arange(1 << (self.exponent + self.mantissa))
        if self.reserved == "nan":
            code = code[:-1]
        elif self.reserved == "infinity":
            code = code[:-steps]
        exponent, fraction = code >> self.mantissa, (code & (steps - 1)) / steps
        return np.where(exponent == 0, fraction, (1 + fraction) * 2.0 ** np.maximum(exponent - 1, 0))

    @property
    def largest(self) -> float:
        """The largest number."""
        return float(self.values[-1])


def round_to(
    format: Format,
    values: Any,
    scale: ArrayLike = 1.0,
    *,
    out: NDArray[np.float32] | None = None,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Round numbers to the nearest ones of a format times a scale; of two as near to that with an even mantissa.

    Larger ones than the format has become its largest.

    Parameters
    ----------
    format : Format
        What to round to.
    values : array_like or tensor
        float32, (C, ...), finite.
    scale : array_like
        Above zero: one, or (C,), one for each channel.
    out : ndarray, optional
        float32, dense, of the same shape: what is written to, and returned. It may be ``values`` itself; it may not
        share memory with them otherwise.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        float32, of the same shape.

    Raises
    ------
    TypeError
        If ``values`` are not float32.
    ValueError
        If a number is not finite, a scale not above zero, or ``out`` another array.

    Examples
    --------
    >>> import numpy as np
    >>> from compress.kernels import Format, round_to
    >>> round_to(Format(2, 1), np.float32([[0.2, 0.25, 2.5, 5, -99]]))
    array([[ 0.,  0.,  2.,  4., -6.]], dtype=float32)
    """
    array = native.floats(values, "values")
    rows, scales = _rows(array, scale)
    result = native.written(out, array.shape, rows, "values", in_place=True)
    arrays = {"values": rows, "scales": scales, "rounded": result.reshape(rows.shape)}
    numbers = {"mantissa": format.mantissa, "largest": format.largest}
    native.run("minifloat:rounding", arrays, numbers, strict=True, threads=threads)
    return result


def encode(format: Format, values: Any, scale: ArrayLike = 1.0, *, threads: int | None = None) -> NDArray[np.uint8]:
    """Give the codes of numbers, rounded as :func:`round_to` does: sign, exponent and mantissa from the top bit on."""
    array = native.floats(values, "values")
    rows, scales = _rows(array, scale)
    codes = np.empty(array.shape, np.uint8)
    arrays: dict[str, NDArray[Any]] = {"values": rows, "scales": scales, "codes": codes.reshape(rows.shape)}
    numbers = {"mantissa": format.mantissa, "largest": format.largest, "sign": format.bits - 1}
    native.run("minifloat:encoding", arrays, numbers, strict=True, threads=threads)
    return codes


def decode(
    format: Format, codes: NDArray[np.uint8], scale: ArrayLike = 1.0, *, threads: int | None = None
) -> NDArray[np.float32]:
    """Give the numbers of codes: what :func:`round_to` gives of what was encoded."""
    sign = format.bits - 1
    places = codes & np.uint8((1 << sign) - 1)
    if codes.size and int(places.max()) >= len(format.values):
        raise ValueError(f"codes have {int(places.max())}, which is no number of {format}")
    rows, scales = _with_scales(codes, scale)
    found = np.empty(codes.shape, np.float32)
    arrays = {"codes": rows, "scales": scales, "decoded": found.reshape(rows.shape)}
    numbers = {"mantissa": format.mantissa, "sign": sign}
    native.run("minifloat:decoding", arrays, numbers, strict=True, threads=threads)
    return found


def _rows(array: NDArray[np.float32], scale: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give numbers, which must be finite, as (channels, numbers), and the scale of each channel."""
    if array.size and not (np.isfinite(array.max()) and np.isfinite(array.min())):  # both are NaN where one is
        raise ValueError("values must be finite")
    return _with_scales(array, scale)


def _with_scales(array: NDArray[Any], scale: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Give an array as (channels, numbers), and the scale of each channel."""
    scales = np.asarray(scale, np.float32)
    if scales.ndim > 1 or (scales.ndim == 1 and (array.ndim == 0 or len(scales) != len(array))):
        raise ValueError(f"scale has shape {scales.shape}; one number or one for each of {array.shape[:1]} is accepted")
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise ValueError("scale must be finite and above zero")
    rows = np.ascontiguousarray(array).reshape(len(array) if scales.ndim else 1, -1)
    # A copy, for what was given may share memory with what is written to.
    return rows, np.full(len(rows), scales, np.float32)
