"""The cases of ``bench.convolution`` for pytest-benchmark: ``pytest bench/ --benchmark-only``.

Contenders of a case stand in one group. Images are small unless BENCH_SIZE says otherwise. Use ``bench.convolution``
to compare: it interleaves the contenders.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np
import pytest

import filters
from bench import accuracy, peers
from bench.convolution import DTYPES, THREADS, noise

SIZE = int(os.environ.get("BENCH_SIZE", "256"))
DECIBELS = 55
NAMES = ("filters.gaussian", "cv2.GaussianBlur", "cv2.stackBlur", "cv2.boxFilter", "libvips", "zignal", "scipy")


def peer_named(name: str) -> peers.Peer:
    found, missing = peers.load()
    if name not in found and name != peers.OURS.name:
        pytest.skip(f"{name} is missing: {missing}")
    return found.get(name, peers.OURS)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("sigma", [1, 5, 20])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_gaussian(benchmark: Any, name: str, dtype: str, sigma: float, threads: int) -> None:
    """The first setting that reaches 55 dB on photographs, or the most accurate one."""
    peer = peer_named(name)
    if dtype not in peer.dtypes:
        pytest.skip(f"{name} does not take {dtype}")
    reaching = accuracy.reaching(peer, sigma, dtype, DECIBELS)
    setting = reaching[0] if reaching else accuracy.most_accurate(peer, sigma, dtype)[1]
    run = setting.bind(*noise((SIZE, SIZE), dtype), threads)
    benchmark.group = f"gaussian {dtype} sigma {sigma} threads {threads}"
    benchmark.extra_info |= {"setting": setting.label, "dB": accuracy.accuracy(peer, setting.label, sigma, dtype)}
    assert benchmark(run).shape == (SIZE, SIZE)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["gaussian 10", "unsharp 10", "box 30"])
def test_ours(benchmark: Any, name: str, dtype: str, threads: int) -> None:
    filter_name, argument = name.split()
    image, out = noise((SIZE, SIZE), dtype)
    run = functools.partial(getattr(filters, filter_name), image, int(argument), out=out, threads=threads)
    benchmark.group = f"ours {dtype} threads {threads}"
    assert benchmark(run) is out


@pytest.mark.parametrize("channels", [1, 3])
def test_colour(benchmark: Any, channels: int) -> None:
    image, out = noise((SIZE, SIZE, channels), "float32")
    benchmark.group = "channels, interleaved"
    assert np.isfinite(benchmark(functools.partial(filters.gaussian, image, 10.0, out=out))).all()
