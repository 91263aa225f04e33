"""
variable_convolve: weights by any table
=======================================

A spatial kernel of any form, multiplied by any table's weight for how much a guide differs.
"""

import numpy as np
from drawing import gray, photo, show

from filters import variable_convolve

chelsea = photo("chelsea", np.s_[20:220, 80:360])
guide = gray(chelsea)
y, x = np.ogrid[-8:9, -8:9]
disc = np.exp(-(y**2 + x**2) / (2 * 4.0**2)).astype(np.float32) * (y**2 + x**2 <= 64)
streak = np.eye(17, dtype=np.float32)

differences = np.linspace(0, 1, 33)
tables = {
    "a step: alike or not at all": (differences < 0.3).astype(np.float32),
    "a Gaussian": np.exp(-(differences**2) / (2 * 0.25**2)).astype(np.float32),
    "never less than a tenth": np.maximum(differences < 0.15, 0.1).astype(np.float32),
}
panels = {"the photograph": chelsea}
for title, table in tables.items():
    panels[title] = variable_convolve(chelsea, guide, table=table, table_range=120, spatial_kernel=disc)
show(panels, zoom=np.s_[75:135, 20:104])

# %%
# The kernel need not be round: brush strokes along a diagonal, which end at edges.

panels = {}
for reach in (20, 60, 255):
    table = np.exp(-(differences**2) * 255**2 / (2 * reach**2)).astype(np.float32)
    panels[f"a line, sigma of the table = {reach}"] = variable_convolve(
        chelsea, guide, table=table, table_range=255, spatial_kernel=streak
    )
show(panels)
