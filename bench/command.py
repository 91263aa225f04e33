"""The command of a benchmark: its sections, a quick try of them, and tables as they come."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from bench.machine import processor
from bench.tables import Row, Table

S = TypeVar("S")


def run(
    name: str,
    description: str | None,
    sections: Mapping[str, Callable[[S], Iterator[Table]]],
    full: S,
    quick: S,
    *,
    beside: Mapping[str, str] | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Run the command of a module: measure, and print.

    Parameters
    ----------
    name, description : str
        Of the module.
    sections : mapping
        What it measures, by name: functions of how much is measured, that give tables.
    full, quick
        How much is measured, and with ``--quick``.
    beside : mapping, optional
        Versions of peers, to be told with the machine.
    arguments : sequence of str, optional
        Those of the command; by default those of the process.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    parser.add_argument("--quick", action="store_true", help="shows that it works: no figures to quote")
    parser.add_argument("--sections", default=",".join(sections), help="some of: %(default)s")
    options = parser.parse_args(arguments)
    names = options.sections.split(",")
    if unknown := sorted(set(names) - set(sections)):
        parser.error(f"no such section: {', '.join(unknown)}")
    print("  ".join(f"{key} {value}" for key, value in (machine() | dict(beside or {})).items()))
    if options.quick:
        print("--quick: the verdicts mean nothing")
    for each in names:
        print(f"\n== {each}")
        for table in sections[each](quick if options.quick else full):
            print(table, flush=True)


def machine() -> Row:
    """Tell where this runs."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
