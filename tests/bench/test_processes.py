"""Python in processes of their own."""

import pytest

from bench.suites import processes


def test_what_is_printed_comes_back():
    assert processes.python(["-c", "import os, bench; print(os.environ['WORD'])"], {"WORD": "here"}) == "here\n"


def test_what_fails_says_why():
    with pytest.raises(RuntimeError, match=r"ended with 1: it is too late"):
        processes.python(["-c", "raise SystemExit('it is too late')"], {})
