"""Sliding sums: states that outlive the loop that computes them, against the same kernel in float64."""

import numpy as np
import pytest

import dsl
from dsl import fitting
from filters import reference
from filters.reference.metrics import psnr
from schedules import Schedule
from schedules.errors import ScheduleError

R = np.arange(-40, 41)
KERNELS = {
    "even": np.exp(-0.5 * (R / 7) ** 2) / 17.5,
    "odd": -R / 49 * np.exp(-0.5 * (R / 7) ** 2) / 17.5,
    "both": np.exp(-0.5 * (R / 9) ** 2) * np.cos(2 * np.pi * R / 11 + 0.7) / 12,
}


def noise(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


@dsl.filter
def fitted(
    src: dsl.Image,
    samples: dsl.Table,
    down: dsl.Table,
    down_radius: dsl.Scalar,
    along: dsl.Table,
    along_radius: dsl.Scalar,
    type: int = 5,
    parity: str = "both",
) -> dsl.Image:
    """Slides one kernel down the columns, and a Gaussian along the rows."""
    vertical = dsl.oscillators(samples, down, down_radius, terms=3, type=type, parity=parity)
    horizontal = dsl.oscillators(samples, along, along_radius, terms=3, type=type, parity="even")
    return dsl.convolve(src, vertical, horizontal)


def run(image, type, parity, **options):
    down, along = (fitting.fit(KERNELS[name], 3, type=type) for name in (parity, "even"))
    assert (down.parity, along.parity) == (parity, "even")
    numbers = KERNELS[parity], down.numbers(), down.radius, along.numbers(), along.radius
    got = fitted(image, *numbers, type=type, parity=parity, **options)
    border = {name: options[name] for name in ("border", "border_value") if name in options}
    return got, reference.convolve(image, (down.samples(), along.samples()), **border)


@pytest.mark.parametrize("type", [1, 3, 5, 7])
@pytest.mark.parametrize("parity", KERNELS)
def test_every_transform_and_parity(type, parity):
    for shape in ((150, 203), (17, 33, 3)):
        got, expected = run(noise(shape), type, parity)
        assert psnr(got, expected, peak=255) >= 120  # float32: 130 and more


@pytest.mark.parametrize("border", ["reflect101", "reflect", "replicate", "wrap", "constant"])
def test_sizes_around_bands_and_chunks(border):
    for height in (1, 15, 16, 17, 64, 65, 300):
        for width in (1, 15, 16, 17, 70):
            got, expected = run(noise((height, width)), 5, "even", border=border, border_value=50.0)
            assert psnr(got, expected, peak=255) >= 115, (height, width)  # small images see one pixel many times


def test_chunks_change_rounding_alone_and_threads_nothing():
    image = noise((200, 90))
    whole, expected = run(image, 5, "even", schedule=Schedule({"chunk": 4096}))
    parts, _ = run(image, 5, "even", schedule=Schedule({"chunk": 32}))
    assert np.array_equal(whole[:32], parts[:32])
    assert not np.array_equal(whole, parts)  # the scan did start anew
    assert psnr(parts, expected, peak=255) >= 120
    assert np.array_equal(run(image, 5, "even", threads=1)[0], run(image, 5, "even", threads=2)[0])


def test_the_schedule_chooses_and_is_not_ignored():
    @dsl.filter
    def own(src: dsl.Image) -> dsl.Image:
        return dsl.convolve(src, dsl.fit(KERNELS["even"]))

    @dsl.filter
    def samples(src: dsl.Image) -> dsl.Image:
        return dsl.convolve(src, dsl.kernel(KERNELS["even"]))

    image = noise((60, 70))
    exact = reference.convolve(image, KERNELS["even"])
    direct = own(image, schedule=Schedule({"convolve": "direct"}))
    assert psnr(direct, exact, peak=255) >= 130 > psnr(own(image), exact, peak=255) >= 70
    assert np.array_equal(samples(image), direct)
    with pytest.raises(ScheduleError, match=r"dsl\.fit"):
        samples(image, schedule=Schedule({"convolve": "sliding"}))
    with pytest.raises(ScheduleError, match="'sliding' or 'direct'"):
        own(image, schedule=Schedule({"convolve": "slide"}))


def test_arithmetic_before_and_after_is_fused_into_one_loop_nest():
    @dsl.filter
    def deviation(src: dsl.Image, sigma: dsl.Scalar) -> dsl.Image:
        g = dsl.gaussian(sigma)
        mean = dsl.convolve(src, g)
        return dsl.sqrt(dsl.maximum(dsl.convolve(src * src, g) - mean * mean, 0))

    image = noise((90, 110))
    mean = reference.gaussian(image, 6.0)
    expected = np.sqrt(reference.gaussian(image.astype(np.float64) ** 2, 6.0) - mean**2)
    assert psnr(deviation(image, 6.0), expected, peak=255) >= 70  # the terms of the default
    assert len([stage for stage in deviation.trace().program.lines if stage[0] == "convolve"]) == 2


def test_colours_told_apart_slide_too():
    @dsl.filter
    def tinted(src: dsl.Color) -> dsl.Image:
        blurred = dsl.convolve(src, dsl.gaussian(5))
        return dsl.stack(*(c * (i + 1) for i, c in enumerate(blurred.channels)))

    image = noise((40, 50, 3))
    expected = reference.gaussian(image, 5.0) * [1, 2, 3]
    assert psnr(tinted(image), expected, peak=255) >= 70
