"""Tests of measurements tell libraries how many threads to use; tests after them find what was there before."""

import os

import pytest


@pytest.fixture(autouse=True)
def threads_as_before():
    yield
    libraries = pytest.importorskip("bench.suites.libraries")
    libraries.set_threads(len(os.sched_getaffinity(0)))
