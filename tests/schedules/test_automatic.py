"""Autoschedulers: what they say is applied as they meant it, and what they cannot do is told."""

import re
import textwrap

import pytest

from schedules import ScheduleError, automatic, store, targets
from schedules.automatic import AUTOSCHEDULERS
from schedules.automatic.plugins import _guarded
from schedules.native import compile
from schedules.schedule import Op

TARGETS = {name: "x86-64-linux-avx2" + ("" if each.cpus else "-opencl") for name, each in AUTOSCHEDULERS.items()}


def request(target="x86-64-linux-avx2", **program):
    return {
        "kind": "kernel",
        "lowering": "tiny_lowering:lower",
        "program": {"body": "scale", **program},
        "target": targets.resolve(target),
    }


#: Runs a search, and applies what it found to another pipeline: both have the same loops and arithmetic.
ROUND_TRIP = """
    import re, halide as hl
    from schedules.apply import apply
    from schedules.automatic import search_request
    from schedules.automatic.dialect import parse
    from schedules.automatic.plugins import _stmt, _text, names
    from schedules.schedule import Schedule
    import tiny_lowering

    def lowered():
        return tiny_lowering.lower({{"body": "window"}}, Schedule(), "")

    def loops(text):  # but for names, which Halide numbers in a second pipeline, and the length of text with them
        return re.sub(r"[A-Za-z_][\\w.$]*|\\d{{5,}}", "#", text)

    wanted = search_request(
        {{"lowering": "", "program": {{}}, "target": {target!r}}}, {name!r}, "tiny", {{}}
    )
    theirs = lowered()
    known = names(theirs)
    text, _ = _text(theirs, wanted)
    ours = lowered()
    ops = parse(text, known)
    apply(ops, ours.stages)
    same = loops(_stmt(theirs, {target!r})) == loops(_stmt(ours, {target!r}))
    print(same, len(ops) > 1)
"""


@pytest.mark.parametrize("name", AUTOSCHEDULERS)
def test_what_is_printed_and_applied_again_is_the_same(name, run_python):
    script = textwrap.dedent(ROUND_TRIP).format(name=name, target=targets.resolve(TARGETS[name]))
    assert run_python(script).split() == ["True", "True"]


@pytest.mark.parametrize("name", AUTOSCHEDULERS)
def test_a_search_gives_a_schedule_for_the_stages_it_saw(name, own_cache):
    wanted = automatic.search_request(request(TARGETS[name], body="window"), name, "tiny")
    schedule, about = automatic.search(wanted, "tiny")
    assert dict(schedule.choices) == {"lowering": "plain"}
    assert about["seconds"] >= 0
    made = compile.obtain({**request(TARGETS[name], body="window"), "schedule": schedule.to_json()}, "tiny")
    assert made[1].objects
    other = {**request(TARGETS[name], body="scale"), "schedule": schedule.to_json()}
    with pytest.raises(ScheduleError, match="made for other stages"):
        compile.obtain(other, "tiny")
    assert any(op.directive.startswith("gpu_") for op in schedule.ops) == ("opencl" in TARGETS[name])


def test_a_search_runs_once(own_cache, tmp_path):
    log = tmp_path / "log"
    for _ in range(2):
        automatic.find(request(log=str(log)), "adams2019", "tiny")
    count = log.read_text().count("compiled")
    automatic.find(request(log=str(log)), "adams2019", "tiny")
    assert log.read_text().count("compiled") == count
    automatic.find(request(log=str(log)), "adams2019", "tiny", parallelism=3)
    assert log.read_text().count("compiled") > count


def test_who_schedules_what():
    with pytest.raises(ScheduleError, match="tiny: anderson2021 makes no schedules for CPUs; mullapudi2016, adams2019"):
        automatic.find(request(), "anderson2021", "tiny")
    with pytest.raises(ScheduleError, match="tiny: adams2019 makes no schedules for devices; mullapudi2016, li2018"):
        automatic.find(request("x86-64-linux-avx2-opencl"), "adams2019", "tiny")


def test_a_schedule_for_a_cpu_is_noticed_on_a_device(own_cache):
    wanted = automatic.search_request(request("x86-64-linux-avx2-opencl"), "mullapudi2016", "tiny")
    del wanted["autoscheduler"]["parameters"]["experimental_gpu_schedule"]
    with pytest.raises(ScheduleError, match="mullapudi2016 made a schedule for a CPU, not for a device"):
        automatic.search(wanted, "tiny")


def test_stages_of_native_code_are_refused(own_cache):
    with pytest.raises(ScheduleError, match=r"weigh is native code of its own.*lowering='plain' does without"):
        automatic.find(request(externs=["weigh"]), "mullapudi2016", "tiny")


def test_a_search_is_stopped(own_cache, tmp_path):
    import os

    go = tmp_path / "go"
    os.mkfifo(go)
    (tmp_path / "started").touch()
    program = {"started": str(tmp_path / "started"), "go": str(go)}
    with pytest.raises(ScheduleError, match=r"adams2019 .* found no schedule: .* stopped after 1 s"):
        automatic.find(request(**program), "adams2019", "tiny", seconds=1.0)


def test_keys_go_by_what_a_search_depends_on():
    def key(name="adams2019", target="x86-64-linux-avx2", program=None, **parameters):
        wanted = automatic.search_request(request(target, **(program or {})), name, "tiny", parameters)
        return store.key(wanted, wanted["autoscheduler"])

    assert key() == key(target="x86-64-linux-avx2-avxvnni") == key(target="x86-64-linux-avx2-strict_float")
    assert key(program={"names": ["a"]}) == key()
    keys = {
        key(),
        key("mullapudi2016"),
        key(target="x86-64-linux-sse41"),
        key(program={"body": "sum"}),
        key(beam_size=4),
    }
    assert len(keys) == 5


def test_tiles_end_where_images_do():
    ops = [
        Op("out", "split", ("x", "x", "xi", 64, "ShiftInwards")),
        Op("pad", "split", ("x", "x", "xi", 16)),
        Op("pad", "split", ("xi", "xi", "xii", 8, "ShiftInwards")),
        Op("pad", "split", ("c", "c", "ci", 16, "RoundUp")),
        Op("sum.update(0)", "split", ("y", "y", "yi", 16, "RoundUp")),
        Op("sum.update(0)", "split", ("taps", "taps", "ti", 4)),
        Op("sum", "fuse", ("x", "c", "x")),
        Op("sum", "fuse", ("x", "y", "v")),
        Op("sum", "split", ("v", "v", "task", 99, "ShiftInwards")),
    ]
    assert [str(op) for op in _guarded(ops, {"out"})] == [
        "out.split(x, x, xi, 64, GuardWithIf)",
        "pad.split(x, x, xi, 16, RoundUp)",
        "pad.split(xi, xi, xii, 8, RoundUp)",
        "pad.split(c, c, ci, 16, GuardWithIf)",
        "sum.update(0).split(y, y, yi, 16, RoundUp)",
        "sum.update(0).split(taps, taps, ti, 4, GuardWithIf)",
        "sum.fuse(x, y, v)",
        "sum.split(v, v, task, 99, GuardWithIf)",
    ]


def test_names_of_directives_that_are_known():
    from schedules.schedule import DIRECTIVES

    assert all(re.fullmatch(r"[vnesftm*]*", kinds) for kinds in DIRECTIVES.values())
