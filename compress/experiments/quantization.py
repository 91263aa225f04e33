"""Weights of few bits: what formats that fit each channel gain over others, in noise and in accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from compress.experiments.experiment import Plan
from compress.experiments.results import Results, Row, add, figures
from compress.quantization import Quantized, quantize
from compress.quantization.quantize import Mode

#: Ways to choose formats, by their names in the table: the mode, and whether calibration data are used.
WAYS: dict[str, tuple[Mode, bool]] = {
    "integers, to the largest": ("integers without clipping", False),
    "integers, clipped": ("integers", False),
    "the best single format, clipped": ("one split", False),
    "a split of each channel": ("splits", False),
    "a split of each channel, clipped": ("splits and clipping", False),
    "the same, calibrated and corrected": ("splits and clipping", True),
}
_NOTES = (
    "SQNR is of all weights together; with calibration errors count as the inputs that they meet, so it may be lower.",
    "Bits of a weight include those that describe its channel.",
)


def quantization(plan: Plan, bits: Sequence[int]) -> Results:
    """Compare formats on a network that has been trained.

    Parameters
    ----------
    plan : Plan
        What is trained with.
    bits : sequence of int
        Of a weight: 3 to 8.

    References
    ----------
    Mineo, Maeda, Hamamoto: Quantisation by small floating point that fits the distribution of weights. PCSJ/IMPS 2023.
    """
    whole: Row = {}
    rows: dict[tuple[int, str], Row] = {(each, way): {"bits": each, "weights": way} for each in bits for way in WAYS}
    for experiment in plan.experiments():
        dense = experiment.dense()
        add(whole, figures(dense))
        for (each, way), row in rows.items():
            mode, calibrated = WAYS[way]
            calibration = experiment.calibration if calibrated else None
            found = quantize(dense.model, each, mode=mode, calibration=calibration)
            add(row, {**_noise(dense.model, found), "top-1 %": 100 * experiment.accuracy(found.model)})
    return Results("Weights of few bits", (*plan.notes(), *_NOTES), whole, tuple(rows.values()))


def _noise(dense: nn.Module, found: Quantized) -> dict[str, float]:
    """Give the noise of all weights, and their bits."""
    signal = noise = bits = 0.0
    count = sum(fitted.codes.size for fitted in found.codes.values())
    for name, fitted in found.codes.items():
        weights = dense.get_submodule(name).weight.detach().numpy()
        signal += np.square(weights, dtype=np.float64).sum()
        noise += np.square(fitted.weights - weights, dtype=np.float64).sum()
        bits += fitted.effective_bits * fitted.codes.size
    return {"SQNR, dB": float(10 * np.log10(signal / noise)), "bits of a weight": bits / count}
