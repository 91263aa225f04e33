"""The training loop, and pruning in stages."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import compress  # noqa: E402
import data  # noqa: E402
from compress import models  # noqa: E402
from compress.models import VGG  # noqa: E402
from compress.training import accuracy, train  # noqa: E402
from data import transforms as t  # noqa: E402


def loader(count=256):
    """Give images whose class is where they are bright."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, count)
    images = rng.integers(0, 60, (count, 12, 12, 3), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[6 * (label // 2) :][:6, 6 * (label % 2) :][:, :6] += 120
    steps = [t.ToDtype("float32", scale=True), t.Normalize((0.3,) * 3, (0.2,) * 3)]
    return data.FilterLoader(data.ArraySource(images, labels), steps, 32, shuffle=True, framework="torch", threads=0)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(64, 4),
    )  # fmt: skip


def test_a_network_learns():
    model, told = network(), []
    history = train(model, loader(), 3, told=lambda epoch, found: told.append((epoch, found)))
    assert [epoch for epoch, _ in told] == [0, 1, 2]
    assert [found for _, found in told] == history
    assert history[-1].accuracy > 0.95 > history[0].accuracy
    assert accuracy(model, loader()) > 0.95


@pytest.mark.parametrize("sparsify", [None, compress.Sparsify(0.05)])
def test_training_goes_on_where_it_was(tmp_path, sparsify):
    whole, parts = network(), network()
    expected = train(whole, loader(), 3, sparsify=sparsify)
    kept = tmp_path / "state.pt"
    train(parts, loader(), 3, last=1, checkpoint=kept, sparsify=sparsify)
    again = network()
    assert train(again, loader(), 3, checkpoint=kept, sparsify=sparsify) == expected
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_how_often_the_label_is_among_the_first():
    logits = torch.tensor([[3.0, 2, 1, 0], [0, 1, 2, 3], [1, 3, 0, 2]])
    batches = [(logits, torch.tensor([1, 0, 1]))]
    found = [accuracy(nn.Identity(), batches, top) for top in (1, 2, 3, 4, 5)]
    assert found == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1, 1])
    with pytest.raises(ValueError, match="top must be at least 1, not 0"):
        accuracy(nn.Identity(), batches, 0)


def test_stages_go_on_where_they_were(tmp_path):
    options = {"epochs": 4, "pruned_after": 2, "first": 0.95, "second": {"params": 0.3}, "rate": 0.1}
    whole = compress.staged(network(), loader(64), (3, 12, 12), **options)

    def stop(epoch, _):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress.staged(network(), loader(64), (3, 12, 12), checkpoint=tmp_path, told=stop, **options)
    told = []
    found = compress.staged(
        network(), loader(64), (3, 12, 12), checkpoint=tmp_path, told=lambda epoch, _: told.append(epoch), **options
    )
    assert told == [3]
    assert found.history == whole.history
    assert found.between.report == whole.between.report
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), found.model.parameters(), strict=True))


def test_stages():
    given = network()
    state = {name: value.clone() for name, value in given.state_dict().items()}
    found = compress.staged(
        given, loader(), (3, 12, 12), epochs=4, pruned_after=2, first=0.95, second={"params": 0.3}, rate=0.1
    )
    assert len(found.history) == 4
    first, second = found.before.report, found.between.report
    assert first.before.params > first.after.params == second.before.params > second.after.params
    assert accuracy(found.model, loader()) > 0.9
    assert all(torch.equal(state[name], value) for name, value in given.state_dict().items())


def test_widths_of_a_vgg():
    given = VGG([4, "M", 8], 3, 1)
    assert given(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert given.anew([2, 5]).widths == (2, "M", 5)
    assert models.vgg6_bn(10, width=0.5)(torch.zeros(2, 1, 26, 26)).shape == (2, 10)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"epochs": 0}, "epochs must be at least 1"), ({"epochs": 2, "first": 3}, "first must be from 0 to 2, not 3")],
)
def test_arguments_that_make_no_sense(options, said):
    with pytest.raises(ValueError, match=said):
        train(network(), loader(), **options)
