"""How the gallery's figures are laid out: pictures in a grid, each under its title, and details of them enlarged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import data
from filters import images

Array = np.ndarray[Any, Any]
Part = tuple[slice, slice]

INCHES, TITLE = 11.0, 0.3
FRAME = "#ff5a36"


def photo(name: str, part: Part = np.s_[:, :]) -> Array:
    """Read a bundled photograph, or a part of it: RGB, uint8."""
    return np.ascontiguousarray(images.read(data.sample(name)).array[..., :3][part])


def gray(image: Array) -> Array:
    """Take the luminance, as float32."""
    return (image @ np.array([0.299, 0.587, 0.114])).astype(np.float32)


def noisy(image: Array, deviation: float) -> Array:
    """Add noise of a normal distribution, the same at every call."""
    noise = np.random.default_rng(0).normal(0, deviation, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(image.dtype)


def difference(image: Array, other: Array, gain: float) -> Array:
    """Show how two images differ, times ``gain``, around a middle gray."""
    return np.clip(128 + gain * (image.astype(np.float32) - other), 0, 255).astype(np.uint8)


def show(
    panels: Mapping[str, Array],
    *,
    columns: int | None = None,
    zoom: Part | None = None,
    limits: tuple[float, float] = (0, 255),
    colors: str = "gray",
) -> Figure:
    """Draw pictures of one shape in a grid, each under its title.

    Parameters
    ----------
    panels : mapping
        Pictures by title.
    columns : int, optional
        Of the grid; default all in a row.
    zoom : pair of slices, optional
        A detail, framed in every picture and enlarged below it.
    limits : (float, float)
        Values drawn as black and as white, of images without colours.
    colors : str
        Name of their colour map.
    """
    columns = columns or len(panels)
    bands = -(-len(panels) // columns)
    shapes = [next(iter(panels.values())).shape] + ([panels_detail(panels, zoom).shape] if zoom else [])
    heights = [INCHES / columns * shape[0] / shape[1] for shape in shapes]
    figure = plt.figure(figsize=(INCHES, bands * (sum(heights) + TITLE + 0.06 * len(heights))), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, hspace=0, wspace=0)
    grid = figure.subplots(bands * len(heights), columns, squeeze=False, height_ratios=heights * bands)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, (title, image) in enumerate(panels.items()):
        band, column = divmod(i, columns)
        axes = grid[band * len(heights), column]
        axes.set_title(title, fontsize=10)
        draw(axes, image, limits, colors)
        if zoom:
            rows, along = zoom
            corner, size = (along.start, rows.start), (along.stop - along.start, rows.stop - rows.start)
            axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=FRAME, linewidth=1.5))
            draw(grid[band * len(heights) + 1, column], image[zoom], limits, colors)
    return figure


def panels_detail(panels: Mapping[str, Array], zoom: Part) -> Array:
    """Cut the detail out of the first picture."""
    return next(iter(panels.values()))[zoom]


def draw(axes: Axes, image: Array, limits: tuple[float, float], colors: str) -> None:
    """Draw one picture, its pixels as squares where they are enlarged."""
    axes.imshow(image, vmin=limits[0], vmax=limits[1], cmap=colors, interpolation="antialiased")
