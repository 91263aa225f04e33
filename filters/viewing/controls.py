"""What of a filter can be set on the page, from its signature: sliders, choices, switches and fields for text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from filters.arguments import Argument, arguments_of
from filters.images import Array
from filters.viewing.ranges import TEXTS, Range, range_of

#: Parameters that take images which the page has, and whether they take several.
GUIDES = {"guide": False, "guides": True}
#: Options that say how a filter is run, not what it computes.
_HOW = ("target", "schedule", "threads")
_STEPS = 200
_DIGITS = 3


@dataclass(frozen=True)
class Control:
    """A parameter of a filter as something on a page.

    Parameters
    ----------
    argument : Argument
        What the command line knows of it.
    kind : str
        ``"slider"``, ``"choice"``, ``"switch"`` or ``"text"``.
    start : object
        The value at first. None leaves the parameter to the filter, and so does an empty text.
    range : Range, optional
        What a slider goes through.
    """

    argument: Argument
    kind: Literal["slider", "choice", "switch", "text"]
    start: Any
    range: Range | None = None

    @property
    def name(self) -> str:
        """The parameter."""
        return self.argument.name

    @property
    def optional(self) -> bool:
        """Whether the parameter can be left to the filter."""
        return self.argument.default is None

    @property
    def ends(self) -> tuple[float, float]:
        """Where the slider begins and ends, as positions."""
        assert self.range is not None
        return self.position(self.range.low), self.position(self.range.high)

    @property
    def step(self) -> float:
        """From one position of the slider to the next: a round number."""
        low, high = self.ends
        if self.argument.accepted.number is int:
            return 1.0
        decade = 10.0 ** math.floor(math.log10((high - low) / _STEPS))
        return next(decade * factor for factor in (1, 2, 5, 10) if decade * factor * _STEPS >= high - low)

    def position(self, value: float) -> float:
        """Give where on the slider a value is."""
        logarithmic = self.range is not None and self.range.logarithmic
        return math.log10(value) if logarithmic and value > 0 else float(value)

    def value(self, position: float) -> int | float:
        """Give the value of a position, rounded to what the slider tells apart."""
        assert self.range is not None
        if self.argument.accepted.number is int:
            return round(position)
        if self.range.logarithmic:
            return float(f"{10**position:.{_DIGITS}g}")
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        return min(max(round(position, decimals) + 0.0, self.range.low), self.range.high)

    def given(self, value: Any) -> bool:
        """Tell whether a value is one that the filter has to be told of."""
        return value is not None and value != "" and (self.argument.required or value != self.argument.default)

    def argument_for(self, value: Any) -> Any:
        """Give what the filter is called with for a value on the page.

        Raises
        ------
        ValueError
            If a text is none of what the parameter takes.
        """
        return self.argument.parse(value) if self.kind == "text" else value


def controls_of(name: str, function: Callable[..., Any], image: Array) -> list[Control] | None:
    """List what can be set of a filter.

    Parameters
    ----------
    name : str
        Of the filter.
    function : callable
        The filter.
    image : array
        What it is to filter, for ranges in gray values.

    Returns
    -------
    list of Control or None
        None, if the filter takes or gives several images, or if it is not known with what to begin.
    """
    if getattr(function, "several", None):
        return None
    found = []
    for argument in arguments_of(function):
        if argument.name in GUIDES or argument.name in _HOW:
            continue
        control = _control(argument, range_of(name, argument.name, image))
        if control is None:
            return None
        found.append(control)
    return found


def offered(filters: Mapping[str, Callable[..., Any]], image: Array) -> dict[str, list[Control]]:
    """List the filters that the page can show, each with what can be set of it."""
    found = {name: controls_of(name, function, image) for name, function in filters.items()}
    return {name: controls for name, controls in found.items() if controls is not None}


def _control(argument: Argument, known: Range | None) -> Control | None:
    """Make what an argument is set with; None if it must be given and nothing is known to begin with."""
    accepted, default = argument.accepted, None if argument.required else argument.default
    if accepted.flag:
        return Control(argument, "switch", bool(default))
    if accepted.choices and default in accepted.choices:
        return Control(argument, "choice", default)
    if accepted.number and known is not None:
        start = known.start if default is None and (argument.required or known.given) else default
        return Control(argument, "slider", accepted.number(start) if start is not None else None, known)
    text = argument.default_text or TEXTS.get(argument.name, "")
    return Control(argument, "text", text) if text or not argument.required else None
