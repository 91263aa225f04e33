"""Runs of the suites, read back from pytest-benchmark's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.suites.contest import OURS


class BadRunError(ValueError):
    """What should be a stored run is none."""


@dataclass(frozen=True)
class Entry:
    """What one contender did in one contest.

    Attributes
    ----------
    filter, sweep, kind, parameters, megapixels, threads
        Of the contest, as `bench.suites.contest.Work` has them.
    library, setting : str
        Of the contender.
    seconds, spread : float
        The median of a run's time, and the distance of its quartiles.
    least : float
        The shortest time.
    unit, amount
        What is counted, and how much of it a run does.
    bytes : float or None
        Of input and result.
    psnr, ssim, gmsd : float or None
        Of the result, where there is something to compare with.
    equal : bool or None
        Whether the result is equal to what it should be, where nothing else will do.
    memory : float or None
        Peak beside input and result, in bytes.
    usual : bool
        Whether the contest stands for its filter in short tables.
    """

    filter: str
    sweep: str
    kind: str
    parameters: Mapping[str, Any]
    megapixels: float
    threads: int
    library: str
    setting: str
    seconds: float
    spread: float
    least: float
    unit: str
    amount: float
    bytes: float | None = None
    psnr: float | None = None
    ssim: float | None = None
    gmsd: float | None = None
    equal: bool | None = None
    memory: float | None = None
    usual: bool = False

    @property
    def ours(self) -> bool:
        """Tell whether it is ours."""
        return self.library == OURS

    @property
    def name(self) -> str:
        """Name the contender."""
        return f"{self.library} {self.setting}"

    @property
    def cost(self) -> float:
        """Give the least seconds of a unit: contenders may do more or less in a run."""
        return self.least / self.amount

    @property
    def rate(self) -> float:
        """Give units a second."""
        return 1 / self.cost

    @property
    def swept(self) -> bool:
        """Tell whether it is a step of the sweep of a parameter."""
        return self.sweep not in ("size", "kind")

    @property
    def work(self) -> tuple[Any, ...]:
        """Say what was computed: the same for all contenders and numbers of threads."""
        return (self.filter, self.kind, self.megapixels, *sorted(self.parameters.items()))

    @property
    def contest(self) -> tuple[Any, ...]:
        """Say in which contest it was."""
        return (*self.work, self.threads)

    def reaches(self, decibels: float | None) -> bool:
        """Tell whether the result is so accurate; where nothing is approximated, it is."""
        accurate = decibels is None or self.psnr is None or self.psnr >= decibels
        return accurate and self.equal is not False


@dataclass(frozen=True)
class Run:
    """A run: where and when, and what was found.

    Attributes
    ----------
    machine : mapping
        As `bench.machine` and the suites tell it.
    date : str
        ISO 8601.
    entries : sequence of Entry
        All that was measured.
    """

    machine: Mapping[str, Any]
    date: str
    entries: Sequence[Entry]

    def filters(self) -> list[str]:
        """Name the suites, in the order in which they ran."""
        return list(dict.fromkeys(entry.filter for entry in self.entries))

    def of(self, **wanted: Any) -> list[Entry]:
        """Give the entries whose attributes are as wanted."""
        return [e for e in self.entries if all(getattr(e, name) == value for name, value in wanted.items())]

    def contests(self, filter: str) -> Iterator[list[Entry]]:
        """Give the contests of a suite."""
        found: dict[tuple[Any, ...], list[Entry]] = {}
        for entry in self.of(filter=filter):
            found.setdefault(entry.contest, []).append(entry)
        yield from found.values()


def read(path: Path) -> Run:
    """Read a run.

    Raises
    ------
    BadRunError
        Where there is no such file, or it is no run of the suites.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        entries = [_entry(each) for each in stored["benchmarks"]]
        return Run(stored["machine_info"], stored["datetime"], entries)
    except OSError as error:
        raise BadRunError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadRunError(f"{path} is no run of the suites in bench/suites: {error!r}") from error


def _entry(stored: Mapping[str, Any]) -> Entry:
    stats = stored["stats"]
    times = {"seconds": stats["median"], "spread": stats["iqr"], "least": stats["min"]}
    return Entry(**stored["extra_info"], **times)
