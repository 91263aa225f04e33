"""Quantisation of a network's weights, and what corrects for it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from compress.kernels import Format, Moments, pack, unpack
from compress.network import add_constant, exporting, files, layers_of, trace
from compress.pruning import observing
from compress.quantization.fitting import Fitted, fit, formats, noise
from dsl.arguments import choice

Mode = Literal["splits", "splits and clipping", "one split", "integers", "integers without clipping"]


@dataclass(frozen=True)
class QuantizedLayer:
    """What became of a layer's weights.

    Attributes
    ----------
    module : str
        Its name.
    exponents : dict
        How many channels have so many exponent bits.
    sqnr : float
        The weights' squares over the squares of the differences, in dB.
    effective_bits : float
        Bits of a weight, with those that describe its channel.
    """

    module: str
    exponents: dict[int, int]
    sqnr: float
    effective_bits: float


@dataclass(frozen=True)
class QuantizedReport:
    """What quantisation did.

    Attributes
    ----------
    bits, mode
        Of :func:`quantize`.
    layers : tuple of QuantizedLayer
        In the order of the network.
    input_shape : tuple of int or None
        Of one input, (C, H, W), if some were given for calibration.
    """

    bits: int
    mode: str
    layers: tuple[QuantizedLayer, ...]
    input_shape: tuple[int, ...] | None

    def data(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return asdict(self)

    @staticmethod
    def of(data: Mapping[str, Any]) -> QuantizedReport:
        """Read what :meth:`data` gave."""
        layers = tuple(
            QuantizedLayer(**{**each, "exponents": {int(key): n for key, n in each["exponents"].items()}})
            for each in data["layers"]
        )
        shape = data["input_shape"]
        return QuantizedReport(data["bits"], data["mode"], layers, None if shape is None else tuple(shape))

    def __str__(self) -> str:
        """Print a table."""
        width = max([len(layer.module) for layer in self.layers] + [5])
        lines = [f"{'layer':<{width}}  SQNR dB  bits   channels by exponent bits"]
        for layer in self.layers:
            splits = ", ".join(f"{key}: {count}" for key, count in sorted(layer.exponents.items()))
            lines.append(f"{layer.module:<{width}}  {layer.sqnr:7.2f}  {layer.effective_bits:.2f}   {splits}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Quantized:
    """A network whose weights are numbers of small formats, their codes, and how they came about.

    Attributes
    ----------
    model : fx.GraphModule
        Its weights are float32, with the values that the codes have.
    codes : dict
        By layer.
    report : QuantizedReport
        What was chosen.
    """

    model: fx.GraphModule
    codes: dict[str, Fitted]
    report: QuantizedReport

    def save(self, path: str | Path) -> Path:
        """Write all to a file, weights as packed codes; :func:`compress.load` reads it."""
        tensors: dict[str, torch.Tensor] = {}
        shapes = {}
        for name, fitted in self.codes.items():
            tensors[f"{name}.codes"] = torch.from_numpy(pack(fitted.codes, fitted.bits).copy())
            tensors[f"{name}.exponents"] = torch.from_numpy(fitted.exponents)
            tensors[f"{name}.scales"] = torch.from_numpy(fitted.scales)
            shapes[name] = [list(fitted.codes.shape), fitted.error]
        notes = {"kind": "quantized", "report": self.report.data(), "shapes": shapes}
        return files.save(self.model, path, notes, without=[f"{name}.weight" for name in self.codes], tensors=tensors)

    def export(self, path: str | Path, *, input_shape: Sequence[int] | None = None) -> Path:
        """Write the network to an ONNX file, whose weights are the numbers of the codes, bit for bit.

        So batch normalisation is an operation by itself: with its factors weights would not be numbers of their formats
        any more. Biases and batch normalisation are float32. Whoever runs the file may put them together when it is
        loaded, as onnxruntime does. Otherwise as :meth:`compress.Pruned.export`, with the same errors.

        Parameters
        ----------
        path : path
            The file; ``.onnx`` is usual.
        input_shape : sequence of int, optional
            Of one input, (C, H, W); by default of those that calibrated.

        Raises
        ------
        ValueError
            If nothing was calibrated, and no shape is given.
        """
        shape = self.report.input_shape if input_shape is None else input_shape
        if shape is None:
            raise ValueError("input_shape must be given, (C, H, W), for quantisation without calibration saw no input")
        return exporting.export(self.model, path, shape, fold=False)

    @staticmethod
    def of(model: fx.GraphModule, notes: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Quantized:
        """Read what :meth:`save` wrote."""
        report, codes = QuantizedReport.of(notes["report"]), {}
        for name, (shape, error) in notes["shapes"].items():
            packed = tensors[f"{name}.codes"].numpy()
            unpacked = unpack(packed, report.bits, int(np.prod(shape))).reshape(shape)
            exponents, scales = (tensors[f"{name}.{each}"].numpy() for each in ("exponents", "scales"))
            codes[name] = Fitted(report.bits, exponents, scales, unpacked, error)
            with torch.no_grad():
                model.get_submodule(name).weight.copy_(torch.from_numpy(codes[name].weights))
        return Quantized(model, codes, report)


def quantize(
    model: nn.Module,
    bits: int,
    *,
    calibration: Iterable[Any] | None = None,
    mode: Mode = "splits and clipping",
) -> Quantized:
    """Bring a network's weights to small floating point, of as many bits as are given.

    For each channel of each convolution and linear layer the split into exponent and mantissa bits is the one that errs
    least, as are, with ``"splits and clipping"``, the sizes that are clipped: by the very weights, not by a
    distribution that they are taken to have.

    Parameters
    ----------
    model : nn.Module
        A network that ``torch.fx`` can trace; it stays as it is.
    bits : int
        Of a weight, with its sign: 3 to 8.
    calibration : iterable, optional
        Inputs, as tensors or arrays (N, C, H, W), alone or with labels; gone through twice. With them differences count
        as much as the inputs that they meet, what they add to results on average is taken away, and batch normalisation
        is calibrated anew.
    mode : str
        ``"splits and clipping"``, ``"splits"`` without it; or, to compare with, ``"one split"``: that which errs least
        for all weights of the network together, with clipping; ``"integers"``: whole numbers only, with clipping, and
        ``"integers without clipping"``.

    Returns
    -------
    Quantized
        ``model``, ``codes`` and ``report``.

    References
    ----------
    Mineo, Maeda, Hamamoto: Quantisation by small floating point that fits the distribution of weights. PCSJ/IMPS 2023.
    """
    choice(mode, "mode", get_args(Mode))
    again = None if calibration is None else observing.repeatable(calibration)
    graph = copy.deepcopy(model) if isinstance(model, fx.GraphModule) else fx.symbolic_trace(copy.deepcopy(model))
    layers = layers_of(graph)
    tried = _tried(mode, bits, [_weights(graph, name) for name in layers])
    clip = mode not in ("splits", "integers without clipping")
    moments: dict[str, Moments] = {}
    shape = None
    if again is not None:
        example = next(observing.inputs(again))[:1]
        shape = tuple(example.shape[1:])
        moments = _observed(graph, layers, again, example)
    codes: dict[str, Fitted] = {}
    report = []
    for name, node in layers.items():
        module = graph.get_submodule(name)
        weights = _weights(graph, name)
        known = moments.get(name)
        importance = None if known is None else _importance(weights, known, module)
        fitted = fit(weights, bits, clip=clip, importance=importance, among=tried)
        codes[name] = fitted
        change = fitted.weights - weights
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(fitted.weights))
        if known is not None:
            lost = np.einsum("oit,i->o", -_by_input(change, known, module), known.mean)
            add_constant(graph, node, torch.from_numpy(lost).to(module.weight))
        report.append(_layer(name, weights, change, fitted))
    if again is not None:
        observing.recalibrate(graph, again)
    return Quantized(graph, codes, QuantizedReport(bits, mode, tuple(report), shape))


def _weights(graph: fx.GraphModule, name: str) -> NDArray[np.float32]:
    weight = graph.get_submodule(name).weight
    assert isinstance(weight, torch.Tensor)
    return weight.detach().float().cpu().numpy()


def _tried(mode: Mode, bits: int, layers: Sequence[NDArray[np.float32]]) -> list[Format]:
    """Give the splits that a mode chooses among."""
    every = formats(bits)
    if mode == "one split":
        return [min(every, key=lambda each: noise(layers, bits, [each]))]
    return every[:1] if mode.startswith("integers") else every


def _observed(
    graph: fx.GraphModule, layers: Mapping[str, fx.Node], batches: Iterable[Any], example: torch.Tensor
) -> dict[str, Moments]:
    """Give the moments of what each layer reads."""
    channels = trace(graph, example)
    found: dict[str, Moments] = {}
    by_node: dict[str, Moments] = {}
    for name, node in layers.items():
        source = node.args[0].name
        found[name] = by_node.setdefault(source, Moments(len(channels.distinct(name))))
    observing.observe(graph, batches, by_node)
    return found


def _by_input(weights: NDArray[np.float32], known: Moments, module: nn.Module) -> NDArray[np.float32]:
    """Give weights as (results, channels that are read, the rest)."""
    groups = getattr(module, "groups", 1)
    if groups == 1:
        return weights.reshape(len(weights), known.channels, -1)
    spread = np.zeros((len(weights), known.channels, int(np.prod(weights.shape[2:]))), np.float32)
    own, rows = weights.shape[1], len(weights) // groups
    for group in range(groups):
        part = slice(group * rows, (group + 1) * rows)
        spread[part, group * own : (group + 1) * own] = weights[part].reshape(rows, own, -1)
    return spread


def _importance(weights: NDArray[np.float32], known: Moments, module: nn.Module) -> NDArray[np.float32]:
    """Give what squared differences of weights count: the mean square of the channel that they meet."""
    square = np.maximum(np.diag(known.gram) / max(known.count, 1), 1e-12).astype(np.float32)
    own = square.reshape(getattr(module, "groups", 1), 1, -1)
    rows = np.repeat(own, len(weights) // own.shape[0], axis=1).reshape(len(weights), -1)
    times = weights[0].size // rows.shape[1]
    return np.repeat(rows, times, axis=1).reshape(weights.shape).copy()


def _layer(name: str, weights: NDArray[np.float32], change: NDArray[np.float32], fitted: Fitted) -> QuantizedLayer:
    signal, noise = (float(np.square(each, dtype=np.float64).sum()) for each in (weights, change))
    used, counts = np.unique(fitted.exponents, return_counts=True)
    exponents = {int(key): int(count) for key, count in zip(used, counts, strict=True)}
    sqnr = 10 * np.log10(max(signal, 1e-300) / max(noise, 1e-300))
    return QuantizedLayer(name, exponents, float(sqnr), fitted.effective_bits)
