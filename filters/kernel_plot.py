"""How well a few sliding oscillators do for a kernel: ``python -m filters kernel``.

A table and, if a file is named for it, a figure. Matplotlib is imported by what draws, and nothing else needs it.
"""

from __future__ import annotations

import io
import math
import os
import runpy
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsl import fitting
from dsl.lowering.radius import MAX
from filters import images

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

MOST_TERMS = 6
DEFAULT_TERMS = 3
#: Relative error in dB from which on only rounding is left.
EXACT = -140.0
#: What a figure can be written as.
ENDINGS = (".png", ".svg")


class RefusedError(ValueError):
    """An argument that cannot be used; the message names it, what came and what is accepted."""


class ScriptError(RuntimeError):
    """A mistake in the user's own file, told with its line."""


# The kernel


@dataclass(frozen=True)
class _BuiltIn:
    """A kernel with parameters; it reaches ``reach`` times the first of them."""

    parameters: tuple[str, ...]
    reach: int
    weights: Callable[..., Array]


def _normalized(weights: Array) -> Array:
    normalized: Array = weights / weights.sum()
    return normalized


def _gaussian(r: Array, sigma: float) -> Array:
    return _normalized(np.exp(-((r / sigma) ** 2) / 2))


_BUILT_IN = {
    "gaussian": _BuiltIn(("SIGMA",), 7, _gaussian),
    "box": _BuiltIn(("RADIUS",), 1, lambda r, radius: _normalized((abs(r) <= radius) * 1.0)),
    "derivative": _BuiltIn(("SIGMA",), 7, lambda r, sigma: -r / sigma**2 * _gaussian(r, sigma)),
    "gabor": _BuiltIn(
        ("SIGMA", "WAVELENGTH"),
        7,
        lambda r, sigma, wavelength: _gaussian(r, sigma) * np.cos(2 * np.pi / wavelength * r),
    ),
    "exponential": _BuiltIn(("LENGTH",), 30, lambda r, length: _normalized(np.exp(-abs(r) / length))),
}
_FORMS = [f"{name}:{','.join(built_in.parameters)}" for name, built_in in _BUILT_IN.items()]
ACCEPTED = f"FILE.py:NAME, FILE.npy, FILE.txt, FILE.csv, {', '.join(_FORMS[:-1])} or {_FORMS[-1]}"


def read(text: str, *, radius: int | None = None) -> Array:
    """Give the weights that a text on the command line stands for, r = 0 in the middle.

    Parameters
    ----------
    text : str
        A file with numbers, a function or an array in a Python file, or a built-in kernel.
    radius : int, optional
        Where a function ends; by default where it has decayed.

    Raises
    ------
    RefusedError, ScriptError
        If there is no such kernel, or none that could be fitted.
    """
    if radius is not None and not 0 <= radius <= MAX:
        raise RefusedError(f"--radius must be from 0 to {MAX}, not {radius}")
    path, colon, name = text.rpartition(":")
    kind, _, parameters = text.partition(":")
    if Path(text).suffix.lower() in (".npy", ".txt", ".csv"):
        found = _numbers_of(text)
    elif colon and path.lower().endswith(".py"):
        found = _object_of(text, path, name)
    elif kind in _BUILT_IN:
        return _checked(text, _built_in(text, kind, parameters, radius))
    else:
        raise RefusedError(f"KERNEL takes {ACCEPTED}, not {text!r}")
    if callable(found):
        try:
            found = fitting.sampled(found, radius=radius)
        except Exception as error:
            raise _blamed(text, path, error) from error
    elif radius is not None:
        raise RefusedError(f"--radius is for functions, and KERNEL {text} is an array; leave out --radius {radius}")
    return _checked(text, found)


