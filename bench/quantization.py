"""Quantisation: ``python -m bench.quantization`` (ten minutes on two cores; ``--quick`` for one seed and few images).

*detector*: signal over noise on the weights of a trained network, DBNet's detector of text in rapidocr-onnxruntime
(which has to be installed, with onnx): each channel its split of bits, beside the best single one, both with clipping.
*accuracy*: of a small network on Fashion-MNIST, with and without what calibration data corrects; several seeds.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

import compress
from bench.convolution import machine
from bench.paired import Array
from bench.pruning import Experiment, Scale
from bench.report import Row, Table, judged, spread
from compress.kernels import Format
from compress.quantization import fit
from compress.quantization.fitting import formats

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
        single = {format: _noise(layers, bits, among=[format]) for format in formats(bits)}
        best = min(single, key=lambda format: single[format])
        each, integers = _noise(layers, bits), single[Format(1, bits - 2)]
        decibels = [10 * np.log10(signal / noise) for noise in (integers, single[best], each)]
        rows.append({
            "bits": bits, "integers": float(decibels[0]), "best single": f"E{best.exponent}M{best.mantissa}",
            "its": float(decibels[1]), "each channel": float(decibels[2]),
            **judged(float(decibels[2] - decibels[1]), *_GOALS.get(bits, (None, None))),
        })  # fmt: skip
    count = sum(each.size for each in layers)
    yield Table(
        f"SQNR in dB on {count:,} weights of {len(layers)} convolutions of DBNet's detector, with clipping", rows
    )


def _noise(layers: Sequence[Array], bits: int, among: Sequence[Format] | None = None) -> float:
    return sum(fit(each, bits, among=among).error * each.size for each in layers)


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
    found: dict[tuple[int, str], list[float]] = {}
    for seed in range(scale.seeds):
        trained = Experiment(scale, seed)
        for bits in (8, 6, 5, 4, 3):
            for mode in ("integers", "splits", "splits and clipping"):
                for name, calibration in (("", None), (", calibrated", trained.calibration)):
                    quantized = compress.quantize(trained.dense, bits, mode=mode, calibration=calibration)  # type: ignore[arg-type]
                    lost = 100 * (trained.accuracy - trained.test_of(quantized.model))
                    found.setdefault((bits, mode + name), []).append(lost)
    rows = []
    for (bits, name), values in found.items():
        goal = (0.5, 0.2) if (bits, name) == (4, "splits and clipping, calibrated") else (None, None)
        verdict = judged(statistics.mean(values), *goal, larger=False)
        rows.append({"bits": bits, "mode": name, "spread": spread(values), **verdict})
    yield Table(f"points of accuracy lost on Fashion-MNIST, {scale.seeds} seeds", rows)


SECTIONS: dict[str, Callable[[Scale], Iterator[Table]]] = {"detector": detector, "accuracy": accuracy}


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.quantization", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed and few images: no figures to quote")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="some of: %(default)s")
    options = parser.parse_args(arguments)
    print("  ".join(f"{key} {value}" for key, value in machine().items()))
    for name in options.sections.split(","):
        for table in SECTIONS[name](Scale(1, 3000, 2) if options.quick else Scale()):
            print(table, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
