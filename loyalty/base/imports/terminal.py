"""How far an import is, for whoever sits at the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from loyalty.base.imports import reading


@contextmanager
def progress_bar(file: Path, done: int) -> Iterator[Callable[..., None]]:
    """A bar with rate and time left, for people; what is piped gets none.

    Gives a function that is told how many rows are done, and by keyword what else was counted in this run.
    """
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(file.name, total=reading.count_lines(file), completed=done, rate="")

        def show(rows: int, **others: int) -> None:
            seconds = bar.tasks[task].elapsed or 1
            rates = [("rows", rows - done), *others.items()]
            rate = "".join(f"{count / seconds:,.0f} {name}/s, " for name, count in rates).rstrip()
            bar.update(task, completed=rows, rate=rate)

        yield show
