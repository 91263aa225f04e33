"""
box: the mean over a window
===========================

The cheapest blur; its cost does not grow with the radius.
"""

# sphinx_gallery_thumbnail_number = 2

import numpy as np
from drawing import photo, show

from filters import box, gaussian

rocket = photo("rocket", np.s_[230:430, 160:460])
show({"the photograph": rocket} | {f"radius = {radius}": box(rocket, radius) for radius in (2, 6, 16)})

# %%
# Lights become squares, where a Gaussian of the same variance leaves round spots. Three boxes, one after another, come
# close to that.

radius = 6
sigma = float(np.sqrt((2 * radius + 1) ** 2 - 1) / np.sqrt(12))
thrice = rocket
for _ in range(3):
    thrice = box(thrice, 3)
panels = {
    f"radius = {radius}": box(rocket, radius),
    "radius = 3, three times": thrice,
    f"gaussian, sigma = {sigma:.2f}": gaussian(rocket, sigma),
}
show(panels, zoom=np.s_[120:176, 176:260])

# %%
# Each axis may have its own radius.

show({"radius = (0, 20)": box(rocket, (0, 20)), "radius = (20, 0)": box(rocket, (20, 0))})
