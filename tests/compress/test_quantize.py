"""Weights of few bits: formats that fit each channel, what corrects for them, files."""

from typing import get_args

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from torch import nn  # noqa: E402

import compress  # noqa: E402
from compress.kernels import Format, round_to  # noqa: E402
from compress.quantization import fit  # noqa: E402
from compress.quantization.fitting import formats  # noqa: E402
from compress.quantization.quantize import Mode  # noqa: E402
from tests.compress.test_network import IMAGES, NETWORKS, network  # noqa: E402


def weights(shape=(12, 40, 3, 3), seed=0):
    rng = np.random.default_rng(seed)
    tails = rng.uniform(2, 30, (shape[0], 1, 1, 1))
    return rng.standard_t(np.broadcast_to(tails, shape)).astype(np.float32)


@pytest.mark.parametrize("bits", range(3, 9))
def test_no_single_format_errs_less(bits):
    given = weights()
    each = fit(given, bits)
    together = fit(given, bits, per_channel=False)
    assert len(np.unique(together.exponents)) == 1
    assert each.error <= together.error
    assert together.error <= min(fit(given, bits, among=[format]).error for format in formats(bits)) * (1 + 1e-12)
    assert each.error <= fit(given, bits, clip=False).error
    np.testing.assert_allclose(np.square(each.weights - given).mean(), each.error, rtol=1e-4)


def test_codes_are_of_the_formats_that_are_told():
    given = weights()
    found = fit(given, 5)
    for channel in range(len(given)):
        exponent = int(found.exponents[channel])
        rounded = round_to(Format(exponent, 4 - exponent), given[channel], float(found.scales[channel]))
        np.testing.assert_array_equal(found.weights[channel], rounded)
    assert found.effective_bits == pytest.approx(5 + 35 / 360)


def test_a_channel_of_zeros_stays_one():
    given = weights()
    given[3] = 0
    assert (fit(given, 4).weights[3] == 0).all()


def test_importance_moves_the_error_to_where_it_counts_less():
    given = weights((6, 2, 10, 10))
    importance = np.ones_like(given)
    importance[:, 0] = 100
    plain, weighted = fit(given, 4), fit(given, 4, importance=importance)

    def error(found):
        return np.square(found.weights - given)[:, 0].mean()

    assert error(weighted) < error(plain)


@pytest.mark.parametrize("name", NETWORKS)
def test_more_bits_are_nearer(name):
    model = network(name)
    with torch.no_grad():
        wanted = model(IMAGES)
        errors = [float((compress.quantize(model, bits).model(IMAGES) - wanted).square().mean()) for bits in (3, 5, 8)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3 * float(wanted.square().mean()) + 1e-6


@pytest.mark.parametrize("mode", get_args(Mode))
def test_modes(mode):
    report = compress.quantize(network("vgg"), 5, mode=mode).report
    splits = {key for layer in report.layers for key in layer.exponents}
    assert (splits == {1}) == mode.startswith("integers")
    assert mode != "one split" or len(splits) == 1
    assert all(layer.effective_bits > 5 for layer in report.layers)
    assert "features.0" in str(report)


def test_calibration_takes_away_what_is_added_on_average():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
    )
    images = torch.rand(256, 3, 6, 6, generator=torch.Generator().manual_seed(1)) + 0.5
    model = model.eval()
    with torch.no_grad():
        wanted = model(images).mean(0)
        errors = {
            calibrated: float(
                (compress.quantize(model, 4, calibration=calibrated).model(images).mean(0) - wanted).abs().max()
            )
            for calibrated in (None, (images,))
        }
    assert errors[(images,)] < errors[None]


def test_what_was_quantised_comes_back(tmp_path):
    found = compress.quantize(network("vgg"), 4, calibration=[IMAGES])
    path = found.save(tmp_path / "small.safetensors")
    again = compress.load(path)
    assert again.report == found.report
    with torch.no_grad():
        np.testing.assert_array_equal(again.model.eval()(IMAGES), found.model.eval()(IMAGES))
    count = sum(fitted.codes.size for fitted in found.codes.values())
    floats = sum(value.numel() for name, value in found.model.state_dict().items()) - count
    assert path.stat().st_size < count * 4 / 8 + 4 * floats + 40_000
    assert {name: fitted.codes.tobytes() for name, fitted in again.codes.items()} == {
        name: fitted.codes.tobytes() for name, fitted in found.codes.items()
    }


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: compress.quantize(network("vgg"), 9), "bits must be from 3 to 8, not 9"),
        (lambda: compress.quantize(network("vgg"), 4, mode="best"), "mode must be one of"),
    ],
)
def test_arguments_that_make_no_sense(call, said):
    with pytest.raises(ValueError, match=said):
        call()
