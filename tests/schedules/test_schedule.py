import copy
import dataclasses
import json
import pickle

import pytest

from schedules import Op, Schedule, ScheduleError
from schedules.schedule import Recorder

OPS = (
    Op("blur", "split", ("x", "xo", "xi", 64, "GuardWithIf")),
    Op("blur", "split", ("y", "yo", "yi", "strip")),
    Op("blur.update(1)", "vectorize", ("xi",)),
    Op("pad", "compute_at", ("blur", "yo")),
)
SCHEDULE = Schedule({"strip": 32, "convolve": "sliding"}, OPS)


def test_prints_as_code():
    assert str(SCHEDULE).splitlines() == [
        "convolve = 'sliding'",
        "strip = 32",
        "blur.split(x, xo, xi, 64, GuardWithIf)",
        "blur.split(y, yo, yi, strip)",
        "blur.update(1).vectorize(xi)",
        "pad.compute_at(blur, yo)",
    ]
    assert str(Schedule()) == ""


@pytest.mark.parametrize("schedule", [SCHEDULE, Schedule(), Schedule(ops=[]), Schedule({"a": "b"})])
def test_goes_to_json_and_back(schedule, tmp_path):
    again = Schedule.from_json(json.loads(json.dumps(schedule.to_json())))
    assert again == schedule
    assert hash(again) == hash(schedule)
    schedule.save(tmp_path / "s.json")
    assert Schedule.load(tmp_path / "s.json") == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule


def test_equality():
    assert Schedule({"a": 1, "b": 2}) == Schedule([("b", 2), ("a", 1)])
    assert Schedule(ops=list(OPS)) == Schedule(ops=iter(OPS))
    assert Schedule(ops=[]) != Schedule()
    assert Schedule(ops=OPS) != Schedule(ops=OPS[::-1])
    assert Op("a", "reorder", ["x", "y"]) == Op("a", "reorder", ("x", "y"))


def test_frozen():
    for thing, field in ((SCHEDULE, "ops"), (OPS[0], "stage")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, field, None)


def test_choice_prefers_the_particular_name():
    schedule = Schedule({"strip": 32, "blur.strip": 8})
    assert schedule.choice("blur.strip", "strip", default=1) == 8
    assert schedule.choice("pad.strip", "strip", default=1) == 32
    assert schedule.choice("pad.lanes", default=1) == 1


@pytest.mark.parametrize(
    ("directive", "arguments", "text"),
    [
        ("explode", (), r"f\.explode: no such directive; known: .*compute_at"),
        ("split", ("x", "xo"), r"f\.split\(x, xo\): 4 or 5 arguments expected, 2 came"),
        ("vectorize", ("x", 8), "1 argument expected, 2 came"),
        ("compute_root", ("x",), "0 arguments expected, 1 came"),
        ("reorder", (), "1 argument expected, 0 came"),
        ("vectorize", (8,), "8 must be str, not int"),
        ("split", ("x", "xo", "xi", 1.5), "1.5 must be str or int, not float"),
        ("split", ("x", "xo", "xi", True), "True must be str or int, not bool"),
    ],
)
def test_op_refuses(directive, arguments, text):
    with pytest.raises(ScheduleError, match=text):
        Op("f", directive, arguments)


@pytest.mark.parametrize("choices", [{"strip": 1.5}, {"strip": None}, {3: "x"}, {"strip": [1]}])
def test_schedule_refuses_choices(choices):
    with pytest.raises(ScheduleError, match="choice"):
        Schedule(choices)


@pytest.mark.parametrize("text", ["", "[]", "3", '{"ops": 3}', '{"ops": [["f"]]}', '{"ops": [["f", "bang", []]]}'])
def test_load_refuses(text, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(ScheduleError, match=r"broken\.json holds no schedule"):
        Schedule.load(path)


def test_load_of_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Schedule.load(tmp_path / "none.json")


def test_recorder_puts_placement_last():
    record = Recorder()
    record["pad"].compute_at("blur", "yo").vectorize("x")
    record["blur"].split("y", "yo", "yi", 8).update(1).unroll("k")
    assert [str(op) for op in record.ops] == [
        "pad.vectorize(x)",
        "blur.split(y, yo, yi, 8)",
        "blur.update(1).unroll(k)",
        "pad.compute_at(blur, yo)",
    ]


def test_recorder_leaves_python_alone():
    record = Recorder()
    copy.copy(record["blur"])
    assert not hasattr(record["blur"], "__array__")
    assert record.ops == []
