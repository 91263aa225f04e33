"""A plain call of each filter, as code, and of other libraries for the same as one of them."""

from __future__ import annotations

#: What all calls need: an image and a small one.
IMAGES = """
import numpy as np
image = np.random.default_rng(0).integers(0, 256, (384, 512, 3), np.uint8)
small = np.ascontiguousarray(image[::4, ::4])
"""
#: By filter; with `IMPORT` before them.
IMPORT = "import filters"
CALLS = {
    "LocalLaplacian": "filters.LocalLaplacian(image, levels=4).render(sigma=30)",
    "accelerate": "filters.accelerate(lambda low: low, 4)(image)",
    "bilateral": "filters.bilateral(image, sigma_space=3, sigma_range=25)",
    "box": "filters.box(image, 5)",
    "convolve": "filters.convolve(image, np.full(9, 1 / 9))",
    "dcci_upscale": "filters.dcci_upscale(image)",
    "downsample": "filters.downsample(image, scale=4)",
    "gabor": "filters.gabor(image, 4, 10)",
    "gaussian": "filters.gaussian(image, 10)",
    "gaussian_scale_space": "filters.gaussian_scale_space(image, (2, 4, 8))",
    "guided": "filters.guided(image, image, radius=8, eps=100)",
    "joint_bilateral": "filters.joint_bilateral(image, image[::-1], sigma_space=3, sigma_range=25)",
    "local_laplacian": "filters.local_laplacian(image, 30, levels=4)",
    "local_lut_upsample": "filters.local_lut_upsample(image, small, small)",
    "multilateral": "filters.multilateral(image, (image[..., 0], image[..., 1]), sigma_space=5, sigma_range=30)",
    "nonlocal_means": "filters.nonlocal_means(image, strength=10, search_radius=5, patch_radius=1)",
    "unsharp": "filters.unsharp(image, 3)",
    "upsample": "filters.upsample(image, small, small)",
    "variable_convolve": (
        "filters.variable_convolve(image, image, table=np.linspace(1, 0, 64), spatial_kernel=np.full((5, 5), 1 / 25))"
    ),
}
#: A Gaussian blur by libraries, with the module that has to be there.
PEERS = {
    ("OpenCV", "cv2"): "import cv2; cv2.GaussianBlur(image, (0, 0), 10)",
    ("scikit-image", "skimage"): "from skimage import filters; filters.gaussian(image, 10, channel_axis=2)",
    ("libvips", "pyvips"): "import pyvips; pyvips.Image.new_from_array(image).gaussblur(10).numpy()",
    ("numba", "numba"): "from bench.suites import by_numba; by_numba.gaussian(image, 10)",
}
