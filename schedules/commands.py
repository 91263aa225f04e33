"""The command line: search for schedules, look at them, compare them, take them elsewhere.

python -m schedules tune gaussian --dtype float32 --budget 60
python -m schedules tune unsharp.py
python -m schedules show gaussian                 what a call uses
python -m schedules diff gaussian adams2019       against another schedule
python -m schedules export gaussian -o fast.json  to be given as schedule="fast.json"
python -m schedules replay JOURNAL                a search again, without running anything
"""

from __future__ import annotations

import contextlib
import difflib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from schedules import automatic, store, targets
from schedules.console import log_to_stderr, one_line
from schedules.errors import CompileError, NativeError, ScheduleError, TargetError
from schedules.native import compile as native
from schedules.schedule import Schedule
from schedules.subjects import Call, Wanted, find
from schedules.tuning import journal as journals
from schedules.tuning.strategy import STRATEGIES
from schedules.tuning.tuner import Program, Result, Tuner, programs

_Subject = Annotated[str, typer.Argument(metavar="FILTER", help="A filter, or SCRIPT.py, or SCRIPT.py:FILTER.")]
_Dtype = Annotated[str, typer.Option(help="uint8, uint16 or float32.")]
_Channels = Annotated[int, typer.Option(min=1, help="Channels of the image.")]
_Size = Annotated[str, typer.Option(metavar="HEIGHTxWIDTH", help="Of the image.")]
_Target = Annotated[str, typer.Option(help="Machine to compile for, such as host or host-opencl.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Value of a parameter of the filter; may be repeated."),
]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Look at the schedules of filters, and search for better ones.",
)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="python -m schedules")


@app.callback()
def _log() -> None:
    log_to_stderr(logging.WARNING)


@app.command()
def tune(
    subject: _Subject,
    target: _Target = "host",
    budget: Annotated[float, typer.Option(min=1.0, help="Seconds to search, for all programs of the filter.")] = 60.0,
    candidates: Annotated[int | None, typer.Option(min=1, help="Most candidates for a program.")] = None,
    dtype: _Dtype = "uint8",
    channels: _Channels = 1,
    size: _Size = "1024x1024",
    settings: _Set = None,
    strategy: Annotated[str, typer.Option(help=", ".join(STRATEGIES))] = "climb",
    seed: Annotated[int, typer.Option(help="Of the strategy.")] = 0,
    journal: Annotated[Path | None, typer.Option(help="Folder of journals; a search that is in one goes on.")] = None,
    from_nothing: Annotated[
        bool, typer.Option(help="Begin with the smallest choices, not the hand-written ones.")
    ] = False,
    keep: Annotated[bool, typer.Option(help="Use what is found from then on.")] = True,
) -> None:
    """Search for a faster schedule, and use it from then on.

    Every candidate is compiled, compared with the hand-written schedule's results, and timed in turns with it. What is
    measured goes into a journal; the same command goes on where it was stopped.
    """
    with _told():
        _check_strategy(strategy)
        wanted = _wanted(target, dtype, channels, size, settings)
        found = [(call, program) for call in find(subject, wanted) for program in programs(call.run)]
        if not found:
            raise ValueError(f"{subject} runs no program by a hand-written schedule")
        folder = journal or _journals()
        for call, program in found:
            file = folder / f"{store.file_name('journal', program.label, program.key).removesuffix('.json')}.jsonl"
            print(f"{call.label}: {program.label}", flush=True)
            tuner = Tuner(program, call.run, file, from_nothing=from_nothing, strategy=strategy, seed=seed)
            result = _searched(tuner, budget / len(found), candidates)
            if keep:
                tuner.keep(result)
            _print(result, file)


def _journals() -> Path:
    directory = store.own()
    if directory is None:
        raise ValueError("HALIDE_FILTERS_SCHEDULES is off: say with --journal where journals go")
    return directory / "journals"


def _searched(tuner: Tuner, budget: float, candidates: int | None) -> Result:
    """Search, and show how far it is."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("searching", total=budget)
        best, count = 1.0, 0

        def told(measured: journals.Measured) -> None:
            nonlocal best, count
            best, count = min(best, measured.score or best), count + 1
            progress.update(task, description=f"{count} candidates, best {best:.3f}", advance=measured.seconds)

        return tuner.run(budget, told, candidates)


def _print(result: Result, journal: Path) -> None:
    if not result.best:
        print(f"  {result.measured} candidates, none faster than the hand-written schedule")
    else:
        words = ", ".join(f"{name}={value}" for name, value in result.best.items())
        print(f"  {result.measured} candidates; best {result.score:.3f} of the hand-written schedule's time: {words}")
    print(f"  {'kept as ' + str(result.kept) if result.kept else 'nothing is kept'}; journal {journal}")


@app.command()
def show(
    subject: _Subject,
    schedule: Annotated[str, typer.Option(help="'used', 'manual', an autoscheduler, or a .json file.")] = "used",
    target: _Target = "host",
    dtype: _Dtype = "uint8",
    channels: _Channels = 1,
    size: _Size = "64x64",
    settings: _Set = None,
) -> None:
    """Print the schedules of a filter's programs: how nodes are lowered, choices, and the loops of every stage."""
    with _told():
        for program in _programs(subject, target, dtype, channels, size, settings):
            lines = _lines(program, schedule)
            print("\n".join([f"# {program.label}, {targets.family(program.request['target'])}", *lines]))


