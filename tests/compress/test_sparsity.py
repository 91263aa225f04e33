"""Sparsification before pruning: channels vanish, and the stronger the penalty the more of them."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402, N812
from torch import nn  # noqa: E402

import compress  # noqa: E402
from compress import Sparsify  # noqa: E402
from compress.network import shrunk, trace  # noqa: E402
from compress.pruning import Report  # noqa: E402
from compress.sparsity import Shrinkage  # noqa: E402
from compress.training import accuracy, train  # noqa: E402
from tests.compress import test_network  # noqa: E402
from tests.compress.test_training import loader, network  # noqa: E402

IMAGES = 512


@pytest.fixture(scope="module")
def trained():
    model = network()
    train(model, loader(IMAGES), 3)
    return model


def parameters(model):
    return {name: value.detach().clone() for name, value in model.named_parameters()}


@pytest.mark.parametrize(
    ("penalty", "strengths"), [("group", (0.01, 0.04, 0.1)), ("l1", (0.001, 0.007, 0.02))], ids=["group", "l1"]
)
def test_the_stronger_the_penalty_the_fewer_channels_stay(trained, penalty, strengths):
    before, state = trained.training, parameters(trained)
    stay = []
    for strength in strengths:
        sparsify = Sparsify(strength, penalty)
        found = compress.prune(trained, loader(IMAGES), least=1, sparsify=sparsify)
        assert found.report.sparsify == sparsify
        assert accuracy(found.model, loader(IMAGES)) > 0.95
        stay.append(sum(layer.after for layer in found.report.layers))
    assert stay[0] > stay[1] > stay[2]
    assert all(torch.equal(state[name], value) for name, value in trained.named_parameters())
    assert trained.training == before


def test_channels_vanish_and_stay_away(trained):
    model, sparsify = copy.deepcopy(trained), Sparsify(0.1)
    train(model, loader(IMAGES), 4, sparsify=sparsify)
    channels = trace(model.eval(), torch.zeros(1, 3, 12, 12))

    def vanished():
        gone = []
        for group in channels.groups():
            (name,) = group.producers
            zero = model.get_submodule(name).weight.detach().flatten(1).abs().sum(1) == 0
            norm = model[int(name) + 1]
            assert not norm.weight[zero].any()
            assert not norm.bias[zero].any()
            gone += group.numbers[zero.numpy()].tolist()
        return gone

    gone = vanished()
    assert 0 < len(gone) < 28
    images, _ = next(iter(loader()))
    with torch.no_grad():  # sums of one zero more or less: to the last bits of numbers of about ten
        difference = shrunk(channels, np.array(gone))(images) - model(images)
    np.testing.assert_allclose(difference, 0, rtol=0, atol=1e-5)
    train(model, loader(IMAGES), 1, sparsify=sparsify)
    assert set(gone) <= set(vanished())


def test_no_strength_is_no_penalty():
    plain, none = network(), network()
    train(plain, loader(), 1)
    train(none, loader(), 1, sparsify=Sparsify(0))
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), none.parameters(), strict=True))


def test_channels_that_go_together_are_penalised_together():
    model = test_network.network("residual")
    before = parameters(model)
    Shrinkage(Sparsify(0.5), model, test_network.IMAGES[:1]).step(0.4)
    for names, layers in {("first", "back", "norm"): 2, ("inner",): 1}.items():
        members = [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]
        rows = {name: before[name].reshape(len(before[name]), -1) for name in members}
        norms = torch.cat(list(rows.values()), 1).norm(dim=1)
        share = (1 - 0.5 * 0.4 * layers**0.5 / norms).clamp(min=0)
        for name in members:
            wanted = (rows[name] * share[:, None]).reshape(before[name].shape)
            np.testing.assert_allclose(model.get_parameter(name).detach(), wanted, rtol=1e-5, atol=0)
    assert torch.equal(model.last.weight, before["last.weight"])  # results of the network stay


def test_single_weights_are_shrunk():
    model = test_network.network("residual")
    before = parameters(model)
    Shrinkage(Sparsify(0.5, "l1"), model, test_network.IMAGES[:1]).step(0.1)
    for name, value in model.named_parameters():
        wanted = before[name] if name.startswith("last") else F.softshrink(before[name], 0.05)
        np.testing.assert_allclose(value.detach(), wanted, rtol=0, atol=1e-6)
    assert (model.first.weight == 0).any()


def test_the_report_tells(trained, tmp_path):
    pytest.importorskip("safetensors")
    sparsify = Sparsify(0.02, "l1", epochs=1, rate=0.05)
    batches = ((images.numpy(), labels.numpy()) for images, labels in loader(64))
    found = compress.prune(trained, batches, sparsify=sparsify)
    again = compress.load(found.save(tmp_path / "smaller.safetensors"))
    assert again.report == found.report
    assert again.report.sparsify == sparsify
    assert "sparsified: l1 penalty of 0.02, epochs: 1, rate: 0.05" in str(again.report)
    plain = compress.prune(trained, loader(64)).report
    assert "sparsified" not in str(plain)
    assert Report.of(plain.data()) == plain


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strength": -1}, "strength must be finite and at least 0, not -1"),
        ({"strength": 1, "penalty": "l2"}, "penalty must be one of 'group', 'l1', not 'l2'"),
        ({"strength": 1, "epochs": 0}, "epochs must be at least 1, not 0"),
        ({"strength": 1, "rate": -0.1}, "rate must be finite and at least 0, not -0.1"),
    ],
)
def test_arguments_that_make_no_sense(options, said):
    with pytest.raises(ValueError, match=said):
        Sparsify(**options)


@pytest.mark.parametrize("batch", [torch.zeros(8, 3, 12, 12), [torch.zeros(8, 3, 12, 12)]])
def test_batches_carry_labels(trained, batch):
    with pytest.raises(ValueError, match=r"batches must be of \(inputs, labels\) for sparsify, not of"):
        compress.prune(trained, [batch], sparsify=Sparsify(0.1))


def test_networks_that_cannot_be_followed_stay_as_they_are():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    before = parameters(model)
    with pytest.raises(compress.UnsupportedError, match="InstanceNorm2d"):
        train(model, loader(64), 1, sparsify=Sparsify(0.1))
    assert all(torch.equal(before[name], value) for name, value in model.named_parameters())
