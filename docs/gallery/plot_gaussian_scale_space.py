"""
gaussian_scale_space: several sigmas at once
============================================

Blurs of an image by Gaussians of several sigmas, which read the image together.
"""

# sphinx_gallery_thumbnail_number = 2

from itertools import pairwise

from drawing import gray, photo, show

from filters import gaussian_scale_space

chelsea = gray(photo("chelsea"))
sigmas = (1, 2, 4, 8, 16)
scales = gaussian_scale_space(chelsea, sigmas)
show({f"sigma = {sigma}": scale for sigma, scale in zip(sigmas, scales, strict=True)})

# %%
# Their differences show what there is at each scale: fur, stripes, eyes and nose, the head.

differences = {f"sigma {s} less {t}": a - b for (s, a), (t, b) in pairwise(zip(sigmas, scales, strict=True))}
show(differences, limits=(-30, 30), colors="RdBu_r")
