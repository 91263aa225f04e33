"""The README says what is true: its filter is the example that the tests build and run."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_example_is_the_tested_file():
    example = (ROOT / "docs/examples/unsharp.py").read_text(encoding="utf-8")
    code = example[example.index("import dsl") :].strip()
    assert f"```python\n{code}\n```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_it_names_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("docs/demo.jpg", "docs/examples/unsharp.py", "docs/architecture.md"):
        assert name in text
        assert (ROOT / name).is_file()
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in targets for target in ("demo", "test"))
