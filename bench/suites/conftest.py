"""Makes a test of each contender of a suite's contests, and tells what the times were measured on."""

from __future__ import annotations

import contextlib
import datetime
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench import machine
from bench.report import freshness
from bench.suites import libraries
from bench.suites.contest import OURS, SCALES, THREADS, Entry, Work


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is measured."""
    parser.addoption("--scale", choices=SCALES, default="try", help="how much is measured; try: no figures to quote")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each contender."""
    if "entry" in metafunc.fixturenames:
        scale = SCALES[metafunc.config.getoption("--scale")]
        entries = [
            Entry(contest, contender, metafunc.module.__name__, scale.name)
            for contest in metafunc.module.contests(scale)
            for contender in contest.contenders
            if contest.work.megapixels <= contender.most
        ]
        metafunc.parametrize("entry", [_with_clock(entry) for entry in entries], ids=[entry.id for entry in entries])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Compile what is to be timed, on all cores: kernel by kernel it would take as long as the timing."""
    entries = [item.callspec.params["entry"] for item in session.items if isinstance(item, pytest.Function)]
    ours = [entry for entry in entries if _has_kernel_of_its_own(entry)]
    random.Random(0).shuffle(ours)  # those beside each other have the same kernel, for which one would wait
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(_compile, ours):
            pass


def _has_kernel_of_its_own(entry: Entry) -> bool:
    """Tell whether it is a filter of ours, on one thread: the kernel is that of more threads, too."""
    contest = entry.contest
    return entry.contender.library == OURS and isinstance(contest.work, Work) and contest.threads == THREADS[0]


def _compile(entry: Entry) -> None:
    with contextlib.suppress(Exception):  # it is told by the entry's test
        entry.contender.bind(entry.contest.work.sample, entry.contest.threads)()


def _with_clock(entry: Entry) -> Any:
    """Mark a test so that pytest-benchmark reads the entry's clock; it is made when it is first read."""
    ticks: list[Iterator[float]] = []

    def clock() -> float:
        if not ticks:
            ticks.append(entry.ticks())
        return next(ticks[0])

    return pytest.param(entry, marks=pytest.mark.benchmark(timer=clock))


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Tell processor, versions and bandwidth, and not the name of the machine."""
    machine_info.clear()
    machine_info |= machine.description() | {"versions": libraries.versions(), "scale": config.getoption("--scale")}
    machine_info["sources"] = freshness.digest()


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: list[Any], output_json: dict[str, Any]) -> None:
    """Keep what reports read: a run is stored with the project."""
    output_json["commit_info"] = {}
    output_json["datetime"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes")
    for found in output_json["benchmarks"]:
        stats = found["stats"]
        found["stats"] = {name: stats[name] for name in ("min", "median", "iqr", "rounds")}
        for name in ("options", "param", "params", "fullname"):
            found.pop(name, None)
