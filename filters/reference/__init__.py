"""The filters' definitions in plain float64 numpy: slow, and meant to be obviously right.

Every function takes ``(H, W)`` or ``(H, W, C)`` of any real dtype and returns float64, neither rounded nor
clipped. Nothing here depends on the rest of the project, so that the one can be tested against the other.
"""

from .borders import border_index, pad
from .convolution import box, convolve, gabor, gaussian, gaussian_scale_space, unsharp
from .directional import dcci_upscale
from .guided import gaussian_window, guided
from .local_laplacian import local_laplacian
from .local_lut import local_lut_upsample
from .metrics import psnr
from .multilateral import multilateral
from .pyramids import collapse, down, gaussian_pyramid, laplacian_pyramid, up
from .resampling import downsample, resize
from .weighted import bilateral, disc, joint_bilateral, nonlocal_means, range_weights, variable_convolve

__all__ = [
    "bilateral",
    "border_index",
    "box",
    "collapse",
    "convolve",
    "dcci_upscale",
    "disc",
    "down",
    "downsample",
    "gabor",
    "gaussian",
    "gaussian_pyramid",
    "gaussian_scale_space",
    "gaussian_window",
    "guided",
    "joint_bilateral",
    "laplacian_pyramid",
    "local_laplacian",
    "local_lut_upsample",
    "multilateral",
    "nonlocal_means",
    "pad",
    "psnr",
    "range_weights",
    "resize",
    "unsharp",
    "up",
    "variable_convolve",
]
