"""Quantisation: ``python -m bench.quantization`` (ten minutes on two cores; ``--quick`` for one seed and few images).

*detector*: signal over noise on the weights of a trained network, DBNet's detector of text in rapidocr-onnxruntime
(which has to be installed, with onnx): each channel its split of bits, beside the best single one, both with clipping.
*accuracy*: of a small network on Fashion-MNIST, with and without what calibration data corrects; several seeds.
"""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from bench import command
from bench.paired import Array
from bench.pruning import QUICK, Scale
from bench.tables import Row, Table, judged
from compress.experiments import quantization, spread
from compress.experiments.quantization import WAYS
from compress.kernels import Format
from compress.quantization.fitting import formats, noise

#: Weights of a channel at least: of fewer a channel's scale would be most of what is stored.
_LEAST = 9
_GOALS = {5: (1.5, 2.0), 6: (1.5, 2.0), 8: (1.5, 2.0)}


def detector(scale: Scale) -> Iterator[Table]:
    """Signal over noise on DBNet's weights."""
    layers = _weights()
    if layers is None:
        yield Table("DBNet's detector: rapidocr-onnxruntime or onnx is missing", [])
        return
    signal = sum(float(np.square(each, dtype=np.float64).sum()) for each in layers)
    rows: list[Row] = []
    for bits in range(3, 9):
        single = {format: noise(layers, bits, [format]) for format in formats(bits)}
        best = min(single, key=lambda format: single[format])
        each, integers = noise(layers, bits), single[Format(1, bits - 2)]
        decibels = [10 * np.log10(signal / lost) for lost in (integers, single[best], each)]
        rows.append({
            "bits": bits, "integers": float(decibels[0]), "best single": f"E{best.exponent}M{best.mantissa}",
            "its": float(decibels[1]), "each channel": float(decibels[2]),
            **judged(float(decibels[2] - decibels[1]), *_GOALS.get(bits, (None, None))),
        })  # fmt: skip
    count = sum(each.size for each in layers)
    yield Table(
        f"SQNR in dB on {count:,} weights of {len(layers)} convolutions of DBNet's detector, with clipping", rows
    )


def _weights() -> list[Array] | None:
    """Give the weights of the detector's convolutions."""
    found = importlib.util.find_spec("rapidocr_onnxruntime")
    if found is None or found.origin is None or importlib.util.find_spec("onnx") is None:
        return None
    import onnx
    from onnx import numpy_helper

    file = next(Path(found.origin).parent.rglob("*det*.onnx"))
    graph = onnx.load(str(file)).graph
    constants = {each.name: each for each in graph.initializer}
    constants |= {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
    used = [node.input[1] for node in graph.node if node.op_type == "Conv" and node.input[1] in constants]
    arrays = [np.ascontiguousarray(numpy_helper.to_array(constants[name]), np.float32) for name in used]
    return [array for array in arrays if array[0].size >= _LEAST]


def accuracy(scale: Scale) -> Iterator[Table]:
    """What bits cost a small network."""
    torch.set_num_threads(2)
    found = quantization(scale.plan(), (8, 6, 5, 4, 3))
    rows: list[Row] = []
    for row in found.rows:
        lost = [before - after for before, after in zip(found.whole["top-1 %"], row["top-1 %"], strict=True)]
        goal = (0.5, 0.2) if (row["bits"], row["weights"]) == (4, list(WAYS)[-1]) else (None, None)
        rows.append({
            "bits": row["bits"], "weights": row["weights"], "SQNR, dB": statistics.mean(row["SQNR, dB"]),
            "spread": spread(lost), **judged(statistics.mean(lost), *goal, larger=False),
        })  # fmt: skip
    yield Table("points of accuracy lost by weights of few bits", rows, found.notes)


SECTIONS: dict[str, Callable[[Scale], Iterator[Table]]] = {"detector": detector, "accuracy": accuracy}


if __name__ == "__main__":
    command.run("bench.quantization", __doc__, SECTIONS, Scale(), QUICK)
