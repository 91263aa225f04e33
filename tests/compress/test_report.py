"""Reports: what was measured beside what was, and spectra as a figure."""

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from torch import nn  # noqa: E402

import compress  # noqa: E402
from compress import measuring  # noqa: E402
from tests.compress.test_network import IMAGES, network  # noqa: E402


@pytest.fixture(autouse=True)
def few_runs(monkeypatch):
    monkeypatch.setattr(measuring, "_SECONDS", 0)


def pruned(name="residual", **options):
    return compress.prune(network(name), [IMAGES], ratio=0.9, least=1, **options)


class Told(nn.Module):
    """Writes down that it ran, with how many inputs and threads, and whether as it evaluates."""

    calls: list[tuple[str, int, int, bool]] = []  # noqa: RUF012 (that of all copies)

    def __init__(self, name):
        super().__init__()
        self.name = name

    def forward(self, x):
        self.calls.append((self.name, len(x), torch.get_num_threads(), self.training))
        return x


def test_networks_run_in_turns():
    Told.calls.clear()
    before = torch.get_num_threads()
    networks = [Told("a"), Told("b").train()]
    times = compress.latency(networks, (3, 4, 4), batch=5, threads=2)
    assert len(times) == 2
    assert min(times) > 0
    assert Told.calls == [("a", 5, 2, False), ("b", 5, 2, False)] * (len(Told.calls) // 2)
    assert len(Told.calls) == 2 * (2 + 15)
    assert torch.get_num_threads() == before
    assert networks[1].training


def test_what_was_measured_is_in_the_report(tmp_path):
    dense = network("residual")
    found = pruned()
    with torch.no_grad():
        right = dense(IMAGES).argmax(1)
    wrong = (right + 1) % 5
    loader = [(IMAGES, right), (IMAGES, torch.stack([right[0], wrong[1]]))]
    again = found.measured(dense, iter(loader), batches=(1, 3))
    assert found.report.measured is None
    assert again.model is found.model
    measured = again.report.measured
    assert [(each.engine, each.threads, each.batch) for each in measured.latencies] == [
        ("torch", 1, 1),
        ("torch", 1, 3),
    ]
    assert all(each.before > 0 < each.after for each in measured.latencies)
    with torch.no_grad():
        told = found.model.eval()(IMAGES).argmax(1)
    assert measured.accuracy == (0.75, np.mean([(told == labels).float().mean() for _, labels in loader]))
    lines = str(again.report).splitlines()
    assert lines[:-3] == str(found.report).splitlines()
    assert lines[-3].startswith("accuracy: 75.00% -> ")
    assert [line.partition(":")[0] for line in lines[-2:]] == ["batch of 1", "batch of 3"]
    assert compress.load(again.save(tmp_path / "net")).report == again.report


def test_onnxruntime_is_timed_too():
    pytest.importorskip("onnxruntime")
    latencies = pruned().measured(network("residual"), batches=(2,), engines=("onnxruntime",)).report.measured.latencies
    assert [(each.engine, each.batch) for each in latencies] == [("onnxruntime", 2)]
    assert latencies[0].before > 0 < latencies[0].after


def test_how_times_are_printed():
    latency = measuring.Latency("torch", 2, 32, 0.01234, 0.004)
    assert str(latency) == "batch of 32: 12.3 ms -> 4 ms (3.08 times as fast; torch, 2 threads)"
    assert str(measuring.Measured((latency,), (0.911, 0.8957))).startswith("accuracy: 91.10% -> 89.57%\nbatch of 32: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engines": ("tensorrt",)}, "engines must be one of 'torch', 'onnxruntime', not 'tensorrt'"),
        ({"batches": (0,)}, "batch must be at least 1, not 0"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"loader": [], "batches": ()}, "loader gives no inputs"),
    ],
)
def test_arguments_that_make_no_sense(options, said):
    with pytest.raises(ValueError, match=said):
        pruned().measured(network("residual"), **options)


def test_spectra(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    report = pruned("vgg").report
    figure = report.plot(tmp_path / "spectra.png")
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title(loc="left") for panel in panels] == [layer.modules[0] for layer in report.layers]
    assert [panel.texts[0].get_text() for panel in panels] == [f"{x.after} of {x.before}" for x in report.layers]
    for panel, layer in zip(panels, report.layers, strict=True):
        ratio, curve = (line.get_ydata() for line in panel.lines)
        assert len(curve) == layer.before + 1
        assert curve[layer.after - 1] < ratio[0] <= curve[layer.after] + 1e-6  # rounding counts as no variance
        assert panel.patches[0].get_bbox().x1 == layer.after
    assert matplotlib.image.imread(tmp_path / "spectra.png").std() > 0.1
    assert [file.name for file in tmp_path.iterdir()] == ["spectra.png"]


def test_layers_that_share_channels_are_one_panel():
    pytest.importorskip("matplotlib")
    assert pruned().report.plot().axes[0].get_title(loc="left") == "first and 1 more"


def test_no_figure_is_half_written(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    found = pruned()
    with pytest.raises(ValueError, match="Format 'txt' is not supported"):
        found.report.plot(tmp_path / "spectra.txt")
    with pytest.raises(ValueError, match="nothing to draw"):
        compress.prune(nn.Sequential(nn.Conv2d(3, 4, 3)), [IMAGES]).report.plot(tmp_path / "spectra.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'halide-filters\[plot\]'"):
        found.report.plot(tmp_path / "spectra.png")
    assert list(tmp_path.iterdir()) == []
