"""Schedules that Halide's autoschedulers find for every filter: searched, stored, compared with those by hand.

    python -m bench.automatic search [FILTER]...   searches, writes schedules/store and docs/automatic.json
    python -m bench.automatic wide [FILTER]...     searches with a wide beam and times that, writes docs/wide.json
    python -m bench.automatic tune [FILTER]...     lets the tuner begin with nothing, writes docs/tuned.json
    python -m bench.automatic study                times them, writes docs/automatic.md

A search is of the plain lowering (direct sums, loops over taps), so the study names three times: of what a call runs,
of the plain lowering by hand, of the plain lowering by an autoscheduler.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filters
from schedules import automatic, options, store, targets
from schedules.automatic import AUTOSCHEDULERS, PLAIN
from schedules.errors import CompileError, NativeError, ScheduleError
from schedules.native import compile as native
from schedules.schedule import Schedule
from schedules.subjects import Call, Wanted, find
from schedules.tuning.tuner import Program, Tuner, programs

ROOT = Path(__file__).parents[1]
FOUND, PAGE = ROOT / "docs" / "automatic.json", ROOT / "docs" / "automatic.md"
WIDE, TUNED = ROOT / "docs" / "wide.json", ROOT / "docs" / "tuned.json"
#: Families of targets that schedules are stored for.
FAMILIES = ("x86-64-linux-avx512_skylake", "x86-64-linux-avx2")
DEVICES = ("x86-64-linux-opencl",)
#: Gray of float32, colour of uint8; the large one is timed.
IMAGES = (("float32", 1), ("uint8", 3))
SIDE = 1024
#: Filters that have no example of their own.
SETTINGS = {"gabor": {"wavelength": "6.0"}, "convolve": {"kernel": "0.25,0.5,0.25"}, "downsample": {"scale": "4"}}
#: A kernel that takes longer to compile than this is not timed.
PATIENCE = 30.0


@dataclass(frozen=True)
class Search:
    """What came of a search."""

    filter: str
    program: str
    target: str
    autoscheduler: str
    seconds: float | None
    reason: str = ""


def calls(side: int, only: Sequence[str] = ()) -> Iterator[tuple[str, str, int, Call]]:
    """Go through the calls of all filters, or of some: name, dtype, channels, call."""
    for name in filters.__all__:
        if not isinstance(getattr(filters, name, None), filters.Filter) or (only and name not in only):
            continue
        for dtype, channels in IMAGES:
            for call in find(name, Wanted(dtype, channels, side, side, parameters=SETTINGS.get(name, {}))):
                yield name, dtype, channels, call


def _first_calls(only: Sequence[str] = ()) -> list[tuple[str, str, int, Call]]:
    """List the first call of each filter and dtype."""
    found: dict[tuple[str, str], tuple[str, str, int, Call]] = {}
    for each in calls(SIDE, only):
        found.setdefault(each[:2], each)
    return list(found.values())


def search(only: Sequence[str]) -> None:
    """Search for all programs, families and autoschedulers; keep what is found."""
    if not only:
        for file in store.SHIPPED.glob("*.json"):
            file.unlink()
    known: dict[str, tuple[str, Program]] = {}
    for name, _, _, call in calls(SIDE, only):
        for program in programs(call.run):
            digest = json.dumps(program.request["program"], sort_keys=True)
            known.setdefault(digest, (name, program))
    found = [each for each in _searched_before() if only and each.filter not in only]
    found += [each for name, program in known.values() for each in _searches(name, program)]
    FOUND.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n", encoding="utf-8")


def _searched_before() -> list[Search]:
    return [Search(**each) for each in json.loads(FOUND.read_text(encoding="utf-8"))] if FOUND.exists() else []


def _searches(name: str, program: Program) -> Iterator[Search]:
    for target in (*FAMILIES, *DEVICES):
        family = targets.family(targets.resolve(target))
        for autoscheduler in automatic.able(targets.device(family)):
            made = Search(name, program.label, family, autoscheduler, None)
            try:
                request = {**program.request, "target": family}
                wanted = automatic.search_request(request, autoscheduler, program.label)
                schedule, meta = automatic.search(wanted, program.label)
            except (ScheduleError, CompileError, ValueError) as error:
                made = Search(name, program.label, family, autoscheduler, None, _short(error))
            else:
                digest = store.key(wanted, wanted["autoscheduler"])
                about = {"program": program.label, "target": family, **wanted["autoscheduler"]}
                store.keep(store.SHIPPED, store.file_name(autoscheduler, program.label, digest), schedule, about)
                made = Search(name, program.label, family, autoscheduler, round(meta["seconds"], 2))
            print(made, flush=True)
            yield made


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = next((line for line in lines if "terminate called" in line or "Error:" in line), lines[0])
    short = text.rpartition("Error:")[2].strip()[:160] or lines[-1][:160]
    return re.sub(r"\s*\(\S*/\S+:\d+\)", "", short)  # where in the sources, on this machine


# ------------------------------------------------------------------------------------------------- a wide beam

#: Schedules that Adams2019 goes on with at each step, and seconds that it has for a program.
BEAM, LIMIT = 8, 60.0


def wide(only: Sequence[str]) -> None:
    """Time what Adams2019 finds with a wide beam beside what it finds with one of one, for calls of float32 gray."""
    found = json.loads(WIDE.read_text(encoding="utf-8")) if only else {}
    for call in (call for _, dtype, _, call in _first_calls(only) if dtype == "float32"):
        ours = programs(call.run)
        found[call.label] = {"1": _by(call, ours, "adams2019"), **_searched_wide(call, ours)}
        print(call.label, found[call.label], flush=True)
        WIDE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _searched_wide(call: Call, ours: Sequence[Program]) -> dict[str, Any]:
    """Search for all programs of a call; give the seconds of all, and what a run takes, or why there is none."""
    chosen, seconds = {}, 0.0
    try:
        for each in ours:
            wanted = automatic.search_request(each.request, "adams2019", each.label, {"beam_size": BEAM})
            chosen[each.key], meta = automatic.search(wanted, each.label, LIMIT)
            seconds += meta["seconds"]
    except ScheduleError as error:
        return {"wide": _short(error)}
    return {"seconds": round(seconds, 2), "wide": _time(call, chosen, ours)}


# ------------------------------------------------------------------------------------------------------ the tuner

#: Seconds that the tuner has for a call; a script that it has not been made on.
BUDGET, SCRIPT = 60.0, "docs/examples/ridges.py"


def tune(only: Sequence[str]) -> None:
    """Tune a call of every filter, of float32 gray, from the smallest choices on; keep how near it came."""
    found = json.loads(TUNED.read_text(encoding="utf-8")) if only else {}
    ours = [call for _, dtype, _, call in _first_calls(only) if dtype == "float32"]
    script = find(str(ROOT / SCRIPT), Wanted("float32", 1, SIDE, SIDE))[0] if not only else None
    for call in [*ours, *([script] if script else [])]:
        tuned = programs(call.run)
        with tempfile.TemporaryDirectory() as folder:
            results = []
            for i, each in enumerate(tuned):
                tuner = Tuner(each, call.run, Path(folder) / f"{i}.jsonl", from_nothing=True)
                results.append(tuner.run(BUDGET / len(tuned)))
        # A program by whose choices nothing was found keeps those it began with, which count as not found.
        scores = [round(each.score, 3) if each.best else None for each in results]
        found[call.label] = {"scores": scores, "measured": [each.measured for each in results]}
        print(call.label, found[call.label], flush=True)
        TUNED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


# ------------------------------------------------------------------------------------------------------ the study


def study() -> None:
    """Time every filter, a call each of gray and of colour, by every stored schedule; write the page."""
    rows = [_row(*each) for each in _first_calls()]
    PAGE.write_text(_page(rows), encoding="utf-8")


def _row(name: str, dtype: str, channels: int, call: Call) -> dict[str, Any]:
    row: dict[str, Any] = {"call": call.label, "image": f"{dtype} {'RGB' if channels == 3 else 'gray'}"}
    row["own"] = _time(call, None)
    ours = programs(call.run)
    row["plain"] = _time(call, {each.key: Schedule(PLAIN) for each in ours}, ours)
    for autoscheduler in automatic.able(None):
        row[autoscheduler] = _by(call, ours, autoscheduler)
    print(row, flush=True)
    return row


def _by(call: Call, ours: list[Program], autoscheduler: str) -> Any:
    labels, family = [each.label for each in ours], targets.family(targets.host())
    for each in _searched_before():  # what was not found is not searched for again
        if (
            each.seconds is None
            and (each.target, each.autoscheduler) == (family, autoscheduler)
            and each.program in labels
        ):
            return each.reason
    try:
        chosen = {each.key: automatic.find(each.request, autoscheduler, each.label) for each in ours}
    except ScheduleError as error:
        return _short(error)
    return _time(call, chosen, ours)


def _time(call: Call, chosen: dict[str, Schedule] | None, ours: Sequence[Program] = ()) -> Any:
    """Compile, and give seconds of that and of a run in milliseconds; or why there are none."""
    start = time.perf_counter()
    try:
        for each in ours:
            native.obtain(each.scheduled((chosen or {})[each.key]), each.label, seconds=PATIENCE)
        compiling = time.perf_counter() - start
        with store.trying(chosen or {}):
            call.run()
            times = []
            end = time.perf_counter() + 1.0
            while len(times) < 3 or (time.perf_counter() < end and len(times) < 50):
                start = time.perf_counter()
                call.run()
                times.append(time.perf_counter() - start)
    except (ScheduleError, CompileError, NativeError, MemoryError) as error:
        return _short(error)
    return {"compile": round(compiling, 1), "run": round(1e3 * statistics.median(times), 2)}


def _page(rows: list[dict[str, Any]]) -> str:
    names = ["own", "plain", *automatic.able(None)]
    searched = _searched_before()
    lines = [_HEAD.format(side=SIDE, threads=options.threads(), target=targets.host()), ""]
    lines += [f"| call | image | {' | '.join(names)} |", f"| --- | --- |{' --- |' * len(names)}"]
    for row in rows:
        cells = [_cell(row[name], row, name) for name in names]
        lines.append(f"| {row['call']} | {row['image']} | {' | '.join(cells)} |")
    lines += ["", *_SEARCHES.splitlines(), ""]
    lines += ["| target | autoscheduler | found | seconds, median and most |", "| --- | --- | --- | --- |"]
    for target in dict.fromkeys(each.target for each in searched):
        for name in AUTOSCHEDULERS:
            these = [each for each in searched if (each.target, each.autoscheduler) == (target, name)]
            took = [each.seconds for each in these if each.seconds is not None]
            if these:
                spread = f"{statistics.median(took):.2f}, {max(took):.1f}" if took else "-"
                lines.append(f"| {target} | {name} | {len(took)} of {len(these)} | {spread} |")
    lines += ["", "What was not found, and why:", ""]
    lines += ["| program | target | autoscheduler | reason |", "| --- | --- | --- | --- |"]
    for each in searched:
        if each.seconds is None:
            reason = each.reason.replace("|", "/")
            lines.append(f"| {each.filter}: {each.program} | {each.target} | {each.autoscheduler} | {reason} |")
    return "\n".join([*lines, *_widely(), *_tuned()]) + "\n"


def _widely() -> list[str]:
    found = json.loads(WIDE.read_text(encoding="utf-8")) if WIDE.exists() else {}
    lines = ["", *_BEAMS.format(beam=BEAM, limit=LIMIT, side=SIDE).splitlines(), ""]
    lines += ["| call | beam of one, ms | seconds of search | wide beam, ms |", "| --- | --- | --- | --- |"]
    for label, row in found.items():
        times = [f"{row[n]['run']:.2f}" if isinstance(row[n], dict) else "-" for n in ("1", "wide")]
        lines.append(f"| {label} | {times[0]} | {row.get('seconds', '-')} | {times[1]} |")
    return lines


def _tuned() -> list[str]:
    found = json.loads(TUNED.read_text(encoding="utf-8")) if TUNED.exists() else {}
    lines = ["", *_TUNER.format(budget=BUDGET, side=SIDE).splitlines(), ""]
    lines += ["| call | time, of that by hand | candidates |", "| --- | --- | --- |"]
    for label, row in found.items():
        scores = ", ".join("-" if score is None else f"{score:.3f}" for score in row["scores"])
        lines.append(f"| {label} | {scores} | {', '.join(map(str, row['measured']))} |")
    return lines


def _cell(value: Any, row: dict[str, Any], name: str) -> str:
    if not isinstance(value, dict):
        return "-"
    best = min(row[n]["run"] for n in row if n not in ("call", "image") and isinstance(row[n], dict))
    text = f"{value['run']:.2f}" if name == "own" else f"{value['run']:.2f} ({value['compile']:.0f} s)"
    return f"**{text}**" if value["run"] <= best else text


_HEAD = """# Automatic schedules

