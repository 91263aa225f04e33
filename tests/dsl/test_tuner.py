"""Tuning a script's filter for real: what is found is right, kept, used from then on, and told."""

from __future__ import annotations

import json
import logging
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import dsl
from schedules import Op, Schedule, commands, store
from schedules.pictures import picture
from schedules.tuning import tuner as tuners
from schedules.tuning.space import AUTOMATIC, Space
from schedules.tuning.tuner import Tuner, programs

SCRIPT = textwrap.dedent(
    '''
    import dsl

    @dsl.filter
    def ridges(src: dsl.Image, gain: dsl.Scalar = 2.0) -> dsl.Image:
        """Differences of a smooth image, smoothed again."""
        smooth = dsl.convolve(src * gain, dsl.box(2))
        return src + dsl.convolve(abs(smooth[0, 1] - smooth[0, -1]), dsl.box(1))
    '''
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "ridges.py"
    file.write_text(SCRIPT)
    return file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALIDE_FILTERS_SCHEDULES", str(tmp_path / "own"))
    store._forget()
    yield tmp_path / "own"
    store._forget()


@dsl.filter
def ridges(src: dsl.Image, gain: dsl.Scalar = 2.0) -> dsl.Image:
    smooth = dsl.convolve(src * gain, dsl.box(2))
    return src + dsl.convolve(abs(smooth[0, 1] - smooth[0, -1]), dsl.box(1))


IMAGE = picture(90, 120, 1, "float32")


def small(tunables) -> Space:
    """A few of a program's choices: every candidate is compiled."""
    chosen = {name: values for name, values in tunables.items() if "place" in name}
    return replace(Space.of(chosen, None), automatic=("mullapudi2016",))


def searched(folder: Path, scores, monkeypatch: pytest.MonkeyPatch, candidates: int = 20, **options):
    """Search with made-up times; everything else is as it is."""
    monkeypatch.setattr(tuners.Tuner, "_score", lambda self, candidate, seconds: scores(candidate))
    monkeypatch.setattr(tuners, "Space", SimpleNamespace(of=lambda tunables, device: small(tunables)))
    (program,) = programs(lambda: ridges(IMAGE))
    made = Tuner(program, lambda: ridges(IMAGE), folder / "journals" / "ridges.jsonl", **options)
    seen = []
    return made, made.run(600.0, seen.append, candidates), seen


def favourite(candidate) -> float:
    return 0.5 if candidate.get("mul2.place") == "full" else 1.0


def test_what_is_found_is_kept_and_used_from_then_on(folder, monkeypatch):
    before = ridges(IMAGE)
    made, result, seen = searched(folder, favourite, monkeypatch)
    assert result.best == {"mul2.place": "full"} and result.score == 0.5
    made.keep(result)
    assert json.loads(result.kept.read_text())["made"]["candidate"] == dict(result.best)
    assert np.array_equal(ridges(IMAGE), before)
    assert dsl.compiled()[-1].schedule == "tuned"
    assert np.array_equal(ridges(IMAGE, schedule=Schedule()), before)
    assert {AUTOMATIC: "mullapudi2016"} in [each.candidate for each in seen]


def test_a_search_goes_on_where_it_was_stopped(folder, monkeypatch):
    _, _, first = searched(folder, favourite, monkeypatch, candidates=5)
    measured = []
    monkeypatch.setattr(tuners.Tuner, "_verified", lambda self, candidate: measured.append(candidate) or ("", 1.0))
    _, _, second = searched(folder, favourite, monkeypatch, candidates=7)
    assert [each.candidate for each in second[: len(first)]] == [each.candidate for each in first]
    assert all(each.candidate not in measured for each in first)


def test_what_gives_other_pixels_does_not_count(folder, monkeypatch):
    count = iter(range(10**6))
    monkeypatch.setattr(tuners, "_arrays", lambda result: (result + next(count),))
    _, result, seen = searched(folder, lambda candidate: 0.1, monkeypatch, candidates=4)
    assert result.best == {} and all(each.score is None for each in seen)
    assert {"the same lowering gave other bits"} <= {each.reason for each in seen} | {"results differ by 1"}


def test_a_schedule_that_no_longer_fits_is_told_and_passed_over(folder, caplog):
    (program,) = programs(lambda: ridges(IMAGE))
    wrong = Schedule({}, [Op("attic", "compute_root")])
    store.keep(folder, store.file_name("tuned", program.label, program.key), wrong, {})
    with caplog.at_level(logging.WARNING, logger="halide_filters"):
        assert np.array_equal(ridges(IMAGE), ridges(IMAGE, schedule=Schedule()))
    assert "what tuning found is passed over, tune again" in caplog.text and "no stage 'attic'" in caplog.text


def test_results_of_another_lowering_may_differ_by_a_step_alone():
    one, two = np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)
    assert tuners._difference((one,), (two,), exact=False) == ""
    assert tuners._difference((one,), (2 * two,), exact=False) == "results differ by 2"
    assert tuners._difference((one,), (two,), exact=True) == "the same lowering gave other bits"
    ramp = np.linspace(0, 1, 9, dtype=np.float32)
    assert tuners._difference((ramp + 1e-5,), (ramp,), exact=False) == ""
    assert tuners._difference((ramp * np.nan,), (ramp,), exact=False) == "results differ by nan"


