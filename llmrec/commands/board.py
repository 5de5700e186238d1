"""How the runs of a sweep stand, read from their folders: whoever runs them, here or elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from llmrec.ahead import Cell
from llmrec.artifacts import ALL_COMPLETIONS, ERROR, LOCK, METRICS
from llmrec.estimate import called
from llmrec.report.power import lasting

SECONDS_BETWEEN_LOOKS = 1.0
WAITING, GOING, DONE, FAILED = "waiting", "going", "done", "failed"
STYLES = {WAITING: "dim", GOING: "bold", DONE: "green", FAILED: "red"}
MOST_ROWS = 16  # of a table that has to fit a terminal


class Stand(NamedTuple):
    """Where a run is: its state, the rows answered of those that it has, 0 where that is not told, seconds so
    far, and why it failed."""

    state: str
    done: int = 0
    rows: int = 0
    seconds: float = 0.0
    reason: str = ""

    @property
    def left(self) -> float | None:
        """Seconds until its last row, if it goes on so."""
        known = self.state == GOING and self.done and self.rows
        return self.seconds / self.done * (self.rows - self.done) if known else None


class Board:
    """The table of a sweep's runs, those that are left out aside."""

    def __init__(self, cells: Sequence[Cell], console: Console) -> None:
        self._cells = [cell for cell in cells if not cell.run.left_out]
        self._console = console
        self._since = time.monotonic()
        self._begun = dict[Path, float]()
        self._then = {path: written(path) for cell in self._cells for path in files(cell.run.folder)}
        self.stands = [self._stand(cell) for cell in self._cells]

    @contextmanager
    def shown(self, lines: bool) -> Iterator[None]:
        """Show the table while the body runs, where there is a terminal; elsewhere, with `lines`, a line as
        each run ends."""
        ended = Event()
        watching = Thread(target=self._watch, args=(ended, lines and not self._console.is_terminal))
        watching.start()
        try:
            if self._console.is_terminal:
                with Live(get_renderable=self.table, console=self._console, transient=True):
                    yield
            else:
                yield
        finally:
            ended.set()
            watching.join()

    def _watch(self, ended: Event, lines: bool) -> None:
        last = False
        while not last:
            last = ended.wait(SECONDS_BETWEEN_LOOKS)
            before, self.stands = self.stands, [self._stand(cell) for cell in self._cells]
            for number, (was, now) in enumerate(zip(before, self.stands, strict=True), 1):
                if lines and was.state != now.state and now.state in (DONE, FAILED):
                    self._console.print(self._line(number, now))

    def _line(self, number: int, stand: Stand) -> str:
        reason = f": {stand.reason}" if stand.reason else ""
        return f"run {number} of {len(self.stands)} {stand.state}{reason}, {self.told()}"

    def told(self) -> str:
        """Return how many runs are left, and for how long if they go on so."""
        left = sum(stand.state in (WAITING, GOING) for stand in self.stands)
        ended = [stand for stand in self.stands if stand.state == DONE and stand.seconds]
        words = [f"{sum(stand.state == DONE for stand in self.stands)} done"]
        if failed := sum(stand.state == FAILED for stand in self.stands):
            words.append(f"{failed} failed")
        words.append(f"{left} left")
        if left and ended:
            words.append(f"about {lasting((time.monotonic() - self._since) / len(ended) * left)}")
        return ", ".join(words)

    def table(self) -> Table:
        """Return the runs that matter now: those that go or failed, and those next to them."""
        heads = ("run", "task", "dataset", "model", "prompt", "state", "rows", "time", "left")
        grid = Table(*heads, caption=self.told())
        order = (GOING, FAILED, WAITING, DONE)
        places = sorted(range(len(self.stands)), key=lambda at: order.index(self.stands[at].state))
        for at in sorted(places[:MOST_ROWS]):
            stand, choices = self.stands[at], self._cells[at].run.choices
            rows = f"{stand.done:,} of {stand.rows:,}" if stand.rows else ""
            times = [lasting(stand.seconds) if stand.seconds else "", lasting(stand.left or 0)]
            grid.add_row(
                str(at + 1),
                *called(choices),
                choices["prompt"]["name"],
                Text(stand.reason or stand.state, STYLES[stand.state]),
                rows,
                times[0],
                times[1] if stand.left else "",
            )
        return grid

    def _stand(self, cell: Cell) -> Stand:
        folder, rows = cell.run.folder, cell.size.rows
        lock, error, metrics = (written(path) != self._then[path] for path in files(folder))
        now = time.monotonic()
        if lock:
            self._begun.setdefault(folder, now)
        seconds = now - self._begun.get(folder, now)
        if error and (reason := content(folder / ERROR)):
            return Stand(FAILED, seconds=seconds, reason=reason.decode().strip())
        if metrics:
            return Stand(DONE, rows, rows, seconds)
        if lock:
            return Stand(GOING, min(answered(folder), rows), rows, seconds)
        return Stand(DONE if cell.finished else WAITING, rows if cell.finished else 0, rows)


def files(folder: Path) -> tuple[Path, Path, Path]:
    """Return what is written when a run begins, when it fails, and when it is done."""
    return folder / LOCK, folder / ERROR, folder / METRICS


def written(path: Path) -> float:
    """Return when a file was written last, 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def answered(folder: Path) -> int:
    """Return how many answers a run has on disk."""
    return sum(content(path).count(b"\n") for path in folder.glob(ALL_COMPLETIONS))


def content(path: Path) -> bytes:
    """Return what is in a file; nothing where whoever runs has just taken it away."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
