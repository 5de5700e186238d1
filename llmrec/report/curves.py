"""How scores depend on something: points of several runs as CSV, as a page and as a plot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmrec.errors import ConfigError, did_you_mean
from llmrec.files import write_atomic
from llmrec.report.page import page
from llmrec.report.plot import Axes, can_plot, marks, svg
from llmrec.report.points import DATA, Point, points, to_csv
from llmrec.report.study import Ran, Study
from llmrec.results import VALID, Metrics

POINTS = "points.csv"
PAGE = "page.md"
PLOT = "plot.svg"


@dataclass(frozen=True, kw_only=True)
class Curves(Study):
    """Scores over `x`: a column of the data (users, items, interactions, density, dataset) or one of
    `settings`, which names places in the config. `metric` is the first headline one of the task where it
    is null; `shape`, a column too, tells points of one curve apart, null: nothing does.
    """

    title: str
    x: str
    log: bool
    metric: str | None
    shape: str | None
    settings: dict[str, str]

    def __post_init__(self) -> None:
        super().__post_init__()
        columns = [*DATA, *self.settings]
        for name in ("x", "shape"):
            column = getattr(self, name)
            if column is not None and column not in columns:
                near = did_you_mean(column, columns) or f"; known are {', '.join(columns)}"
                raise ConfigError(f"{name}: '{column}' is no column of the points{near}")

    def write(self, ran: Sequence[Ran], to: Path) -> Iterator[Path]:
        found = points(ran, self.settings)
        image = PLOT if can_plot() else None
        yield self._put(to / POINTS, to_csv(found, list(self.settings)))
        yield self._put(to / PAGE, self.page(ran, found, image).encode())
        shown = self._shown(found, [run.metrics for run in ran if run.metrics is not None])
        axes = Axes(title=self.title, x=self.x, log=self.log, shape=self.shape)
        yield self._put(to / PLOT, svg(marks(shown, axes), axes))

    def page(self, ran: Sequence[Ran], found: Sequence[Point], image: str | None) -> str:
        """Return the page in Markdown; `image` is the plot's file, if there is one."""
        return page(self.title, ran, found, list(self.settings), image)

    def _put(self, path: Path, content: bytes) -> Path:
        write_atomic(path, content)
        return path

    def _shown(self, found: Sequence[Point], done: Sequence[Metrics]) -> list[Point]:
        """Return the points of the metric that is plotted. Raises ConfigError where a task has no such."""
        wanted = {run.task: self.metric or run.headline[0] for run in done}
        kept = [
            point
            for point in found
            if not point.result.id.endswith(VALID)
            and wanted[str(point.row["task"])] in (point.result.id, point.result.id.partition("/")[0])
        ]
        for run in done:
            known = dict.fromkeys(r.id.partition("/")[0] for r in run.metrics if not r.id.endswith(VALID))
            if not any(point.row["task"] == run.task for point in kept):
                near = did_you_mean(wanted[run.task], known) or f"; known are {', '.join(known)}"
                raise ConfigError(f"study.metric: '{wanted[run.task]}' is no score of task={run.task}{near}")
        return kept
