"""Draws the pictures of docs/local_laplacian.md: detail from -1 to 2, and a map of sigma.

Run from the root of the repository: ``python docs/examples/local_laplacian_pictures.py``.
"""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import data
from filters import LocalLaplacian, local_laplacian

DOCS = Path(__file__).parents[1]
SIGMA = 30
DETAILS = (-1.0, 0.0, 1.0, 2.0)
TITLE, GAP = 22, 8


def row(panels: list[tuple[str, np.ndarray]]) -> np.ndarray:
    """Put pictures side by side, each under its title."""
    height, width = panels[0][1].shape[:2]
    canvas = Image.new("RGB", (len(panels) * (width + GAP) - GAP, height + TITLE + 6), (250, 249, 246))
    draw = ImageDraw.Draw(canvas)
    for i, (title, picture) in enumerate(panels):
        draw.text((i * (width + GAP), 0), title, (28, 28, 30), ImageFont.load_default(size=TITLE - 6))
        canvas.paste(Image.fromarray(picture), (i * (width + GAP), TITLE + 6))
    return np.asarray(canvas)


def main() -> None:
    photo = iio.imread(data.sample("chelsea"))[:, 60:380]
    prepared = LocalLaplacian(photo)
    details = [(f"detail = {detail:g}", prepared.render(sigma=SIGMA, detail=detail)) for detail in DETAILS]
    iio.imwrite(DOCS / "detail.jpg", row(details), quality=85)

    height, width = photo.shape[:2]
    sigma = np.tile(np.linspace(10, 60, width, dtype=np.float32), (height, 1))
    shown = np.repeat(np.rint(sigma * 255 / 60).astype(np.uint8)[..., None], 3, axis=2)
    mapped = local_laplacian(photo, sigma, 2.0)
    maps = [("a map of sigma, 10 to 60", shown), ("the photo", photo), ("detail = 2 with the map", mapped)]
    iio.imwrite(DOCS / "sigma_map.jpg", row(maps), quality=85)


if __name__ == "__main__":
    main()
