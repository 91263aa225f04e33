"""Runs a slow filter on small copies, at four scales, and brings what it gives to the full size: a picture.

Run from the root of the repository: ``python -m docs.examples.upsampling [picture.jpg]``.
"""

import functools
import sys

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from data import sample
from filters import bilateral, downsample, local_lut_upsample, upsample
from filters.reference import psnr

SCALES = (2, 4, 8, 16)
DETAIL = np.s_[120:280, 300:540]
#: What a difference of one is shown as.
GAIN = 4


def smooth(image: np.ndarray, sigma_space: float) -> np.ndarray:
    """Five times bilateral: small edges go, large ones stay."""
    step = functools.partial(bilateral, sigma_space=sigma_space, sigma_range=30)
    return functools.reduce(lambda filtered, _: step(filtered), range(5), image)


def rows(photo: np.ndarray, sigma_space: float = 4.0):
    """Give for each scale the full result, the two that were made of a small one, and how far the last one is off."""
    full = smooth(photo, sigma_space)
    for scale in SCALES:
        small = downsample(photo, scale=scale)
        filtered = smooth(small, sigma_space / scale)
        cubic = upsample(photo, small, filtered, method="cubic")
        tables = local_lut_upsample(photo, small, filtered)
        off = np.clip(128 + GAIN * (tables.astype(float) - full), 0, 255).astype(np.uint8)
        yield (
            scale,
            {
                "full result": full,
                f"cubic, {psnr(cubic, full, 255):.1f} dB": cubic,
                f"local LUT, {psnr(tables, full, 255):.1f} dB": tables,
                f"local LUT - full, x {GAIN}": off,
            },
        )


def main() -> None:
    """Draw the picture, or print the numbers."""
    photo = np.asarray(Image.open(sample("coffee")).convert("RGB"))
    figure, axes = plt.subplots(len(SCALES), 4, figsize=(12, 8.6), layout="constrained")
    for line, (scale, images) in zip(axes, rows(photo), strict=True):
        for axis, (title, image) in zip(line, images.items(), strict=True):
            axis.imshow(image[DETAIL])
            axis.set(xticks=[], yticks=[])
            axis.set_title(title, fontsize=9)
        line[0].set_ylabel(f"1/{scale} of each side", fontsize=9)
        print(scale, *(title for title in images if "dB" in title), sep="  ")
    if len(sys.argv) > 1:
        figure.savefig(sys.argv[1], dpi=90, pil_kwargs={"quality": 88} if sys.argv[1].endswith("jpg") else {})


if __name__ == "__main__":
    main()
