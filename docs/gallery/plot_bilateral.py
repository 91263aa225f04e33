"""
bilateral: smooth, but not across edges
=======================================

An average over a disc, with less weight for what differs more.
"""

import numpy as np
from drawing import photo, show

from filters import bilateral, gaussian

chelsea = photo("chelsea", np.s_[20:220, 80:360])
panels = {"the photograph": chelsea, "gaussian, sigma = 4": gaussian(chelsea, 4)}
panels["bilateral, 4, 40"] = bilateral(chelsea, sigma_space=4, sigma_range=40)
show(panels, zoom=np.s_[75:135, 20:104])

# %%
# ``sigma_space`` says how far pixels count, ``sigma_range`` how much they may differ. With a large range nothing is an
# edge.

show(
    {
        f"sigma_space = {s}, sigma_range = {r}": bilateral(chelsea, sigma_space=s, sigma_range=r)
        for s in (2, 6)
        for r in (15, 40, 100)
    },
    columns=3,
)

# %%
# Other weights of a difference: Tukey's leaves out what differs by more than ``sigma_range``, a high exponent is nearly
# a step, Huber's never ends.

options = {
    '"tukey"': {"range_function": "tukey"},
    "exponent = 8": {"exponent": 8.0},
    '"gaussian"': {},
    '"huber"': {"range_function": "huber"},
}
show(
    {title: bilateral(chelsea, sigma_space=6, sigma_range=40, **o) for title, o in options.items()},
    zoom=np.s_[75:135, 20:104],
)
