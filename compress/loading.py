"""Reading what compression wrote."""

from __future__ import annotations

from collections.abc import Callable
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


def pruned_once(path: Path | None, prune: Callable[[], Pruned]) -> Pruned:
    """Read what pruning gave before; or prune, and keep that where a path is given."""
    if path is None:
        return prune()
    if not path.exists():
        prune().save(path)
    found = load(path)
    if not isinstance(found, Pruned):
        raise ValueError(f"{path} holds a network whose weights are of few bits; one that was pruned is needed")
    return found
