"""The drawing of docs/architecture.md is of the code as it is."""

from __future__ import annotations

from docs.examples import architecture
from tests.test_imports import ALLOWED, ROOT


def test_arrows_are_the_imports_of_the_code_and_all_are_allowed():
    found = architecture.arrows()
    assert {package for package, _ in found} | {other for _, other in found} == set(ALLOWED)


def test_the_drawing_shows_packages_and_stations():
    drawing = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert all(f">{name}/<" in drawing for name in ALLOWED)
    for module, what, _ in architecture.STATIONS:
        assert (ROOT / module).is_file()
        assert f">{module}<" in drawing
        assert what.replace("'", "&#x27;") in drawing or what in drawing


def test_the_page_names_every_lowering():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = [file.name for file in (ROOT / "dsl" / "lowering").glob("*.py") if file.name != "__init__.py"]
    assert [name for name in modules if f"`{name}`" not in page] == []


def test_it_can_be_drawn_anew(tmp_path):
    architecture.main(str(tmp_path / "drawing.svg"))
    assert (tmp_path / "drawing.svg").read_text(encoding="utf-8").count("<path") > 20


def test_an_arrow_is_left_out_where_two_others_lead_there():
    arrows = {("a", "b"): False, ("b", "c"): False, ("a", "c"): False, ("c", "a"): True}
    assert architecture.without_shortcuts(arrows) == {("a", "b"): False, ("b", "c"): False, ("c", "a"): True}
