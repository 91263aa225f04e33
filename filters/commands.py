"""The command line: every filter on files, and ``list``, ``view``, ``demo``, ``kernel``, ``warm``, ``doctor``.

The commands of the filters are made from their signatures and docstrings, so a new filter has one by itself.
What only some commands need (rich, Pillow, Halide) is imported by those.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import typer.core

from filters import images
from filters.arguments import COMMON, Argument, arguments_of, summary
from schedules.console import log_to_stderr, one_line

PROGRAM = "python -m filters"
_FILES = "Files"
_OWN = "Options of this filter"
_SHARED = "Options of every filter"

_Debug = Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.", rich_help_panel=_FILES)]


def available() -> dict[str, Callable[..., Any]]:
    """Give the filters by name: the one place where commands learn which there are."""
    import filters

    found = ((name, getattr(filters, name)) for name in filters.__all__)
    return {name: value for name, value in found if isinstance(value, filters.Filter)}


def main() -> None:
    """Run the command line of this process."""
    application()(prog_name=PROGRAM)


def application() -> typer.Typer:
    """Make the command line for the filters there are."""
    app = typer.Typer(
        cls=_Group,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        help="Edge-preserving and large-kernel image filters, on files.",
        epilog=_escaped(f"{PROGRAM} local_laplacian in.jpg out.png --sigma 30 --detail 1.5"),
    )
    app.callback()(_log)
    for name, function in available().items():
        text = _escaped(_description(function))
        app.command(name, help=text, short_help=_escaped(summary(function)), rich_help_panel="Filters")(
            _command(name, function)
        )
    for command in (list_, view, demo, kernel, warm, doctor):
        app.command(command.__name__.rstrip("_"), rich_help_panel="Other commands")(command)
    return app


class _Group(typer.core.TyperGroup):
    """Commands that say what is wrong in one line, and whose names may be typed with hyphens."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        return found if found is not None else super().get_command(ctx, cmd_name.replace("-", "_"))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        arguments = list(sys.argv[1:] if args is None else args) or ["--help"]
        try:
            status = super().main(arguments, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            hint = f" ({context.command_path} --help tells more)" if context else ""
            _say_error(f"{error.format_message()}{hint}")
            status = error.exit_code
        except typer.Abort:
            status = 1
        if not standalone_mode:
            return status
        sys.exit(status if isinstance(status, int) else 0)


def _say_error(text: str) -> None:
    print("error:", " ".join(text.split()), file=sys.stderr)


def _escaped(text: str) -> str:
    """Keep brackets in a text from being taken for rich's markup."""
    return text.replace("[", "\\[")


def _log() -> None:
    log_to_stderr()


@contextlib.contextmanager
def _reported(debug: bool) -> Iterator[None]:
    """Tell an error in one line instead of a traceback, and end with status 1."""
    try:
        yield
    except (typer.TyperException, typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            raise
        _say_error(one_line(error))
        raise typer.Exit(1) from None


# A filter on files


def _description(function: Callable[..., Any]) -> str:
    """Give what stands before the first section of a docstring."""
    lines = (inspect.getdoc(function) or "").splitlines()
    end = next((i for i, line in enumerate(lines) if i and line.startswith("---")), len(lines) + 1)
    return "\n".join(lines[: end - 1]).replace("``", "").strip()


def _command(name: str, function: Callable[..., Any]) -> Callable[..., None]:
    """Make the command of a filter."""
    arguments = arguments_of(function)

    def command(**given: Any) -> None:
        files = {key: given.pop(f"{key}_") for key in ("inputs", "output", "in_place", "max_pixels", "debug")}
        _filter_files(function, _values(arguments, given), **files)

    parameters = [*_file_arguments(), *map(_option, arguments), *_file_options()]
    command.__name__ = name
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        sorted(parameters, key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    )
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)


def _file_arguments() -> list[inspect.Parameter]:
    inputs = typer.Argument(metavar="IN", help="Image files, folders of them, or patterns.", show_default=False)
    output = typer.Argument(
        metavar="OUT",
        help="The file to write; with several images, or without an ending, a folder. Several results are numbered.",
    )
    return [
        _parameter("inputs_", Annotated[list[str], inputs]),
        _parameter("output_", Annotated[str, output]),
    ]


def _file_options() -> list[inspect.Parameter]:
    in_place = typer.Option("--in-place", help="Allow an output to replace an input.", rich_help_panel=_FILES)
    limit = typer.Option(
        "--max-pixels", help="Refuse larger images before they are decoded.", min=1, rich_help_panel=_FILES
    )
    return [
        _parameter("in_place_", Annotated[bool, in_place], False),
        _parameter("max_pixels_", Annotated[int, limit], images.MAX_PIXELS),
        _parameter("debug_", _Debug, False),
    ]


def _option(argument: Argument) -> inspect.Parameter:
    """Declare an option; what was typed is parsed by the argument itself, whatever its type."""
    panel = _SHARED if argument.name in COMMON else _OWN
    if argument.accepted.flag:
        flag = typer.Option(
            f"{argument.flag}/--no-{argument.flag[2:]}", help=_escaped(argument.help), rich_help_panel=panel
        )
        return _parameter(argument.name, Annotated[bool, flag], bool(argument.default))
    option = typer.Option(
        argument.flag,
        help=_escaped(argument.help),
        metavar=argument.accepted.short,
        rich_help_panel=panel,
        show_default=argument.default_text is not None,
    )
    default = inspect.Parameter.empty if argument.required else argument.default_text
    return _parameter(argument.name, Annotated[str if argument.required else str | None, option], default)


def _values(arguments: Sequence[Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn typed options into keyword arguments, leaving out what has its default."""
    values = {}
    for argument in arguments:
        text = given[argument.name]
        if text == argument.default_text or text is None:
            continue
        try:
            values[argument.name] = argument.parse(text) if isinstance(text, str) else text
        except ValueError as error:
            raise _usage_error(str(error)) from None
    return values


def _usage_error(text: str) -> typer.Exit:
    _say_error(text)
    return typer.Exit(2)


def _filter_files(
    function: Callable[..., Any],
    options: Mapping[str, Any],
    *,
    inputs: Sequence[str],
    output: str,
    in_place: bool,
    max_pixels: int,
    debug: bool,
) -> None:
    from filters import batch

    several = getattr(function, "several", None)
    results = len(options[several]) if several else None
    try:
        jobs = batch.plan(inputs, output, in_place=in_place, results=results)
    except batch.PlanError as error:
        raise _usage_error(str(error)) from None
    outcomes = batch.run(jobs, functools.partial(function, **options), max_pixels=max_pixels)
    failed = []
    with _progress(len(jobs), "filtering") as advance:
        for outcome in outcomes:
            advance(outcome.job.source.name)
            if outcome.error is not None:
                if debug:
                    raise outcome.error
                failed.append(outcome)
    _report(failed, len(jobs))


def _report(failed: Sequence[Any], count: int) -> None:
    """Say what failed and end with the status that fits."""
    if not failed:
        return
    refusals = {str(o.error) for o in failed if _is_refusal(o.error)}
    if len(refusals) == 1 and len(failed) == count and all(_is_refusal(o.error) for o in failed):
        raise _usage_error(one_line(failed[0].error))  # it is the arguments, not the images
    for outcome in failed:
        named = isinstance(outcome.error, images.ImageFileError)
        _say_error(("" if named else f"{outcome.job.source}: ") + one_line(outcome.error))
    if count > 1:
        _say_error(f"{len(failed)} of {count} images failed")
    raise typer.Exit(1)


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, (TypeError, ValueError)) and not isinstance(error, images.ImageFileError)


@contextlib.contextmanager
def _progress(count: int, verb: str) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal's standard error while several things are done."""
    if count < 2 or not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(verb, total=count)
        yield lambda name: progress.update(task, advance=1, description=f"{verb} {name}"[:40])


# The other commands


def list_() -> None:
    """List the filters, each with what it does."""
    filters = available()
    width = max(map(len, filters), default=0)
    for name, function in filters.items():
        print(f"{name:{width}}  {summary(function)}")


def view(
    photo: Annotated[
        Path | None, typer.Argument(metavar="[IN]", help="An image file; a sample by default.", show_default=False)
    ] = None,
    guide: Annotated[
        Path | None,
        typer.Option(help="Whose edges filters with a guide keep; the image itself by default.", metavar="FILE"),
    ] = None,
    port: Annotated[int, typer.Option(help="Where to serve the page; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    debug: _Debug = False,
) -> None:
    """Try filters in the browser: sliders for their parameters, before and after."""
    from filters import demo
    from filters.viewing.subject import Subject

    if importlib.util.find_spec("nicegui") is None:
        raise _usage_error("view needs NiceGUI: pip install 'halide-filters[view]'")
    with _reported(debug):
        subject = Subject(photo or demo.PHOTO, available(), guide)
        from filters.viewing import page

        page.serve(subject, port=port, browser=browser)


def demo(
    output: Annotated[Path, typer.Option(help="Folder in which to put the picture.", file_okay=False)] = Path("."),
    debug: _Debug = False,
) -> None:
    """Filter a photo, show the result beside the original, and time it."""
    from filters import demo

    with _reported(debug):
        demo.run(output, available())


def kernel(
    kernel: Annotated[
        str,
        typer.Argument(
            metavar="KERNEL",
            help="FILE.py:NAME (a function k(r), or an array), FILE.npy, FILE.txt, or one of gaussian:SIGMA, "
            "box:RADIUS, derivative:SIGMA, gabor:SIGMA,WAVELENGTH, exponential:LENGTH.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="Figure to write: .png or .svg.", show_default=False)
    ] = None,
    terms: Annotated[int | None, typer.Option(help="Oscillators, 1 to 6; 3 by default.", metavar="N")] = None,
    accuracy: Annotated[
        float | None, typer.Option(help="Instead: the fewest that guarantee so many dB along one axis.", metavar="DB")
    ] = None,
    kind: Annotated[Literal["1", "3", "5", "7"], typer.Option("--type", help="Of the transform.")] = "5",
    radius: Annotated[
        int | None, typer.Option(help="Where a function ends; by default where it has decayed.", metavar="R")
    ] = None,
    debug: _Debug = False,
) -> None:
    """Show how well a few sliding oscillators do for a kernel of your own."""
    from filters.kernel import report
    from filters.kernel.reading import RefusedError

    with _reported(debug):
        try:
            report.run(kernel, output, terms=terms, accuracy=accuracy, type=int(kind), radius=radius)
        except RefusedError as error:
            if debug:
                raise
            raise _usage_error(str(error)) from None


def warm(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILTER]...", help="The filters; all of them by default.", show_default=False),
    ] = None,
    debug: _Debug = False,
) -> None:
    """Compile filters ahead of their first use, for 8-bit and float images, gray and colour."""
    from filters import warming

    filters = available()
    for name in names or ():
        if name not in filters:
            raise _usage_error(f"there is no filter {name}; there are {', '.join(filters)}")
    chosen = {name: filters[name] for name in names or filters}
    with _reported(debug):
        calls = warming.calls(chosen)
        with _progress(len(calls), "compiling") as advance:
            for call in calls:
                advance(call.filter)
                call.run()
    print(f"{len(calls)} calls of {len(chosen)} filters: ready")


def doctor(debug: _Debug = False) -> None:
    """Show what this machine, this installation and its cache are like."""
    from filters import doctor

    with _reported(debug):
        doctor.show()
