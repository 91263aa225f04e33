"""What networks are measured at side by side: the time of a batch, and what they tell right."""

from __future__ import annotations

import copy
import functools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from compress.network import exporting
from compress.training import accuracies
from dsl.arguments import choice, whole

Engine = Literal["torch", "onnxruntime"]
#: Runs of each network at one size of batches: for so many seconds, but so many at least and at most.
_SECONDS, _LEAST, _MOST = 1.0, 15, 500


@dataclass(frozen=True)
class Latency:
    """The time that a batch takes.

    Attributes
    ----------
    engine : str
        What ran the networks: ``"torch"`` or ``"onnxruntime"``.
    threads, batch : int
        Threads that it had, and inputs.
    before, after : float
        Seconds, medians.
    """

    engine: Engine
    threads: int
    batch: int
    before: float
    after: float

    def __str__(self) -> str:
        """Print a line."""
        with_threads = f"{self.engine}, {self.threads} thread{'s' if self.threads > 1 else ''}"
        gain = f"{self.before / self.after:.2f} times as fast"
        return f"batch of {self.batch}: {_ms(self.before)} -> {_ms(self.after)} ({gain}; {with_threads})"


@dataclass(frozen=True)
class Measured:
    """What a network and a smaller one were measured at.

    Attributes
    ----------
    latencies : tuple of Latency
        By engine and size of batches.
    accuracy : tuple of float or None
        The share of inputs that each told right, if there were labels.
    """

    latencies: tuple[Latency, ...]
    accuracy: tuple[float, float] | None

    @staticmethod
    def of(data: Mapping[str, Any]) -> Measured:
        """Read what ``dataclasses.asdict`` gave."""
        accuracy = data["accuracy"]
        return Measured(
            tuple(Latency(**each) for each in data["latencies"]), None if accuracy is None else tuple(accuracy)
        )

    def __str__(self) -> str:
        """Print a line each."""
        shares = [] if self.accuracy is None else ["accuracy: " + " -> ".join(f"{each:.2%}" for each in self.accuracy)]
        return "\n".join([*shares, *map(str, self.latencies)])


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def measure(
    before: nn.Module,
    after: nn.Module,
    input_shape: Sequence[int],
    loader: Any,
    batches: Sequence[int],
    engines: Sequence[Engine],
    threads: int,
) -> Measured:
    """Measure a network and a smaller one: see :meth:`compress.Pruned.measured`."""
    for engine in engines:
        choice(engine, "engines", ("torch", "onnxruntime"))
    networks = (before, after)
    latencies = []
    for engine in engines:
        with tempfile.TemporaryDirectory() as folder:
            runnable: list[nn.Module | Path] = list(networks)
            if engine == "onnxruntime":
                runnable = [
                    exporting.export(each, Path(folder, f"{i}.onnx"), input_shape) for i, each in enumerate(networks)
                ]
            for batch in batches:
                times = latency(runnable, input_shape, batch=batch, threads=threads)
                latencies.append(Latency(engine, threads, batch, *times))
    found = None if loader is None else accuracies(networks, loader)
    return Measured(tuple(latencies), None if found is None else (found[0], found[1]))


def latency(
    networks: Sequence[nn.Module | str | Path], input_shape: Sequence[int], *, batch: int = 1, threads: int = 1
) -> list[float]:
    """Measure how long a batch takes in each of some networks, on the CPU, as they evaluate.

    They run in turns, so that what disturbs the machine disturbs them alike.

    Parameters
    ----------
    networks : sequence of nn.Module or path
        What torch runs, and ONNX files, which onnxruntime runs.
    input_shape : sequence of int
        Of one input, (C, H, W); inputs are numbers of a normal distribution.
    batch : int
        Inputs that go through together.
    threads : int
        Threads that each network has.

    Returns
    -------
    list of float
        Seconds of each network: the median of 15 runs or more, behind two that do not count.

    Raises
    ------
    ImportError
        If there are ONNX files, and onnxruntime is missing.
    """
    whole(threads, "threads")
    images = exporting.example(input_shape, whole(batch, "batch"))
    runs = [_run(network, images, threads) for network in networks]
    with _threads(threads), torch.inference_mode():
        return [statistics.median(times) for times in zip(*_rounds(runs), strict=True)]


def _run(network: nn.Module | str | Path, images: torch.Tensor, threads: int) -> Callable[[], object]:
    if isinstance(network, nn.Module):
        return functools.partial(copy.deepcopy(network).cpu().eval(), images)
    session = exporting.session(network, threads)
    return functools.partial(session.run, None, {session.get_inputs()[0].name: images.numpy()})


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch have so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _rounds(runs: Sequence[Callable[[], object]]) -> Iterator[list[float]]:
    """Give the seconds of each run, round by round."""
    for run in [*runs, *runs]:
        run()  # memory is allocated, and kernels are chosen
    start, count = time.perf_counter(), 0
    while count < _LEAST or (time.perf_counter() - start < _SECONDS * len(runs) and count < _MOST):
        yield [_seconds(run) for run in runs]
        count += 1


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
