"""What goes wrong with an image of a data set."""

from __future__ import annotations


class ImageError(ValueError):
    """An image that cannot be read; the message names it, says what is wrong and fits on one line.

    Parameters
    ----------
    message : str
        What is wrong with which image.
    path : str, optional
        Its file, if it has one.
    index : int, optional
        Its place in the source, if it comes from one.
    """

    def __init__(self, message: str, path: str | None = None, index: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.index = index
