"""What is on the page as code: lines of Python and a command line that give the same result."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from filters.viewing.controls import Control
from filters.viewing.subject import Subject, Wish


def python(subject: Subject, wish: Wish) -> str:
    """Write the Python that gives a result as an array.

    Raises
    ------
    ValueError
        If a text on the page is none of what its parameter takes.
    """
    options = {name: _literal(value) for name, value in subject.options(wish).items()}
    guides = subject.guides(wish.name)
    guide = "image" if subject.guide_path is None else "guide"
    options = {**{name: f"[{guide}]" if several else guide for name, several in guides.items()}, **options}
    lines = ["import numpy as np"] if any("np." in text for text in options.values()) else []
    lines += [f"from filters import {wish.name}, images", "", f"image = {_reading(subject.path)}"]
    if guides and subject.guide_path is not None:
        lines.append(f"guide = {_reading(subject.guide_path)}")
    call = ", ".join([_colors(subject), *(f"{name}={text}" for name, text in options.items())])
    return "\n".join([*lines, f"out = {wish.name}({call})"])


def command(subject: Subject, wish: Wish) -> str:
    """Write the command line that gives the file of a result."""
    words = ["python", "-m", "filters", wish.name, str(subject.path), subject.file_name(wish)]
    for name in subject.guides(wish.name):
        words += [f"--{name}", str(subject.guide_path or subject.path)]
    for control, value in subject.given(wish):
        words += _option(control, value)
    return shlex.join(words)


def _option(control: Control, value: Any) -> list[str]:
    flag = control.argument.flag
    if control.kind == "switch":
        return [flag if value else f"--no-{flag[2:]}"]
    return [flag, str(value)]


def _reading(path: object) -> str:
    return f"images.read({str(path)!r}).array"


def _colors(subject: Subject) -> str:
    """Write the image without its alpha channel."""
    if subject.color.shape == subject.picture.array.shape:
        return "image"
    return "image[..., 0]" if subject.color.ndim == 2 else "image[..., :3]"


def _literal(value: Any) -> str:
    return f"np.array({value.tolist()}, np.float32)" if isinstance(value, np.ndarray) else repr(value)