def _numbers_of(text: str) -> Any:
    path = Path(text)
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, allow_pickle=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty file: refused later, as an array without weights
            return np.loadtxt(path, np.float64, delimiter="," if path.suffix.lower() == ".csv" else None, ndmin=1)
    except (OSError, EOFError, ValueError) as error:
        raise RefusedError(f"KERNEL {text}: {getattr(error, 'strerror', None) or error}") from None


def _object_of(text: str, path: str, name: str) -> Any:
    """Run a Python file and give what has a name in it."""
    if not Path(path).is_file():
        raise RefusedError(f"KERNEL {text}: there is no file {path}")
    folder = str(Path(path).resolve().parent)
    if folder not in sys.path:  # as for a script that is run by Python
        sys.path.insert(0, folder)
    try:
        names = runpy.run_path(path)
    except (Exception, SystemExit) as error:
        raise _blamed(text, path, error) from error
    if name not in names:
        others = ", ".join(other for other in names if not other.startswith("_")) or "nothing"
        raise RefusedError(f"KERNEL {text}: {path} defines no {name!r}, but {others}")
    return names[name]


def _blamed(text: str, path: str, error: BaseException) -> Exception:
    """Tell an error at the line of the user's file that it comes from, if it comes from there."""
    if isinstance(error, SyntaxError) and error.filename:
        return ScriptError(f"{error.filename}:{error.lineno}: {error.msg}")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if os.path.abspath(frame.filename) == os.path.abspath(path)]
    if lines:
        return ScriptError(f"{path}:{lines[-1]}: {type(error).__name__}: {error}")
    return RefusedError(f"KERNEL {text}: {error}")


def _built_in(text: str, kind: str, parameters: str, radius: int | None) -> Array:
    built_in = _BUILT_IN[kind]
    most = MAX // built_in.reach
    try:
        values = [float(word) for word in parameters.split(",")]
    except ValueError:
        values = []
    fits = len(values) == len(built_in.parameters) and all(0 < value < math.inf for value in values)
    if not fits or values[0] > most:
        form = f"{kind}:{','.join(built_in.parameters)}"
        count = "a number" if len(built_in.parameters) == 1 else f"{len(built_in.parameters)} numbers"
        limit = f"{built_in.parameters[0]} at most {most}"
        raise RefusedError(f"KERNEL {form} takes {count} above 0, {limit}, not {text!r}")
    reach = math.ceil(built_in.reach * values[0]) if radius is None else radius
    with np.errstate(all="ignore"):  # what overflows for tiny parameters is worth 0
        return built_in.weights(np.arange(-reach, reach + 1.0), *values)


def _checked(text: str, values: Any) -> Array:
    """Give weights as float64, or say why they cannot be fitted."""
    try:
        with np.errstate(all="ignore"):
            fitting.fit(values, 1)
            kernel: Array = np.asarray(values).astype(np.float64)
            energy = float(kernel @ kernel)
    except (TypeError, ValueError) as error:
        raise RefusedError(f"KERNEL {text}: {error}") from None
    if not sys.float_info.min < energy < math.inf:
        largest = np.abs(kernel).max()
        raise RefusedError(
            f"KERNEL {text}: the sum of squared weights must be finite and above 0; the largest is {largest}"
        )
    return kernel


# Its fits


@dataclass(frozen=True)
class Row:
    """A fit, and how good it is.

    Attributes
    ----------
    error : float
        L2 norm of the difference relative to that of the kernel, in dB.
    guaranteed : float
        PSNR in dB of any image convolved along one axis.
    """

    fit: fitting.Fit
    error: float
    guaranteed: float

    @property
    def exact(self) -> bool:
        """Whether only rounding is left."""
        return self.error <= EXACT

    @property
    def texts(self) -> tuple[str, str]:
        """Both figures, to be read."""
        if self.exact:
            return "exact", "exact"
        return f"{self.error:.1f} dB", f"{self.guaranteed:.1f} dB"


def rows(kernel: Array, type: int) -> list[Row]:
    """Fit a kernel with 1 to 6 terms."""
    return [_row(kernel, fitting.fit(kernel, terms, type=type)) for terms in range(1, MOST_TERMS + 1)]


