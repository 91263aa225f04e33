"""Showing how an epoch goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.loader import FilterLoader


def shown(loader: FilterLoader, description: str) -> Iterator[Any]:
    """Go through an epoch with a bar: batches, images a second, starvation, seconds of the stages."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}")
    with Progress(*columns, TimeRemainingColumn()) as progress:
        task = progress.add_task(description, total=loader.left(), told="")
        for batch in loader:
            yield batch
            progress.update(task, advance=1, told=_told(loader.stats()))


def _told(stats: dict[str, Any]) -> str:
    rate, waited = stats["images_per_second"], stats["starvation"]
    stages = ", ".join(f"{name} {stats[name]:.1f} s" for name in ("read", "filter"))
    return f"{rate:.0f} images/s, waited {waited:.0%}, {stages}"
