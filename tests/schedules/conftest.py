import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory):
    """Keep what these tests compile in one directory, which the processes they start use too."""
    path = tmp_path_factory.mktemp("cache")
    path.chmod(0o700)
    before = os.environ.get("HALIDE_FILTERS_CACHE")
    os.environ["HALIDE_FILTERS_CACHE"] = str(path)
    yield path
    if before is None:
        del os.environ["HALIDE_FILTERS_CACHE"]
    else:
        os.environ["HALIDE_FILTERS_CACHE"] = before


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Give a new cache directory, as a process sees it that has compiled and said nothing yet."""
    from schedules.native import cache, compile

    path = tmp_path / "cache"
    finish_runtimes()
    monkeypatch.setenv("HALIDE_FILTERS_CACHE", str(path))
    monkeypatch.setattr(compile, "_memory", {})
    monkeypatch.setattr(cache, "_complained", set())
    yield path
    finish_runtimes()


def finish_runtimes():
    """Wait for the runtimes that are being compiled beside kernels: they go into the cache of their test."""
    for thread in threading.enumerate():
        if thread.name == "halide-filters-runtime":
            thread.join(timeout=60)


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, logger="halide_filters")
    return caplog


@pytest.fixture
def python():
    """Start Python on a script, with the project and these helpers to import."""

    def start(script, **variables):
        path = os.pathsep.join([str(ROOT), str(HERE)])
        return subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": path, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run_python(python):
    """Run a script to its end and give its output; it must end with status 0 and write no errors."""

    def run(script, **variables):
        process = python(script, **variables)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, ""), errors
        return output

    return run
