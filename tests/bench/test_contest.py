"""Contests: contenders in turns, times replayed to pytest-benchmark, results held against what is exact."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("pytest_benchmark")
pytest.importorskip("cv2")
pytest.importorskip("threadpoolctl")

from bench import machine
from bench.paired import Effort, measure
from bench.suites import pictures
from bench.suites.contest import SCALES, Contender, Contest, Entry, Scale, Task, Work

ROOT = Path(__file__).parents[2]
EFFORT = Effort(0.0, 2, 2)


def contender(library, call=lambda given: given, **more):
    return Contender(library, "as it is", lambda given, threads: lambda: call(given), **more)


def broken(given):
    raise ArithmeticError("this one is broken")


def task(value=3.0):
    return Task("doubling", "numbers", "value", {"value": value}, lambda: np.full(4, value))


def contest(*contenders, **more):
    return Contest(task(), 1, contenders, unit="Mvalue", amount=4.0, effort=EFFORT, **more)


# -------------------------------------------------------------------------------------------------------------- turns


def test_each_has_its_times_or_its_error():
    found = contest(contender("a"), contender("b", broken), contender("c", needs="no_such_module")).seconds
    assert list(found) == ["a as it is", "b as it is"]
    assert len(found["a as it is"]) == 2
    assert isinstance(found["b as it is"], ArithmeticError)


def test_all_may_fail():
    assert list(contest(contender("a", broken)).seconds) == ["a as it is"]
    assert measure({}, EFFORT).seconds == {}


@pytest.mark.parametrize(("first", "runs"), [(True, 1), (False, 4)])
def test_the_first_run_alone_may_count(first, runs):
    calls = []
    found = contest(contender("a", calls.append), first=first).seconds["a as it is"]
    assert (len(calls), len(found)) == (runs, 1 if first else 2)


@pytest.mark.parametrize("works", [True, False])
def test_what_has_to_be_closed_is_closed(works):
    class Run:
        closed = 0

        def __call__(self):
            assert works and not self.closed

        def close(self):
            self.closed += 1

    run = Run()
    assert contest(Contender("a", "pool", lambda given, threads: run)).seconds
    assert run.closed == 1


def test_the_fastest_of_each_library_by_the_work_it_does():
    those = [
        Contender("a", name, lambda given, threads: lambda: None, times=times) for name, times in (("x", 1), ("y", 8))
    ]
    one = contest(*those, contender("b"), contender("c", broken))
    vars(one)["seconds"] = {"a x": [2.0], "a y": [8.0], "b as it is": [5.0], "c as it is": ArithmeticError()}
    assert [each.name for each in one.fastest] == ["a y", "b as it is"]


def test_the_slow_take_no_part_in_large_images():
    work = Work("blur", "sigma", {"sigma": 1}, megapixels=2.0)
    assert not Contest(work, 1, (contender("a", most=1.0),)).present


# ------------------------------------------------------------------------------------------------------------- quality


def test_a_photograph_is_compared_without_its_border():
    work = Work("brightening", "by", {"by": 5}, "float32", 1, 0.01)

    def wrong_at_the_border(image):
        result = image + 5
        result[0] = 0
        return result

    one = Contest(work, 1, (contender("a", wrong_at_the_border),), lambda image: image.astype(float), margin=1)
    assert one.quality(one.contenders[0])["psnr"] == pytest.approx(20 * np.log10(255 / 5))


def test_equal_images_have_a_number_that_json_has():
    work = Work("nothing", "by", {"by": 0}, "uint8", 3, 0.01)
    one = Contest(work, 1, (contender("a"),), lambda image: image.astype(float))
    assert one.quality(one.contenders[0]) == {"psnr": 200.0, "ssim": 1.0, "gmsd": 0.0}


def test_other_things_are_judged_by_their_suite():
    doubled = contender("doubled", lambda given: [given, given], read=lambda pair: pair[0] + pair[1])
    one = contest(
        doubled, exact=lambda given: 2 * given, judge=lambda result, exact: {"equal": (result == exact).all()}
    )
    assert one.quality(doubled) == {"equal": True}
    assert contest(doubled).quality(doubled) == {}


# -------------------------------------------------------------------------------------------------------------- replay


def replayed(entry):
    benchmark = SimpleNamespace(group=None, extra_info={}, pedantic=lambda run, rounds, iterations: rounds)
    entry.replay(benchmark)
    return benchmark


def test_an_entry_tells_what_its_times_mean():
    a = contender("a", times=8)
    benchmark = replayed(Entry(contest(a), a, "suite", "try"))
    assert benchmark.group == "doubling, numbers, value 3.0, 1 thread"
    assert benchmark.extra_info == {
        "filter": "doubling", "sweep": "value", "kind": "numbers", "megapixels": 0.0, "parameters": {"value": 3.0},
        "threads": 1, "library": "a", "setting": "as it is", "usual": False, "unit": "Mvalue",
            "amount": 32.0,
    }  # fmt: skip


def test_the_clock_shows_the_times():
    a = contender("a")
    one = contest(a)
    vars(one)["seconds"] = {a.name: [0.5, 0.25]}
    assert list(Entry(one, a, "suite", "try").ticks()) == [0.0, 0.5, 0.0, 0.25]


def test_a_failure_is_that_of_its_own_test():
    good, bad = contender("good"), contender("bad", broken)
    one = contest(good, bad)
    with pytest.raises(ArithmeticError, match="this one is broken"):
        replayed(Entry(one, bad, "suite", "try"))
    replayed(Entry(one, good, "suite", "try"))


def test_a_missing_library_is_named():
    missing = contender("missing", needs="no_such_module")
    with pytest.raises(pytest.skip.Exception, match="no_such_module is not installed"):
        replayed(Entry(contest(missing), missing, "suite", "try"))


# -------------------------------------------------------------------------------------------------------------- suites


@pytest.mark.parametrize("suite", sorted(file.stem for file in (ROOT / "bench/suites").glob("test_*.py")))
def test_suites_have_contests_of_different_names(suite):
    contests = pytest.importorskip(f"bench.suites.{suite}").contests
    for scale in SCALES.values():
        names = [(one.group, each.name) for one in contests(scale) for each in one.contenders]
        assert names
        assert len(set(names)) == len(names)


def test_a_scale_has_all_steps_or_the_middle():
    assert SCALES["full"].some((1, 2, 3)) == (1, 2, 3)
    assert SCALES["try"].some((1, 2, 3)) == (2,)
    assert isinstance(SCALES["short"], Scale)


# ------------------------------------------------------------------------------------------------------- as a command

SUITE = """
import threading
import numpy as np
from bench.suites.contest import Contender, Contest, Entry, Work

