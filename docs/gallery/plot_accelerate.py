"""
accelerate: any slow function
=============================

A decorator: the function is run on a small copy, and what it did is brought to the full size. It may be anything that
gives an image of the size it takes.
"""

import numpy as np
from drawing import difference, photo, show

from filters import accelerate, reference

coffee = photo("coffee")


def diffuse(image: np.ndarray, steps: int = 64) -> np.ndarray:
    """Let colours flow, but not across edges (Perona and Malik): plain numpy, slow."""
    now = image.astype(np.float32)
    for _ in range(steps):
        for axis, last in ((0, now[-1:]), (1, now[:, -1:])):
            slope = np.diff(now, axis=axis, append=last)
            flow = slope / (1 + (slope / 8) ** 2)
            now = now + 0.2 * (flow - np.roll(flow, 1, axis))
    return np.rint(now).astype(np.uint8)


full = diffuse(coffee)
rim = np.s_[90:190, 290:440]
show({"the photograph": coffee, "the function at full size": full}, zoom=rim)

# %%
# What flows goes as far as the square root of the steps, so their number is to be divided by the square of the scale,
# which ``scale_parameters`` says: a sixteenth of the pixels needs a sixteenth of the steps, too.

panels = {}
for scale in (2, 4, 8):
    fast = accelerate(diffuse, scale=scale, scale_parameters={"steps": "area"})
    result = fast(coffee)
    panels[f"1/{scale} of each side: {reference.psnr(result, full, 255):.1f} dB"] = result
show(panels, zoom=rim)

# %%
# Where it differs from the function at full size, four times enlarged:

show({title: difference(result, full, 4) for title, result in panels.items()})
