"""
joint_bilateral: the edges of another image
===========================================

A photograph without flash, noisy; and one with flash, sharp, whose light is not wanted. The first is averaged with
weights of the second.
"""

import numpy as np
from drawing import gray, noisy, photo, show

from filters import bilateral, joint_bilateral, reference

coffee = photo("coffee", np.s_[60:300, 160:480])
dim = noisy((coffee * [0.6, 0.45, 0.3]).astype(np.uint8), 14)
flash = np.clip(1.2 * gray(coffee), 0, 255)
clean = (coffee * [0.6, 0.45, 0.3]).astype(np.uint8)

alone = bilateral(dim, sigma_space=4, sigma_range=45)
joint = joint_bilateral(dim, flash, sigma_space=4, sigma_range=12)


def titled(title: str, image: np.ndarray) -> str:
    return f"{title}: {reference.psnr(image, clean, 255):.1f} dB"


panels = {titled("without flash", dim): dim, "the guide, with flash": np.repeat(flash[..., None] / 255, 3, axis=2)}
panels |= {titled("bilateral", alone): alone, titled("joint_bilateral", joint): joint}
show(panels, zoom=np.s_[60:130, 150:243])

# %%
# How much the guide may differ is in its own units. Where it may differ much, its edges are lost; where hardly, noise
# stays.

show(
    {f"sigma_range = {r}": joint_bilateral(dim, flash, sigma_space=4, sigma_range=r) for r in (2, 6, 20, 80)},
    zoom=np.s_[60:130, 150:243],
)
