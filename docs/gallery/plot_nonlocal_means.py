"""
nonlocal_means: take noise away
===============================

An average over pixels near by whose surroundings are alike.
"""

import numpy as np
from drawing import noisy, photo, show

from filters import bilateral, gaussian, nonlocal_means, reference

coffee = photo("coffee", np.s_[60:300, 160:480])
noise = noisy(coffee, 20)
results = {
    "noise of 20": noise,
    "gaussian": gaussian(noise, 1.0),
    "bilateral": bilateral(noise, sigma_space=3, sigma_range=80),
    "nonlocal_means": nonlocal_means(noise, strength=14, noise=20),
}
rim = np.s_[150:220, 150:243]
show({f"{title}: {reference.psnr(image, coffee, 255):.1f} dB": image for title, image in results.items()}, zoom=rim)

# %%
# ``strength`` says how much surroundings may differ: too little leaves noise, too much takes fine lines with it.

panels = {}
for strength in (5, 10, 20, 40):
    cleaned = nonlocal_means(noise, strength=strength, noise=20)
    panels[f"strength = {strength}: {reference.psnr(cleaned, coffee, 255):.1f} dB"] = cleaned
show(panels, zoom=rim)
