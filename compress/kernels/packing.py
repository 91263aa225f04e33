"""Codes of a few bits, packed side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compress.kernels import native
from dsl.arguments import whole


def pack(codes: NDArray[np.uint8], bits: int, *, threads: int | None = None) -> NDArray[np.uint8]:
    """Pack codes into bytes, the first one into the lowest bits.

    Parameters
    ----------
    codes : ndarray
        uint8, of any shape, below ``2**bits``.
    bits : int
        Of a code, 1 to 8.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        uint8, one-dimensional: as few bytes as hold all bits.

    Examples
    --------
    >>> import numpy as np
    >>> from compress.kernels import pack, unpack
    >>> packed = pack(np.uint8([1, 2, 7, 0]), 3)
    >>> [f"{byte:08b}" for byte in packed], unpack(packed, 3, 4)
    (['11010001', '00000001'], array([1, 2, 7, 0], dtype=uint8))
    """
    whole(bits, "bits", 1, 8)
    if codes.dtype != np.uint8:
        raise TypeError(f"codes must be uint8, not {codes.dtype}")
    if codes.size and int(codes.max()) >> bits:
        raise ValueError(f"codes have {int(codes.max())}, which takes more than {bits} bits")
    if codes.size == 0:
        return np.empty(0, np.uint8)
    groups = np.pad(codes.ravel(), (0, -codes.size % 8)).reshape(-1, 8)
    result = np.empty((len(groups), bits), np.uint8)
    native.run("packing:packed", {"given": groups, "packed": result}, program={"bits": bits}, threads=threads)
    return result.ravel()[: -(-codes.size * bits // 8)]


def unpack(packed: NDArray[np.uint8], bits: int, count: int, *, threads: int | None = None) -> NDArray[np.uint8]:
    """Give so many codes that were packed."""
    whole(bits, "bits", 1, 8)
    if packed.dtype != np.uint8 or packed.ndim != 1 or packed.size * 8 < count * bits:
        raise ValueError(f"packed must be uint8 of {-(-count * bits // 8)} bytes, not {packed.dtype} of {packed.shape}")
    if count == 0:
        return np.empty(0, np.uint8)
    used = packed[: -(-count * bits // 8)]
    groups = np.pad(used, (0, -used.size % bits)).reshape(-1, bits)
    result = np.empty((len(groups), 8), np.uint8)
    native.run("packing:unpacked", {"given": groups, "unpacked": result}, program={"bits": bits}, threads=threads)
    return result.ravel()[:count]
