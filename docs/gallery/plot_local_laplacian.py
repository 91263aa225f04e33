"""
local_laplacian: detail without halos
=====================================

Differences smaller than ``sigma`` are detail, which there is more or less of; larger ones are edges, which stay.
"""

import numpy as np
from drawing import photo, show

from filters import local_laplacian, unsharp

chelsea = photo("chelsea", np.s_[:, 60:380])
eye = np.s_[70:150, 80:165]
panels = {}
for detail in (-1, 0, 1, 2.5):
    panels[f"detail = {detail}"] = local_laplacian(chelsea, 30, detail)
show(panels, zoom=eye)

# %%
# A small sigma changes fur alone, a large one shadows as well.

show(
    {f"sigma = {sigma}, detail = 2": local_laplacian(chelsea, sigma, 2.0) for sigma in (10, 20, 40, 80)},
    zoom=eye,
)

# %%
# Unsharp masking raises local contrast, too, and draws bands along strong edges: around the rocket the sky is not even
# any more.

rocket = photo("rocket", np.s_[60:360, 220:420])
panels = {
    "the photograph": rocket,
    "unsharp, sigma = 20, amount = 1.5": unsharp(rocket, 20, 1.5),
    "local_laplacian, sigma = 25, detail = 2": local_laplacian(rocket, 25, 2.0),
}
show(panels)

# %%
# ``beta`` below one compresses what is no detail: the range of tones becomes smaller, and details stay.

coffee = photo("coffee")
show({f"beta = {beta}": local_laplacian(coffee, 40, 0.6, beta=beta) for beta in (1.0, 0.6, 0.3)})
