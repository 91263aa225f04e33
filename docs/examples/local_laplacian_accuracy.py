"""Draws docs/accuracy.png: what Fourier and interpolated pyramids reach with equally many of them.

Run from the root of the repository: ``python docs/examples/local_laplacian_accuracy.py``.
"""

from pathlib import Path

import imageio.v3 as iio
import matplotlib.pyplot as plt
import numpy as np

import data
from filters import local_laplacian, reference

SIGMA = 30.0
OPTIONS = {"levels": 4, "value_range": (0, 255)}
TERMS = range(1, 9)


def main() -> None:
    gray = [iio.imread(data.sample(name)) @ np.float32((0.299, 0.587, 0.114)) for name in data.samples()]
    images = [np.ascontiguousarray(image[:256, :256], np.float32) for image in gray]
    exact = [reference.local_laplacian(image, SIGMA, **OPTIONS) for image in images]

    def reached(**options: object) -> float:
        results = [local_laplacian(image, sigma=SIGMA, **OPTIONS, **options) for image in images]
        return min(reference.psnr(r, e, 255) for r, e in zip(results, exact, strict=True))

    pyramids = [2 * terms for terms in TERMS]
    lines = {
        "Fourier": [reached(terms=terms) for terms in TERMS],
        "interpolated (Aubry et al.)": [reached(method="interpolated", samples=count) for count in pyramids],
    }
    figure, axes = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
    for (label, values), style in zip(lines.items(), ("o-", "^:"), strict=True):
        axes.plot(pyramids, values, style, label=label)
    axes.set_xlabel("pyramids beside the image's own")
    axes.set_ylabel("PSNR on the worst photograph, dB")
    axes.set_xticks(pyramids)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(Path(__file__).parents[1] / "accuracy.png", dpi=110)
    for label, values in lines.items():
        print(f"{label}:", *(f"{count}: {value:.1f}" for count, value in zip(pyramids, values, strict=True)))


if __name__ == "__main__":
    main()
