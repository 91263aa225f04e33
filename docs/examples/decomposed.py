"""A filter of one's own, a blur, that is made to keep the edges of a guide by running it at levels of the guide.

``python -m docs.examples.decomposed`` compares it with exact weights, on a bundled photograph;
``python -m dsl build docs/examples/decomposed.py -o build --dtype uint8`` makes a native library of it.
"""

import imageio.v3 as iio
import numpy as np

import data
import dsl
from filters import multilateral, reference


@dsl.filter
def blur_by(
    src: dsl.Image, guide: dsl.Image, levels: dsl.Table, scale: dsl.Scalar = 1 / 30, sigma: dsl.Scalar = 4.0
) -> dsl.Image:
    """Blur by a Gaussian, but little across the edges of a guide; ``scale`` is one over how much it may differ."""

    def blur(image: dsl.Image) -> dsl.Image:
        return dsl.convolve(image, dsl.gaussian(sigma))

    return dsl.decompose(blur, src, [guide], [scale], [levels])


def main() -> None:
    photo = np.ascontiguousarray(iio.imread(data.sample("coffee"))[..., 1], np.float32)
    guide = np.ascontiguousarray(photo[:, ::-1])
    wanted = multilateral(photo, [guide], sigma_space=4, sigma_range=30, radius=16, method="exact")
    for count in (5, 9, 17):
        result = blur_by(photo, guide, np.linspace(0, 255, count), scale=1 / 30, sigma=4)
        print(f"{count:2} levels: {reference.psnr(result, wanted, 255):.1f} dB")


if __name__ == "__main__":
    main()
