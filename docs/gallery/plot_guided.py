"""
guided: lines from a guide to the image
=======================================

In every window the image is fitted by a linear function of the guide.
"""

import numpy as np
from drawing import photo, show

from filters import guided

chelsea = photo("chelsea", np.s_[20:220, 80:360])
show(
    {f"radius = {r}, eps = {e}²": guided(chelsea, chelsea, radius=r, eps=e**2) for r in (4, 12) for e in (10, 25, 60)},
    columns=3,
)

# %%
# With the image as its own guide it smooths and keeps edges; what it took away can be added again, twice.

smooth = guided(chelsea, chelsea, radius=8, eps=25**2).astype(np.float32)
more = np.clip(smooth + 3 * (chelsea - smooth), 0, 255).astype(np.uint8)
show(
    {"the photograph": chelsea, "smooth": smooth.astype(np.uint8), "its detail three times": more},
    zoom=np.s_[75:135, 20:104],
)

# %%
# A rough mask takes on the outlines of the photograph: the rocket is cut out.

rocket = photo("rocket", np.s_[60:320, 230:420])
rough = np.zeros(rocket.shape[:2], np.float32)
rough[66:, 78:109] = 255
fine = np.clip(1.5 * guided(rough, rocket, radius=12, eps=2**2) - 90, 0, 255)
cut = (rocket * (fine / 255)[..., None] + 255 - fine[..., None]).astype(np.uint8)
show({"the photograph": rocket, "a rectangle": rough, "guided by the photograph": fine, "cut out": cut})
