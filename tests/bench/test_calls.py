"""The table of calls has each filter, in words that it takes."""

import inspect
from types import SimpleNamespace
from unittest import mock

import pytest

import filters
from bench.suites.calls import CALLS, IMAGES, IMPORT

#: What is no filter.
OTHERS = {"Filter", "compiled", "config", "reference"}


def test_each_filter_is_called():
    assert set(CALLS) == set(filters.__all__) - OTHERS


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_one_of_its_filter(name):
    called = []

    def bound(*arguments, **options):
        called.append(inspect.signature(getattr(filters, name)).bind(*arguments, **options))
        return mock.MagicMock()

    scope = {}
    exec(f"{IMAGES}\n{IMPORT}", scope)
    scope["filters"] = SimpleNamespace(**{name: bound})
    exec(CALLS[name], scope)
    assert len(called) == 1
