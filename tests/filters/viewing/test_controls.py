"""What the page sets of each filter, from its signature."""

import numpy as np
import pytest

from filters import commands
from filters.viewing import ranges
from filters.viewing.controls import GUIDES, controls_of, offered

FILTERS = commands.available()
PHOTO = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
OFFERED = offered(FILTERS, PHOTO)
SLIDERS = [(name, c) for name, controls in OFFERED.items() for c in controls if c.kind == "slider"]
IDS = [f"{name}.{control.name}" for name, control in SLIDERS]


def control(name, parameter, image=PHOTO):
    return next(c for c in offered(FILTERS, image)[name] if c.name == parameter)


def test_all_filters_of_one_image_are_offered():
    assert set(FILTERS) - set(OFFERED) == {"gaussian_scale_space", "local_lut_upsample", "upsample"}


@pytest.mark.parametrize("name", OFFERED)
def test_what_is_set_at_first_is_accepted(name):
    options = {c.name: c.argument_for(c.start) for c in OFFERED[name] if c.given(c.start)}
    guides = {each: [PHOTO] if several else PHOTO for each, several in GUIDES.items()}
    parameters = FILTERS[name].__signature__.parameters
    result = FILTERS[name](PHOTO, **{g: v for g, v in guides.items() if g in parameters}, **options)
    assert result.ndim == 3
    assert result.dtype == np.uint8


@pytest.mark.parametrize(("name", "slider"), SLIDERS, ids=IDS)
def test_sliders_give_tidy_values_that_can_be_typed(name, slider):
    low, high = slider.ends
    assert low < high
    assert slider.step * 250 >= high - low or slider.argument.accepted.number is int
    for part in np.linspace(low, high, 7):
        value = slider.value(float(part))
        assert len(str(value)) <= 8
        assert slider.position(value) == pytest.approx(part, abs=max(slider.step, 0.01))
        assert slider.argument.parse(str(value)) == value
        assert type(value) is slider.argument.accepted.number
    if slider.start is not None:
        assert low <= slider.position(slider.start) <= high


def test_kinds():
    kinds = {c.name: c.kind for c in OFFERED["convolve"]}
    assert kinds == {
        "kernel": "text",
        "terms": "slider",
        "accuracy": "slider",
        "method": "choice",
        "border": "choice",
        "border_value": "slider",
    }
    assert control("local_laplacian", "terms").optional
    assert not control("local_laplacian", "sigma").optional
    assert control("guided", "subsample").argument.accepted.choices == (1, 2, 4, 8)


def test_ranges_of_gray_values_follow_the_image():
    deep, real = PHOTO.astype(np.uint16), PHOTO.astype(np.float32) / 255
    assert control("bilateral", "sigma_range", deep).start == pytest.approx(30 * 257, rel=0.01)
    assert control("bilateral", "sigma_range", real).ends == pytest.approx((1 / 255, 150 / 255), rel=0.02)
    assert control("guided", "eps", deep).start == pytest.approx(400 * 257**2, rel=0.01)
    assert control("bilateral", "sigma_space", deep).start == 4
    sigma = control("local_laplacian", "sigma", real)
    assert all(sigma.range.low <= sigma.value(position) <= sigma.range.high for position in sigma.ends)
    assert ranges.values_of(np.full((2, 2), np.nan, np.float32)) == (0, 1)
    assert ranges.values_of(np.full((2, 2), 3, np.float32)) == (3, 4)


def test_equal_steps_of_some_sliders_are_equal_factors():
    eps = control("guided", "eps")
    low, high = eps.ends
    assert [eps.value(p) for p in (low, (low + high) / 2, high)] == [1, 100, 10000]


def test_what_the_filter_chooses_itself_is_not_passed():
    terms, method = control("gaussian", "terms"), control("gaussian", "method")
    assert [terms.given(v) for v in (None, 3)] == [False, True]
    assert [method.given(v) for v in ("auto", "fir")] == [False, True]
    assert control("gaussian", "sigma").given(8.0)
    assert not control("dcci_upscale", "value_range").given("")


def fancy(image, sigma: float = 2.0, wrap: bool = False, size: tuple[int, int] = (1, 2)):
    """Be of no use."""


def nameless(image, mystery: np.ndarray):
    """Take what nobody knows."""


def test_filters_to_come():
    found = controls_of("fancy", fancy, PHOTO)
    assert [(c.name, c.kind, c.start) for c in found] == [
        ("sigma", "slider", 2.0),
        ("wrap", "switch", False),
        ("size", "text", "1,2"),
    ]
    assert found[2].argument_for("3,4") == (3, 4)
    with pytest.raises(ValueError, match=r"--size takes 2 whole numbers .* not 'three'"):
        found[2].argument_for("three")
    assert controls_of("nameless", nameless, PHOTO) is None
