"""The leaderboard: the tables of `llmrec report`, with what is significantly best in bold."""

from collections.abc import Sequence
from typing import NamedTuple

from llmrec.comparison.differences import ALPHA
from llmrec.comparison.table import p_value
from llmrec.metric.base import Array
from llmrec.metric.difference import apart
from llmrec.metric.permutation import corrected, p_values
from llmrec.metric.score import by_row
from llmrec.pages.groups import Entry, Group, Score
from llmrec.pages.view import Cell, Section, Table, count, interval, words
from llmrec.report.table import Grid, grid, heading
from llmrec.results import Floor, MetricResult, Verdict, find

ABOUT = (
    "A table for each set of rows that runs share; floors, which know no more than the training rows, stand "
    "dimmed. A value is bold where it is significantly best: better than every other run of the table (the "
    "paired bootstrap interval leaves out zero, and p < .05 by the permutation test, after Holm's correction "
    "over all comparisons of the table) and better than every floor."
)
HEADER = ("score", "best", "other", "best minus other", "p", "p Holm", "n")


class Rival(NamedTuple):
    """The best run by a score held against another: the paired difference, with p-values alone and
    corrected."""

    score: Score
    best: Entry
    other: Entry
    difference: MetricResult
    p: float
    p_corrected: float

    @property
    def beaten(self) -> bool:
        """Say whether the best run is better than this one, and not by chance."""
        low, high = self.difference.ci95 or (0.0, 0.0)
        up = self.difference.higher_is_better
        return self.p_corrected < ALPHA and (low > 0.0 if up else high < 0.0)


def leaderboard(groups: Sequence[Group]) -> Section:
    """Return the tables of all groups, each with the comparisons behind its bold values."""
    tables = []
    for group in groups:
        found = rivals(group)
        made = grid([entry.metrics for entry in group.entries])
        tables.append(board(group, made, significantly_best(group, found)))
        if found:
            tables.append(compared(found))
    return Section("leaderboard", "Leaderboard", ABOUT, tables, [])


def rivals(group: Group) -> list[Rival]:
    """Return the best run of each headline score against all others, corrected together."""
    settings = group.entries[0].run.choices
    seed, resamples = int(settings["seed"]), int(settings["resamples"])
    found = []
    for score in group.scores:
        best = first(group, score)
        for other in group.entries:
            if best is None or other is best:
                continue
            one, two = (statistics(group, entry, score) for entry in (other, best))
            difference = apart([(score.metric, score.ids)], [one], [two], seed, resamples)[score.column]
            p = p_values(score.metric, one, two, seed)[score.column]
            found.append(Rival(score, best, other, difference, p, p))
    together = corrected([rival.p for rival in found])
    return [rival._replace(p_corrected=p) for rival, p in zip(found, together, strict=True)]


def statistics(group: Group, entry: Entry, score: Score) -> Array:
    questions = [example.question for example in group.examples]
    return by_row(questions, group.statistics[group.entries.index(entry)][score.place])


def first(group: Group, score: Score) -> Entry | None:
    """Return the run of the best value, the earliest of equal ones."""
    known = [
        (result.value if score.metric.higher_is_better else -result.value, entry)
        for entry in group.entries
        if (result := entry.result(score.id)) is not None and result.value is not None
    ]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def significantly_best(group: Group, found: Sequence[Rival]) -> dict[str, int]:
    """Return the run, by its place in the group, that is significantly best by each score where one is."""
    best: dict[str, int] = {}
    for score in group.scores:
        held = [rival for rival in found if rival.score.id == score.id]
        if held and all(rival.beaten for rival in held):
            entry = held[0].best
            own = {other.metrics.model for other in group.entries}
            floors = [floor for floor in entry.metrics.floors if floor.model not in own]
            if all(beats(floor, score.id) for floor in floors):
                best[score.id] = group.entries.index(entry)
    return best


def beats(floor: Floor, id: str) -> bool:
    return any(margin.id == id and margin.verdict is Verdict.yes for margin in floor.margins)


def board(group: Group, made: Grid, best: dict[str, int]) -> Table:
    """Return a grid as a table whose columns sort by their whole values."""
    shown = [result for name in group.first.headline for result in find(group.first.metrics, name)]
    columns = {made.header.index(heading(result)): result.id for result in shown}
    valid = made.header.index("valid")
    rows = []
    for place, row in enumerate(made.rows):
        cells = [Cell(text) for text in row]
        for at, id in columns.items():
            cells[at] = Cell(row[at], leading(row[at]), best.get(id) == place)
        cells[valid] = Cell(row[valid], leading(row[valid]))
        rows.append(cells)
    header = [name.replace("\n", " ") for name in made.header]
    return Table(group.title, header, rows, made.own, made.notes, sorts=True)


def leading(text: str) -> float | None:
    """Return the number that a cell begins with, None where it has none."""
    begin = text.split()[0].replace(",", "")
    return None if begin == "-" else float(begin)


def compared(found: Sequence[Rival]) -> Table:
    """Return the comparisons that decide what is bold."""
    rows = [
        [
            words(rival.score.short),
            words(rival.best.name),
            words(rival.other.name),
            Cell(f"{rival.difference.value:+.4f}{interval(rival.difference.ci95)}", rival.difference.value),
            Cell(p_value(rival.p), rival.p),
            Cell(p_value(rival.p_corrected), rival.p_corrected, rival.beaten),
            count(rival.difference.n),
        ]
        for rival in found
    ]
    return Table("The best run against every other", HEADER, rows, len(rows))
