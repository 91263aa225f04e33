"""What is made of runs: ranks, losses, a page, the README, changes."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.report import comparing, freshness, page, publishing, ranking, reading, tables
from tests.bench import runs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path):
    return reading.read(runs.write(tmp_path / "run.json"))


def contest(run, kind, **wanted):
    return next(c for c in run.contests("gaussian") if c[0].kind == kind and c[0].threads == 1)


def test_ranks_are_among_those_that_are_accurate_enough(run):
    found = {rank.decibels: rank for rank in ranking.ranked(contest(run, "float32 gray"))}
    # The same two are fastest at 45 dB as at none else; each pair is told once, at the highest accuracy.
    assert {d: (r.mine.setting if r.mine else None, r.best.setting if r.best else None) for d, r in found.items()} == {
        45: ("terms=2", "IIR"),
        55: ("terms=2", "GaussianBlur"),
        65: ("terms=3", "GaussianBlur"),
        75: ("terms=3", None),
    }
    assert found[65].ratio == pytest.approx(3.0)
    assert math.isinf(found[75].ratio) and not found[75].lost
    assert [rank.decibels for rank in ranking.ranked(contest(run, "uint8 RGB"))] == [45, 55]


def test_who_is_less_accurate_never_beats_us(run):
    assert not [rank for rank in ranking.ranks(run) if rank.best and rank.best.setting == "stackBlur"]


def test_the_front_is_what_nobody_beats(run):
    assert [e.setting for e in ranking.front(contest(run, "float32 gray"))] == ["stackBlur", "terms=2", "terms=3"]


def test_losses_are_told(tmp_path):
    slow = reading.read(runs.write(tmp_path / "slow.json", factor=lambda library, _: 4 if "halide" in library else 1))
    lost = tables.losses(slow)
    assert lost.lines and all(line.lost for line in lost.lines)
    assert lost.lines[0].cells[-1] == "0.28×"  # 4 x 0.8 against 0.9
    assert lost.markdown().splitlines()[2].startswith("| − gaussian")
    assert 'class="lost"' in page.page(slow)


def test_a_glance_has_the_middle_of_the_sweeps(run):
    (line,) = tables.glance(run).lines
    assert line.cells[1] == "uint8 RGB, 1 Mpx, sigma 10, 55 dB"
    assert line.cells[3:6] == ["OpenCV GaussianBlur", "3.75×", "3.75×"]
    assert line.cells[6] == "50 %"  # 8 MB in 0.8 ms where copying makes 20 GB/s
    assert line.cells[8] == "50 of 50"


def test_the_page_needs_nothing_else(run):
    text = page.page(run)
    # Names of XML's, and of the licence that SVG's metadata say, are no addresses that are asked.
    assert not re.findall(
        r"(?:src|href)=\"(?!#)[^\"]*|url\((?!#)[^)]*|@import|<link|<script", text.replace("xlink:href", "href")
    )
    assert text.count("<svg") == 1 + 2 * 2 + 2 + 2  # threads; sigma by kind and threads; sizes by threads; accuracy


def test_two_pages_of_a_run_are_equal(run):
    assert page.page(run) == page.page(run)


@pytest.mark.parametrize(
    ("text", "says"), [("{}", "is no run"), ("[1, 2]", "is no run"), ("nothing", "is no run"), (None, "No such file")]
)
def test_what_is_no_run_is_refused(tmp_path, text, says):
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(reading.BadRunError, match=says):
        reading.read(path)


def test_publishing_writes_between_the_lines(run, tmp_path):
    begin = publishing.BEGIN.format("0")
    (tmp_path / "README.md").write_text(f"before\n{begin}\nold\n{publishing.END}\nafter\n")
    (tmp_path / "docs").mkdir()
    written = publishing.publish(run, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert publishing.published(tmp_path) == "0123456789abcdef"
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        "README.md", "docs/benchmarks.md", "docs/timings/gaussian.md",
    }  # fmt: skip
    assert publishing.publish(run, tmp_path) and (tmp_path / "README.md").read_text() == text


def test_a_readme_without_a_place_is_left_alone(run, tmp_path):
    (tmp_path / "README.md").write_text("no place")
    with pytest.raises(publishing.NoPlaceError, match=r"README\.md"):
        publishing.publish(run, tmp_path)
    assert (tmp_path / "README.md").read_text() == "no place"


def test_a_slower_machine_is_no_regression(run, tmp_path):
    later = reading.read(runs.write(tmp_path / "later.json", factor=lambda *_: 1.4))
    found = comparing.compare(run, later)
    assert (found.slower, found.faster) == ([], [])
    assert found.drift == pytest.approx(1.4)


def test_what_only_we_lost_is_a_regression(run, tmp_path):
    def factor(library, threads):
        return 1.4 * (1.3 if "halide" in library and threads == 2 else 1)

    found = comparing.compare(run, reading.read(runs.write(tmp_path / "later.json", factor=factor)))
    assert {change.entry.threads for change in found.slower} == {2}
    assert all(change.factor == pytest.approx(1.3) for change in found.slower)
    assert not found.faster


def test_what_is_within_the_noise_of_others_is_none(run, tmp_path):
    unrest = iter(range(10**6))
    later = runs.write(tmp_path / "x.json", factor=lambda *_: 1 + 0.1 * (next(unrest) * 7 % 11) / 11)
    found = comparing.compare(run, reading.read(later))
    assert not found.slower and not found.faster


def test_runs_without_a_control_are_refused(run, tmp_path):
    other = reading.read(runs.write(tmp_path / "other.json", filter="box"))
    with pytest.raises(ValueError, match="control"):
        comparing.compare(run, other)


def test_the_command(tmp_path):
    before = runs.write(tmp_path / "before.json")
    after = runs.write(tmp_path / "after.json", factor=lambda library, _: 1.5 if "halide" in library else 1)

    def command(*arguments):
        python = [sys.executable, "-m", "bench", *map(str, arguments)]
        return subprocess.run(python, cwd=ROOT, capture_output=True, text=True, check=False)

    made = command("report", before, "--output", tmp_path / "page.html")
    assert made.returncode == 0, made.stderr
    assert "sources" in (tmp_path / "page.html").read_text() and "have changed" in made.stderr
    compared = command("compare", before, after)
    assert compared.returncode == 1 and "1.50" in compared.stdout
    wrong = command("report", tmp_path / "missing.json")
    assert wrong.returncode == 1 and wrong.stderr.count("\n") == 1 and "missing.json" in wrong.stderr


def test_the_digest_sees_code_and_not_what_is_said_of_it(tmp_path):
    file = tmp_path / "filters" / "one.py"
    file.parent.mkdir()
    digests = []
    for text in ('"""Says."""\nx = 1\n', '"""Says more."""\n\nx = 1  # why\n', "x = 2\n"):
        file.write_text(text)
        digests.append(freshness.digest(tmp_path))
    assert digests[0] == digests[1] != digests[2]
