"""Fast image filters from recent papers.

    from filters import local_laplacian
    out = local_laplacian(photo, sigma=30, detail=1.5)    # numpy in, numpy out, same shape and dtype

Every filter takes images as numpy arrays, (H, W), (H, W, C) or (N, H, W, C) in uint8, uint16 or float32, and the
options ``border``, ``border_value``, ``out``, ``target``, ``schedule`` and ``threads``. The first call of a variant
compiles it; later ones, in any process, find it in a cache. ``filters.reference`` holds the float64 definitions.
"""

from schedules import siblings

siblings.check(__name__, "dsl", "schedules")

from dsl import compiled
from filters._box import box
from filters._convolve import convolve, gabor
from filters._filter import Filter
from filters._gaussian import gaussian, unsharp
from filters._guided.call import guided
from filters._laplacian.call import local_laplacian
from filters._laplacian.interactive import LocalLaplacian
from filters._multilateral.call import multilateral
from filters._scale_space import gaussian_scale_space
from filters._upsampling.acceleration import accelerate
from filters._upsampling.call import upsample
from filters._upsampling.directional import dcci_upscale
from filters._upsampling.downsampling import downsample
from filters._upsampling.tables import local_lut_upsample
from filters._weighted.call import bilateral, joint_bilateral, variable_convolve
from filters._weighted.patches import nonlocal_means
from schedules import config

__all__ = [
    "Filter",
    "LocalLaplacian",
    "accelerate",
    "bilateral",
    "box",
    "compiled",
    "config",
    "convolve",
    "dcci_upscale",
    "downsample",
    "gabor",
    "gaussian",
    "gaussian_scale_space",
    "guided",
    "joint_bilateral",
    "local_laplacian",
    "local_lut_upsample",
    "multilateral",
    "nonlocal_means",
    "reference",
    "unsharp",
    "upsample",
    "variable_convolve",
]


def __getattr__(name: str) -> object:
    if name == "reference":  # float64 numpy, of which a program that only filters needs nothing
        import importlib

        return importlib.import_module("filters.reference")
    raise AttributeError(f"module 'filters' has no attribute {name!r}")
