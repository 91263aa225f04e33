"""Several Gaussians of one image: the same as each alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filters
from filters import gaussian, gaussian_scale_space, images, reference

RANDOM = settings(derandomize=True, deadline=None, max_examples=15)
BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")


def noise(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(dtype)


@RANDOM
@given(
    st.lists(st.floats(0, 40), min_size=1, max_size=6),
    st.sampled_from([(1, 1), (33, 41), (70, 20, 3), (2, 20, 30, 1)]),
    st.sampled_from(["uint8", "uint16", "float32"]),
    st.sampled_from(BORDERS),
    st.sampled_from(["auto", "fir", "sliding"]),
)
def test_every_scale_is_the_gaussian_alone(sigmas, shape, dtype, border, method):
    image = noise(shape, dtype)
    options = {"border": border, "border_value": 30.0, "method": method}
    found = gaussian_scale_space(image, sigmas, **options)
    assert isinstance(found, tuple)
    for sigma, scale in zip(sigmas, found, strict=True):
        assert np.array_equal(scale, gaussian(image, sigma, **options))


def test_two_scales_are_one_call_whatever_their_order(monkeypatch):
    calls = []
    real = type(filters._scale_space.two_scales_program).run

    def spy(self, *args, **kwargs):
        calls.append((self.__name__, dict(kwargs["choices"])["convolve"]))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(type(filters._scale_space.two_scales_program), "run", spy)
    gaussian_scale_space(noise((20, 30)), [10.0, 0.5, 20.0, 0.6, 30.0])
    two, one = "two_scales_program", "gaussian_program"
    assert calls == [(two, "sliding"), (one, "sliding"), (two, "direct")]


@pytest.mark.parametrize("method", ["auto", "sliding"])
def test_results_are_written_where_they_are_wanted(method):
    image = noise((20, 30))
    outs = tuple(np.empty((60, 30), np.float32)[i::3] for i in range(3))
    found = gaussian_scale_space(image, [1.0, 9.0, 12.0], method=method, out=outs)
    assert all(a is b for a, b in zip(found, outs, strict=True))
    for sigma, out in zip([1.0, 9.0, 12.0], outs, strict=True):
        assert np.array_equal(out, gaussian(image, sigma, method=method))


def test_nan_stays_local_in_every_scale():
    image = noise((90, 100))
    image[40, 50] = np.nan
    for sigma, scale in zip([5.0, 8.0], gaussian_scale_space(image, [5.0, 8.0]), strict=True):
        assert np.array_equal(scale, gaussian(image, sigma, method="fir"), equal_nan=True)
    with pytest.raises(ValueError, match="NaN or infinity"):
        gaussian_scale_space(image, [5.0, 8.0], method="sliding")


def test_accuracy_decides_terms():
    image = noise((60, 60))
    for sigma, scale in zip([4.0, 7.0], gaussian_scale_space(image, [4.0, 7.0], accuracy=80), strict=True):
        assert reference.psnr(scale, reference.gaussian(image, sigma), 255) >= 80


@pytest.mark.parametrize(
    ("sigmas", "error", "text"),
    [
        ([], ValueError, "sigmas must be a row of one number or more"),
        (3.0, ValueError, "sigmas must be a row"),
        ("12", ValueError, "sigmas must be a row"),
        ([[1.0]], ValueError, "sigmas must be a row"),
        ([1.0, -1.0], ValueError, r"sigmas\[1\]"),
        ([1.0, "a"], TypeError, r"sigmas\[1\]"),
        ([np.nan], ValueError, r"sigmas\[0\]"),
    ],
)
def test_errors_name_the_argument(sigmas, error, text):
    with pytest.raises(error, match=text):
        gaussian_scale_space(noise((5, 5)), sigmas)


def test_places_are_checked_before_anything_is_written():
    image = noise((9, 9))
    good = np.full((9, 9), 5, np.float32)
    for outs in ((good,), (good, good), (good, image), (good, np.empty((9, 8), np.float32))):
        with pytest.raises(ValueError, match="out"):
            gaussian_scale_space(image, [1.0, 9.0], out=outs)
    assert (good == 5).all()


def test_the_command_numbers_its_files(tmp_path):
    from typer.testing import CliRunner

    from filters import commands

    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (20, 30, 4), np.uint8)
    images.write(tmp_path / "a.png", photo)

    def invoke(*words):
        return CliRunner().invoke(commands.application(), ["gaussian_scale_space", *map(str, words)])

    done = invoke(tmp_path / "a.png", tmp_path / "out.png", "--sigmas", "1,8")
    assert done.exit_code == 0, done.output
    for i, expected in enumerate(gaussian_scale_space(photo[..., :3], [1.0, 8.0]), 1):
        written = images.read(tmp_path / f"out-{i}.png").array
        assert np.array_equal(written[..., :3], expected)
        assert np.array_equal(written[..., 3], photo[..., 3])
    # the number must not lead to an input being replaced, nor one result to another
    images.write(tmp_path / "b-1.png", photo)
    images.write(tmp_path / "b.png", photo)
    refused = invoke(tmp_path / "b-1.png", tmp_path / "b.png", "--sigmas", "1")
    assert refused.exit_code == 2
    assert "is an input and would be replaced" in refused.output
