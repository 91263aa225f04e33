"""Checks of arguments that all packages share: each names the argument, what came and what is accepted."""

from __future__ import annotations

import math
from typing import Any, TypeVar

_Word = TypeVar("_Word", bound=str)


def number(value: Any, name: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Return a finite number within bounds, as a float."""
    if type(value) is not float:
        if isinstance(value, bool) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
            raise TypeError(f"{name} must be a number, not {type(value).__name__}")
        try:
            value = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be one number, not an array of {getattr(value, 'shape', '?')}") from None
    if not least <= value <= most or math.isinf(value):
        bounds = f"from {least:g} to {most:g}" if math.isfinite(most) else f"finite and at least {least:g}"
        raise ValueError(f"{name} must be {bounds if math.isfinite(least) else 'finite'}, not {value!r}")
    return float(value)


def whole(value: Any, name: str, least: int = 1, most: float = math.inf) -> int:
    """Return an int within bounds."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not least <= value <= most:
        bounds = f"at least {least}" if math.isinf(most) else f"from {least} to {most}"
        raise ValueError(f"{name} must be {bounds}, not {value!r}")
    return int(value)


def choice(value: Any, name: str, accepted: tuple[_Word, ...]) -> _Word:
    """Return one of some words."""
    found = next((word for word in accepted if isinstance(value, str) and word == value), None)
    if found is None:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, accepted))}, not {value!r}")
    return found


def only_one(**both: Any) -> None:
    """Raise if both of two arguments are given."""
    if all(value is not None for value in both.values()):
        given = " and ".join(f"{name}={value!r}" for name, value in both.items())
        raise ValueError(f"{given} are both given; one of them decides")


def pair(value: Any, name: str) -> tuple[Any, Any]:
    """Return two values, for rows and columns: those given, or the one given twice."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name} must be one value or two, for rows and columns, not {len(value)}")
        return value[0], value[1]
    return value, value


def interval(value: Any, name: str, least: float = -math.inf, most: float = math.inf) -> tuple[float, float]:
    """Return the two ends of a range, the smaller one first; of one number a range of only that."""
    if not isinstance(value, (tuple, list)):
        return (number(value, name, least, most),) * 2
    if len(value) != 2:
        raise ValueError(f"{name} must be a number or a range of two, {len(value)} numbers came")
    first, last = (number(each, name, least, most) for each in value)
    if first > last:
        raise ValueError(f"{name} must be a range with the smaller number first, not {value!r}")
    return first, last


def value_range(given: Any, accepted: str = "None or two numbers") -> tuple[float, float]:
    """Return a range of values as (smallest, largest), or raise."""
    if isinstance(given, str) or not hasattr(given, "__len__") or len(given) != 2:
        raise ValueError(f"value_range must be {accepted}, not {given!r}")
    low, high = (number(each, "value_range") for each in given)
    if not low < high:
        raise ValueError(f"value_range must be (smallest, largest), not {given!r}")
    return low, high
