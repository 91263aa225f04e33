"""Pages of the command lines: what ``--help`` prints, for every command of every package that has some."""

from __future__ import annotations

import importlib
from pathlib import Path

import typer.main
from sphinx.application import Sphinx
from typer.testing import CliRunner

PACKAGES = {
    "filters": "Filters on image files, and what concerns this installation.",
    "dsl": "The filters of a script: built, run and shown.",
    "schedules": "Schedules: which there are, found and measured.",
    "compress": "The tables of pruning and quantisation.",
}
#: Columns of the printed pages; a terminal's width would be that of whoever builds the site.
ENVIRONMENT = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}


def application(package: str) -> typer.Typer:
    commands = importlib.import_module(f"{package}.commands")
    return commands.app if hasattr(commands, "app") else commands.application()


def printed(app: typer.Typer, program: str, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], env=ENVIRONMENT, prog_name=program)
    if result.exit_code:
        raise RuntimeError(f"{program} {' '.join(words)} --help fails: {result.output}") from result.exception
    return "\n".join(line.rstrip() for line in result.stdout.strip("\n").splitlines())


def page(package: str) -> str:
    app, program = application(package), f"python -m {package}"
    sections = [f"# {program}\n\n{PACKAGES[package]}\n\n```text\n{printed(app, program)}\n```\n"]
    for name in typer.main.get_command(app).commands:
        sections.append(f"## {name}\n\n```text\n{printed(app, program, name)}\n```\n")
    return "\n".join(sections)


def write(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "reference" / "generated" / "commands"
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        (folder / f"{package}.md").write_text(page(package), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
