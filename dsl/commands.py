"""The command line: ``build``, ``run`` and ``show`` the filters of a script.

    python -m dsl build unsharp.py -o build --dtype uint8 --channels 3
    python -m dsl run   unsharp.py in.jpg out.png --sigma 5 --amount 1
    python -m dsl show  unsharp.py --as ir

A mistake in the script is told as ``FILE:LINE: message``, with status 1; one in the command with status 2.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Annotated, Any

import typer

from dsl.errors import DSLError
from dsl.tracing import Filter, Parameter
from dsl.values import Image, Scalar, Table
from schedules.console import log_to_stderr, one_line

_Script = Annotated[Path, typer.Argument(metavar="SCRIPT", help="Python file with one or more @dsl.filter.")]
_Name = Annotated[str | None, typer.Option("--filter", help="Which filter, if the script has several.")]
_Dtype = Annotated[str, typer.Option(help="uint8, uint16 or float32.")]
_Channels = Annotated[int, typer.Option(help="Elements from pixel to pixel.")]
_Target = Annotated[str, typer.Option(help="Machine to build for, such as x86-64-linux-avx2-fma.")]
_Schedule = Annotated[str, typer.Option(help="'manual', an autoscheduler such as 'adams2019', or a .json file.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Value of an int, str or bool parameter; may be repeated."),
]


class Form(Enum):
    """What ``show`` can show."""

    IR = "ir"
    HALIDE = "halide"
    SCHEDULE = "schedule"
    STMT = "stmt"
    ASSEMBLY = "assembly"
    DEVICE = "device"


app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Build, run and show image filters written in Python.",
)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="python -m dsl")


@app.callback()
def _log() -> None:
    log_to_stderr()


@app.command()
def build(
    script: _Script,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the library.", file_okay=False)],
    name: _Name = None,
    dtype: _Dtype = "float32",
    channels: _Channels = 1,
    target: _Target = "host",
    schedule: _Schedule = "manual",
    settings: _Set = None,
) -> None:
    """Build a native library: .h, .a, .o and, where there is a linker, .so."""
    with _told(script):
        chosen = _choose(script, name)
        structural = _structural(chosen, settings or [])
        files = chosen.build(output, dtype=dtype, channels=channels, target=target, schedule=schedule, **structural)
        for file in files.values():
            print(file)


@app.command()
def show(
    script: _Script,
    form: Annotated[Form, typer.Option("--as", help="What to show.")] = Form.IR,
    name: _Name = None,
    dtype: _Dtype = "float32",
    channels: _Channels = 1,
    target: _Target = "host",
    schedule: _Schedule = "manual",
    settings: _Set = None,
) -> None:
    """Print a filter as its program, its schedule, the loops Halide makes of it, or machine code."""
    with _told(script):
        chosen = _choose(script, name)
        structural = _structural(chosen, settings or [])
        if form is Form.IR:
            print(chosen.source(**structural))
            return
        from dsl import library
        from schedules.native import compile as native

        request = library.request(chosen, dtype, channels, target, schedule, structural)
        request |= {"show": form.value, "name": chosen.__name__}
        _, found, _ = native.obtain(request, f"{chosen.__name__} as {form.value}", keep=False)
        print(found.meta["text"])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    script: _Script,
    source: Annotated[Path, typer.Argument(metavar="IN", help="Image file.")],
    result: Annotated[Path, typer.Argument(metavar="OUT", help="Image file to write.")],
    name: _Name = None,
) -> None:
    """Filter an image file; its parameters are options, as are --border, --threads and --target.

    Of a filter with several outputs OUT_0, OUT_1, ... are written, and named.
    """
    with _told(script):
        chosen = _choose(script, name)
        options = _options(chosen, context.args)
        filtered = _filtered(chosen, _read(source), options)
        if not isinstance(filtered, tuple):
            _write(result, filtered)
            return
        for i, image in enumerate(filtered):
            file = result.with_stem(f"{result.stem}_{i}")
            _write(file, image)
            print(file)


# ------------------------------------------------------------------------------------------------- the script


class _UsageError(Exception):
    """A mistake in the command, not in the script."""


@contextlib.contextmanager
def _told(script: Path) -> Iterator[None]:
    """Tell an error in one line, at the script's line if it comes from there, and end the command."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = None
        raise typer.Exit(1) from None
    except _UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except Exception as error:
        print(_message(script, error), file=sys.stderr)
        raise typer.Exit(1) from None


def _message(script: Path, error: Exception) -> str:
    if isinstance(error, DSLError):
        return f"{error.filename}:{error.lineno}: {error.message}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {error.msg}"
    text = one_line(error).removeprefix(f"{type(error).__name__}: ")
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(script)]
    return f"{script}:{lines[-1]}: {type(error).__name__}: {text}" if lines else f"error: {one_line(error)}"


