"""Which channels go together, and what is left without some: as Torch-Pruning finds it, for networks of three kinds."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch_pruning = pytest.importorskip("torch_pruning")

import torch.nn.functional as F  # noqa: E402, N812
from torch import nn  # noqa: E402

from compress.network import shrunk, trace  # noqa: E402

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Basic(nn.Module):
    """A block of a residual network, with a projection where shapes differ."""

    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.relu, self.downsample = nn.ReLU(inplace=True), None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


def residual():
    layers = [nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    for before, width in ((8, 8), (8, 12), (12, 16), (16, 20)):
        layers += [Basic(before, width, 1 if before == width else 2), Basic(width, width, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 10))


def normalized(before, after, kernel=1, stride=1, groups=1):
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(after), nn.ReLU6(inplace=True)]


class Inverted(nn.Module):
    """Wide inside, each channel by itself there; added to what came if shapes allow it."""

    def __init__(self, before, after, stride, expansion):
        super().__init__()
        wide = before * expansion
        first = normalized(before, wide) if expansion > 1 else []
        last = normalized(wide, after)[:2]
        self.layers = nn.Sequential(*first, *normalized(wide, wide, 3, stride, groups=wide), *last)
        self.added = stride == 1 and before == after

    def forward(self, x):
        return x + self.layers(x) if self.added else self.layers(x)


def inverted():
    blocks = [(8, 6, 1, 1), (6, 8, 2, 4), (8, 8, 1, 4), (8, 8, 1, 4), (8, 12, 2, 3), (12, 12, 1, 3), (12, 16, 1, 3)]
    layers = [*normalized(3, 8, 3, 2), *(Inverted(*each) for each in blocks), *normalized(16, 24)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(24, 10))


class Dense(nn.Module):
    """Layers that read all that came before, put together; between blocks fewer channels and pixels."""

    def __init__(self, growth=4):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.layers, self.transitions = nn.ModuleList(), nn.ModuleList()
        width = 8
        for _ in range(2):
            block = nn.ModuleList()
            for _ in range(3):
                inner = [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 2 * growth, 1, bias=False)]
                outer = [nn.BatchNorm2d(2 * growth), nn.ReLU(), nn.Conv2d(2 * growth, growth, 3, padding=1, bias=False)]
                block.append(nn.Sequential(*inner, *outer))
                width += growth
            self.layers.append(block)
            smaller = [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width // 2, 1, bias=False), nn.AvgPool2d(2)]
            self.transitions.append(nn.Sequential(*smaller))
            width //= 2
        self.norm, self.classifier = nn.BatchNorm2d(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.first(x)
        for block, transition in zip(self.layers, self.transitions, strict=True):
            features = [x]
            for layer in block:
                features.append(layer(torch.cat(features, 1)))
            x = transition(torch.cat(features, 1))
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(F.relu(self.norm(x)), 1), 1))


MAKERS = pytest.mark.parametrize("make", [residual, inverted, Dense])


def network(make):
    torch.manual_seed(0)
    return make().eval()


def ours(model):
    """Give for each group the layers that lose rows of weights, and those that lose columns."""
    channels = trace(model, IMAGES)
    found = []
    for group in channels.groups():
        own = set(group.numbers.tolist())
        lost = set()
        for name, read in channels.read.items():
            if not own.isdisjoint(channels.roots(channels.rows(name)).tolist()):
                lost.add((name, "rows"))
            if name in channels.made and not own.isdisjoint(channels.roots(read).tolist()):
                lost.add((name, "columns"))
        found.append(lost)
    return found


def theirs(model):
    """Give the same by Torch-Pruning, without the classifier's rows, which are the network's results."""
    names = {module: name for name, module in model.named_modules()}
    graph = torch_pruning.DependencyGraph().build_dependency(model, IMAGES)
    found = []
    for group in graph.get_all_groups(root_module_types=(nn.Conv2d,)):
        lost = set()
        for dependency, _ in group:
            if (name := names.get(dependency.target.module)) is not None:  # else it is no layer
                rows = graph.is_out_channel_pruning_fn(dependency.handler)
                lost.add((name, "rows" if rows else "columns"))
        found.append(lost)
    return found


@MAKERS
def test_the_same_layers_go_together(make):
    found, expected = ours(network(make)), theirs(network(make))
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))
    assert max(map(len, found)) >= 9  # where tensors are added or put together


def without(make, removed):
    """Give what Torch-Pruning leaves of a network: each convolution named loses some channels."""
    model = network(make)
    graph = torch_pruning.DependencyGraph().build_dependency(model, IMAGES)
    for name, places in removed.items():
        root = model.get_submodule(name)
        graph.get_pruning_group(root, torch_pruning.prune_conv_out_channels, places).prune()
    return model


@MAKERS
def test_the_same_is_left(make):
    channels = trace(network(make), IMAGES)
    places = {group.producers[0]: list(range(0, len(group.numbers), 3)) for group in channels.groups()}
    for removed in (places, *({name: each} for name, each in places.items())):
        numbers = np.concatenate([channels.made[name][each] for name, each in removed.items()])
        found, expected = (model.state_dict() for model in (shrunk(channels, numbers), without(make, removed)))
        assert {name: value.shape for name, value in found.items()} == {n: v.shape for n, v in expected.items()}
        assert all(torch.equal(value, expected[name]) for name, value in found.items())
