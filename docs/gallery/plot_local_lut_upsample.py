"""
local_lut_upsample: tables from a small pair of images
======================================================

What became of the small pixels around, value by value, is a table; the photograph is read through it.
"""

import numpy as np
from drawing import photo, show
from PIL import Image

from filters import bilateral, downsample, local_lut_upsample, reference

coffee = photo("coffee")


def smooth(image: np.ndarray, sigma_space: float) -> np.ndarray:
    for _ in range(4):
        image = bilateral(image, sigma_space=sigma_space, sigma_range=30)
    return image


full = smooth(coffee, 4.0)
rim = np.s_[90:190, 290:440]
panels = {"the filter at full size": full}
for scale in (2, 4, 8):
    small = downsample(coffee, scale=scale)
    result = local_lut_upsample(coffee, small, smooth(small, 4.0 / scale))
    panels[f"at 1/{scale}: {reference.psnr(result, full, 255):.1f} dB"] = result
show(panels, zoom=rim)

# %%
# Tables carry any change of tones, here one to five levels of each colour, with outlines that the small pictures do not
# have. Averages over neighbouring entries (``lut_radius``, 3 by default) are for results that vary smoothly; without
# them steps are sharper.

small = downsample(coffee, scale=8)
low = small // 52 * 63
size = (coffee.shape[1], coffee.shape[0])
panels = {
    "at full size": coffee // 52 * 63,
    "at 1/8, bicubic": np.asarray(Image.fromarray(low).resize(size, Image.Resampling.BICUBIC)),
    "at 1/8, lut_radius = 3": local_lut_upsample(coffee, small, low),
    "at 1/8, lut_radius = 0": local_lut_upsample(coffee, small, low, lut_radius=0),
}
show(panels, zoom=rim)
