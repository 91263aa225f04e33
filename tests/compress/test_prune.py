"""Pruning: counts by principal components, what stays by weights, what is made good."""

import copy
import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import compress  # noqa: E402
from compress import models  # noqa: E402
from compress.network import UnsupportedError, trace  # noqa: E402
from compress.pruning import counting, prune  # noqa: E402
from compress.pruning.observing import recalibrate  # noqa: E402

GENERATOR = torch.Generator().manual_seed(0)
BATCHES = [torch.randn(16, 3, 16, 16, generator=GENERATOR) for _ in range(4)]


def small(channels=8, *, bias=False):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, bias=bias), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.Conv2d(channels, 10, 3, bias=bias), nn.BatchNorm2d(10), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(40, 5),
    ).eval()  # fmt: skip


def counts(model, **options):
    return [layer.after for layer in prune(model, BATCHES, least=1, **options).report.layers]


def test_counts_are_of_components():
    assert counting.count(np.array([8.0, 1, 1, 0]), 0.8) == 1
    assert counting.count(np.array([8.0, 1, 1, 0]), 0.81) == 2
    assert counting.count(np.array([8.0, 1, 1, 0]), 1.0) == 3
    assert counting.count(np.zeros(4), 0.99) == 1
    assert counting.rounded(3, 20, 1, 8, 4) == 8
    assert counting.rounded(17, 20, 1, 8, 4) == 20
    assert counting.rounded(3, 24, 4, 6, 1) == 12
    assert counting.rounded(1, 3, 1, None, 4) == 3


def test_counts_grow_with_the_ratio():
    model = small(30)
    found = [counts(model, ratio=ratio) for ratio in (0.3, 0.6, 0.9, 0.99, 1.0)]
    assert all(a <= b for some, more in itertools.pairwise(found) for a, b in zip(some, more, strict=True))
    assert found[-1][0] == 27  # a convolution of 3 channels and 3 x 3 pixels gives no more that are independent


def test_channels_that_repeat_others_change_no_count():
    model = small()
    wider = small(16)
    wider[0].weight.data.copy_(torch.cat([model[0].weight] * 2))
    for ratio in (0.7, 0.95, 1.0):
        assert counts(wider, ratio=ratio)[0] == counts(model, ratio=ratio)[0]


@pytest.mark.parametrize("bias", [False, True])
def test_compensation_is_exact_for_channels_that_others_make(bias):
    model = small(bias=bias)
    model[2] = nn.Identity()  # so that they are sums of others for the layer behind, too
    with torch.no_grad():
        model[0].weight[4:] = 0.1 * torch.einsum("ij,jchw->ichw", torch.randn(4, 4), model[0].weight[:4])
        nn.init.uniform_(model[1].bias, -0.5, 0.5)
    whole = trace(model, BATCHES[0]).graph
    recalibrate(whole, BATCHES)  # as it is behind training, and is done again
    with torch.no_grad():
        wanted = whole(BATCHES[0])
        for method, (low, high) in {"compensated": (0, 2e-4), "paper": (0.02, 10)}.items():
            found = prune(whole, BATCHES, ratio=1.0, least=1, method=method)
            assert found.report.layers[0].after == 4
            assert low <= (found.model.eval()(BATCHES[0]) - wanted).abs().max() <= high


def test_the_largest_weights_stay():
    model = small()
    with torch.no_grad():
        model[0].weight[[1, 4, 6]] *= 3
    found = prune(model, BATCHES, ratio=1e-6, least=3, method="paper").model
    np.testing.assert_array_equal(found.get_submodule("0").weight.detach(), model[0].weight[[1, 4, 6]].detach())


@pytest.mark.parametrize("target", [{"params": 0.45}, {"macs": 0.5}])
def test_a_share_of_the_costs_is_removed(target):
    torch.manual_seed(0)
    model = models.vgg16_bn(10, 3, 0.25).eval()
    images = [torch.randn(32, 3, 32, 32, generator=torch.Generator().manual_seed(1))]
    report = prune(model, images, target=target).report
    ((name, share),) = target.items()
    before, after = getattr(report.before, name), getattr(report.after, name)
    assert abs(1 - after / before - share) < 0.03
    assert f"{name}: {before:,} -> {after:,}" in str(report)
    assert report.inputs == 32
    assert report.data()["layers"][0]["modules"] == ("features.0",)


@pytest.mark.parametrize("observe", ["conv", "bn", "relu"])
@pytest.mark.parametrize("make", [lambda: models.resnet(8, 5), lambda: models.vgg16_bn(5, 3, 0.2)])
def test_networks_are_smaller_and_train(make, observe):
    torch.manual_seed(0)
    model = make().eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    images = [(torch.randn(8, 3, 32, 32, generator=GENERATOR), torch.zeros(8)) for _ in range(2)]
    found = prune(model, iter(images), ratio=0.9, observe=observe, round_to=4)
    assert found.report.after.params < found.report.before.params
    assert all(layer.after % 4 == 0 or layer.after == layer.before for layer in found.report.layers)
    found.model.train()(images[0][0]).sum().backward()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert not model.training


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"ratio": 0}, ValueError, "ratio must be from 1e-06 to 1, not 0"),
        ({"method": "best"}, ValueError, "method must be one of 'paper', 'compensated'"),
        ({"observe": "input"}, ValueError, "observe must be one of"),
        ({"target": {"time": 0.5}}, ValueError, "target must be"),
        ({"target": {"params": 1.5}}, ValueError, r"target\['params'\] must be from 0 to 1"),
        ({"round_to": 0}, ValueError, "round_to must be at least 1"),
        ({"batches": []}, ValueError, "batches are none"),
    ],
)
def test_arguments_that_make_no_sense(options, error, said):
    with pytest.raises(error, match=said):
        prune(small(), options.pop("batches", BATCHES[:1]), **options)


def test_a_structure_before_training():
    torch.manual_seed(0)
    model = models.vgg16_bn(10, 3, 0.25)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    options = {"inputs": 256, "batch_size": 64}
    found = compress.prune_at_initialization(model, (3, 32, 32), ratio=0.9, **options)
    again = compress.prune_at_initialization(model, (3, 32, 32), ratio=0.9, **options)
    assert found.report == again.report
    assert found.report.inputs == 256
    assert found.report.after.params < 0.8 * found.report.before.params
    assert found.report.layers[0].after < 16
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    shares = compress.prune_at_initialization(model, (3, 32, 32), target={"macs": 0.5}, **options).report
    assert abs(1 - shares.after.macs / shares.before.macs - 0.5) < 0.05
    found.model.train()(torch.randn(4, 3, 32, 32)).sum().backward()
    with pytest.raises(ValueError, match=r"input_shape must be \(C, H, W\)"):
        compress.prune_at_initialization(model, (32, 32))


def test_counts_before_training_do_not_depend_on_the_scale_of_inputs():
    """Batch normalisation takes it away behind the first layer, whose counts do not depend on it either."""
    torch.manual_seed(0)
    model = models.vgg16_bn(10, 3, 0.1)
    scaled = copy.deepcopy(model)
    scaled.features[0].weight.data *= 7
    found = [compress.prune_at_initialization(each, (3, 32, 32), inputs=128, batch_size=64) for each in (model, scaled)]
    assert [layer.after for layer in found[0].report.layers] == [layer.after for layer in found[1].report.layers]


def test_unknown_operations_are_refused():
    with pytest.raises(UnsupportedError, match="InstanceNorm2d"):
        prune(nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4)), BATCHES)