# ------------------------------------------------------------------------------------------------ the command line


def invoke(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(commands.app, list(map(str, words)))
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


def test_tune_show_diff_export_replay(folder, script, tmp_path, monkeypatch):
    scores = iter([0.5] + [1.0] * 10_000)
    monkeypatch.setattr(tuners.Tuner, "_score", lambda self, candidate, seconds: next(scores) if seconds < 1 else 0.5)
    told = invoke("tune", script, "--candidates", "3", "--dtype", "float32", "--size", "60x70", "--set", "gain=3")
    assert "ridges: ridges, float32, any channels" in told and "kept as" in told
    (journal,) = (folder / "journals").iterdir()
    shown = invoke("show", script, "--dtype", "float32")
    assert "output" in shown and "parallel" in shown and "lowering = 'plain'" in shown
    compared = invoke("diff", script, "used", "--dtype", "float32")
    assert "+++ used" in compared and "+lowering = 'plain'" in compared
    invoke("export", f"{script}:ridges", "-o", tmp_path / "fast.json", "--dtype", "float32")
    assert np.allclose(ridges(IMAGE, schedule=tmp_path / "fast.json"), ridges(IMAGE, schedule=Schedule()), atol=1e-3)
    invoke("export", script, "-o", tmp_path / "fast.py", "--dtype", "float32", "--schedule", "manual")
    namespace: dict = {}
    exec((tmp_path / "fast.py").read_text(), namespace)
    assert np.array_equal(ridges(IMAGE, schedule=namespace["SCHEDULE"]), ridges(IMAGE, schedule=Schedule()))
    assert "1 candidates" in invoke("replay", journal)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tune", "nothing"), "'nothing' is neither a filter nor SCRIPT.py[:FILTER]; asked: filters, scripts"),
        (("tune", "missing.py"), "there is no file missing.py"),
        (("tune", "gaussian", "--dtype", "int8"), "dtype must be uint8, uint16 or float32, not 'int8'"),
        (("tune", "gaussian", "--size", "big"), "size must be like 1024x768, not 'big'"),
        (("tune", "gaussian", "--set", "sigma"), "--set takes NAME=VALUE, not 'sigma'"),
        (("tune", "gaussian", "--set", "sigmo=3"), "gaussian has no parameter 'sigmo'"),
        (("tune", "gaussian", "--strategy", "luck"), "strategy must be one of climb, random, not 'luck'"),
        (("show", "box", "--schedule", "fast"), "a schedule is manual, used, mullapudi2016"),
        (("export", "box", "-o", "x.json"), "box runs 2 programs, say which with --set"),
        (("export", "box", "-o", "x.txt", "--set", "radius=2"), "x.txt must end in .json or .py"),
        (("replay", "none.jsonl"), "there is no file none.jsonl"),
    ],
)
def test_mistakes_are_one_line(folder, words, message):
    told = invoke(*words, status=1)
    assert message in told and len(told.strip().splitlines()) == 1
