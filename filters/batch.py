"""Files in, files out: which image is written where, and filtering them all."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from filters import images

#: Images in work at a time: reading and writing files overlap with filtering, and memory stays bounded.
_AT_ONCE = 4


class PlanError(ValueError):
    """Inputs and an output that do not go together."""


@dataclass(frozen=True)
class Job:
    """An image to read and the files to write: several, where a filter has several results."""

    source: Path
    targets: tuple[Path, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a job; ``error`` is None when it went well."""

    job: Job
    error: Exception | None


def plan(inputs: Sequence[str], output: str, *, in_place: bool = False, results: int | None = None) -> list[Job]:
    """Find the images and choose the files to write.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders (all images right in them) and patterns such as ``photos/*.jpg``.
    output : str
        A file for a single input, otherwise a folder, in which the images keep their names.
    in_place : bool
        Whether an input may be replaced.
    results : int, optional
        How many the filter has of an image, if they are numbered: ``out.png`` then becomes ``out-1.png`` and so on.

    Raises
    ------
    PlanError
        If nothing is found, two images would be written to one file, or an input would be replaced.
    """
    sources = list(dict.fromkeys(source for text in inputs for source in _sources(text)))
    if _is_file(output, inputs, sources):
        jobs = [Job(sources[0], _targets(Path(output), results))]
    else:
        jobs = [Job(source, _targets(Path(output) / _name(source), results)) for source in sources]
    _check_apart(jobs)
    if not in_place:
        _check_inputs_kept(jobs)
    return jobs


def _sources(text: str) -> list[Path]:
    """List the images that one input stands for."""
    path = Path(text)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in images.SUFFIXES and p.is_file())
        if not found:
            raise PlanError(f"there are no images in the folder {text}")
        return found
    if path.exists() or not glob.has_magic(text):
        return [path]  # a missing file is told of when its turn comes, and stops no other
    found = sorted(Path(name) for name in glob.glob(text, recursive=True) if not Path(name).is_dir())
    if not found:
        raise PlanError(f"nothing matches {text}")
    return found


def _is_file(output: str, inputs: Sequence[str], sources: Sequence[Path]) -> bool:
    """Decide whether the output is a file: it looks like one, and there is one thing to put into it."""
    path = Path(output)
    if path.is_dir() or output.endswith(("/", "\\")):
        return False
    single = len(sources) == 1 and not any(Path(text).is_dir() for text in inputs)
    if single and (path.suffix or path.is_file()):
        return True
    if path.is_file() or path.suffix.lower() in images.SUFFIXES:
        raise PlanError(f"{len(sources)} images cannot go into the one file {output}; name a folder")
    return False


def _name(source: Path) -> str:
    return source.name if source.suffix.lower() in images.WRITABLE else f"{source.stem}.png"


def _targets(path: Path, results: int | None) -> tuple[Path, ...]:
    if results is None:
        return (path,)
    digits = len(str(results))
    return tuple(path.with_name(f"{path.stem}-{i:0{digits}}{path.suffix}") for i in range(1, results + 1))


def _check_apart(jobs: Iterable[Job]) -> None:
    seen: dict[Path, Path] = {}
    for target, source in _written(jobs):
        if other := seen.get(target):
            raise PlanError(f"{other} and {source} would both be written to {target}")
        seen[target] = source


def _written(jobs: Iterable[Job]) -> Iterator[tuple[Path, Path]]:
    return ((target, job.source) for job in jobs for target in job.targets)


def _check_inputs_kept(jobs: Sequence[Job]) -> None:
    inputs = {job.source.resolve() for job in jobs}
    for target, _ in _written(jobs):
        if target.resolve() in inputs:
            raise PlanError(f"{target} is an input and would be replaced; if that is meant, say --in-place")


def run(jobs: Sequence[Job], function: images.Function, *, max_pixels: int) -> Iterator[Outcome]:
    """Filter images, several at a time; one that fails stops no other.

    Parameters
    ----------
    jobs : sequence of Job
        From :func:`plan`; folders are made as needed.
    function : callable
        Takes and gives the colour of an image, or a tuple of as many as a job has targets; alpha is kept.
    max_pixels : int
        Refuse larger images.

    Yields
    ------
    Outcome
        In the order of the jobs.
    """

    def work(job: Job) -> Outcome:
        try:
            _run_one(job, function, max_pixels)
        except Exception as error:  # whatever it is, the other images are none the worse for it
            return Outcome(job, error)
        return Outcome(job, None)

    if len(jobs) == 1:
        yield work(jobs[0])
        return
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        yield from pool.map(work, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _run_one(job: Job, function: images.Function, max_pixels: int) -> None:
    picture = images.read(job.source, max_pixels=max_pixels)
    first = job.targets[0]
    images.check_writable(first, picture.array)  # before the work, not after it
    results = images.filter_color(picture.array, function)
    if not first.parent.is_dir():
        with images.errors_of(first, "cannot be written"):
            first.parent.mkdir(parents=True, exist_ok=True)
    for target, result in zip(job.targets, results, strict=True):
        images.write(target, result, picture.metadata)
