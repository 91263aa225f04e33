"""
gabor: waves under a Gaussian
=============================

What runs in a direction, at a wavelength: lines, stripes, textures.
"""

# sphinx_gallery_thumbnail_number = 2

import numpy as np
from drawing import gray, photo, show

from filters import gabor

chelsea = gray(photo("chelsea"))
degrees = (0, 45, 90, 135)
waves = {f"orientation = {d}°": gabor(chelsea, 5.0, 8.0, np.radians(d)) for d in degrees}
show(waves, limits=(-6, 6), colors="RdBu_r")

# %%
# The even and the odd wave together, as the root of the sum of squares, tell how strong a texture is, wherever its
# crests lie. The strongest of four orientations draws whiskers and fur; longer waves see coarser stripes.


def energy(wavelength: float) -> np.ndarray:
    def strength(angle: float) -> np.ndarray:
        waves = (gabor(chelsea, wavelength / 2, wavelength, angle, phase) for phase in (0, -np.pi / 2))
        return np.sqrt(sum(wave**2 for wave in waves))

    return np.max([strength(angle) for angle in np.radians(np.arange(0, 180, 45))], axis=0)


panels = {}
for wavelength in (4, 8, 16):
    found = energy(wavelength)
    panels[f"wavelength = {wavelength}"] = 255 * found / np.quantile(found, 0.995)
show(panels, colors="magma")
