"""The same pixels on every machine: one published digest for each filter and dtype, whatever the CPU."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import filters
from bench.reproducible import CALLS, PUBLISHED, digest
from schedules import config, targets
from schedules.native import kernel
from schedules.pictures import picture
from tests import emulated

TARGETS = {
    "AVX-512": "x86-64-linux-avx512_zen4-reproducible",
    "AVX2": "x86-64-linux-avx2-reproducible",
    "SSE4.1": "x86-64-linux-sse41-reproducible",
    "AArch64": "arm-64-linux-reproducible",
}

DTYPES = ["uint8", pytest.param("float32", marks=pytest.mark.full)]


@pytest.fixture
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make this process run code for a CPU, emulated where it is another machine's."""
    target = TARGETS[request.param]
    if target.startswith("arm"):
        if not (emulated.EMULATOR and emulated.COMPILER) and "CI" not in os.environ:
            pytest.skip("no emulator of AArch64, or no C compiler for it; .ci/run has both")
        monkeypatch.setattr(kernel, "Kernel", emulated.Kernel)
        return target
    resolved = targets.resolve(target)
    try:
        targets.check_runnable(resolved)
    except targets.TargetError as error:
        pytest.skip(str(error))
    return target


@pytest.mark.parametrize("machine", TARGETS, indirect=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", CALLS)
def test_every_machine_gives_the_published_digest(call: str, dtype: str, machine: str) -> None:
    image = picture(36, 52, 1, dtype)
    with config(target=machine):
        assert digest(CALLS[call](image)) == json.loads(PUBLISHED.read_text())[call][dtype]


def test_the_option_is_a_feature_of_the_target() -> None:
    image = picture(36, 52, 1, "uint8")
    published = json.loads(PUBLISHED.read_text())
    name = "bilateral(sigma_space=2, sigma_range=25)"
    with config(reproducible=True):
        found = CALLS[name](image)
        with config(reproducible=False):
            assert filters.compiled()[-1].target.count("reproducible") == 1
    assert digest(found) == published[name]["uint8"]
    assert np.array_equal(
        found, filters.bilateral(image, sigma_space=2, sigma_range=25, target="host-reproducible", threads=1)
    )
    assert "reproducible" not in targets.for_halide(targets.resolve("host-reproducible"))


def test_it_can_be_switched_on_and_off() -> None:
    """What was planned for one target is not taken for the other."""
    image = picture(36, 52, 1, "uint8")
    name = "bilateral(sigma_space=2, sigma_range=25)"
    usual = CALLS[name](image)
    with config(reproducible=True):
        assert digest(CALLS[name](image)) == json.loads(PUBLISHED.read_text())[name]["uint8"]
    assert np.array_equal(CALLS[name](image), usual)


def test_every_filter_is_published() -> None:
    published = json.loads(PUBLISHED.read_text())
    assert published.keys() == CALLS.keys()
    have = {name.partition("(")[0] for name in published}
    all_filters = {n for n in filters.__all__ if isinstance(getattr(filters, n, None), filters.Filter)}
    assert all_filters - have == {"upsample"}  # which is made of others
