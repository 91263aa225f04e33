"""An image prepared for sliders: the same results as the filter, for any parameters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import LocalLaplacian, reference

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
RANDOM = settings(derandomize=True, deadline=None, max_examples=10)
OPTIONS = {"levels": 3, "value_range": (0, 255)}


@RANDOM
@given(
    sigma=st.floats(20, 60),
    detail=st.floats(-1, 2),
    beta=st.floats(0.3, 1.5),
    border=st.sampled_from(BORDERS),
    levels=st.integers(1, 4),
)
def test_rendering_is_the_filter(photograph, sigma, detail, beta, border, levels):
    image = np.ascontiguousarray(photograph[20:85, 10:97])
    options = {"levels": levels, "value_range": (0, 255), "border": border, "border_value": 60.0}
    prepared = LocalLaplacian(image, **options)
    expected = reference.local_laplacian(image, sigma, detail, beta=beta, **options)
    # 60 dB are expected at detail 1, to 3 dB.
    least = 57 - 20 * np.log10(max(abs(detail), 1))
    assert reference.psnr(prepared.render(sigma=sigma, detail=detail, beta=beta), expected, 255) >= least


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,)])
@pytest.mark.parametrize("color", ["luminance", "separate"])
def test_every_kind_of_image(photograph, dtype, channels, color):
    scale = 257 if dtype == np.uint16 else 1
    planes = [photograph[i : i + 50, 2 * i : 2 * i + 60] for i in range(channels[0] if channels else 1)]
    image = (np.stack(planes, -1) if channels else planes[0]) * scale
    image = image.astype(dtype)
    options = {"levels": 3, "value_range": (0, 255 * scale), "color": color}
    prepared = LocalLaplacian(image, **options)
    for sigma, detail in ((30 * scale, 1.0), (55 * scale, -0.7)):
        result = prepared.render(sigma=sigma, detail=detail)
        expected = reference.local_laplacian(image, sigma, detail, **options)
        expected = expected if dtype == np.float32 else np.clip(expected, 0, np.iinfo(dtype).max)
        assert result.dtype == image.dtype
        assert reference.psnr(result.astype(float), expected, 255 * scale) >= 54
        into = np.empty_like(image)
        assert prepared.render(sigma=sigma, detail=detail, out=into) is into
        assert np.array_equal(into, result)


def test_any_number_of_terms(photograph):
    image = np.ascontiguousarray(photograph[:90, :80])
    expected = reference.local_laplacian(image, 40.0, 1.2, **OPTIONS)
    reached = []
    for terms in (1, 2, 3, 4, 5, 9, 12):
        prepared = LocalLaplacian(image, sigmas=(40, 41), terms=terms, **OPTIONS)
        assert prepared.terms == terms
        reached.append(reference.psnr(prepared.render(sigma=40.0, detail=1.2), expected, 255))
    assert sorted(reached) == reached
    assert reached[3] >= 60  # four terms, as of the filter
    assert reached[-1] >= 90


def test_accuracy_chooses_terms_for_all_sigmas(photograph):
    narrow, wide = (LocalLaplacian(photograph, sigmas=s, accuracy=65, **OPTIONS) for s in ((40, 60), (15, 60)))
    assert narrow.terms < wide.terms
    for sigma in (15.0, 30.0, 60.0):
        expected = reference.local_laplacian(photograph, sigma, **OPTIONS)
        assert reference.psnr(wide.render(sigma=sigma), expected, 255) >= 62


def test_constant_and_tiny_images():
    for image in (np.full((40, 40), 7.0, np.float32), np.full((1, 1), 9, np.uint8), np.zeros((3, 2, 3), np.uint8)):
        assert np.array_equal(LocalLaplacian(image, value_range="image").render(sigma=5), image)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda i: LocalLaplacian(np.zeros((2, 8, 8, 1), np.uint8)), "one image is needed"),
        (lambda i: LocalLaplacian(i, sigmas=(60, 20)), "sigmas must be"),
        (lambda i: LocalLaplacian(i, sigmas=30), "sigmas must be two numbers"),
        (lambda i: LocalLaplacian(i, sigmas=(1, 60), accuracy=60), "accuracy must be at most"),
        (lambda i: LocalLaplacian(i, terms=4, accuracy=60), "one of them decides"),
        (lambda i: LocalLaplacian(i, color="hsv"), "color must be one of"),
        (lambda i: LocalLaplacian(i).render(sigma=70), "sigma must be from 20 to 60, not 70"),
        (lambda i: LocalLaplacian(i).render(sigma=30, out=i), "overlaps an input"),
    ],
)
def test_errors_name_the_argument(call, text):
    image = np.arange(1600, dtype=np.uint8).reshape(40, 40)
    with pytest.raises(ValueError, match=text):
        call(image)
