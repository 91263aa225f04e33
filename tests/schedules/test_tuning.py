"""Strategies and journals: what is searched, remembered and replayed; nothing runs here but arithmetic."""

import json
from dataclasses import replace

import pytest

from schedules import ScheduleError
from schedules.tuning.journal import Journal, Measured, read, replay
from schedules.tuning.space import AUTOMATIC, Space, spelled
from schedules.tuning.strategy import STRATEGIES, climb

SPACE = Space.of({"strip": [32, 4, 8, 16, 32], "vectors": [1, 1, 2, 4], "place": ["rows", "rows", "full"]}, None)
SPACE = replace(SPACE, automatic=("adams2019",))


def cost(candidate):
    """A valley: the best is strip 16, vectors 4, computed in full; the autoscheduler is not bad."""
    if AUTOMATIC in candidate:
        return 0.9
    strip, vectors = candidate.get("strip", 32), candidate.get("vectors", 1)
    part = 0.8 if candidate.get("place") == "full" else 1.0
    return (1 + abs(strip - 16) / 40) * (1 + 0.1 * (4 - vectors)) * part / 1.82


def driven(search, score, most=200):
    """Drive a strategy; give what it asked for."""
    asked, batch = [], next(search)
    while len(asked) < most:
        asked += batch
        try:
            batch = search.send([score(each) for each in batch])
        except StopIteration:
            break
    return asked


@pytest.mark.parametrize("start", [{}, SPACE.naive()])
def test_climbing_finds_the_best_of_a_valley(start):
    asked = driven(climb(SPACE, start), cost)
    assert min(asked, key=cost) == {"strip": 16, "vectors": 4, "place": "full"}
    assert {AUTOMATIC: "adams2019"} in asked[:2]
    assert len({spelled(each) for each in asked}) == len(asked)


def test_where_an_autoscheduler_wins_its_knobs_are_tried():
    asked = driven(climb(SPACE, {}), lambda each: 0.5 if AUTOMATIC in each else 1.0)
    assert {AUTOMATIC: "adams2019", "parallelism": 2} in asked


def test_failures_are_passed_over():
    asked = driven(climb(SPACE, {}), lambda each: None if AUTOMATIC in each else cost(each))
    assert min((each for each in asked if AUTOMATIC not in each), key=cost)["strip"] == 16


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_are_the_same_every_time(name):
    one, two = (driven(STRATEGIES[name](SPACE, {}, 3), cost, most=30) for _ in range(2))
    assert one == two


HEAD = {
    "program": "valley",
    **SPACE.to_json(),
    "start": {},
}


@pytest.fixture
def journal(tmp_path):
    """A journal of a whole search."""
    made = Journal(tmp_path / "valley.jsonl", HEAD)
    for i, candidate in enumerate(driven(climb(SPACE, {}), cost)):
        made.add(Measured(candidate, cost(candidate), "", 1.0 + i))
    return made


def test_a_journal_is_read_again(journal):
    again = Journal(journal.path, HEAD)
    assert again.known == journal.known and len(again.known) > 5


def test_a_line_that_was_cut_off_is_passed_over_and_others_are_not(journal):
    whole = journal.path.read_text()
    journal.path.write_text(whole[:-20])
    assert len(Journal(journal.path, HEAD).known) == len(journal.known) - 1
    lines = whole.splitlines()
    journal.path.write_text("\n".join([*lines[:2], lines[2][:10], *lines[3:]]))
    with pytest.raises(ScheduleError, match=r"valley\.jsonl, line 3, is no measurement"):
        read(journal.path)


def test_a_journal_of_something_else_is_begun_anew(journal):
    assert Journal(journal.path, {**HEAD, "target": "another"}).known == {}
    assert json.loads(journal.path.read_text())["target"] == "another"


def test_a_search_is_replayed_without_running_anything(journal):
    steps = replay(journal.path, "climb")
    assert steps[-1].candidates == len(journal.known)
    assert steps[-1].best == min(each.score for each in journal.known.values())
    assert [step.best for step in steps] == sorted((step.best for step in steps), reverse=True)
    assert steps[1].seconds == 3.0
    assert replay(journal.path, "random")[-1].candidates <= len(journal.known)


@pytest.mark.parametrize("text", ["", "{", '{"program": 3}', "[]"])
def test_what_is_no_journal_is_refused(tmp_path, text):
    file = tmp_path / "x.jsonl"
    file.write_text(text)
    with pytest.raises(ScheduleError, match=r"x\.jsonl is no journal"):
        replay(file, "climb")
