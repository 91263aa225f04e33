"""What browsers are sent: the very pixels of 8-bit images, and others brought to 8 bits."""

import io

import numpy as np
import PIL.Image
import pytest

from filters.viewing import frames

PIXELS = np.random.default_rng(2).integers(0, 256, (7, 5, 4), dtype=np.uint8)


def sent(image, values=(0, 255)):
    return np.asarray(PIL.Image.open(io.BytesIO(frames.encoded(image, values)), formats=["BMP"]))


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (PIXELS, PIXELS[..., :3]),
        (PIXELS[::2, :, :3], PIXELS[::2, :, :3]),
        (PIXELS[..., 0], PIXELS[..., 0]),
        (PIXELS[..., :2], PIXELS[..., 0]),
    ],
)
def test_8_bits_arrive_as_they_are(image, shown):
    np.testing.assert_array_equal(sent(image), shown)


def test_other_depths_are_brought_to_8_bits():
    deep = PIXELS[..., :3].astype(np.uint16) * 257
    np.testing.assert_array_equal(sent(deep, (0, 65535)), PIXELS[..., :3])
    real = np.float32([[-1, 0, 1, 3, np.nan, np.inf, -np.inf]])
    np.testing.assert_array_equal(sent(real, (0, 2)), [[0, 0, 128, 255, 0, 255, 0]])