def contests(scale):
    def made(call):
        return lambda image, threads: lambda: call(image)

    def large(image):
        return image + np.ones(1 << 21)[:1].astype(image.dtype)  # 16 MB for a while

    kept = threading.local()

    def keeping(image):
        kept.memory = getattr(kept, "memory", None) or [np.ones(1 << 21)]
        return image + 1

    def broken(image):
        raise ArithmeticError("this one is broken")

    contenders = [
        ("good", large, None), ("keeping", keeping, None), ("bad", broken, None), ("absent", large, "no_such_module"),
    ]
    work = Work("brightening", "by", {"by": 1}, "float32", 1, scale.megapixels)
    yield Contest(
        work, 1, tuple(Contender(name, "way", made(call), needs) for name, call, needs in contenders),
        lambda image: image + 1.0, weighed=True, effort=scale.effort,
    )

def test_tiny(entry, benchmark):
    entry.replay(benchmark)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run a suite of four contenders, and give what was printed and written."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_tiny.py").write_text(SUITE)
    (folder / "conftest.py").write_text("from bench.suites.conftest import *\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    written = folder / "found.json"
    command = [sys.executable, "-m", "pytest", str(folder), "-rA", "-p", "no:cacheprovider", "--import-mode=importlib"]
    # A pytest that is told it is a worker of another's does not measure.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = inherited | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))}
    done = subprocess.run(
        [*command, f"--benchmark-json={written}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert written.exists(), done.stdout + done.stderr
    return done.stdout, json.loads(written.read_text(encoding="utf-8"))


def test_each_contender_is_a_test(ran):
    printed, _ = ran
    assert "1 failed, 2 passed, 1 skipped" in printed
    assert "ArithmeticError: this one is broken" in printed
    assert "no_such_module is not installed" in printed


def test_what_is_written_is_what_reports_read(ran):
    _, written = ran
    found = written["benchmarks"][0]
    assert set(found) == {"group", "name", "extra_info", "stats"}
    assert found["stats"]["rounds"] == 1
    assert found["stats"]["min"] == found["stats"]["median"] > 0
    assert found["extra_info"]["psnr"] == 200.0
    assert found["extra_info"]["bytes"] == 2 * pictures.of_size(SCALES["try"].megapixels, "float32", 1).nbytes


def test_memory_is_weighed_beside_the_result_also_what_is_kept_for_the_next_call(ran):
    _, written = ran
    found = {each["extra_info"]["library"]: each["extra_info"]["memory"] for each in written["benchmarks"]}
    assert found == pytest.approx({"good": 1 << 24, "keeping": 1 << 24}, abs=1 << 20)


def test_the_machine_has_no_name(ran):
    _, written = ran
    assert {"processor", "cores", "copied GB/s", "versions", "scale"} <= set(written["machine_info"])
    assert written["commit_info"] == {}
    assert platform.node() not in json.dumps(written)


def test_a_machine_is_described(monkeypatch):
    monkeypatch.setattr(machine, "_BYTES", 1 << 20)
    found = machine.description()
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert all(rate > 0 for rate in found["copied GB/s"].values())
    assert platform.node() not in found.values()
