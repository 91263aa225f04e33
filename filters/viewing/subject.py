"""What is looked at: a picture, and what a filter with its parameters makes of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from filters import images
from filters.images import Array
from filters.viewing.controls import GUIDES, Control, offered


@dataclass(frozen=True)
class Wish:
    """A filter, and the values that its parameters have on the page."""

    name: str
    values: Mapping[str, Any]


class Subject:
    """A picture, perhaps with another one as its guide, and the filters that can be tried on it.

    Parameters
    ----------
    path : Path
        The file of the picture.
    filters : mapping
        Name to filter.
    guide : Path, optional
        The file of the picture whose edges filters with a guide are to keep; the picture itself by default.

    Attributes
    ----------
    color : array
        The picture without its alpha channel: what filters are given.
    controls : dict
        What can be set of each filter on offer, by its name.

    Raises
    ------
    ImageFileError
        If a file cannot be read.
    """

    def __init__(self, path: Path, filters: Mapping[str, Callable[..., Any]], guide: Path | None = None) -> None:
        self.path, self.guide_path = path, guide
        self.picture = images.read(path)
        self._guide = self.picture.array if guide is None else images.read(guide).array
        self.color = _color(self.picture.array)
        self.controls: dict[str, list[Control]] = offered(filters, self.color)
        self.functions = {name: filters[name] for name in self.controls}

    def start(self, name: str) -> dict[str, Any]:
        """Give the values that a filter's parameters have at first."""
        return {control.name: control.start for control in self.controls[name]}

    def given(self, wish: Wish) -> list[tuple[Control, Any]]:
        """Give the values on the page that a filter has to be told of."""
        values = [(control, wish.values[control.name]) for control in self.controls[wish.name]]
        return [(control, value) for control, value in values if control.given(value)]

    def options(self, wish: Wish) -> dict[str, Any]:
        """Give them as arguments.

        Raises
        ------
        ValueError
            If a text is none of what its parameter takes.
        """
        return {control.name: control.argument_for(value) for control, value in self.given(wish)}

    def guides(self, name: str) -> dict[str, bool]:
        """Give the parameters of a filter that take a guide, and whether they take several."""
        parameters = inspect.signature(self.functions[name]).parameters
        return {parameter: several for parameter, several in GUIDES.items() if parameter in parameters}

    def filtered(self, wish: Wish) -> Array:
        """Give what a filter makes of :attr:`color`.

        Raises
        ------
        TypeError, ValueError
            If a text is none of what its parameter takes; and what the filter raises.
        """
        guides = {name: [self._guide] if several else self._guide for name, several in self.guides(wish.name).items()}
        result: Array = self.functions[wish.name](self.color, **guides, **self.options(wish))
        return result

    def saved(self, wish: Wish) -> tuple[str, bytes]:
        """Give the file of a result, its name and what is in it, with the picture's depth, alpha and colour profile.

        Raises
        ------
        ImageFileError
            If no file holds the result.
        TypeError, ValueError
            As of :meth:`filtered`.
        """
        (result,) = images.filter_color(self.picture.array, lambda color: self.filtered(wish))
        name = self.file_name(wish)
        return name, images.encoded(name, result, self.picture.metadata)

    def file_name(self, wish: Wish) -> str:
        """Name the file for a result: PNG, or TIFF where PNG does not hold it."""
        array = self.picture.array
        png = array.dtype != np.float32 and (array.ndim == 2 or array.shape[2] <= 4)
        return f"{self.path.stem}_{wish.name}{'.png' if png else '.tif'}"


def _color(array: Array) -> Array:
    """Leave the alpha channel out."""
    found: list[Array] = []

    def keep(color: Array) -> Array:
        found.append(np.ascontiguousarray(color))
        return color

    images.filter_color(array, keep)
    return found[0]
