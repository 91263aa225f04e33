"""Networks as ONNX files: they compute the same, weights of few bits are what they were, nothing else is written."""

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import torch.nn.functional as F  # noqa: E402, N812
from onnx import numpy_helper  # noqa: E402
from torch import nn  # noqa: E402

import compress  # noqa: E402
from compress import training  # noqa: E402
from compress.kernels import Format, decode  # noqa: E402
from compress.network import exporting  # noqa: E402
from compress.stages import Staged  # noqa: E402
from tests.compress.test_network import IMAGES, NETWORKS, network  # noqa: E402

#: Images, another number of them than a file is traced and checked with.
MORE = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def pruned(name):
    return compress.prune(network(name), [IMAGES], ratio=0.9, least=1)


def quantized(name):
    return compress.quantize(network(name), 4, calibration=[IMAGES])


def results(path, images=MORE):
    return exporting.session(path).run(["results"], {"images": images.numpy()})[0]


def operators(path):
    return {node.op_type for node in onnx.load(path).graph.node}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("smaller", [pruned, quantized])
def test_a_file_computes_what_the_network_does(smaller, name, tmp_path):
    found = smaller(name)
    assert found.export(tmp_path / "net.onnx") == tmp_path / "net.onnx"
    again = compress.load(found.save(tmp_path / "net.safetensors"))
    again.export(tmp_path / "again.onnx")
    assert {file.name for file in tmp_path.iterdir()} == {"net.onnx", "again.onnx", "net.safetensors"}
    np.testing.assert_array_equal(results(tmp_path / "again.onnx"), results(tmp_path / "net.onnx"))
    with torch.no_grad():
        wanted = found.model.eval()(MORE).numpy()
    accepted = 1e-4 * np.abs(wanted).max()  # what exporting promises
    np.testing.assert_allclose(results(tmp_path / "net.onnx"), wanted, rtol=0, atol=accepted)
    np.testing.assert_allclose(results(tmp_path / "net.onnx", MORE[:1]), wanted[:1], rtol=0, atol=accepted)
    (first,) = onnx.load(tmp_path / "net.onnx").graph.input
    assert [each.dim_param or each.dim_value for each in first.type.tensor_type.shape.dim] == ["N", 3, 32, 32]


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_of_few_bits_stay_on_their_grids(name, tmp_path):
    found = quantized(name)
    graph = onnx.load(found.export(tmp_path / "net.onnx")).graph
    written = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for layer, fitted in found.codes.items():
        weights = written[f"{layer}.weight"]
        for channel, (exponent, scale) in enumerate(zip(fitted.exponents.tolist(), fitted.scales, strict=True)):
            values = decode(Format(exponent, 3 - exponent), fitted.codes[channel], np.float32(1)) * scale
            np.testing.assert_array_equal(weights[channel], values)


def test_batch_normalisation_goes_into_convolutions_that_are_not_quantised(tmp_path):
    for name in ("vgg", "resnet"):
        assert "BatchNormalization" not in operators(pruned(name).export(tmp_path / "pruned.onnx"))
        assert "BatchNormalization" in operators(quantized(name).export(tmp_path / "quantized.onnx"))


def test_exporting_changes_nothing(tmp_path):
    found = pruned("resnet")
    found.model.train()
    state = {name: value.clone() for name, value in found.model.state_dict().items()}
    found.export(tmp_path / "net.onnx")
    assert found.model.training
    assert all(torch.equal(state[name], value) for name, value in found.model.state_dict().items())


def test_what_was_trained_on_is_what_is_written(tmp_path):
    found = pruned("vgg")
    before = results(found.export(tmp_path / "before.onnx"))
    # Several steps: of a single one the rate is the last of a cycle, which is next to nothing.
    loader = [(MORE, torch.tensor([1, 2, 3, 4, 5]))] * 4
    training.train(found.model, loader, 1)
    staged = Staged(found.model, found, found, [])
    np.testing.assert_array_equal(
        results(staged.export(tmp_path / "staged.onnx")), results(found.export(tmp_path / "after.onnx"))
    )
    assert np.abs(results(tmp_path / "after.onnx") - before).max() > 0.01


def test_the_shape_is_asked_for_where_no_input_was_seen(tmp_path):
    found = compress.quantize(network("vgg"), 4)
    with pytest.raises(ValueError, match=r"input_shape must be given, \(C, H, W\)"):
        found.export(tmp_path / "net.onnx")
    with pytest.raises(ValueError, match="input_shape must be at least 1, not 0"):
        found.export(tmp_path / "net.onnx", input_shape=(3, 0, 32))
    assert list(tmp_path.iterdir()) == []
    assert results(found.export(tmp_path / "net.onnx", input_shape=(3, 32, 32))).shape == (5, 10)
    assert compress.load(found.save(tmp_path / "net")).report.input_shape is None


class Between(nn.Module):
    """Two convolutions with something between them."""

    def __init__(self, inner):
        super().__init__()
        self.first, self.inner, self.last = nn.Conv2d(3, 8, 3), inner, nn.Conv2d(8, 4, 3)

    def forward(self, x):
        return self.last(self.inner(self.first(x)))


class Noisy(nn.Module):
    """Drops numbers out even where it evaluates, so that no two runs are the same."""

    def forward(self, x):
        return F.dropout(x, 0.5)


@pytest.mark.filterwarnings("ignore:ONNX export mode is set to")
@pytest.mark.parametrize(
    ("inner", "error", "said"),
    [
        (nn.AdaptiveAvgPool2d(7), compress.UnsupportedError, "cannot be written as ONNX: .*adaptive_avg_pool2d"),
        (Noisy(), RuntimeError, r"differ from torch's by \d\.\d+, of \d\.\d+ at most"),
    ],
)
def test_what_does_not_compute_the_same_is_not_written(inner, error, said, tmp_path):
    torch.manual_seed(0)
    found = compress.prune(Between(inner).eval(), [IMAGES], least=1)
    (tmp_path / "net.onnx").write_text("an older one")
    with pytest.raises(error, match=said):
        found.export(tmp_path / "net.onnx")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["an older one"]


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_what_is_missing_is_named(missing, tmp_path, monkeypatch):
    found = pruned("residual")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'halide-filters\[onnx\]'"):
        found.export(tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
