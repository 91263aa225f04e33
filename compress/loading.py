"""Reading what compression wrote."""

from __future__ import annotations

from pathlib import Path

from compress.network import files
from compress.pruning import Pruned, Report


def load(path: str | Path) -> Pruned:
    """Read what :meth:`compress.Pruned.save` wrote: the network, without its class, and its report.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    ValueError
        If it is none of these files.
    """
    model, notes = files.load(path)
    if notes.get("kind") != "pruned":
        raise ValueError(f"{path} holds a network, but nothing of how it was made smaller")
    return Pruned(model, Report.of(notes["report"]))
