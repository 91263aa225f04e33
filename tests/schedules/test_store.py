"""Stored schedules: found by what they are for, whole or not at all."""

import logging

import pytest

from schedules import Op, Schedule, store

REQUEST = {"program": {"body": "scale"}, "target": "x86-64-linux-avx2"}
FOUND = Schedule({"strip": 8}, [Op("out", "parallel", ("y",))], "0123")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HALIDE_FILTERS_SCHEDULES", str(tmp_path))
    store._forget()
    yield tmp_path
    store._forget()


def kept(folder, key, schedule=FOUND):
    return store.keep(folder, store.file_name("tuned", "Scale, uint8", key), schedule, {"score": 0.5})


def test_a_schedule_is_found_by_its_key(folder):
    key = store.tuned_key(REQUEST, Schedule())
    assert store.find(key, store.own()) is None
    file = kept(folder, key)
    assert file.name == f"tuned-scale_uint8-{key}.json"
    assert store.find(key, store.own()) == FOUND
    assert [each.name for each in folder.iterdir()] == [file.name]


def test_keys_differ_with_what_a_schedule_depends_on():
    keys = {
        store.tuned_key(REQUEST, Schedule()),
        store.tuned_key(REQUEST, Schedule({"convolve": "direct"})),
        store.tuned_key({**REQUEST, "target": "x86-64-linux-sse41"}, Schedule()),
        store.tuned_key({**REQUEST, "program": {"body": "sum"}}, Schedule()),
    }
    assert len(keys) == 4


def test_what_is_damaged_is_told_and_passed_over(folder, caplog):
    file = kept(folder, "0" * 16)
    file.write_text("{")
    with caplog.at_level(logging.WARNING, logger="halide_filters"):
        assert store.find("0" * 16, folder) is None
    assert "holds no schedule" in caplog.text


def test_the_user_can_do_without(monkeypatch):
    monkeypatch.setenv("HALIDE_FILTERS_SCHEDULES", "off")
    assert store.own() is None
    assert store.find("0" * 16, None) is None
    assert store.in_place_of(FOUND, REQUEST, "scale") is FOUND


def test_the_user_has_a_directory_of_their_own(monkeypatch):
    monkeypatch.delenv("HALIDE_FILTERS_SCHEDULES", raising=False)
    assert store.own().name == "schedules"


def test_tuned_schedules_stand_in_for_those_by_hand(folder):
    by_hand = Schedule({"convolve": "direct"})
    before = store.state()
    assert store.in_place_of(by_hand, REQUEST, "scale") == by_hand
    kept(folder, store.tuned_key(REQUEST, by_hand))
    assert store.state() != before
    assert store.in_place_of(by_hand, REQUEST, "scale") == FOUND
    assert store.in_place_of(Schedule(), REQUEST, "scale") == Schedule()


def test_what_is_tried_goes_before_and_has_a_state_of_its_own(folder):
    key, before = store.tuned_key(REQUEST, Schedule()), store.state()
    states = []
    for schedule in (FOUND, Schedule({"strip": 16}), FOUND):
        with store.trying({key: schedule}):
            assert store.in_place_of(Schedule(), REQUEST, "scale") == schedule
            states.append(store.state())
    assert states[0] == states[2] != states[1]
    assert store.state() != states[0] and store.in_place_of(Schedule(), REQUEST, "scale") == Schedule()
    assert before != states[0]


def test_watching_sees_requests_with_their_keys(folder):
    with store.watching() as seen:
        store.in_place_of(Schedule({"a": 1}), REQUEST, "scale")
    store.in_place_of(Schedule(), REQUEST, "scale")
    assert [(each["label"], each["key"], each["schedule"]["choices"]) for each in seen] == [
        ("scale", store.tuned_key(REQUEST, Schedule({"a": 1})), {"a": 1})
    ]
