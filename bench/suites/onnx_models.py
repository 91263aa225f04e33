"""Convolutions as models of onnxruntime, run with as many threads as are asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.suites.contenders import interleaved, planar
from bench.suites.contest import Array, Contender


def convolution(
    features: Array, weights: Array, bias: Array | None, threads: int, *, reflected: bool = False, relu: bool = False,
    stride: int = 1,
) -> Callable[[], Array]:  # fmt: skip
    """Give a run of a convolution.

    Parameters
    ----------
    features : (N, C, H, W) array
    weights : (O, C / groups, J, I) array
        Sides are odd; the result keeps the size of the image, but for the stride.
    bias : (O,) array, optional
    threads : int
    reflected : bool
        Whether the image is mirrored outside, instead of zeros.
    relu : bool
        Whether a ReLU follows.
    stride : int
    """
    from onnx import helper

    reach = [side // 2 for side in weights.shape[2:]] * 2
    constants = {"weights": weights} | ({} if bias is None else {"bias": bias})
    options = {"pads": [0] * 4 if reflected else reach, "strides": [stride] * 2}
    options["group"] = features.shape[1] // weights.shape[1]
    nodes = [helper.make_node("Conv", ["padded" if reflected else "x", *constants], ["sums"], **options)]
    if reflected:
        constants["reach"] = np.array([0, 0, *reach[:2], 0, 0, *reach[2:]], np.int64)
        nodes.insert(0, helper.make_node("Pad", ["x", "reach"], ["padded"], mode="reflect"))
    if relu:
        nodes.append(helper.make_node("Relu", ["sums"], ["positive"]))
    session = _session(nodes, features.shape, constants, threads)
    return functools.partial(_first, session, {"x": features})


def _session(nodes: Sequence[Any], shape: Sequence[int], constants: Mapping[str, Array], threads: int) -> Any:
    import onnxruntime
    from onnx import TensorProto, checker, helper, numpy_helper

    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [None] * 4)
    known = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    model = helper.make_model(
        helper.make_graph(list(nodes), "model", [given], [result], known), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 9  # what onnxruntime reads may lag behind what onnx writes
    checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Workers would wait actively for tens of milliseconds, in which they take a core from who comes next.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "1000")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _first(session: Any, given: Mapping[str, Array]) -> Array:
    found: Array = session.run(None, given)[0]
    return found


def convolving(turned: Array, **more: Any) -> Contender:
    """Give a contender that filters the channels of an image alike, mirrored outside; ``turned`` is a correlation's."""

    def bind(image: Array, threads: int) -> Callable[[], Array]:
        planes = planar(image).astype(np.float32)
        weights = np.repeat(turned[None, None], planes.shape[1], axis=0)
        return convolution(planes, weights, None, threads, reflected=True)

    return Contender("onnxruntime", "Conv", bind, "onnxruntime", read=interleaved, **more)
