"""
downsample: smaller, without aliasing
=====================================

Every pixel is the mean over the area that it covers, at any ratio.
"""

import numpy as np
from drawing import photo, show

from filters import downsample

chelsea = photo("chelsea", np.s_[:, :448])
scales = (2, 4, 8)


def enlarged(image: np.ndarray, scale: int) -> np.ndarray:
    """Show small images at the photograph's size, their pixels as squares."""
    return np.kron(image, np.ones((scale, scale, 1), np.uint8))[: chelsea.shape[0], : chelsea.shape[1]]


panels = {f"every {s}. pixel": enlarged(chelsea[s // 2 :: s, s // 2 :: s], s)[:296] for s in scales}
panels |= {f"downsample, scale = {s}": enlarged(downsample(chelsea, scale=s), s)[:296] for s in scales}
show(panels, columns=3)

# %%
# Rings that become finer and finer: what is too fine to be shown turns gray, where single pixels make up rings that are
# not there.

y, x = np.mgrid[-240:240, -240:240]
rings = np.rint(127.5 + 127.5 * np.cos((x**2 + y**2) / 260)).astype(np.uint8)
panels = {"rings": rings, "every 3. pixel": np.kron(rings[::3, ::3], np.ones((3, 3), np.uint8))}
panels["downsample, scale = 3"] = np.kron(downsample(rings, scale=3), np.ones((3, 3), np.uint8))
show(panels)
