"""Quantisation of weights to small floating point that fits each channel."""

from __future__ import annotations

from compress.quantization.fitting import Fitted, fit
from compress.quantization.quantize import Quantized, QuantizedLayer, QuantizedReport, quantize

__all__ = ["Fitted", "Quantized", "QuantizedLayer", "QuantizedReport", "fit", "quantize"]
