"""How progress looks: bars in a terminal, plain lines with times elsewhere. All of it on stderr."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.prompt import Confirm
from rich.segment import Segment
from rich.text import Text

from llmrec.exits import visible
from llmrec.processes import rank
from llmrec.progress import Advance, Progress

SECONDS_BETWEEN_LINES = 5.0


class Terminal(Console):
    """A console that reads no markup in texts, and whose every control sequence is its own."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, **settings)

    @property
    def file(self) -> IO[str]:
        stream = super().file
        return getattr(stream, "raw", stream)  # past the guard of `terminal.Guarded`

    @file.setter
    def file(self, stream: IO[str]) -> None:
        self._file = stream

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for made in super().render(renderable, options):
            yield made if made.control else Segment(visible(made.text), made.style)


@cache
def errors() -> Console:
    """Return where to tell what goes on: standard error, of the first process alone."""
    return Terminal(stderr=True, highlight=False, soft_wrap=True, quiet=rank() > 0)


def progress() -> Progress:
    """Return bars if standard error is a terminal, lines if it is not."""
    console = errors()
    return Bars(console) if console.is_terminal else Lines()


class Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f} {task.fields['unit']}/s" if task.speed else "")


class Bars:
    """A rich bar each, gone when done."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def bar(self, label: str, total: int | None, unit: str) -> Iterator[Advance]:
        done: list[ProgressColumn] = [DownloadColumn()] if unit == "bytes" else [MofNCompleteColumn(), Rate()]
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), *done]
        times = [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
        with RichProgress(*columns, *times, console=self.console, transient=True) as bars:
            task = bars.add_task(label, total=total, unit=unit)

            def advance(amount: int, note: str = "") -> None:
                bars.update(task, advance=amount, description=f"{label}, {note}" if note else label)

            yield advance

    def tell(self, line: str) -> None:
        self.console.print(line)

    def agrees(self, question: str) -> bool:
        return sys.stdin.isatty() and Confirm.ask(escape(question), console=self.console, default=False)


class Lines:
    """A line every few seconds, and none for what takes less."""

    def tell(self, line: str) -> None:
        errors().print(line)

    def agrees(self, question: str) -> bool:
        return False

    def bar(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        return self._lines(label, total, unit)

    @contextmanager
    def _lines(self, label: str, total: int | None, unit: str) -> Iterator[Advance]:
        console = errors()
        start = told = time.monotonic()
        done = 0

        def advance(amount: int, note: str = "") -> None:
            nonlocal done, told
            done += amount
            now = time.monotonic()
            if now - told < SECONDS_BETWEEN_LINES:
                return
            told = now
            rate = done / (now - start)
            left = f", {(total - done) / rate:,.0f} s left" if total and rate else ""
            of = f" of {total:,}" if total else ""
            also = f", {note}" if note else ""
            console.print(f"{label}: {done:,}{of} {unit}, {rate:,.1f} {unit}/s{left}{also}")

        yield advance
        took = time.monotonic() - start
        if told != start or took > SECONDS_BETWEEN_LINES:
            console.print(f"{label}: {done:,} {unit} in {took:,.0f} s")
