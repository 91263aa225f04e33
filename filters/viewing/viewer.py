"""The element of the page that shows the picture before and after."""

from __future__ import annotations

from collections.abc import Callable

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class Viewer(Element, component="viewer.js"):  # type: ignore[call-arg]
    """Two pictures over one another with a divider between them; zoom by the wheel, pan by dragging.

    Parameters
    ----------
    url : str
        Where the frames are: ``url/before`` and ``url/after``.
    on_shown : callable
        Called with the number of a frame that is on the screen.
    """

    def __init__(self, url: str, on_shown: Callable[[int], None]) -> None:
        super().__init__()
        self._props["url"] = url

        def shown(event: GenericEventArguments) -> None:
            on_shown(event.args["number"])

        self.on("shown", shown)

    def show(self, number: int) -> None:
        """Show the frame of a number, or a later one."""
        self.run_method("show", number)

    def fit(self) -> None:
        """Show all of the picture, as large as there is room."""
        self.run_method("fit")

    def actual(self) -> None:
        """Show each pixel of the picture on one of the screen."""
        self.run_method("actual")
