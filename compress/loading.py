"""Reading what compression wrote."""

from __future__ import annotations

from pathlib import Path

from compress.network import files
from compress.pruning import Pruned, Report
from compress.quantization import Quantized


def load(path: str | Path) -> Pruned | Quantized:
    """Read what ``save`` of a result wrote: the network, without its class, and its report.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    ValueError
        If it is none of these files.
    """
    model, notes, tensors = files.load(path)
    if notes.get("kind") == "quantized":
        return Quantized.of(model, notes, tensors)
    if notes.get("kind") != "pruned":
        raise ValueError(f"{path} holds a network, but nothing of how it was made smaller")
    return Pruned(model, Report.of(notes["report"]))
