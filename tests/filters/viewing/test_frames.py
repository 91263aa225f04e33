"""What browsers are sent: the very pixels of 8-bit images, and others brought to 8 bits."""

import numpy as np
import pytest

from filters.viewing import frames

PIXELS = np.random.default_rng(2).integers(0, 256, (7, 5, 4), dtype=np.uint8)


def sent(image, values=(0, 255)):
    pixels = np.frombuffer(frames.encoded(image, values), np.uint8).reshape(*image.shape[:2], 4)
    assert (pixels[..., 3] == 255).all()
    return pixels[..., :3]


def gray(plane):
    return np.repeat(plane[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (PIXELS, PIXELS[..., :3]),
        (PIXELS[::2, :, :3], PIXELS[::2, :, :3]),
        (PIXELS[..., 0], gray(PIXELS[..., 0])),
        (PIXELS[..., :2], gray(PIXELS[..., 0])),
    ],
)
def test_8_bits_arrive_as_they_are(image, shown):
    np.testing.assert_array_equal(sent(image), shown)


def test_other_depths_are_brought_to_8_bits():
    deep = PIXELS[..., :3].astype(np.uint16) * 257
    np.testing.assert_array_equal(sent(deep, (0, 65535)), PIXELS[..., :3])
    real = np.float32([[-1, 0, 1, 3, np.nan, np.inf, -np.inf]])
    np.testing.assert_array_equal(sent(real, (0, 2)), gray(np.array([[0, 0, 128, 255, 0, 255, 0]])))