Written by `python -m bench.automatic study`. Milliseconds of a call on {side} x {side} pixels, {threads} threads,
median; in brackets seconds of compilation (0: it was in the cache). `own`: what a call runs by default, the filter's
own lowering by its hand-written schedule. `plain`: direct sums and loops over taps, by hand; the autoschedulers
schedule that. The fastest is bold; `-`: there is no schedule, its kernel takes more than half a minute to compile, or
it asks for more memory than there is.

Target: `{target}`."""

_SEARCHES = """## Searches

Written by `python -m bench.automatic search`, for images of 1024 x 1024 pixels and 16 tasks; Adams2019 with a beam of
one."""

_BEAMS = """## A wide beam

Written by `python -m bench.automatic wide`. Adams2019 with a beam of one, whose schedules are shipped, and with one of
{beam}: gray of float32, {side} x {side}, {limit:.0f} seconds a program; `-`: nothing was found within them, or it
takes more than half a minute to compile."""

_TUNER = """## The tuner, from nothing

Written by `python -m bench.automatic tune`. Every choice begins with its smallest value; {budget:.0f} seconds for a
call, shared among its programs. Gray of float32, {side} x {side}: the time of a call as a multiple of that by the
hand-written schedule of the same lowering, for each of its programs; `-`: nothing as fast as where it began was
found."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["search", "wide", "tune", "study"])
    parser.add_argument("filters", nargs="*", help="these alone, but for a study")
    given = parser.parse_args()
    if given.what == "study":
        study()
    else:
        {"search": search, "wide": wide, "tune": tune}[given.what](given.filters)