@app.command()
def diff(
    subject: _Subject,
    other: Annotated[str, typer.Argument(help="'manual', 'used', an autoscheduler, or a .json file.")],
    schedule: Annotated[str, typer.Option(help="What it is compared with.")] = "manual",
    target: _Target = "host",
    dtype: _Dtype = "uint8",
    channels: _Channels = 1,
    size: _Size = "64x64",
    settings: _Set = None,
) -> None:
    """Compare two schedules of a filter's programs, line by line."""
    with _told():
        for program in _programs(subject, target, dtype, channels, size, settings):
            one, two = _lines(program, schedule), _lines(program, other)
            print(f"# {program.label}")
            print("\n".join(difflib.unified_diff(one, two, schedule, other, lineterm="")))


@app.command()
def export(
    subject: _Subject,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .json, or .py for code.")],
    schedule: Annotated[str, typer.Option(help="'used', 'manual', an autoscheduler, or a .json file.")] = "used",
    target: _Target = "host",
    dtype: _Dtype = "uint8",
    channels: _Channels = 1,
    size: _Size = "64x64",
    settings: _Set = None,
) -> None:
    """Write the schedule of a filter's program: as data for ``schedule="FILE.json"``, or as code to go on from."""
    with _told():
        found = _programs(subject, target, dtype, channels, size, settings)
        if len(found) != 1:
            labels = "; ".join(program.label for program in found)
            raise ValueError(f"{subject} runs {len(found)} programs, say which with --set: {labels}")
        chosen = _with_ops(found[0], _chosen(found[0], schedule))
        if output.suffix == ".json":
            chosen.save(output)
        elif output.suffix == ".py":
            output.write_text(_code(found[0], chosen), encoding="utf-8")
        else:
            raise ValueError(f"{output} must end in .json or .py")
        print(output)


@app.command()
def replay(
    journal: Annotated[Path, typer.Argument(help="A journal that tune wrote.")],
    strategy: Annotated[str, typer.Option(help=", ".join(STRATEGIES))] = "climb",
    seed: Annotated[int, typer.Option(help="Of the strategy.")] = 0,
) -> None:
    """Let a strategy search in a journal without running anything: the best score by candidates and seconds."""
    with _told():
        _check_strategy(strategy)
        if not journal.is_file():
            raise ValueError(f"there is no file {journal}")
        best = float("inf")
        for step in journals.replay(journal, strategy, seed):
            if step.best < best:
                best = step.best
                print(f"{step.candidates:5d} candidates {step.seconds:7.1f} s  {best:.3f}")


# ----------------------------------------------------------------------------------------------------- helpers


def _wanted(target: str, dtype: str, channels: int, size: str, settings: list[str] | None) -> Wanted:
    if dtype not in ("uint8", "uint16", "float32"):
        raise ValueError(f"dtype must be uint8, uint16 or float32, not {dtype!r}")
    height, _, width = size.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise ValueError(f"size must be like 1024x768, not {size!r}")
    parameters = {}
    for setting in settings or []:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, not {setting!r}")
        parameters[name] = text
    return Wanted(dtype, channels, int(height), int(width), target, parameters)


def _check_strategy(name: str) -> None:
    if name not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, not {name!r}")


def _programs(
    subject: str, target: str, dtype: str, channels: int, size: str, settings: list[str] | None
) -> list[Program]:
    calls: list[Call] = find(subject, _wanted(target, dtype, channels, size, settings))
    found = {program.key: program for call in calls for program in programs(call.run)}
    return list(found.values())


def _chosen(program: Program, name: str) -> Schedule:
    """Give a schedule of a program by its name."""
    if name == "manual":
        return program.default
    if name == "used":
        return store.find(program.key, store.own()) or program.default
    if name in automatic.AUTOSCHEDULERS:
        return automatic.find(program.request, name, program.label)
    if name.endswith(".json"):
        return Schedule.load(name)
    names = ", ".join(("manual", "used", *automatic.AUTOSCHEDULERS))
    raise ValueError(f"a schedule is {names} or a .json file, not {name!r}")


def _lines(program: Program, name: str) -> list[str]:
    chosen = _chosen(program, name)
    choices = [f"{choice} = {value!r}" for choice, value in chosen.choices]
    return [*choices, *_told_of(program, chosen)["text"].splitlines()]


def _with_ops(program: Program, schedule: Schedule) -> Schedule:
    """Write out the ops of a schedule that has only choices, for those who want to go on from them."""
    return Schedule.from_json(_told_of(program, schedule)["schedule"])


def _told_of(program: Program, schedule: Schedule) -> dict[str, Any]:
    request = {**program.scheduled(schedule), "show": "schedule", "name": "shown"}
    return native.obtain(request, program.label, keep=False)[1].meta


def _code(program: Program, schedule: Schedule) -> str:
    lines = [f'"""A schedule of {program.label}."""', "", "from schedules import Op, Schedule", ""]
    lines += ["SCHEDULE = Schedule(", f"    {dict(schedule.choices)!r},", "    ["]
    lines += [f"        Op.parse({str(op)!r})," for op in schedule.ops or ()]
    return "\n".join([*lines, "    ],", f"    {schedule.stages!r},", ")", ""])


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell an error in one line, and end the command with status 1."""
    try:
        yield
    except (ValueError, TypeError, ScheduleError, TargetError, CompileError, NativeError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        raise typer.Exit(1) from None
