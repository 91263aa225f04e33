"""The demonstration: a photo, two filters, a picture of the results and how fast they were."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filters import images
from filters.images import Array

if TYPE_CHECKING:
    from PIL.Image import Image

#: What is shown: name of the filter, title, arguments.
_SHOWN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("local_laplacian", "Local Laplacian", {"sigma": 30, "detail": 1.5}),
    ("gaussian", "Gaussian", {"sigma": 5}),
)
#: Found by its path: a lower package imports no higher one, and a user's own data.py cannot get in the way.
PHOTO = Path(__file__).parents[1] / "data" / "samples" / "coffee.jpg"
_SECONDS, _MOST_RUNS, _FEWEST_RUNS = 0.5, 100, 5
_PAPER, _INK, _FAINT = (250, 249, 246), (28, 28, 30), (112, 112, 118)
_MARGIN, _GAP, _TITLE, _CAPTION = 36, 20, 23, 16


@dataclass(frozen=True)
class Shown:
    """A filter's result on the photo, and its times in seconds."""

    title: str
    call: str
    result: Array
    first: float
    median: float
    megapixels: float

    @property
    def speed(self) -> float:
        """Megapixels per second, once warm."""
        return self.megapixels / self.median


def run(folder: Path, filters: Mapping[str, Callable[..., Array]], *, seconds: float = _SECONDS) -> Path:
    """Filter the photo, write ``demo.png`` into a folder and print the times.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    filters : mapping
        Name to filter; those the demonstration does not show are ignored.
    seconds : float
        How long to repeat each call for its median time.

    Returns
    -------
    Path
        The picture.
    """
    picture = images.read(PHOTO)
    shown = [
        measure(filters[name], title, picture.array, arguments, seconds)
        for name, title, arguments in _SHOWN
        if name in filters
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.png"
    images.write(path, side_by_side(PHOTO.name, picture.array, shown), picture.metadata)
    _print(shown, path)
    return path


def measure(
    function: Callable[..., Array], title: str, photo: Array, arguments: Mapping[str, Any], seconds: float
) -> Shown:
    """Call a filter once, then again and again, and note the times.

    Parameters
    ----------
    function : callable
        The filter.
    title : str
        What to call it.
    photo : ndarray
        Its input.
    arguments : mapping
        Its keyword arguments.
    seconds : float
        How long to repeat; a few repetitions are made in any case.
    """
    first, result = _timed(function, photo, arguments)
    times: list[float] = []
    while len(times) < _FEWEST_RUNS or (sum(times) < seconds and len(times) < _MOST_RUNS):
        times.append(_timed(function, photo, arguments)[0])
    call = ", ".join(f"{name}={value}" for name, value in arguments.items())
    megapixels = photo.shape[0] * photo.shape[1] / 1e6
    return Shown(title, call, result, first, statistics.median(times), megapixels)


def _timed(function: Callable[..., Array], photo: Array, arguments: Mapping[str, Any]) -> tuple[float, Array]:
    start = time.perf_counter()
    result = function(photo, **arguments)
    return time.perf_counter() - start, result


def side_by_side(name: str, photo: Array, shown: list[Shown]) -> Array:
    """Draw the photo and the results next to one another, each with a title and a line about it.

    Parameters
    ----------
    name : str
        File name of the photo.
    photo : ndarray
        (H, W, 3), uint8.
    shown : list of Shown
        The results.

    Returns
    -------
    ndarray
        (H, W, 3), uint8.
    """
    import numpy as np
    import PIL.Image

    height, width = photo.shape[:2]
    panels = [(photo, "Original", f"{name}, {width} x {height}")]
    panels += [(s.result, s.title, f"{s.call} · {s.speed:.0f} megapixels/s") for s in shown]
    head = _TITLE + _CAPTION + 22
    size = (2 * _MARGIN + len(panels) * (width + _GAP) - _GAP, 2 * _MARGIN + head + height)
    canvas = PIL.Image.new("RGB", size, _PAPER)
    for index, (pixels, title, caption) in enumerate(panels):
        _draw_panel(canvas, (_MARGIN + index * (width + _GAP), _MARGIN), head, pixels, (title, caption))
    return np.asarray(canvas)


def _draw_panel(canvas: Image, corner: tuple[int, int], head: int, pixels: Array, words: tuple[str, str]) -> None:
    import PIL.Image
    from PIL import ImageDraw, ImageFont

    left, top = corner
    draw = ImageDraw.Draw(canvas)
    draw.text((left, top), words[0], _INK, ImageFont.load_default(size=_TITLE))
    draw.text((left, top + _TITLE + 8), words[1], _FAINT, ImageFont.load_default(size=_CAPTION))
    canvas.paste(PIL.Image.fromarray(pixels), (left, top + head))


def _print(shown: list[Shown], path: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("filter")
    table.add_column("arguments")
    for title in ("first call", "then", "megapixels/s"):
        table.add_column(title, justify="right")
    for s in shown:
        table.add_row(s.title, s.call, _duration(s.first), _duration(s.median), f"{s.speed:.0f}")
    console = Console()
    console.print(table)
    console.print(f"\nThe picture is in {path.resolve()}", soft_wrap=True, highlight=False, markup=False)


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.2f} ms"
