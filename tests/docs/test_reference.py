"""The reference and the gallery have all that is public."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
#: Modules of public names, and the page of each. What torch is needed for is named, not imported.
PAGES = {
    "filters": "filters",
    "dsl": "dsl",
    "schedules": "schedules",
    "data": "data",
    "data.transforms": "transforms",
    "compress": "compress",
    "compress.kernels": "compress",
}


@pytest.mark.parametrize(("module", "page"), PAGES.items())
def test_every_public_name_is_in_the_reference(module, page):
    text = (DOCS / "reference" / f"{page}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:   |\.\. auto\w+:: )(?:\w+\.)*(\w+)$", text, re.MULTILINE))
    modules = {"reference"}  # filters.reference mirrors the filters' names
    assert set(importlib.import_module(module).__all__) - modules <= named


def test_every_filter_is_in_the_gallery():
    filters = importlib.import_module("filters")
    others = {"Filter", "compiled", "config", "reference"}
    scripts = " ".join(file.read_text(encoding="utf-8") for file in (DOCS / "gallery").glob("plot_*.py"))
    titles = set(re.findall(r'"""\n(\w+): [^\n]*\n=+\n', scripts))
    assert titles == set(filters.__all__) - others
