"""Local look-up tables in the language: for every small pixel a table from what went in to what came out."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import dsl
from dsl.kinds import declare, kind_of, word
from filters._guided.programs import stacked
from filters._upsampling.programs import alike, luminance

#: What counts where several outputs meet at an entry, in the language's words.
KEEP = {"l1": "last", "l2": "last", "linf": "last", "frequency": "most", "dp": "path"}
#: And what is beyond known entries.
BEYOND = {"replicate": "replicate", "minmax": "ends", "range": "ends", "linear": "linear", "none": "none"}
BEYOND |= {"curve": "curve"}
_BYTES = (0.0, 255.0)


@functools.cache
def taps(radius: int, criterion: str) -> tuple[float, ...]:
    """Give the numbers of a window's pixels: rows down, columns to the right, weight; what counts most comes last."""
    norm = _NORMS.get(criterion, _NORMS["l2"])
    across = range(-radius, radius + 1)
    places = sorted(itertools.product(across, across), key=lambda place: -norm(*place))
    return tuple(float(number) for y, x in places for number in (y, x, _weight(abs(y), abs(x), radius)))


_NORMS: dict[str, Callable[[int, int], int]] = {
    "l1": lambda y, x: abs(y) + abs(x),
    "l2": lambda y, x: y * y + x * x,
    "linf": lambda y, x: max(abs(y), abs(x)),
}


def _weight(y: int, x: int, radius: int) -> float:
    """Give how much a pixel speaks for what it holds, by how many steps it lies to the side."""
    if radius == 1:
        return float((2 - y) * (2 - x))
    return 16 * 0.5 ** (y + x) if radius == 2 else float(max(2 * radius + 1 - y - x, 1))


def _tables(given: dict[str, Any], inputs: dsl.Image, outputs: dsl.Image) -> dsl.Tables:
    near = dsl.taps(dsl.table(taps(given["radius"], given["criterion"])), given["radius"])
    # Ranges that are known ahead are part of the program: of bytes there is a stage in registers.
    over = _BYTES if given["from_bytes"] else (given["low"], given["high"])
    within = _BYTES if given["to_bytes"] else (given["least"], given["greatest"])
    return dsl.tabulate(
        inputs,
        outputs,
        near,
        over,
        entries=given["entries"],
        keep=KEEP[given["criterion"]],
        beyond=BEYOND[given["extrapolation"]],
        anchored=given["offset"],
        smooth=given["lut_radius"],
        slopes=(given["least_slope"], given["greatest_slope"]),
        ends=(given["start"], given["end"]),
        within=within,
        curve=(given["change"], given["share"]) if given["extrapolation"] == "curve" else None,
    )


def _read(given: dict[str, Any]) -> dsl.Image:
    """Read the full source through tables of the small pair; or tell how much of what is read was observed."""
    if given["by_luminance"]:
        return _by_luminance(given)
    sources, low_sources = alike(given, given["source"]), alike(given, given["low_source"])
    channels = zip(sources, low_sources, given["low_result"].channels, strict=True)
    tables = [(_tables(given, low, result), source) for source, low, result in channels]
    read = dsl.Tables.observed if given["confidence"] else dsl.Tables.at
    return stacked([read(table, source, given["interpolation"]) for table, source in tables])


def _by_luminance(given: dict[str, Any]) -> dsl.Image:
    """Read luminance through tables; what was done to colours beside it changes slowly, and is resampled."""
    source, low_source, low_result = (given[name] for name in ("source", "low_source", "low_result"))
    bright, low_bright = luminance(source), luminance(low_source)
    if given["from_bytes"]:
        bright, low_bright = dsl.cast("uint8", bright), dsl.cast("uint8", low_bright)
    filtered = luminance(low_result)
    found = _tables(given, low_bright, filtered).at(bright, given["interpolation"])
    change = (low_result - filtered) - (low_source - low_bright)
    result: dsl.Image = found + (source - bright) + dsl.resize(change, source, "cubic")
    return result


_SCALARS = ("low", "high", "least", "greatest", "start", "end", "least_slope", "greatest_slope", "lut_radius")
_TABLES = ("change", "share")
_STRUCTURAL: dict[str, Any] = {
    "radius": 1,
    "entries": 256,
    "criterion": "l2",
    "extrapolation": "linear",
    "offset": True,
    "interpolation": "gauss16",
    "from_bytes": True,
    "to_bytes": True,
    "confidence": False,
    "by_luminance": False,
}


@functools.cache
def program(result: int, source: int) -> dsl.Filter:
    """Give the program for a low result of one or three channels, and a source of one or three.

    Its images are ``low_result``, ``source`` and ``low_source``.
    """
    kinds: dict[str, Any] = {
        "low_result": kind_of(result, small=True),
        "source": kind_of(source),
        "low_source": kind_of(source, small=True),
        **dict.fromkeys(_SCALARS, dsl.Scalar),
        **dict.fromkeys(_TABLES, dsl.Table),
        **{name: type(value) for name, value in _STRUCTURAL.items()},
    }

    def upsampled(**given: Any) -> dsl.Image:
        return _read(given)

    name = f"local_lut_{word(result)}_by_{word(source)}"
    return declare(upsampled, name, _read.__doc__ or "", kinds, _STRUCTURAL)


def __getattr__(name: str) -> dsl.Filter:
    """Find a program by its name, as pickles do."""
    for result, source in itertools.product((1, 3), (1, 3)):
        found = program(result, source)
        if found.__name__ == name:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
