"""Convolution with weights of both dimensions as a script has it: part of the program or not, of what, and where."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import dsl
from filters import reference
from schedules import Schedule
from schedules.errors import NativeError, ScheduleError
from schedules.pictures import picture

FOURIER = Schedule({"convolve_2d": "fourier", "points": 32})
WEIGHTS = np.random.default_rng(0).random((3, 7)) / 21


@dsl.filter
def fixed_program(src: dsl.Image) -> dsl.Image:
    """Weights of the program, of arithmetic."""
    return dsl.convolve_2d(abs(src - 100), WEIGHTS)


@dsl.filter
def given_program(src: dsl.Image, weights: dsl.Table, columns: dsl.Scalar) -> dsl.Image:
    """Weights of the call."""
    return dsl.convolve_2d(src, weights, columns)


@dsl.filter
def mixed(src: dsl.Color) -> dsl.Color:
    """Channels that differ, of one loop nest."""
    smooth = dsl.convolve_2d(src, WEIGHTS)
    return dsl.stack(*(i * smooth.channel(i) - src.channel(2 - i) for i in range(3)))


@dsl.filter
def nested(src: dsl.Image) -> dsl.Image:
    """A stencil of a stencil, and a coarser level."""
    once = dsl.convolve_2d(src, WEIGHTS)
    small = dsl.convolve_2d(dsl.down(src), WEIGHTS)
    return dsl.convolve_2d(once, WEIGHTS.T[:, :1]) + dsl.up(small, src)


@pytest.mark.parametrize("schedule", [Schedule(), FOURIER], ids=["direct", "fourier"])
@pytest.mark.parametrize("border", ["reflect101", "constant"])
@pytest.mark.parametrize("shape", [(1, 1), (33, 2), (70, 131)])
def test_weights_of_the_program_and_of_the_call(shape, border, schedule):
    image = picture(*shape, 1, "float32")
    options = {"border": border, "border_value": 30.0}
    given, fixed = (functools.partial(each, schedule=schedule) for each in (given_program, fixed_program))
    np.testing.assert_allclose(
        given(image, WEIGHTS.astype(np.float32).ravel(), 7, **options),
        reference.convolve(image, WEIGHTS, **options),
        atol=1e-3,
    )
    outside = {"border": border, "border_value": 70.0}
    np.testing.assert_allclose(
        fixed(image, **options), reference.convolve(abs(image - 100), WEIGHTS, **outside), atol=1e-3
    )


@pytest.mark.parametrize("schedule", [Schedule(), FOURIER], ids=["direct", "fourier"])
def test_channels_that_differ(schedule):
    image = picture(50, 60, 3, "float32")
    smooth = reference.convolve(image, WEIGHTS)
    expected = np.stack([i * smooth[..., i] - image[..., 2 - i] for i in range(3)], -1)
    np.testing.assert_allclose(mixed(image, schedule=schedule), expected, atol=1e-3)


@pytest.mark.parametrize("schedule", [Schedule(), FOURIER], ids=["direct", "fourier"])
@pytest.mark.parametrize("shape", [(1, 1), (40, 67)])
def test_within_other_stencils(shape, schedule):
    image = picture(*shape, 1, "float32")
    by_hand = nested(image, schedule=Schedule({"lowering": "plain"}))
    np.testing.assert_allclose(nested(image, schedule=schedule), by_hand, atol=1e-3)


def test_which_lowering_ran_is_told():
    image = picture(8, 8, 1, "float32")

    @dsl.filter
    def told(src: dsl.Image) -> dsl.Image:
        return dsl.convolve_2d(src, WEIGHTS)

    for choices, said in [
        ({"convolve_2d": "fourier", "points": 64}, ["convolve_2d3: Fourier transforms of 64 points down the columns"]),
        ({"convolve_2d": "fourier", "lowering": "plain"}, ["convolve_2d3: direct sums (plain lowering)"]),
        ({}, []),
    ]:
        told(image, schedule=Schedule(choices))
        assert list(dsl.compiled()[-1].notes) == said


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"convolve_2d": "fast"}, "'direct' or 'fourier'"),
        ({"convolve_2d": "fourier", "points": 48}, "a transform has 32, 64"),
    ],
)
def test_choices_there_are_none_of(choices, said):
    with pytest.raises(ScheduleError, match=said):
        fixed_program(picture(8, 8, 1, "float32"), schedule=Schedule(choices))


def test_more_rows_than_a_transform_is_for():
    image, weights = picture(40, 8, 1, "float32"), np.ones(19, np.float32)
    with pytest.raises(NativeError, match=r"19 rows of weights: .*points = 32 is for 17 at most"):
        given_program(image, weights, 1, schedule=FOURIER)
    assert np.allclose(
        given_program(image, weights[:17], 1, schedule=FOURIER),
        reference.convolve(image, weights[:17, None]),
        atol=1e-2,
    )


def test_the_halo_of_weights_of_the_program():
    assert fixed_program.halo() == (1, 3)
    with pytest.raises(ValueError, match="depends on a table"):
        given_program.halo(columns=7)


@pytest.mark.parametrize(
    ("weights", "columns", "said"),
    [
        (np.ones(9), None, "odd height and width are needed, shape (9,) came"),
        (np.ones((3, 4)), None, "shape (3, 4) came"),
        ("abc", None, "numbers are needed"),
    ],
)
def test_weights_that_are_none_are_refused(weights, columns, said):
    @dsl.filter
    def wrong(src: dsl.Image) -> dsl.Image:
        return dsl.convolve_2d(src, weights, columns)

    with pytest.raises(dsl.DSLError) as error:
        wrong.trace()
    assert said in str(error.value)


def test_a_table_needs_its_columns():
    @dsl.filter
    def wrong(src: dsl.Image, weights: dsl.Table) -> dsl.Image:
        return dsl.convolve_2d(src, weights)

    with pytest.raises(dsl.DSLError, match="needs columns"):
        wrong.trace()
