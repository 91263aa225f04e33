"""Which channels go together, and networks without some of them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402, N812
from torch import nn  # noqa: E402

from compress import models  # noqa: E402
from compress.network import UnsupportedError, costs, costs_without, shrunk, trace  # noqa: E402


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.inner, self.back = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 6, 3, padding=1), nn.Conv2d(6, 8, 1)
        self.norm, self.last = nn.BatchNorm2d(8), nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.first(x))
        x = self.norm(x + self.back(self.inner(x).relu()))
        return self.last(x.mean((2, 3)))


class Dense(nn.Module):
    """Tensors put together, channels by themselves, a gate, features of several positions."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 3, padding=1)
        self.alone, self.third = nn.Conv2d(9, 9, 3, padding=1, groups=9), nn.Conv2d(9, 7, 1)
        self.gate, self.norm = nn.Conv2d(7, 7, 1), nn.BatchNorm2d(7)
        self.last = nn.Linear(7 * 4, 5)

    def forward(self, x):
        a = F.relu(self.first(x))
        x = self.third(self.alone(torch.cat([a, self.second(a)], 1)))
        x = x * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(x, 1)))
        return self.last(F.adaptive_avg_pool2d(self.norm(x), 2).view(x.size(0), -1))


class Grouped(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.grouped, self.last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 12, 3, groups=4), nn.Conv2d(12, 5, 1)

    def forward(self, x):
        return self.last(self.grouped(self.first(x)).relu()).flatten(2).mean(2)


NETWORKS = {
    "residual": Residual,
    "dense": Dense,
    "grouped": Grouped,
    "vgg": lambda: models.vgg16_bn(10, 3, 0.1),
    "resnet": lambda: models.resnet(8),
}
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def network(name):
    torch.manual_seed(0)
    model = NETWORKS[name]().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return model


def removed(channels, seed=0):
    """Choose about half of the channels of each group, of each of its blocks as many."""
    rng, gone = np.random.default_rng(seed), []
    for group in channels.groups():
        for block in group.numbers.reshape(group.blocks, -1):
            gone += rng.permutation(block)[: len(block) // 2].tolist()
    return np.array(gone)


def silenced(model, channels, gone):
    """Let nobody hear the channels that go: all weights that read them become zero."""
    silent = set(channels.roots(gone).tolist())
    for name, read in channels.read.items():
        module = model.get_submodule(name)
        unheard = [i for i, number in enumerate(channels.roots(read).tolist()) if number in silent]
        if isinstance(module, (nn.Conv2d, nn.Linear)) and getattr(module, "groups", 1) == 1:
            module.weight.data[:, unheard] = 0
        elif isinstance(module, nn.Conv2d) and module.groups < module.in_channels:
            for i in unheard:
                out, into = module.out_channels // module.groups, module.in_channels // module.groups
                module.weight.data[i // into * out : (i // into + 1) * out, i % into] = 0


def test_groups():
    residual = {group.producers: len(group.numbers) for group in trace(network("residual"), IMAGES).groups()}
    assert residual == {("first", "back"): 8, ("inner",): 6}
    dense = {group.producers: len(group.numbers) for group in trace(network("dense"), IMAGES).groups()}
    assert dense == {("first",): 4, ("second",): 5, ("third", "gate"): 7}
    grouped = {group.producers: group.blocks for group in trace(network("grouped"), IMAGES).groups()}
    assert grouped == {("first",): 4, ("grouped",): 4}
    vgg = trace(network("vgg"), IMAGES).groups()
    assert [len(group.producers) for group in vgg] == [1] * 13
    names = [group.producers for group in trace(network("resnet"), IMAGES).groups()]
    assert ("conv", "layers.0.conv2") in names
    assert ("layers.1.conv2", "layers.1.shortcut.0") in names


@pytest.mark.parametrize("name", NETWORKS)
def test_channels_that_nobody_hears_can_go(name):
    model = network(name)
    channels = trace(model, IMAGES)
    gone = removed(channels)
    silenced(model, channels, gone)
    smaller = shrunk(trace(model, IMAGES), gone)
    with torch.no_grad():
        np.testing.assert_allclose(smaller(IMAGES), model(IMAGES), rtol=0, atol=1e-5)
    before, after = costs(model, IMAGES), costs(smaller, IMAGES)
    assert after.params < 0.6 * before.params
    assert after.macs < before.macs
    assert sum(each.numel() for each in smaller.parameters()) == after.params


def test_what_stays_is_not_touched():
    model = network("vgg")
    state = {name: value.clone() for name, value in model.state_dict().items()}
    channels = trace(model, IMAGES)
    smaller = shrunk(channels, removed(channels))
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    whole = shrunk(channels, np.array([], np.int64))
    assert all(torch.equal(state[name], value) for name, value in whole.state_dict().items())
    smaller(IMAGES).sum().backward()
    assert all(each.grad is not None and each.grad.shape == each.shape for each in smaller.parameters())


def test_costs_of_a_layer():
    found = costs(nn.Conv2d(3, 8, 3, padding=1), IMAGES)
    assert (found.params, found.macs) == (8 * 28, 32 * 32 * 8 * 27)


class Repeated(nn.Module):
    """A layer that is used twice, and an activation with a parameter for each channel."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.slopes = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, padding=1), nn.PReLU(6)
        self.last = nn.Linear(6, 5)

    def forward(self, x):
        x = self.again(F.max_pool2d(self.again(self.first(x)), 2))
        return self.last(self.slopes(x).mean((2, 3)))


@pytest.mark.parametrize("make", [*NETWORKS.values(), Repeated])
def test_costs_are_counted_without_a_copy(make):
    channels = trace(make().eval(), IMAGES)
    for gone in (np.array([], np.int64), removed(channels)):
        assert costs_without(channels, gone) == costs(shrunk(channels, gone), IMAGES)


class Unknown(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.conv, self.inner = nn.Conv2d(3, 4, 3), inner

    def forward(self, x):
        return self.inner(self.conv(x))


class Sorted(nn.Module):
    def forward(self, x):
        return torch.sort(x, 1)[0].sum((2, 3))


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x):
        return x * self.scale


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (nn.LayerNorm(30), "inner is a LayerNorm, which is not known"),
        (Sorted(), "calls sort, which is not known"),
        (Scaled(), "uses the parameter inner.scale"),
    ],
)
def test_operations_that_are_not_known_are_named(inner, said):
    with pytest.raises(UnsupportedError, match=said):
        trace(Unknown(inner), IMAGES)


def test_depths_of_residual_networks():
    assert models.resnet(20)(IMAGES).shape == (2, 10)
    assert models.vgg16_bn(7, width=0.1)(IMAGES).shape == (2, 7)
    with pytest.raises(ValueError, match="depth must be 6 n"):
        models.resnet(18)
