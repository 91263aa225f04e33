"""The Python on the pages runs: each page from top to bottom in an empty folder; docs/README.md tells how."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from unittest import SkipTest

import pytest
from sybil import Document
from sybil.evaluators.skip import Skipper
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
GENERATED = {"_build", "auto_gallery", "generated"}
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if not GENERATED & set(p.parts))]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PYTHON = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*\{?(?:code-block|code)?\}?[ \t]*python", re.MULTILINE)


def parse(page: Path) -> Document:
    return Document.parse(str(page), PythonCodeBlockParser(doctest_optionflags=FLAGS), SkipParser())


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_examples_run(page, tmp_path, monkeypatch, subtests):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    for example in parse(page):
        with subtests.test(line=example.line):
            try:
                example.evaluate()
            except SkipTest as skip:
                pytest.skip(str(skip))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_example_is_found_and_every_skip_says_why(page):
    examples = list(parse(page))
    text = page.read_text(encoding="utf-8")
    fences = {text.count("\n", 0, match.start()) + 1 for match in PYTHON.finditer(text)}
    found = {example.line for example in examples}
    assert fences <= found | {line - 1 for line in found}  # a doctest begins behind its fence
    skips = [example for example in examples if isinstance(example.region.evaluator, Skipper)]
    assert all(reason for action, reason in (example.parsed for example in skips) if action != "end")
