"""The spectra of layers as a figure. Matplotlib is imported by what draws, and nothing else needs it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compress.keeping import replaced
from compress.pruning import counting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from compress.pruning.report import Layer, Report

#: Of Okabe and Ito, told apart by everybody, and grays.
_INK, _FAINT, _CURVE, _KEPT, _RATIO = "#1c1c1e", "#707076", "#0072b2", "#d8e6f0", "#d55e00"
#: Shares that are marked, and what is drawn of them: nines, for that is where layers differ.
_TICKS, _TOP = {0.0: "0 %", 0.9: "90 %", 0.99: "99 %", 0.999: "99.9 %"}, 3.5
#: Panels of a row, and inches of each.
_COLUMNS, _WIDTH, _HEIGHT = 5, 2.1, 1.75


def plot(report: Report, path: str | Path | None) -> Figure:
    """Draw a panel for each layer, and write the figure if a path is given."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"a figure needs matplotlib ({error}): pip install 'halide-filters[plot]'") from error
    if not report.layers:
        raise ValueError("there is nothing to draw, for no channels could be chosen from")
    columns = min(_COLUMNS, len(report.layers))
    rows = math.ceil(len(report.layers) / columns)
    width = max(columns * _WIDTH + 0.4, 4.0)  # that of the legend
    figure = Figure(figsize=(width, rows * _HEIGHT + 0.7), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for panel, layer in zip(panels, report.layers, strict=False):
        _draw(panel, layer, report.ratio)
    for panel in panels[len(report.layers) :]:
        panel.set_visible(False)
    figure.supxlabel("principal components", size=10, color=_INK)
    figure.supylabel("share of the variance", size=10, color=_INK)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    if path is not None:
        with replaced(path) as beside:
            figure.savefig(beside, format=Path(path).suffix[1:], dpi=110)
    return figure


def _draw(panel: Axes, layer: Layer, ratio: float) -> None:
    shares = counting.shares(np.array(layer.spectrum))
    counts = np.arange(len(shares) + 1)
    panel.axvspan(0, layer.after, color=_KEPT, linewidth=0, label="channels that stay")
    panel.axhline(_nines(ratio), color=_RATIO, linewidth=1.2, label=f"ratio {ratio:.4g}")
    panel.plot(counts, [0.0, *map(_nines, shares)], color=_CURVE, linewidth=1.6)
    kept = f"{layer.after} of {layer.before}"
    panel.text(0.97, 0.06, kept, ha="right", fontsize=9, color=_INK, transform=panel.transAxes)
    panel.set_title(_name(layer), fontsize=9, color=_INK, loc="left")
    panel.set_xlim(0, layer.before)
    panel.set_ylim(0, _TOP)
    panel.set_xticks([0, layer.before])
    panel.set_yticks([_nines(share) for share in _TICKS], list(_TICKS.values()))
    panel.tick_params(labelsize=8, color=_FAINT, labelcolor=_INK)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(_FAINT)


def _nines(share: float) -> float:
    """Give how many nines a share begins with; all that is left out of the figure is the same."""
    return -math.log10(max(1 - share, 1e-9))


def _name(layer: Layer) -> str:
    others = len(layer.modules) - 1
    return layer.modules[0] + (f" and {others} more" if others else "")
