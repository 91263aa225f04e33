"""What pruning gives: a smaller network, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import fx, nn

from compress.measuring import Engine, Measured, measure
from compress.network import Costs, exporting, files
from compress.sparsity import Sparsify

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    input_shape : tuple of int
        Of one of them, (C, H, W).
    layers : tuple of Layer
        In the order of the network.
    before, after : Costs
        Parameters and MACs.
    sparsify : Sparsify or None
        The penalty that the network was trained with before channels were counted.
    measured : Measured or None
        Accuracy and latency: see :meth:`Pruned.measured`.
    """

    method: str
    ratio: float
    inputs: int
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    before: Costs
    after: Costs
    sparsify: Sparsify | None = None
    measured: Measured | None = None

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
        given = data["sparsify"]
        tuples = {"input_shape": tuple(data["input_shape"]), "layers": tuple(layers)}
        found = None if data["measured"] is None else Measured.of(data["measured"])
        sparsify = None if given is None else Sparsify(**given)
        return Report(**{**data, **tuples, **counted, "measured": found, "sparsify": sparsify})

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the spectra: for each layer the share of the variance that so many components have, and what stays.

        Parameters
        ----------
        path : path, optional
            Where the figure is written, as its name ends: ``.png``, ``.svg``, ``.pdf``.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there are no layers; or no such format, when nothing is written.
        """
        from compress.pruning import plotting

        return plotting.plot(self, path)

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
        return "\n".join([*lines, *([] if self.measured is None else [str(self.measured)])])


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

    def export(self, path: str | Path) -> Path:
        """Write the network to an ONNX file, with batch normalisation in the convolutions before it.

        It takes ``images`` (N, C, H, W), of any N, of the shape that pruning was given, and gives ``results``. Before
        it is written onnxruntime computes what torch does, to a ten-thousandth of the largest result.

        Raises
        ------
        ImportError
            If onnx or onnxruntime is missing.
        UnsupportedError
            If ONNX has no such operation; nothing is written then.
        RuntimeError
            If results differ by more; nothing is written then.
        """
        return exporting.export(self.model, path, self.report.input_shape)

    def measured(
        self,
        before: nn.Module,
        loader: Any = None,
        *,
        batches: Sequence[int] = (1, 32),
        engines: Sequence[Engine] = ("torch",),
        threads: int = 1,
    ) -> Pruned:
        """Measure the network, as it is now, beside the one that it was made of.

        Parameters
        ----------
        before : nn.Module
            What was given to :func:`compress.prune`.
        loader : FilterLoader or iterable, optional
            Batches of inputs and labels, as tensors, for the accuracy; gone through once.
        batches : sequence of int
            Sizes of the batches that are timed: see :func:`compress.latency`.
        engines : sequence of str
            What runs them: ``"torch"``, and ``"onnxruntime"``, which is given what :meth:`export` writes.
        threads : int
            Threads that each network has while it is timed.

        Returns
        -------
        Pruned
            The same network, with a report that has ``measured``; it is printed, and kept in files.
        """
        input_shape = self.report.input_shape
        found = measure(before, self.model, input_shape, loader, batches, engines, threads)
        return replace(self, report=replace(self.report, measured=found))
