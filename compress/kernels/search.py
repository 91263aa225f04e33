"""The error that formats and clipping thresholds make of weights, for all of them in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.kernels import native
from compress.kernels.minifloat import Format
from compress.shapes import SCALES


def errors(
    weights: Any,
    formats: Sequence[Format],
    thresholds: NDArray[Any],
    *,
    importance: Any = None,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Compute what rounding makes of weights: sums of squared differences, for each channel, format and threshold.

    They are those of the very weights, not of a distribution that is assumed for them.

    Parameters
    ----------
    weights : array_like or tensor
        float32, (C, ...).
    formats : sequence of Format
        Formats that are tried.
    thresholds : ndarray
        (C, T), above zero: sizes from which on weights are clipped; the scale is the threshold over the format's
        largest number.
    importance : array_like, optional
        What a squared difference counts, of the shape of the weights; by default 1.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    ndarray
        float64, (C, formats, T).

    Examples
    --------
    >>> import numpy as np
    >>> from compress.kernels import Format, errors
    >>> weights = np.float32([[0.5, -1.0, 6.0]])
    >>> errors(weights, [Format(2, 1), Format(1, 2)], np.float32([[6.0, 3.0]])).round(3).tolist()
    [[[0.0, 9.0], [0.148, 9.026]]]
    """
    array = native.floats(weights, "weights")
    if array.ndim < 2 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"weights of shape {array.shape} must be (channels, ...), with some finite numbers each")
    rows = np.ascontiguousarray(array).reshape(len(array), -1)
    given = np.asarray(thresholds, np.float32)
    if given.ndim != 2 or len(given) != len(rows) or not (np.isfinite(given) & (given > 0)).all():
        raise ValueError(f"thresholds must be ({len(rows)}, T), finite and above zero, not of shape {given.shape}")
    arrays = {
        "values": rows,
        "mantissas": np.array([format.mantissa for format in formats], np.int32),
        "largest": np.array([(format.largest, 1 / format.largest) for format in formats], np.float32),
    }
    if importance is not None:
        weighing = native.floats(importance, "importance")
        if weighing.shape != array.shape:
            raise ValueError(f"importance has shape {weighing.shape}, weights {array.shape}")
        arrays["weights"] = np.ascontiguousarray(weighing).reshape(rows.shape)
    found = []
    for first in range(0, given.shape[1], SCALES):
        some = given[:, first : first + SCALES]
        padded = np.ascontiguousarray(np.pad(some, [(0, 0), (0, SCALES - some.shape[1])], "edge"))
        result = np.empty((len(rows), len(formats), SCALES))
        native.run(
            "minifloat:error",
            {**arrays, "scales": padded, "errors": result},
            program={"weighted": importance is not None},
            strict=True,
            threads=threads,
        )
        found.append(result[..., : some.shape[1]])
    return np.concatenate(found, axis=-1)
