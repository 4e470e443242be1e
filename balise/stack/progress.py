"""What the stack tells while it downloads and waits: nothing, or a bar in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars


class Progress(Protocol):
    """Someone to tell what is going on."""

    def step(self, text: str) -> AbstractContextManager[None]:
        """Show that this is being waited for, until the block ends."""
        ...

    def bytes(self, text: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show a download; the block calls what it gets with the bytes there so far."""
        ...


class Silent:
    """Tells nothing."""

    @contextmanager
    def step(self, text: str) -> Generator[None, None, None]:
        """Wait in silence."""
        del text
        yield

    @contextmanager
    def bytes(self, text: str, total: int) -> Generator[Callable[[int], None], None, None]:
        """Download in silence."""
        del text, total
        yield lambda _done: None


class Terminal:
    """Draws a line for each step and a bar for each download."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)

    @contextmanager
    def step(self, text: str) -> Generator[None, None, None]:
        """Turn a spinner with the seconds beside it; the line stays when it is done."""
        columns = (
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(text, total=1)
            yield
            bars.update(task, completed=1)

    @contextmanager
    def bytes(self, text: str, total: int) -> Generator[Callable[[int], None], None, None]:
        """Fill a bar with bytes, speed and percentage."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
        )
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(text, total=total)
            yield lambda done: bars.update(task, completed=done)
            bars.update(task, completed=total)