def load(script: Path) -> dict[str, Filter]:
    """Run a script and give its filters by name; what it imports from elsewhere is not counted."""
    if not script.is_file():
        raise _UsageError(f"there is no file {script}")
    folder = str(script.resolve().parent)
    if folder not in sys.path:  # as for a script that is run by Python
        sys.path.insert(0, folder)
    name = f"dsl script {script.stem}"  # no module that is imported can have this name
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, str(script)))
    if spec is None or spec.loader is None:
        raise _UsageError(f"{script} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found = (value for value in vars(module).values() if isinstance(value, Filter))
    return {value.__name__: value for value in found if value.function.__module__ == name}


def _choose(script: Path, name: str | None) -> Filter:
    filters = load(script)
    if not filters:
        raise _UsageError(f"{script} defines no filter: decorate a function with @dsl.filter")
    if name is None and len(filters) > 1:
        raise _UsageError(f"{script} defines {', '.join(filters)}: choose one with --filter")
    if name is not None and name not in filters:
        raise _UsageError(f"{script} defines no filter {name}, but {', '.join(filters)}")
    return filters[name] if name is not None else next(iter(filters.values()))


# ------------------------------------------------------------------------------------------------ the options


def _structural(chosen: Filter, settings: Sequence[str]) -> dict[str, Any]:
    """Read ``--set NAME=VALUE``."""
    parameters = {p.name: p for p in chosen.parameters if p.structural}
    values = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in parameters:
            known = ", ".join(parameters) or "none"
            raise _UsageError(f"--set takes NAME=VALUE with NAME a structural parameter ({known}), not {setting}")
        values[name] = value(parameters[name], text)
    return values


_COMMON = {"border": str, "border_value": float, "target": str, "schedule": str, "threads": int}


def _options(chosen: Filter, words: Sequence[str]) -> dict[str, Any]:
    """Read ``--NAME VALUE`` and ``--NAME=VALUE`` for a filter's parameters and every filter's options."""
    parameters = {p.name: p for p in chosen.parameters[1:]}
    parameters |= {name: Parameter(name, kind, None) for name, kind in _COMMON.items()}
    values: dict[str, Any] = {}
    pending = list(words)
    while pending:
        word = pending.pop(0)
        flag, equals, text = word.partition("=")
        name = flag[2:].replace("-", "_")
        if not flag.startswith("--") or name not in parameters:
            known = ", ".join("--" + name.replace("_", "-") for name in parameters)
            raise _UsageError(f"{chosen.__name__} has no option {word}; it has {known}")
        if not equals:
            if not pending:
                raise _UsageError(f"{flag} needs a value")
            text = pending.pop(0)
        values[name] = value(parameters[name], text)
    return values


def value(parameter: Parameter, text: str) -> Any:
    """Read a value as what the parameter is."""
    if issubclass(parameter.kind, Image):
        return _read(Path(text))
    if parameter.kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in words:
            raise _UsageError(f"{parameter.name} must be true or false, not {text!r}")
        return words[text.lower()]
    kinds = {Scalar: (float, "a number"), float: (float, "a number"), int: (int, "a whole number")}
    try:
        if parameter.kind is Table:
            return [float(word) for word in text.split(",")]
        return kinds[parameter.kind][0](text) if parameter.kind in kinds else text
    except ValueError:
        wanted = "numbers with commas between" if parameter.kind is Table else kinds[parameter.kind][1]
        raise _UsageError(f"{parameter.name} must be {wanted}, not {text!r}") from None


# ------------------------------------------------------------------------------------------------ image files

_WRITABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".pgm", ".ppm")


def _filtered(chosen: Filter, image: Any, options: Mapping[str, Any]) -> Any:
    """Filter gray or colour; transparency is kept as it is."""
    import numpy as np

    if image.ndim == 3 and image.shape[-1] in (2, 4):
        colour = chosen(image[..., :-1], **options)
        if isinstance(colour, tuple):
            return tuple(np.concatenate([each, image[..., -1:]], axis=-1) for each in colour)
        return np.concatenate([colour, image[..., -1:]], axis=-1)
    return chosen(image, **options)


def _read(path: Path) -> Any:
    import imageio.v3 as imageio

    if not path.is_file():
        raise _UsageError(f"there is no file {path}")
    if _is_deep_colour(path):  # Pillow would drop half of the bits without a word
        raise _UsageError(f"{path} is a PNG of 16 bits a colour, which is not read here: convert it to TIFF")
    try:
        return imageio.imread(path, plugin=_plugin(path))
    except Exception as error:  # whatever a decoder raises, it is this file that is wrong
        raise _UsageError(f"{path} cannot be read as an image: {_first_line(error)}") from None


def _write(path: Path, image: Any) -> None:
    import imageio.v3 as imageio

    if path.suffix.lower() not in _WRITABLE:
        raise _UsageError(f"{path} cannot be written: its name must end in one of {', '.join(_WRITABLE)}")
    try:
        imageio.imwrite(path, image, plugin=_plugin(path))
    except Exception as error:
        raise _UsageError(f"{path} cannot be written: {_first_line(error)}") from None


def _plugin(path: Path) -> str:
    return "tifffile" if path.suffix.lower() in (".tif", ".tiff") else "pillow"


def _is_deep_colour(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(26)
    return head.startswith(b"\x89PNG") and head[24:26] in (b"\x10\x02", b"\x10\x06")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
