"""Elements of the page that NiceGUI does not have: the picture before and after, and a slider that costs little."""

from __future__ import annotations

from collections.abc import Callable

from nicegui.element import Element
from nicegui.events import GenericEventArguments

#: From one position that the server hears of to the next.
_SECONDS = 0.05


# NiceGUI takes the component as an argument of the class, which mypy does not see.
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


class Slider(Element, component="slider.js"):  # type: ignore[call-arg]
    """A slider whose thumb moves at once, while the server hears of it some twenty times a second.

    Parameters
    ----------
    low, high, step : float
        Where it begins and ends, and what it moves by.
    start : float
        Where it stands at first.
    on_dragged : callable
        Called with the position that the user moved it to.
    """

    def __init__(self, low: float, high: float, step: float, start: float, on_dragged: Callable[[float], None]) -> None:
        super().__init__()
        self._props.update(low=low, high=high, step=step, start=start)

        def dragged(event: GenericEventArguments) -> None:
            on_dragged(event.args)

        self.on("dragged", dragged, throttle=_SECONDS)

    def move(self, position: float) -> None:
        """Move it."""
        self.run_method("move", position)
