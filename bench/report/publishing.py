"""What the repository keeps of a run: a table in the README, a page of the documentation, and one table a filter."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bench.report import ranking, tables
from bench.report.reading import Run

#: Between these lines the README is written by this module; the first tells which sources were measured.
BEGIN, END = "<!-- benchmarks of sources {} -->", "<!-- end of benchmarks -->"
_BLOCK = re.compile(BEGIN.format("([0-9a-f]*)") + ".*?" + END, re.DOTALL)


class NoPlaceError(ValueError):
    """A file has no place for what should be written into it."""


def publish(run: Run, root: Path) -> list[Path]:
    """Write all of it; give the files.

    Raises
    ------
    NoPlaceError
        Where the README has lost its place for the table.
    """
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    if not _BLOCK.search(text):
        raise NoPlaceError(f"{readme.name} has no lines {BEGIN.format('...')!r} and {END!r}")
    written = {readme: _BLOCK.sub(lambda _: summary(run), text), root / "docs" / "benchmarks.md": overview(run)}
    for filter in run.filters():
        if filter not in ranking.NOT_RANKED:
            written[root / "docs" / "timings" / f"{filter.replace(' ', '_')}.md"] = _of_filter(run, filter)
    for path, content in written.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return list(written)


def store(run: Path, place: Path) -> None:
    """Keep a run with the project: what is read of it, a contender a line."""
    found = json.loads(run.read_text(encoding="utf-8"))
    rows = [json.dumps({key: each[key] for key in ("extra_info", "stats")}) for each in found.pop("benchmarks")]
    rest = json.dumps(found, indent=1).rstrip("\n}")
    place.parent.mkdir(exist_ok=True)
    place.write_text(f'{rest},\n "benchmarks": [\n' + ",\n".join(rows) + "\n]}\n", encoding="utf-8")


def published(root: Path) -> str | None:
    """Give the digest of the sources whose figures the README shows."""
    found = _BLOCK.search((root / "README.md").read_text(encoding="utf-8"))
    return found[1] if found else None


def summary(run: Run) -> str:
    """Give the README's table, between its two lines."""
    glance = tables.glance(run)
    kept = [
        glance.headings.index(name) for name in ("suite", "best peer", "times faster", "on 2 threads", "contests won")
    ]
    lines = [tables.Line([line.cells[i] for i in kept], line.lost) for line in glance.lines]
    table = tables.Table([glance.headings[i] for i in kept], lines)
    return "\n".join((BEGIN.format(run.machine["sources"]), _won(run), "", table.markdown().rstrip(), END))


def overview(run: Run) -> str:
    """Give the documentation's page."""
    machine = run.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    system = f"{machine['system']}, Python {machine['python']}"
    parts = (
        "# Benchmarks",
        "Written by `make bench` and `python -m bench report --publish`. The page that `python -m bench report`\n"
        "makes, `build/bench/index.html`, has plots and all that was measured.",
        f"{machine['processor']}, {machine['cores']} cores, {system}; {versions}.",
        _won(run).replace("(docs/benchmarks.md#", "(#"),
        tables.glance(run).markdown(),
        "## Every loss",
        tables.losses(run).markdown(),
        "## New processes",
        tables.starts(run).markdown(),
    )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _won(run: Run) -> str:
    against = ranking.contested(run)
    lost = sum(rank.lost for rank in against)
    return (
        f"On {_where(run)}: at equal accuracy the fastest of {len(against) - lost} of {len(against)} rankings, {lost}\n"
        "[were lost](docs/benchmarks.md#every-loss) (`make bench`). The usual case of each suite; a line that begins\n"
        "with a minus sign is a loss:"
    )


def _where(run: Run) -> str:
    return f"{run.machine['processor']}, {run.machine['cores']} cores"


def _of_filter(run: Run, filter: str) -> str:
    note = f"{_where(run)}; `make bench`. A line that begins with a minus sign is a loss."
    return f"{note}\n\n{tables.timings(run, filter).markdown()}"
