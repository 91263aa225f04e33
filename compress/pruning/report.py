"""What pruning gives: a smaller network, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import fx

from compress.network import Costs, files
from compress.sparsity import Sparsify


@dataclass(frozen=True)
class Layer:
    """What became of the channels that some modules share.

    Attributes
    ----------
    modules : tuple of str
        Those that make the channels.
    before, after : int
        Channels.
    spectrum : tuple of float
        Variances along principal components, the largest first.
    """

    modules: tuple[str, ...]
    before: int
    after: int
    spectrum: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """What pruning did.

    Attributes
    ----------
    method : str
        Of :func:`prune`.
    ratio : float
        The share of the variance that channels were counted by.
    inputs : int
        Inputs that were looked at.
    layers : tuple of Layer
        In the order of the network.
    before, after : Costs
        Parameters and MACs.
    sparsify : Sparsify or None
        The penalty that the network was trained with before channels were counted.
    """

    method: str
    ratio: float
    inputs: int
    layers: tuple[Layer, ...]
    before: Costs
    after: Costs
    sparsify: Sparsify | None = None

    def data(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return asdict(self)

    @staticmethod
    def of(data: Mapping[str, Any]) -> Report:
        """Read what :meth:`data` gave."""
        layers = (
            Layer(tuple(each["modules"]), each["before"], each["after"], tuple(each["spectrum"]))
            for each in data["layers"]
        )
        counted = {name: Costs(**data[name]) for name in ("before", "after")}
        given = data.get("sparsify")  # which files before it do not have
        sparsify = None if given is None else Sparsify(**given)
        return Report(**{**data, "layers": tuple(layers), "sparsify": sparsify, **counted})

    def __str__(self) -> str:
        """Print a table."""
        width = max([len(", ".join(layer.modules)) for layer in self.layers] + [6])
        lines = [f"{'layer':<{width}}  before  after"]
        lines += [f"{', '.join(x.modules):<{width}}  {x.before:>6}  {x.after:>5}" for x in self.layers]
        for name in ("params", "macs"):
            before, after = getattr(self.before, name), getattr(self.after, name)
            lines.append(f"{name}: {before:,} -> {after:,} ({1 - after / before:.1%} removed)")
        if self.sparsify is not None:
            lines.append(f"sparsified: {self.sparsify}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Pruned:
    """A smaller network, and how it came about."""

    model: fx.GraphModule
    report: Report

    def save(self, path: str | Path) -> Path:
        """Write both to a file, which :func:`compress.load` reads; ``.safetensors`` is usual.

        Raises
        ------
        UnsupportedError
            If a layer or function cannot be written; nothing is then.
        """
        return files.save(self.model, path, {"kind": "pruned", "report": self.report.data()})
