"""Kernels of a process: made once, different ones side by side."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dsl import variants
from schedules.native import kernel as native


class Slow:
    """A kernel that is made as long as another one is."""

    together = threading.Barrier(2)
    made: list[str]

    def __init__(self, request: Any, label: str) -> None:
        self.together.wait(timeout=60)
        self.made.append(label)
        self.compiled, self.key, self.notes = True, label, ()


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setattr(native, "Kernel", Slow)
    monkeypatch.setattr(Slow, "made", [], raising=False)
    monkeypatch.setattr(variants, "_kernels", {})
    monkeypatch.setattr(variants, "_variants", {})


def make(label: str) -> Any:
    """Ask for a kernel."""
    return variants.kernel({"kind": "kernel", "target": "host", "name": label}, label, label, "manual")


def test_different_kernels_are_compiled_side_by_side_and_each_once():
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(make, ["a", "b", "a", "b"]))  # one after the other the barrier would never open
    assert sorted(Slow.made) == ["a", "b"]
    assert found[0] is found[2]
    assert found[1] is found[3]
    assert {each.filter for each in variants.compiled()} == {"a", "b"}
