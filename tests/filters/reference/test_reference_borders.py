"""Border rules, against OpenCV's and numpy's."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.reference import border_index, pad

OPENCV = {
    "reflect101": cv2.BORDER_REFLECT_101,
    "reflect": cv2.BORDER_REFLECT,
    "replicate": cv2.BORDER_REPLICATE,
    "wrap": cv2.BORDER_WRAP,
    "constant": cv2.BORDER_CONSTANT,
}
PERIOD = {"reflect101": lambda n: max(2 * n - 2, 1), "reflect": lambda n: 2 * n, "wrap": lambda n: n}


@pytest.mark.parametrize("border", OPENCV)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_border_index_is_opencvs(border: str, size: int) -> None:
    index = np.arange(-40, 41)
    expected = [cv2.borderInterpolate(int(i), size, OPENCV[border]) for i in index]
    assert border_index(index, size, border).tolist() == expected


def test_border_index_spelled_out() -> None:
    index = range(-4, 7)
    assert border_index(index, 3, "reflect101").tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    assert border_index(index, 3, "reflect").tolist() == [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]
    assert border_index(index, 3, "replicate").tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]
    assert border_index(index, 3, "wrap").tolist() == [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert border_index(index, 3, "constant").tolist() == [-1, -1, -1, -1, 0, 1, 2, -1, -1, -1, -1]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(
    border=st.sampled_from(sorted(PERIOD)),
    size=st.integers(1, 50),
    index=st.integers(-100, 100),
    periods=st.integers(-(10**9), 10**9),
)
def test_border_index_is_periodic(border: str, size: int, index: int, periods: int) -> None:
    near, far = border_index([index, index + periods * PERIOD[border](size)], size, border)
    assert 0 <= near < size
    assert near == far


def test_border_index_keeps_the_shape_of_its_argument() -> None:
    index = np.arange(-3, 3, dtype=np.int8).reshape(2, 3)
    assert border_index(index, 200, "wrap").tolist() == [[197, 198, 199], [0, 1, 2]]
    assert border_index(-1, 5, "wrap").shape == ()


@pytest.mark.parametrize(
    ("border", "mode"),
    [("reflect101", "reflect"), ("reflect", "symmetric"), ("replicate", "edge"), ("wrap", "wrap")],
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 1), (3, 4), (4, 3, 2)])
def test_pad_is_numpys(border: str, mode: str, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    padded = pad(image, (7, 13), (12, 5), border=border)
    width = [(7, 12), (13, 5), (0, 0)][: image.ndim]
    assert padded.dtype == np.float64
    np.testing.assert_array_equal(padded, np.pad(image, width, mode))  # type: ignore[call-overload]


def test_pad_with_a_constant() -> None:
    image = np.random.default_rng(1).random((3, 4, 2))
    padded = pad(image, (1, 2), (0, 9), border="constant", border_value=-2.5)
    width = [(1, 0), (2, 9), (0, 0)]
    np.testing.assert_array_equal(padded, np.pad(image, width, constant_values=-2.5))


def test_pad_by_nothing_is_a_copy() -> None:
    image = np.ones((2, 2))
    padded = pad(image, (0, 0), (0, 0))
    padded[0, 0] = 5
    assert image[0, 0] == 1


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"border must be one of reflect101.*'mirror'"):
        border_index([0], 3, "mirror")
    with pytest.raises(ValueError, match="size"):
        border_index([0], 0, "wrap")
    with pytest.raises(TypeError, match="integers"):
        border_index([0.5], 3, "wrap")
    with pytest.raises(ValueError, match="negative"):
        pad(np.ones((2, 2)), (0, -1), (0, 0))
    with pytest.raises(ValueError, match="shape"):
        pad(np.ones(4), (0, 0), (0, 0))
    with pytest.raises(ValueError, match="pixel"):
        pad(np.ones((0, 4)), (0, 0), (0, 0))
    with pytest.raises(TypeError, match="complex"):
        pad(np.ones((2, 2), complex), (0, 0), (0, 0))
