"""
multilateral: several guides
============================

A pixel counts where *all* guides are alike, so each of them may know of edges that the others do not show.
"""

# sphinx_gallery_thumbnail_number = 2

import numpy as np
from drawing import gray, noisy, photo, show

from filters import gaussian, joint_bilateral, multilateral

coffee = photo("coffee", np.s_[60:300, 160:480])
image = noisy(coffee, 25)
luminance = gray(coffee)
blurred = gaussian(luminance, 12)
ramp = np.clip(np.linspace(-1, 2, luminance.shape[1], dtype=np.float32), 0, 1)
left = luminance * (1 - ramp) + blurred * ramp
right = luminance * ramp + blurred * (1 - ramp)

panels = {"noise of 25": image}
panels |= {
    title: np.repeat(guide[..., None] / 255, 3, axis=2) for title, guide in (("guide 1", left), ("guide 2", right))
}
show(panels)

# %%
# Guide 1 shows edges on the left alone, guide 2 on the right. Either by itself leaves the other side blurred; both
# together keep all edges.

panels = {
    "joint_bilateral by guide 1": joint_bilateral(image, left, sigma_space=5, sigma_range=10),
    "joint_bilateral by guide 2": joint_bilateral(image, right, sigma_space=5, sigma_range=10),
    "multilateral by both": multilateral(image, [left, right], sigma_space=5, sigma_range=10),
}
show(panels)

# %%
# Each guide has its own ``sigma_range``; one of infinity counts for nothing.

settings = [(10, 10), (10, 60), (60, 10), (60, 60)]
show({f"sigma_range = {s}": multilateral(image, [left, right], sigma_space=5, sigma_range=s) for s in settings})
