"""
LocalLaplacian: for sliders
===========================

It prepares an image once; then every setting of ``sigma``, ``detail`` and ``beta`` is a weighted sum of images.
"""

import numpy as np
from drawing import photo, show

from filters import LocalLaplacian

coffee = photo("coffee", np.s_[60:360, 120:520])
prepared = LocalLaplacian(coffee, sigmas=(15, 60))
settings = [(sigma, detail) for detail in (-0.8, 1, 2) for sigma in (15, 30, 60)]
show({f"sigma = {s}, detail = {d}": prepared.render(sigma=s, detail=d) for s, d in settings}, columns=3)

# %%
# What the slider for tones does: edges are multiplied by ``beta``.

show({f"beta = {beta}": prepared.render(sigma=30, detail=1, beta=beta) for beta in (0.4, 0.7, 1.0, 1.3)})
