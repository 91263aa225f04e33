"""How near an approximate result is to the exact one, in numbers and as the eye sees it.

``python -m bench.quality RESULT REFERENCE`` tells it of two files. The eye hardly sees what lies beyond an SSIM of 0.99
or a GMSD below 0.01; PSNR goes on telling better from best.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

import cv2
import imageio.v3 as iio
import numpy as np
from skimage.metrics import structural_similarity

from filters.reference import psnr

Array = np.ndarray[Any, Any]
#: The window of SSIM: what Wang et al. (2004) use, Gaussian weights of 1.5 pixels.
_SSIM = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
#: Sides that a window of SSIM and the halving of GMSD need.
SMALLEST = 16


@dataclasses.dataclass(frozen=True)
class Quality:
    """What is left of an image.

    Attributes
    ----------
    psnr : float
        Peak signal-to-noise ratio, in dB: infinite for equal images.
    ssim : float
        Structural similarity (Wang et al. 2004): 1 for equal images. By scikit-image.
    gmsd : float
        Deviation of the similarity of gradients (Xue et al. 2014): 0 for equal images. By OpenCV, the mean of the
        channels.
    """

    psnr: float
    ssim: float
    gmsd: float

    def __str__(self) -> str:
        """Tell all three."""
        return f"PSNR {self.psnr:.2f} dB  SSIM {self.ssim:.5f}  GMSD {self.gmsd:.5f}"


def assess(result: Array, reference: Array, peak: float) -> Quality:
    """Compare a result with what it should be.

    Parameters
    ----------
    result, reference : array
        ``(H, W)`` or ``(H, W, C)``, of one shape and at least 16 pixels a side.
    peak : float
        Width of the range of values.

    Raises
    ------
    ValueError
        For other shapes, and values that are not finite.
    """
    decibels = psnr(result, reference, peak)
    if reference.ndim not in (2, 3) or min(reference.shape[:2]) < SMALLEST:
        raise ValueError(f"images must be (H, W) or (H, W, C) of {SMALLEST} pixels a side, got {reference.shape}")
    axis = 2 if reference.ndim == 3 else None
    as_floats = [image.astype(np.float64) for image in (result, reference)]
    similarity = structural_similarity(*as_floats, data_range=peak, channel_axis=axis, **_SSIM)
    return Quality(decibels, float(similarity), _gmsd(*as_floats, peak))


def _gmsd(result: Array, reference: Array, peak: float) -> float:
    """Give the mean over channels; its constant is made for values up to 255."""
    channels = 1 if reference.ndim == 2 else reference.shape[2]
    planes = [
        (image * (255 / peak)).astype(np.float32).reshape(*image.shape[:2], channels) for image in (reference, result)
    ]
    each = [
        cv2.quality.QualityGMSD_compute(*(np.ascontiguousarray(p[..., i]) for p in planes))[0][0]
        for i in range(channels)
    ]
    return float(np.mean(each))


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("result")
    parser.add_argument("reference")
    options = parser.parse_args(arguments)
    images = [np.asarray(iio.imread(path)) for path in (options.result, options.reference)]
    peak = float(np.iinfo(images[1].dtype).max) if images[1].dtype.kind == "u" else float(np.ptp(images[1]))
    try:
        print(assess(*images, peak))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
