import threading

import numpy as np
import pytest

import schedules
from schedules import options


@pytest.fixture
def environment(monkeypatch):
    options._default_threads.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    options._default_threads.cache_clear()


def test_config_nests_and_ends():
    outside = schedules.threads()
    with schedules.config(threads=3):
        with schedules.config(threads=1, cache="off"):
            assert (schedules.threads(), options.current().cache) == (1, "off")
        assert (schedules.threads(), options.current().cache) == (3, None)
        with pytest.raises(KeyError), schedules.config(threads=2):
            raise KeyError
        assert schedules.threads() == 3
    assert schedules.threads() == outside


def test_config_holds_for_its_own_thread():
    seen = []
    with schedules.config(target="host-opencl"):
        thread = threading.Thread(target=lambda: seen.append(options.current().target))
        thread.start()
        thread.join()
    assert seen == ["host"]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"threads": 0}, ValueError, "threads must be from 1 to 256, not 0"),
        ({"threads": 257}, ValueError, "not 257"),
        ({"threads": 2.0}, TypeError, "threads must be an int, not float"),
        ({"threads": True}, TypeError, "not bool"),
        ({"target": "toaster"}, schedules.TargetError, "toaster"),
        ({"cache": 3}, TypeError, "int"),
    ],
)
def test_config_refuses(wrong, error, text):
    with pytest.raises(error, match=text), schedules.config(**wrong):
        pass


def test_threads_may_be_numpy_integers():
    assert type(options.checked_threads(np.int64(2))) is int


def test_threads_from_the_environment(environment):
    environment.setenv("HALIDE_FILTERS_THREADS", "7")
    assert schedules.threads() == 7


@pytest.mark.parametrize("text", ["0", "-1", "many", "257", "²"])
def test_threads_from_the_environment_are_checked(environment, text):
    environment.setenv("HALIDE_FILTERS_THREADS", text)
    with pytest.raises(ValueError, match="HALIDE_FILTERS_THREADS must be from 1 to 256"):
        schedules.threads()


def test_threads_obey_affinity_and_quota(environment):
    environment.delenv("HALIDE_FILTERS_THREADS", raising=False)
    environment.setattr(options.sys, "platform", "linux")
    environment.setattr(options.os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    environment.setattr(options, "quota", lambda: 4)
    assert schedules.threads() == 4
    options._default_threads.cache_clear()
    environment.setattr(options, "quota", lambda: None)
    assert schedules.threads() == 6


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_max", ".max")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_quota_is_the_narrowest_of_the_groups_around(tmp_path):
    assert options.quota(tmp_path) is None
    write(tmp_path, proc__self__cgroup="0::/slice/job\n", sys__fs__cgroup__slice__cpu_max="250000 100000\n")
    assert options.quota(tmp_path) == 3
    write(tmp_path, sys__fs__cgroup__slice__job__cpu_max="max 100000\n")
    assert options.quota(tmp_path) == 3
    write(tmp_path, sys__fs__cgroup__cpu_max="100000 100000\n")
    assert options.quota(tmp_path) == 1
    write(tmp_path, sys__fs__cgroup__cpu_max="nonsense\n")
    assert options.quota(tmp_path) == 3
