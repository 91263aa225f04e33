"""
dcci_upscale: twice the size
============================

Directional cubic convolution interpolation: a new pixel is interpolated along the direction in which the image changes
least.
"""

import numpy as np
from drawing import photo, show
from PIL import Image

from filters import dcci_upscale, downsample

chelsea = photo("chelsea", np.s_[:300, :448])
small = chelsea[::2, ::2]
size = (chelsea.shape[1], chelsea.shape[0])
results = {
    "nearest": np.kron(small, np.ones((2, 2, 1), np.uint8)),
    "bilinear": np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BILINEAR)),
    "dcci_upscale": dcci_upscale(small),
}
show(results, zoom=np.s_[180:270, 140:275])

# %%
# Four times as large, outlines stay smooth along their direction.

rocket = downsample(photo("rocket", np.s_[0:400, 240:440]), scale=2)[62:112, 10:85]
panels = {
    "nearest": np.kron(rocket, np.ones((4, 4, 1), np.uint8)),
    "bicubic": np.asarray(Image.fromarray(rocket).resize((300, 200), Image.Resampling.BICUBIC)),
    "dcci_upscale, twice": dcci_upscale(dcci_upscale(rocket)),
}
show(panels)
