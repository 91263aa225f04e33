"""``python -m compress``: tables of tiny data sets in the formats of real ones, trainings that go on, errors."""

import json
import pickle
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from typer.testing import CliRunner  # noqa: E402

import compress  # noqa: E402
from compress import commands  # noqa: E402
from compress.experiments import Plan, pruning, read, staging  # noqa: E402
from tests.compress.test_network import IMAGES, network  # noqa: E402
from tests.data.test_sources import idx, write_archive  # noqa: E402

#: Of the report's epochs: 2 of 200, 1 of 20 and of 30.
LITTLE = ("--scale", 0.01, "--seeds", 1)


def labelled(count, shape, seed):
    """Give images that are the brighter the larger their label is, of which there are ten."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    return (rng.integers(0, 40, (count, *shape)) + 20 * labels.reshape(-1, *[1] * len(shape))).astype(np.uint8), labels


@pytest.fixture(scope="module")
def fashion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fashion")
    for start, count in (("train", 160), ("t10k", 40)):
        images, labels = labelled(count, (28, 28), count)
        (folder / f"{start}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{start}-labels-idx1-ubyte").write_bytes(idx(labels.astype(np.uint8)))
    return folder


def batch(count, seed, key):
    images, labels = labelled(count, (3072,), seed)
    return pickle.dumps({"data": images, key: labels.tolist()})


@pytest.fixture(scope="module")
def cifar10(tmp_path_factory):
    files = {"batches.meta": pickle.dumps({"label_names": list("abcdefghij")}), "test_batch": batch(20, 9, "labels")}
    files |= {f"data_batch_{i}": batch(20, i, "labels") for i in range(1, 6)}
    folder = tmp_path_factory.mktemp("cifar10")
    return write_archive(folder / "cifar.tar.gz", {f"cifar-10-batches-py/{name}": each for name, each in files.items()})


@pytest.fixture(scope="module")
def cifar100(tmp_path_factory):
    files = {"meta": pickle.dumps({"fine_label_names": [f"class {i}" for i in range(100)]})}
    files |= {name: batch(40, seed, "fine_labels") for seed, name in enumerate(("train", "test"))}
    folder = tmp_path_factory.mktemp("cifar100")
    return write_archive(folder / "cifar.tar.gz", {f"cifar-100-python/{name}": each for name, each in files.items()})


def invoke(*arguments, status=0):
    result = CliRunner().invoke(commands.app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_first_table_of_the_report(name, request, tmp_path):
    file = tmp_path / "table.json"
    options = ("--data", name, "--width", 0.06, "--rates", "0.4,0.6", *LITTLE, "--json", file)
    said = invoke("prune", request.getfixturevalue(name), *options).stdout
    found = json.loads(file.read_text(encoding="utf-8"))
    columns = [f"{kind}: {each}" for kind in ("top-1 %", "top-5 %", "seconds") for each in (
        "[1], 2 epochs", "[1], 1 epochs", "ours, 1 epochs",
    )]  # fmt: skip
    assert [list(row) for row in found["rows"]] == [["parameters removed, %", *columns]] * 2
    # Of 13 layers with 4 to 31 channels, one channel more or less is up to some percent of the parameters.
    assert [row["parameters removed, %"][0] for row in found["rows"]] == pytest.approx([40, 60], abs=6)
    for row in (found["whole"], *found["rows"]):
        for kind, (value,) in row.items():
            assert 0 <= value <= 100 or "seconds" in kind
    for row in found["rows"]:
        assert all(row[f"top-1 %{each[7:]}"] <= row[f"top-5 %{each[7:]}"] for each in columns[:3])
        assert f"{row['top-5 %: ours, 1 epochs'][0]:.2f}" in said
    assert f"Data: CIFAR-{name[5:]}, " in said
    assert "cannot be compared" not in said
    assert "Times are of this machine" in said


def test_figures_of_other_data_are_called_so(fashion, tmp_path):
    said = invoke("prune", fashion, "--rates", "0.5", "--images", 130, *LITTLE, "--seeds", 2, "--method", "paper")
    assert "The report's figures are of CIFAR; these are not" in said.stdout
    assert "Fashion-MNIST, 130 of 160 images for training, 40 for testing; seeds: 2" in said.stdout
    assert len(re.findall(r"\d ± \d", said.stdout)) == 13  # the whole network's, and those of the only row
    assert "seed 1, 0.5 removed, paper, re-trained" in said.stderr


def figures(results):
    """Give rows without times, which differ."""
    rows = [results.whole, *results.rows]
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


@pytest.mark.parametrize("experiment", [pruning, staging])
def test_what_was_stopped_goes_on(experiment, fashion, tmp_path):
    source, epochs = read("fashion-mnist", fashion), []

    def plan(state, told=None):
        return Plan(source, seeds=1, scale=0.02, width=0.3, state=state, told=told)

    expected = experiment(plan(tmp_path / "whole", lambda *_: epochs.append(0)), [0.5])
    done = []

    def stop(*_):
        done.append(0)
        if len(done) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment(plan(tmp_path / "parts", stop), [0.5])
    found = experiment(plan(tmp_path / "parts", lambda *_: done.append(0)), [0.5])
    assert len(done) == len(epochs)
    assert figures(found) == figures(expected)
    # Nothing is trained again, and times are those that it took.
    again = experiment(plan(tmp_path / "parts", lambda *_: pytest.fail("trained")), [0.5])
    assert again == found


def test_what_is_kept_is_not_taken_for_something_else(fashion, tmp_path):
    source, trained = read("fashion-mnist", fashion), []
    common = {"seeds": 1, "scale": 0.01, "width": 0.3, "state": tmp_path, "told": lambda *each: trained.append(each)}
    for options in ({}, {"images": 150}, {"width": 0.4}, {"scale": 0.02}, {}):
        next(Plan(source, **common | options).experiments()).dense()
    assert len(trained) == 2 + 2 + 2 + 4


def test_pruning_in_stages(fashion, tmp_path):
    file = tmp_path / "table.json"
    said = invoke("stage", fashion, "--rates", "0.5,0.8", "--width", 0.5, *LITTLE, "--json", file).stdout
    half, more = json.loads(file.read_text(encoding="utf-8"))["rows"]
    for row, share in ((half, 50), (more, 80)):
        for way in ("in stages", "trained first"):
            assert row[f"parameters removed, %: {way}"] == pytest.approx([share], abs=3)
            assert 0 <= row[f"top-1 %: {way}"][0] <= row[f"top-5 %: {way}"][0] <= 100
    assert more["products, %"] < half["products, %"] < [100]
    assert "Pruning in stages (1 of 2 epochs before the second)" in said


def test_weights_of_few_bits(fashion, tmp_path):
    file = tmp_path / "table.json"
    invoke("quantize", fashion, "--bits", "4,5", *LITTLE, "--json", file)
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [row["bits"] for row in rows] == [4] * 6 + [5] * 6
    for some in (rows[:6], rows[6:]):
        largest, clipped, single, splits, best, corrected = (row["SQNR, dB"] for row in some)
        # Each chooses among what the one before has, and more.
        assert largest <= clipped <= single <= best
        assert largest <= splits <= best
        assert corrected <= best
        assert all(row["bits of a weight"][0] > row["bits"] for row in some)
        assert all(0 <= row["top-1 %"][0] <= 100 for row in some)
    assert rows[0]["SQNR, dB"] < rows[6]["SQNR, dB"]


@pytest.mark.parametrize(
    "make", [lambda net: compress.prune(net, [IMAGES], ratio=0.9), lambda net: compress.quantize(net, 4)]
)
def test_the_report_of_a_file(make, tmp_path):
    found = make(network("vgg"))
    path = found.save(tmp_path / "smaller.safetensors")
    assert invoke("show", path).stdout == f"{found.report}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nowhere"], "there is no file nowhere"),
        (["show", "{fashion}/t10k-labels-idx1-ubyte"], "holds no network"),
        (["prune", "nowhere"], "path: there is no "),
        (["prune", "--data", "cifar10"], "cifar10 needs the path of its archive"),
        (["prune", "{cifar10}", "--data", "cifar100"], "has 10 classes; CIFAR-100 was asked for"),
        (["prune", "{fashion}", "--rates", "a"], "rates must be numbers with commas between, not 'a'"),
        (["stage", "{fashion}", "--rates", "2"], "rates must be from 0.01 to 0.99, not 2.0"),
        (["quantize", "{fashion}", "--bits", "9"], "bits must be from 3 to 8, not 9"),
        (["prune", "{fashion}", "--images", "1000"], "images must be from 2 to 160, not 1000"),
        (["prune", "{fashion}", "--scale", "0"], "scale must be finite and at least 0.01, not 0.0"),
        (["prune", "{fashion}", "--seeds", "0"], "seeds must be at least 1, not 0"),
        (["prune", "{fashion}", "--json", "nowhere/table.json"], "--json: there is no folder nowhere"),
    ],
)
def test_errors_are_told_in_one_line(arguments, said, fashion, cifar10):
    result = invoke(*(each.format(fashion=fashion, cifar10=cifar10) for each in arguments), status=1)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
