"""Batches for a network: the loader beside torchvision and albumentations, in each way that people run them.

From decoded images, and from JPEG files. Images have sizes of ImageNet's, and come out as 224 x 224.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import data
from bench import loading_peers as peers
from bench.loading import pipeline, through
from bench.loading_peers import CASES, Case
from bench.suites.contest import OURS, THREADS, Contender, Contest, Entry, Scale, Task

#: Images of a batch, by scale.
_BATCH = {"try": 2, "short": 8, "full": 64}
#: Batches of an epoch of ours: as many as two workers of a peer make in a run.
_EPOCH = 8
_PEERS = ("torchvision", "torchvision PIL", "albumentations", "albumentations area")


def contests(scale: Scale) -> Iterator[Contest]:
    """Give a contest for each source of images, case and number of threads."""
    batch = _BATCH[scale.name]
    for source in (_Decoded(batch), _Written(batch)):
        for name in scale.some(source.cases if scale.name == "full" else source.few):
            task = Task("loader", source.kind, "case", {"case": name}, source.images)
            for threads in THREADS:
                # Workers first: their processes start before there are threads.
                ways = [way for way, count in reversed(peers.ways()) if count == threads]
                theirs = [_peer(source, CASES[name], peer, way) for way in ways for peer in _PEERS]
                those = (*theirs, *source.ours(CASES[name]))
                yield Contest(task, threads, those, unit="images", amount=batch, effort=scale.effort)


def test_loader(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


class _Decoded:
    """A batch of images in memory."""

    kind = "decoded images"
    cases: Sequence[str] = tuple(CASES)
    few: Sequence[str] = ("blur", "plain")

    def __init__(self, batch: int) -> None:
        self.images = functools.partial(peers.pictures, batch)

    def ours(self, case: Case) -> Iterator[Contender]:
        def composed(images: list[Any], threads: int) -> Callable[[], Any]:
            ours = pipeline(case)
            return functools.partial(ours, images, out=ours(images), threads=threads)

        yield Contender(OURS, "Compose", composed)
        yield _loader(case, lambda images: (data.ArraySource(images * _EPOCH), len(images)))

    def theirs(self, peer: peers.Peer, images: list[Any]) -> Sequence[Any]:
        return images


class _Written:
    """JPEG files of an epoch; peers have those of one batch, several times."""

    kind = "JPEG files"
    cases: Sequence[str] = ("plain",)  # what decoding adds is the same in each
    few = cases

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def images(self) -> list[Path]:
        self._folder = tempfile.TemporaryDirectory()
        return peers.jpegs(Path(self._folder.name), self._batch * _EPOCH)

    def ours(self, case: Case) -> Iterator[Contender]:
        yield _loader(case, lambda paths: (data.ImageFolder(paths[0].parents[1]), self._batch))

    def theirs(self, peer: peers.Peer, paths: list[Path]) -> Sequence[Any]:
        return peers.Files(peer, paths[: self._batch])


def _loader(case: Case, source: Callable[[Any], tuple[data.Source, int]]) -> Contender:
    def bind(given: Any, threads: int) -> Callable[[], Any]:
        images, batch = source(given)
        loader = data.FilterLoader(images, pipeline(case), batch, shuffle=True, threads=threads)
        return functools.partial(through, loader)

    return Contender(OURS, "FilterLoader", bind, times=_EPOCH)


class _Run:
    """A peer's pipeline with its images."""

    def __init__(self, made: peers.Pipeline, images: Sequence[Any]) -> None:
        self._made, self._images, self.close = made, images, made.close

    def __call__(self) -> Any:
        return self._made(self._images)


def _peer(source: _Decoded | _Written, case: Case, name: str, way: str) -> Contender:
    def bind(given: Any, threads: int) -> _Run:
        found, missing = peers.load()
        if name not in found:
            raise ImportError(f"{name} is missing: {missing}")
        return _Run(peers.Pipeline(found[name], case, way, threads), source.theirs(found[name], given))

    library, *variant = name.split()
    times = _EPOCH if way == "workers" else 1
    return Contender(library, ", ".join((*variant, way)), bind, library, times=times)
