"""Print how well kernels are made of waves, the tables of docs/kernels.md: ``python -m docs.examples.fits``."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np

import data
from dsl import fitting
from filters import reference
from filters._sliding import GUARANTEED
from filters.kernel import fits

Array = np.ndarray
SIGMAS = (3, 4, 6, 12, 25, 50, 100)
R = np.arange(-72, 73)
SHAPES = {
    "Gaussian": np.exp(-0.5 * (R / 12) ** 2),
    "triangle": np.maximum(1 - abs(R) / 24, 0),
    "Gaussian cut off at 1.25 sigma": np.exp(-0.5 * (R / 12) ** 2) * (abs(R) <= 15),
    "two-sided exponential": np.exp(-abs(R) / 12),
    "box that is not centred": 1.0 * ((R >= 0) & (R < 24)),
    "one-sided exponential": np.exp(-R / 12.0) * (R >= 0),
}


def gaussian(sigma: float) -> Array:
    r = np.arange(-9 * sigma, 9 * sigma + 1)
    weights = np.exp(-0.5 * (r / sigma) ** 2)
    return weights / weights.sum()


def on_photograph(fit: fitting.Fit, kernel: Array) -> float:
    """Convolve a photograph along both axes in float64, by kernel and fit, and compare where the border is far."""
    image = iio.imread(data.sample("chelsea")) @ np.array([0.299, 0.587, 0.114])
    error = fits.difference(fit, kernel)
    size = max(len(kernel), len(error))
    wanted = fits.around(kernel, size // 2)
    results = []
    for weights in (wanted, wanted + fits.around(error, size // 2)):
        down = np.apply_along_axis(np.convolve, 0, image, weights, "valid")
        results.append(np.apply_along_axis(np.convolve, 1, down, weights, "valid"))
    return reference.psnr(results[1], results[0], 255)


def main() -> None:
    print("terms   relative L2 error   PSNR of any image: one axis, both   a photograph, sigma 12")
    for terms in range(1, 7):
        found = [(fitting.fit(gaussian(sigma), terms), gaussian(sigma)) for sigma in SIGMAS]
        worst = max(fits.row_of(kernel, fit).error for fit, kernel in found)
        least = min(fitting.guaranteed(fit, kernel) for fit, kernel in found)
        photo = on_photograph(*found[SIGMAS.index(12)])
        print(f"{terms:5} {worst:15.1f} dB {least:20.1f} dB {GUARANTEED[terms]:.1f} dB {photo:15.1f} dB")
    print("\nPSNR of any image, one axis, by 3 terms and by 6")
    for name, shape in SHAPES.items():
        kernel = shape / shape.sum()
        print(f"{name:32}", *(f"{fitting.guaranteed(fitting.fit(kernel, terms), kernel):6.1f} dB" for terms in (3, 6)))


if __name__ == "__main__":
    main()
