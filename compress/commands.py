"""The command line: the report's tables, and what files of smaller networks hold.

python -m compress prune --data cifar10 cifar-10-python.tar.gz
python -m compress stage --scale 0.1 --seeds 1 --state trainings --json stage.json
python -m compress quantize --bits 3,4
python -m compress show smaller.safetensors

What needs torch and data sets is imported by the commands that do.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from compress.keeping import replaced
from dsl.arguments import number, whole
from schedules.console import one_line

if TYPE_CHECKING:
    from compress.experiments import Plan, Results
    from compress.experiments.experiment import Told
    from compress.training import Epoch

#: Columns of a table that does not go to a terminal.
_COLUMNS = 240

_Path = Annotated[
    Path | None,
    typer.Argument(
        metavar="PATH",
        help="The archive or folder of CIFAR's python version; the folder of Fashion-MNIST, by default Debian's.",
        show_default=False,
    ),
]
_Data = Annotated[Literal["fashion-mnist", "cifar10", "cifar100"], typer.Option(help="With VGG-16 for CIFAR.")]
_Rates = Annotated[
    str | None,
    typer.Option(metavar="SHARE,...", help="Shares of the parameters to remove; by default the report's."),
]
_Seeds = Annotated[int, typer.Option(help="How often all of it is done, from other random numbers.")]
_Scale = Annotated[float, typer.Option(help="What all numbers of epochs are multiplied by: 0.1 for 20 and 2.")]
_Images = Annotated[
    int | None, typer.Option(metavar="N", help="Train with the first so many only.", show_default=False)
]
_Width = Annotated[float, typer.Option(help="Channels of the network, as a part of the usual ones.")]
_State = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Keep networks and states of trainings there. The same command goes on where it was stopped.",
        show_default=False,
    ),
]
_Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the figures of each seed there, too.", show_default=False),
]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Train, prune and quantise networks as the report does, and show what files of smaller networks hold.",
)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="python -m compress")


@app.command()
def prune(
    path: _Path = None,
    data: _Data = "fashion-mnist",
    rates: _Rates = None,
    method: Annotated[
        Literal["compensated", "paper"], typer.Option(help="Whether channels that stay do what others did.")
    ] = "compensated",
    seeds: _Seeds = 3,
    scale: _Scale = 1.0,
    images: _Images = None,
    width: _Width = 1.0,
    state: _State = None,
    json_: _Json = None,
) -> None:
    """Re-training after pruning: accuracies and seconds at several rates, beside training anew."""
    with _told():
        from compress.experiments import pruning

        def experiment(plan: Plan) -> Results:
            return pruning(plan, _rates(rates, plan), method)

        _run(experiment, json_, data, path, seeds, scale, images, width, state)


@app.command()
def stage(
    path: _Path = None,
    data: _Data = "fashion-mnist",
    rates: _Rates = None,
    seeds: _Seeds = 3,
    scale: _Scale = 1.0,
    images: _Images = None,
    width: _Width = 1.0,
    state: _State = None,
    json_: _Json = None,
) -> None:
    """Pruning before training and behind 30 epochs of 200, beside pruning a network that was trained."""
    with _told():
        from compress.experiments import staging

        def experiment(plan: Plan) -> Results:
            return staging(plan, _rates(rates, plan))

        _run(experiment, json_, data, path, seeds, scale, images, width, state)


@app.command()
def quantize(
    path: _Path = None,
    data: _Data = "fashion-mnist",
    bits: Annotated[str, typer.Option(metavar="BITS,...", help="Of a weight, 3 to 8.")] = "8,6,5,4,3",
    seeds: _Seeds = 3,
    scale: _Scale = 1.0,
    images: _Images = None,
    width: _Width = 1.0,
    state: _State = None,
    json_: _Json = None,
) -> None:
    """Weights of few bits: noise and accuracy of formats that fit each channel, beside others."""
    with _told():
        from compress.experiments import quantization

        wanted = [whole(each, "bits", 3, 8) for each in _listed(bits, "bits", int)]

        def experiment(plan: Plan) -> Results:
            return quantization(plan, wanted)

        _run(experiment, json_, data, path, seeds, scale, images, width, state)


@app.command()
def show(file: Annotated[Path, typer.Argument(metavar="FILE", help="What save wrote of a smaller network.")]) -> None:
    """Print the report of a network that was pruned or quantised."""
    with _told():
        from compress.loading import load

        if not file.is_file():
            raise FileNotFoundError(f"there is no file {file}")
        print(load(file).report)


# ----------------------------------------------------------------------------------------------------- helpers


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell an error in one line, and end the command with status 1."""
    try:
        yield
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        raise typer.Exit(1) from None


def _run(
    experiment: Callable[[Plan], Results],
    file: Path | None,
    data: Any,
    path: Path | None,
    seeds: int,
    scale: float,
    images: int | None,
    width: float,
    state: Path | None,
) -> None:
    """Do an experiment and show how it goes; print its table, and write it to a file."""
    from compress.experiments import Plan, read

    if file is not None and not file.absolute().parent.is_dir():
        raise FileNotFoundError(f"--json: there is no folder {file.parent}")
    source = read(data, path)
    with _progress() as told:
        found = experiment(Plan(source, seeds, scale, images, width, state, told))
    if file is not None:
        text = json.dumps(found.data(), indent=1, ensure_ascii=False) + "\n"
        with replaced(file) as beside:
            beside.write_text(text, encoding="utf-8")
    _print(found)


def _rates(text: str | None, plan: Plan) -> list[float]:
    if text is None:
        return list(plan.data.rates)
    return [number(each, "rates", 0.01, 0.99) for each in _listed(text, "rates", float)]


def _listed(text: str, name: str, kind: Callable[[str], Any]) -> list[Any]:
    try:
        return [kind(each) for each in text.split(",")]
    except ValueError:
        raise ValueError(f"{name} must be numbers with commas between, not {text!r}") from None


@contextlib.contextmanager
def _progress() -> Iterator[Told]:
    """Show trainings on standard error: a bar on a terminal, and a line when one is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("")

        def told(name: str, done: int, epochs: int, epoch: Epoch) -> None:
            text = f"{name}: {epoch.accuracy:.1%} right while training, {epoch.seconds:.1f} s an epoch"
            progress.update(task, description=text, completed=done, total=epochs)
            if done == epochs:
                progress.console.print(f"{text}, {epochs} epochs")

        yield told


def _print(found: Results) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from compress.experiments.results import cell

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in found.rows[0]:
        table.add_column(Text(name.replace(": ", "\n", 1)), justify="right", vertical="bottom")
    for row in found.rows:
        table.add_row(*(Text(cell(value)) for value in row.values()))
    print(found.title, *found.notes, sep="\n")
    print("Whole network: " + ", ".join(f"{name} {cell(value)}" for name, value in found.whole.items()), end="\n\n")
    Console(width=None if sys.stdout.isatty() else _COLUMNS).print(table)
