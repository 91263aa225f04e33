"""``python -m bench report | compare``: what runs of the suites found. ``make bench`` makes one."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.report import comparing, freshness, page, publishing, reading, tables

_ROOT = Path(__file__).parents[1]
#: The run that is kept with the project, where `make bench` leaves its own, and its page.
_STORED, _LATEST = _ROOT / "bench" / "runs" / "stored.json", _ROOT / "build" / "bench" / "run.json"
_PAGE = _LATEST.with_name("index.html")

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def report(
    run: Annotated[
        Path | None, typer.Argument(help="A run; by default the last of make bench, else the stored one.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the page is written.")] = _PAGE,
    publish: Annotated[bool, typer.Option(help="Also store the run, and write README and docs from it.")] = False,
) -> None:
    """Write the report of a run as one HTML page."""
    path = run or (_LATEST if _LATEST.exists() else _STORED)
    found = reading.read(path)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page.page(found), encoding="utf-8")
    print(output)
    if found.machine["sources"] != freshness.digest():
        print("note: filters or schedules have changed since this run", file=sys.stderr)
    if publish:
        if path != _STORED:
            publishing.store(path, _STORED)
        print(*publishing.publish(found, _ROOT), sep="\n")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="The earlier run.")] = _STORED,
    after: Annotated[Path, typer.Argument(help="The later run.")] = _LATEST,
) -> None:
    """Tell which of our times changed by more than the machine's noise; end with status 1 if any got worse."""
    found = comparing.compare(reading.read(before), reading.read(after))
    print(f"{found.compared} of our times are in both runs.")
    print(f"Others took {found.drift:.2f} times as long, which is taken off.")
    print(f"Changes below {100 * math.expm1(found.noise):.0f} % are noise.")
    for title, changes in (("slower", found.slower), ("faster", found.faster)):
        headings = ("suite", "case", "threads", "setting", "before", "now", "factor")
        table = tables.Table(headings, [tables.changed(change) for change in changes])
        print(f"\n{len(changes)} {title}\n" + (table.markdown() if changes else ""))
    raise typer.Exit(1 if found.slower else 0)


def main() -> None:
    """Run the command; what is wrong is told in one line."""
    try:
        app(prog_name="python -m bench")
    except ValueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
