"""Networks as ONNX files, for whoever runs them without torch."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from compress.keeping import replaced
from compress.network.channels import UnsupportedError
from dsl.arguments import whole

#: Inputs of the trace, and of the check, which tells whether the size of a batch is free.
_TRACED, _CHECKED = 2, 8
#: Largest difference of results, as a part of the largest. Float32 summed in another order makes 1e-6, and some 1e-5
#: where sums cancel; other operations than were meant make far more.
_TOLERANCE = 1e-4


def export(model: nn.Module, path: str | Path, input_shape: Sequence[int], *, fold: bool = True) -> Path:
    """Write a network, as it evaluates, to an ONNX file, once onnxruntime has computed what torch does.

    Its input is ``images``, its result ``results``, float32; the first axis, ``N``, is of any size.

    Parameters
    ----------
    model : nn.Module
        The network, of one input and one result; it stays as it is.
    path : path
        The file; ``.onnx`` is usual.
    input_shape : sequence of int
        Of one input, (C, H, W).
    fold : bool
        Whether batch normalisation goes into the convolution before it. Without, all weights are written as they are.

    Raises
    ------
    ImportError
        If onnx or onnxruntime is missing.
    UnsupportedError
        If ONNX has no such operation; nothing is written then.
    RuntimeError
        If results differ by more than a ten-thousandth of the largest; nothing is written then.
    """
    _onnxruntime()  # before any work
    evaluating = copy.deepcopy(model).cpu().eval()
    data = _exported(evaluating, example(input_shape, _TRACED), fold)
    _check(evaluating, data, example(input_shape, _CHECKED))
    with replaced(path) as beside:
        beside.write_bytes(data)
    return Path(path)


def example(input_shape: Sequence[int], count: int) -> torch.Tensor:
    """Give inputs of a normal distribution, always the same ones."""
    sizes = [whole(size, "input_shape") for size in input_shape]
    return torch.randn(count, *sizes, generator=torch.Generator().manual_seed(0))


def session(model: str | Path | bytes, threads: int = 1) -> Any:
    """Give what runs an ONNX network, of a file or its bytes, on the CPU."""
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _onnxruntime() -> Any:
    try:
        import onnx  # noqa: F401 (torch imports it)
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"ONNX needs onnx and onnxruntime ({error}): pip install 'halide-filters[onnx]'") from error
    return onnxruntime


def _exported(model: nn.Module, images: torch.Tensor, fold: bool) -> bytes:
    """Give the bytes of a file. Torch's newer exporter would need onnxscript; this one warns that it is the older."""
    data = io.BytesIO()
    names = {"images": {0: "N"}, "results": {0: "N"}}
    options = {"input_names": ["images"], "output_names": ["results"], "dynamic_axes": names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            torch.onnx.export(model, (images,), data, dynamo=False, do_constant_folding=fold, **options)
        except torch.onnx.errors.OnnxExporterError as error:
            raise UnsupportedError(f"the network cannot be written as ONNX: {str(error).partition('. ')[0]}") from error
    return data.getvalue()


def _check(model: nn.Module, data: bytes, images: torch.Tensor) -> None:
    """Raise if onnxruntime computes something else than torch does."""
    (found,) = session(data).run(None, {"images": images.numpy()})
    with torch.no_grad():
        wanted = model(images)
    difference, largest = float((torch.from_numpy(found) - wanted).abs().max()), float(wanted.abs().max())
    if not difference <= _TOLERANCE * largest:
        raise RuntimeError(
            f"results of onnxruntime differ from torch's by {difference:.2g}, of {largest:.2g} at most; "
            f"a part of {_TOLERANCE:g} is accepted, and nothing was written"
        )
