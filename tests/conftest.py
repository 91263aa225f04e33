"""One cache of compiled kernels for the whole run, and the ``--full`` product of options."""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the full product of options too")


def pytest_configure(config: pytest.Config) -> None:
    os.environ["HALIDE_FILTERS_SCHEDULES"] = "off"  # what the user tuned is not what is tested
    # Worker processes and tests that start Python see it too; what the caller chose stays.
    if "HALIDE_FILTERS_CACHE" not in os.environ:
        import tempfile

        folder = tempfile.mkdtemp(prefix="halide-filters-tests-")
        os.environ["HALIDE_FILTERS_CACHE"] = folder
        config.add_cleanup(lambda: __import__("shutil").rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        skip = pytest.mark.skip(reason="part of the full product: make test-full")
        for item in items:
            if "full" in item.keywords:
                item.add_marker(skip)
