"""The pages of docs/filters: one for each filter, with its arguments and its picture."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import filters

FOLDER = Path(__file__).parents[2] / "docs" / "filters"
NAMES = sorted(set(filters.__all__) - {"Filter", "compiled", "config", "reference"})
#: Options that every filter has: docs/filters/index.md has them once for all.
COMMON = {"border", "border_value", "out", "target", "schedule", "threads"}
#: The largest picture that a page may have, in bytes.
LIMIT = 60_000


def text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def test_every_filter_has_a_page_and_every_page_a_filter():
    assert sorted(file.stem for file in FOLDER.glob("*.md")) == sorted([*NAMES, "index"])
    assert all(f"({name}.md)" in text("index") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_tells_of_all_arguments(name):
    parameters = set(inspect.signature(getattr(filters, name)).parameters) - COMMON - {"options"}
    table = {
        each for row in re.findall(r"^\| (`[^|]+) \|", text(name), re.MULTILINE) for each in re.findall(r"`(\w+)`", row)
    }
    assert parameters - table == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_a_small_picture(name):
    assert f"(images/{name}.jpg)" in text(name)
    assert (FOLDER / "images" / f"{name}.jpg").stat().st_size <= LIMIT


def test_the_common_options_are_told_of():
    assert {each for each in COMMON if f"`{each}`" in text("index")} == COMMON
