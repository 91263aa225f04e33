"""Networks in files: they come back without their class, to the bit."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from torch import nn  # noqa: E402

import compress  # noqa: E402
from compress.network import files, trace  # noqa: E402
from tests.compress.test_network import IMAGES, NETWORKS, network  # noqa: E402


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back(name, tmp_path):
    graph = trace(network(name), IMAGES).graph
    path = files.save(graph, tmp_path / "network.safetensors", {"what": [1, 2]})
    found, notes, others = files.load(path)
    assert (notes, others) == ({"what": [1, 2]}, {})
    with torch.no_grad():
        np.testing.assert_array_equal(found(IMAGES), graph(IMAGES))
    assert found.state_dict().keys() == graph.state_dict().keys()
    assert [node.name for node in found.graph.nodes] == [node.name for node in graph.graph.nodes]


def test_what_was_pruned_is_read_by_a_process_that_knows_nothing_of_it(tmp_path):
    pruned = compress.prune(network("residual"), [IMAGES], ratio=0.9, least=1)
    path = pruned.save(tmp_path / "smaller.safetensors")
    again = compress.load(path)
    assert again.report == pruned.report
    assert str(again.report) == str(pruned.report)
    torch.save(IMAGES, tmp_path / "images.pt")
    code = (
        "import sys, torch, compress\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"  # sums are in another order by others
        "found = compress.load(sys.argv[1]).model(torch.load(sys.argv[2]))\n"
        "torch.save(found.detach(), sys.argv[3])\n"
    )
    subprocess.run([sys.executable, "-c", code, path, tmp_path / "images.pt", tmp_path / "found.pt"], check=True)
    with torch.no_grad():
        np.testing.assert_array_equal(torch.load(tmp_path / "found.pt"), pruned.model(IMAGES))


class Other(nn.Conv2d):
    pass


def test_what_cannot_be_written_is_not(tmp_path):
    graph = torch.fx.symbolic_trace(nn.Sequential(Other(3, 4, 1)))
    with pytest.raises(compress.UnsupportedError, match="which cannot be written"):
        files.save(graph, tmp_path / "network.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_files_that_hold_nothing_of_this(tmp_path):
    from safetensors.torch import save_file

    (tmp_path / "text").write_text("no network")
    save_file({"a": torch.zeros(2)}, tmp_path / "weights")
    files.save(trace(network("grouped"), IMAGES).graph, tmp_path / "whole")
    for name, said in (("text", "holds no network"), ("weights", "holds no network"), ("whole", "nothing of how")):
        with pytest.raises(ValueError, match=said):
            compress.load(tmp_path / name)
    with pytest.raises(AttributeError, match="no attribute 'shrink'"):
        _ = compress.shrink
