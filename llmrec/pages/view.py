"""What a page is made of, before it becomes HTML: sections of tables, and of charts beside their tables."""

from collections.abc import Sequence
from typing import NamedTuple

from llmrec.report.table import number
from llmrec.results import MetricResult


class Cell(NamedTuple):
    """A cell. `text` may have two lines; a column of numbers is sorted by `key`, any other by its words;
    `link` is the fragment that it leads to."""

    text: str
    key: float | None = None
    best: bool = False
    link: str = ""


class Table(NamedTuple):
    """A table; the first `own` of its rows are runs, the rest floors. `sorts` says that a reader may."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    own: int
    notes: Sequence[str] = ()
    sorts: bool = False

    @property
    def numeric(self) -> list[bool]:
        """For each column, whether it holds numbers, which stand right."""
        return [any(row[at].key is not None for row in self.rows) for at in range(len(self.header))]


class Figure(NamedTuple):
    """A chart as SVG, "" where none can be drawn, and the figures in it."""

    title: str
    svg: str
    table: Table


class Section(NamedTuple):
    """A part of the page; `about` says in a few sentences how it is to be read."""

    id: str
    title: str
    about: str
    tables: Sequence[Table]
    figures: Sequence[Figure]


def words(text: str) -> Cell:
    return Cell(text)


def count(amount: int) -> Cell:
    return Cell(f"{amount:,}", float(amount))


def amount(value: float | None) -> Cell:
    """Return a number as scores are written, "-" where there is none."""
    return Cell("-") if value is None else Cell(number(value), value)


def scored(result: MetricResult | None, best: bool = False) -> Cell:
    """Return a score over its interval."""
    if result is None or result.value is None:
        return Cell("-")
    return Cell(number(result.value) + interval(result.ci95), result.value, best)


def interval(limits: tuple[float, float] | None) -> str:
    """Return an interval as a second line of a cell."""
    return f"\n[{number(limits[0])}, {number(limits[1])}]" if limits else ""
