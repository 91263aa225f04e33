"""What is shown while sliders are dragged is what the filters give, or so near that nobody sees a difference."""

import numpy as np
import pytest

import filters
from filters import commands, images, reference
from filters.viewing import renderer
from filters.viewing.renderer import Renderer
from filters.viewing.subject import Subject, Wish


@pytest.fixture
def subject(tmp_path, photograph):
    images.write(tmp_path / "photo.png", np.repeat(photograph[:62, :80, None], 3, axis=2).astype(np.uint8))
    return Subject(tmp_path / "photo.png", commands.available())


@pytest.fixture
def prepared(monkeypatch):
    """Count how often pictures are prepared."""
    made = []

    def make(image, **options):
        made.append(options)
        return filters.LocalLaplacian(image, **options)

    monkeypatch.setattr(renderer, "LocalLaplacian", make)
    return made


def wish(subject, **values):
    return Wish("local_laplacian", {**subject.start("local_laplacian"), **values})


def test_other_filters_are_as_they_are(subject):
    asked = Wish("gaussian", {**subject.start("gaussian"), "sigma": 2.5})
    np.testing.assert_array_equal(Renderer(subject).render(asked), filters.gaussian(subject.color, 2.5))


def test_sliders_render_what_was_prepared_once(subject, prepared):
    rendering = Renderer(subject)
    for values in ({}, {"sigma": 15.0}, {"sigma": 80.0, "detail": 2.0}, {"beta": 0.5}):
        shown = rendering.render(wish(subject, **values))
        expected = reference.local_laplacian(subject.color, **{"sigma": 30.0, **values}, value_range=(0, 255))
        # Rounding to 8 bits alone leaves 58.9 dB; twice the detail is twice the error.
        assert reference.psnr(shown, expected.clip(0, 255), 255) > 51
    assert prepared == [{"sigmas": (15, 80)}]
    rendering.render(wish(subject, levels=3))
    rendering.render(wish(subject, levels=3, detail=-1.0))
    assert prepared[1:] == [{"sigmas": (15, 80), "levels": 3}]


@pytest.mark.parametrize(
    "values",
    [{"terms": 4}, {"sigma": 120.0}, {"method": "interpolated", "samples": 4}, {"domain": "log", "sigma": 0.5}],
)
def test_what_cannot_be_prepared_is_filtered(subject, prepared, monkeypatch, values):
    monkeypatch.setattr(subject, "filtered", lambda asked: asked)
    asked = wish(subject, **values)
    assert Renderer(subject).render(asked) is asked
    assert prepared == []
