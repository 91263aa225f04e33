"""
unsharp: sharpen
================

The image plus ``amount`` times what a Gaussian of ``sigma`` takes away.
"""

import numpy as np
from drawing import photo, show

from filters import unsharp

chelsea = photo("chelsea", np.s_[40:200, 90:310])
panels = {"the photograph": chelsea}
panels |= {f"sigma = 1.5, amount = {amount}": unsharp(chelsea, 1.5, amount) for amount in (1, 3)}
show(panels, zoom=np.s_[45:115, 40:136])

# %%
# A small sigma sharpens fine lines, a large one raises local contrast. Strong sharpening of wide neighbourhoods leaves
# halos along edges, which :func:`filters.local_laplacian` does not.

show(
    {f"sigma = {sigma}, amount = {a}": unsharp(chelsea, sigma, a) for a in (0.7, 2) for sigma in (1, 5, 25)}, columns=3
)
