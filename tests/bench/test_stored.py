"""The figures that README and documentation show are those of the stored run, and that is of this code."""

import shutil
from pathlib import Path

from bench.report import freshness, publishing, reading

ROOT = Path(__file__).parents[2]
STORED = ROOT / "bench" / "runs" / "stored.json"


def test_filters_and_schedules_are_as_they_were_measured():
    measured = reading.read(STORED).machine["sources"]
    assert measured == freshness.digest(), "make bench && python -m bench report --publish"


def test_what_is_published_is_what_is_stored(tmp_path):
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "docs").mkdir()
    for written in publishing.publish(reading.read(STORED), tmp_path):
        name = written.relative_to(tmp_path)
        assert written.read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8"), name


def test_the_stored_run_is_one_to_quote():
    run = reading.read(STORED)
    assert run.machine["scale"] in ("short", "full")
    assert all(run.machine["versions"].values()), "a library was missing"
    assert {entry.filter for entry in run.entries} >= {"gaussian", "bilateral", "local_laplacian", "loader", "kernels"}