def _row(kernel: Array, fit: fitting.Fit) -> Row:
    squared = float((difference(fit, kernel) ** 2).sum() / (kernel @ kernel))
    return Row(fit, 10 * math.log10(squared) if squared else -math.inf, fitting.guaranteed(fit, kernel))


def difference(fit: fitting.Fit, kernel: Array) -> Array:
    """Give fit minus kernel; r = 0 in the middle."""
    radius = max(fit.radius + 1, kernel.size // 2)
    return _around(fit.samples(), radius) - _around(kernel, radius)


def _around(values: Array, radius: int) -> Array:
    """Cut or pad to ``|r| <= radius``."""
    middle = values.size // 2
    values = values[max(middle - radius, 0) : middle + radius + 1]
    return np.pad(values, radius - values.size // 2)


def _marked(text: str, kernel: Array, table: list[Row], terms: int | None, accuracy: float | None, type: int) -> Row:
    """Choose the row that was asked for."""
    if accuracy is None:
        return table[(DEFAULT_TERMS if terms is None else terms) - 1]
    if terms is not None:
        raise RefusedError(f"--terms {terms} and --accuracy {accuracy:g} are both given; one of them decides")
    if not math.isfinite(accuracy):
        raise RefusedError(f"--accuracy must be finite, in dB, not {accuracy}")
    chosen = fitting.choose(kernel, accuracy, most=MOST_TERMS, type=type)
    if chosen is None:
        best = max(row.guaranteed for row in table)
        raise RefusedError(
            f"--accuracy must be at most {math.floor(10 * best) / 10:g} dB for {text} with type {type} and up to "
            f"{MOST_TERMS} terms, not {accuracy:g}; direct sums are more accurate"
        )
    return _row(kernel, chosen)


def run(
    text: str,
    output: Path | None = None,
    *,
    terms: int | None = None,
    accuracy: float | None = None,
    type: int = 5,
    radius: int | None = None,
) -> None:
    """Print the table of a kernel, after writing its figure if ``output`` names one.

    Parameters
    ----------
    text : str
        The kernel, as for :func:`read`.
    output : Path, optional
        PNG or SVG file.
    terms, accuracy : optional
        Which line is marked and drawn: so many terms (3), or the fewest that guarantee so many dB.
    type : int
        Of the transform: 1, 3, 5 or 7.
    radius : int, optional
        Where a function ends.
    """
    if terms is not None and not 1 <= terms <= MOST_TERMS:
        raise RefusedError(f"--terms must be from 1 to {MOST_TERMS}, not {terms}")
    if output is not None:
        _check_drawable(output)
    kernel = read(text, radius=radius)
    table = rows(kernel, type)
    chosen = _marked(text, kernel, table, terms, accuracy, type)
    if chosen.fit.terms == 0:  # only ever chosen for a box
        table.insert(0, chosen)
    if output is not None:
        _write(output, text, kernel, chosen)
    _print(text, kernel, table, chosen)
    if output is not None:
        print(f"\nThe figure is in {output.resolve()}")


def _print(text: str, kernel: Array, table: list[Row], chosen: Row) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("")
    for title in ("terms", "window radius", "relative L2 error", "least PSNR, one axis"):
        shown.add_column(title, justify="right")
    for row in table:
        is_chosen = row.fit.terms == chosen.fit.terms
        numbers = (str(row.fit.terms), str(row.fit.radius), *row.texts)
        shown.add_row(">" if is_chosen else "", *numbers, style="bold" if is_chosen else None)
    print(_described(text, kernel, chosen.fit))
    Console().print(shown)


def _described(text: str, kernel: Array, fit: fitting.Fit) -> str:
    total, size = float(kernel.sum()), float(np.abs(kernel).sum())
    total = 0.0 if abs(total) < 1e-9 * size else total
    parity = {"both": "neither even nor odd"}.get(fit.parity, fit.parity)
    return f"{text}: {kernel.size} weights, {parity}, sum {total:.5g}; type {fit.type}"


# The figure

#: Of Okabe and Ito: told apart by everybody, and in gray by their markers.
_INK, _FAINT, _KERNEL, _FIT, _ERROR = "#1c1c1e", "#707076", "#c4c4c8", "#0072b2", "#d55e00"
#: Of every type: color, marker and its size, so that of two that coincide both are seen.
_TYPES = {1: ("#e69f00", "s", 8), 3: ("#56b4e9", "^", 9), 5: (_FIT, "o", 5.5), 7: ("#cc79a7", "D", 5.5)}
_STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "text.color": _INK,
    "legend.frameon": False,
    "svg.hashsalt": "kernel",  # the same names in every file
}
_FEW = 81  # samples that are drawn as dots too
_ROUNDING = 1e-12  # of the largest weight: differences below are drawn as none
_UNSEEN = 1e-4  # of all magnitudes: what is not drawn of a kernel's ends


def _check_drawable(output: Path) -> None:
    """Raise if a figure could not be written there, before anything is computed."""
    if output.suffix.lower() not in ENDINGS:
        raise RefusedError(f"OUT must end in {' or '.join(ENDINGS)}, not {output.name!r}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise RuntimeError(
            f"a figure needs matplotlib ({error}): pip install 'halide-filters[plot]'; "
            "without OUT the table alone is shown"
        ) from error


def _write(output: Path, text: str, kernel: Array, chosen: Row) -> None:
    import matplotlib.style

    kind = output.suffix.lower()[1:]
    encoded = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a file's name may hold anything
        figure(text, kernel, chosen).savefig(encoded, format=kind, dpi=140, metadata=metadata)
    if kind == "png":
        encoded = _smaller(encoded)
    with images.errors_of(output, "cannot be written"), images._replaced(output) as file:
        file.write(encoded.getbuffer())


def _smaller(png: io.BytesIO) -> io.BytesIO:
    """Give a drawing with few colors as a PNG with a palette: a third of the size."""
    import PIL.Image

    smaller = io.BytesIO()
    PIL.Image.open(png).convert("RGB").quantize(128, dither=PIL.Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return smaller


def figure(text: str, kernel: Array, chosen: Row) -> Figure:
    """Draw kernel and fit, their difference, and the error by terms and type.

    Parameters
    ----------
    text : str
        What the kernel is called.
    kernel : array
        Its weights.
    chosen : Row
        The fit to draw.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.06, rect=(0, 0, 1, 0.87))
    drawn = Figure(figsize=(10, 5.2), layout=engine)
    panels = drawn.subplot_mosaic([["fit", "errors"], ["difference", "errors"]], height_ratios=(5, 3))
    _draw_fit(panels["fit"], kernel, chosen.fit)
    _draw_difference(panels["difference"], kernel, chosen.fit)
    panels["fit"].sharex(panels["difference"])
    panels["fit"].tick_params(labelbottom=False)
    _draw_errors(panels["errors"], kernel, chosen)
    drawn.align_ylabels([panels["fit"], panels["difference"]])
    name = text if len(text) <= 60 else f"...{text[-57:]}"
    error, guaranteed = chosen.texts
    told = [f"{_terms(chosen.fit.terms)}, type {chosen.fit.type}", f"window |r| ≤ {chosen.fit.radius}"]
    if chosen.exact:
        told.append("exact")
    else:
        told.append(f"relative L2 error {error}".replace("-", "−"))
        told.append(f"PSNR of any image, along one axis: at least {guaranteed}")
    drawn.text(0.012, 0.935, name, size=14, weight="bold", parse_math=False)
    drawn.text(0.012, 0.885, "  ·  ".join(told), color=_FAINT)
    return drawn


def _terms(count: int) -> str:
    return f"{count} term" if count == 1 else f"{count} terms"


def _reach(kernel: Array, fit: fitting.Fit) -> int:
    """Give how far to draw."""
    both = np.abs(kernel) + np.abs(kernel[::-1])
    beyond = np.cumsum(both[: kernel.size // 2])  # of |r| from the largest down to 1
    unseen = int(np.count_nonzero(beyond < _UNSEEN * both.sum()))
    return max(kernel.size // 2 - unseen, fit.radius + 1) + 1


def _draw_fit(axes: Axes, kernel: Array, fit: fitting.Fit) -> None:
    reach = _reach(kernel, fit)
    r = np.arange(-reach, reach + 1)
    axes.plot(r, _around(kernel, reach), color=_KERNEL, linewidth=5, label="kernel", solid_capstyle="round")
    axes.plot(r, _around(fit.samples(), reach), color=_FIT, label="fit", **_line(r))
    axes.set_ylabel("weight")
    axes.ticklabel_format(axis="y", scilimits=(-3, 4), useMathText=True)
    _draw_window(axes, fit)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, handlelength=1.5, borderaxespad=0)


def _line(r: NDArray[Any]) -> dict[str, Any]:
    """Give the look of a line; few samples are seen one by one."""
    return {"linewidth": 1.5, "marker": "o" if r.size <= _FEW else "", "markersize": 3}


def _draw_difference(axes: Axes, kernel: Array, fit: fitting.Fit) -> None:
    reach = _reach(kernel, fit)
    r = np.arange(-reach, reach + 1)
    share = _around(difference(fit, kernel), reach) / np.abs(kernel).max()
    largest = float(np.abs(share).max())
    if largest < _ROUNDING:
        share = np.zeros(share.size)
        axes.set_ylim(-1, 1)
    power = math.floor(math.log10(largest)) if largest >= _ROUNDING else 0
    unit, scale = ("%", 1e2) if power > -4 else (rf"$10^{{{power}}}$", 10.0**-power)
    axes.axhline(0, color=_FAINT, linewidth=0.8)
    axes.plot(r, share * scale, color=_ERROR, **_line(r))
    axes.set_ylabel(f"fit − kernel\n({unit} of largest weight)")
    axes.set_xlabel("r (pixels)")
    _draw_window(axes, fit)


def _draw_window(axes: Axes, fit: fitting.Fit) -> None:
    for edge, label in ((-fit.radius, "window"), (fit.radius, "")):
        axes.axvline(edge, color=_FAINT, linewidth=1, linestyle=(0, (2, 3)), label=label)


def _draw_errors(axes: Axes, kernel: Array, chosen: Row) -> None:
    for type, (color, marker, size) in _TYPES.items():
        found = rows(kernel, type)
        is_chosen = type == chosen.fit.type
        axes.plot(
            [row.fit.terms for row in found],
            [max(row.error, EXACT) for row in found],
            color=color,
            marker=marker,
            markersize=size,
            markerfacecolor=color if is_chosen else "white",
            linewidth=2 if is_chosen else 1.2,
            zorder=3 if is_chosen else 2,
            label=f"type {type}",
        )
    axes.plot(
        chosen.fit.terms,
        max(chosen.error, EXACT),
        marker="o",
        markersize=14,
        markerfacecolor="none",
        markeredgecolor=_INK,
        linestyle="",
        zorder=4,
        label="chosen",
    )
    axes.set_xticks(range(min(chosen.fit.terms, 1), MOST_TERMS + 1))
    axes.set_xlabel("terms")
    axes.set_ylabel("relative L2 error (dB)")
    axes.grid(axis="y", color="#e6e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    if axes.get_ylim()[0] <= EXACT:
        axes.annotate("exact", (1, EXACT), xytext=(0, 8), textcoords="offset points", color=_FAINT)
    axes.legend(loc="best", handlelength=2)
