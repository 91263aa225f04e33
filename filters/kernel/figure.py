"""The figure of a kernel and its fit. Matplotlib is imported by what draws, and nothing else needs it."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsl import fitting
from filters import images
from filters.kernel.fits import EXACT, MOST_TERMS, Row, around, difference, rows
from filters.kernel.reading import Array, RefusedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What a figure can be written as.
ENDINGS = (".png", ".svg")
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


def check_drawable(output: Path) -> None:
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


def write(output: Path, text: str, kernel: Array, chosen: Row) -> None:
    """Draw and write a figure, as its name ends; see :func:`figure`."""
    import matplotlib.style

    kind = output.suffix.lower()[1:]
    encoded = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a file's name may hold anything
        figure(text, kernel, chosen).savefig(encoded, format=kind, dpi=140, metadata=metadata)
    if kind == "png":
        encoded = _smaller(encoded)
    with images.errors_of(output, "cannot be written"), images.replaced(output) as file:
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
    axes.plot(r, around(kernel, reach), color=_KERNEL, linewidth=5, label="kernel", solid_capstyle="round")
    axes.plot(r, around(fit.samples(), reach), color=_FIT, label="fit", **_line(r))
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
    share = around(difference(fit, kernel), reach) / np.abs(kernel).max()
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
