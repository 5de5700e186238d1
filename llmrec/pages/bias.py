"""Whether answers depend on the position at which candidates were shown."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from llmrec.metric.ranking import position
from llmrec.pages.charts import positions
from llmrec.pages.groups import Entry, Group
from llmrec.pages.view import Cell, Figure, Section, Table, count, interval, words
from llmrec.records import Ranking
from llmrec.report.table import number

BINS = 10  # at most
Z = 1.959964  # of a 95% interval
HITS, CHOICES = "hit rate at 1", "share of first choices"
ABOUT = (
    "Of models that read a prompt with candidates, whose order is drawn by seed: the hit rate at 1 by the "
    "position of the right answer among them, and the share of first choices by the position chosen. A model "
    "that weighs them all is right, and chooses, as often at one position as at another: a flat line is no "
    "bias; dashed, what an even choice gives. Intervals are Wilson's, 95%. Rows without a valid answer count "
    "as misses and choose nothing."
)
HEADER = (
    "run",
    "positions",
    "right here",
    "hits",
    "hit rate at 1",
    "chosen here",
    "of answers",
    "share chosen",
)


class Bin(NamedTuple):
    """Shown positions `begin` to `end`, counted from 1. Of the `right` rows whose right answer stood there,
    `hits` have it first; of `answers` first choices in all, `chosen` stood there."""

    begin: int
    end: int
    right: int
    hits: int
    chosen: int
    answers: int

    @property
    def name(self) -> str:
        return f"{self.begin}" if self.begin == self.end else f"{self.begin}-{self.end}"


def bias(groups: Sequence[Group]) -> Section:
    """Return the charts of all groups whose rows show candidates to models that read them."""
    figures = []
    for group in groups:
        by_run = [(entry, bins(group, entry)) for entry in group.entries if entry.metrics.prompt]
        shown = [(entry, found) for entry, found in by_run if found]
        if shown:
            figures.append(figure(group, shown))
    return Section("bias", "Position bias", ABOUT, [], figures)


def bins(group: Group, entry: Entry) -> list[Bin]:
    """Return the positions in at most BINS bins of equal size, as far as they can be; none where no
    candidates are shown, or lists of several lengths."""
    sizes = {len(example.question.candidates) for example in group.examples}
    if len(sizes) != 1 or sizes == {0}:
        return []
    size = sizes.pop()
    number_of = min(BINS, size)
    right, hits, chosen = (np.zeros(number_of, dtype=int) for _ in range(3))
    for example, prediction in zip(group.examples, entry.predictions, strict=True):
        at = {item: place * number_of // size for place, item in enumerate(example.question.candidates)}
        reference, answer = example.reference, prediction.answer
        if not isinstance(reference, Ranking) or reference.items[0] not in at:
            continue
        right[at[reference.items[0]]] += 1
        if isinstance(answer, Ranking) and answer.items:
            hits[at[reference.items[0]]] += position(reference, answer) == 1
            if answer.items[0] in at:
                chosen[at[answer.items[0]]] += 1
    edges = [-(-bin * size // number_of) for bin in range(number_of + 1)]
    return [
        Bin(
            edges[bin] + 1,
            edges[bin + 1],
            int(right[bin]),
            int(hits[bin]),
            int(chosen[bin]),
            int(chosen.sum()),
        )
        for bin in range(number_of)
    ]


def figure(group: Group, shown: Sequence[tuple[Entry, list[Bin]]]) -> Figure:
    """Return the chart of a group and its figures."""
    marks = []
    for entry, found in shown:
        for one in found:
            for panel, part, whole in ((HITS, one.hits, one.right), (CHOICES, one.chosen, one.answers)):
                if whole:
                    low, high = wilson(part, whole)
                    even = (one.end - one.begin + 1) / found[-1].end if panel == CHOICES else None
                    mark = {"value": part / whole, "low": low, "high": high, "even": even}
                    marks.append({**mark, "bin": one.name, "panel": panel, "series": entry.name})
    rows = [row(entry, one) for entry, found in shown for one in found]
    return Figure(group.title, positions(marks), Table("Figures by position", HEADER, rows, len(rows)))


def row(entry: Entry, one: Bin) -> list[Cell]:
    return [
        words(entry.name),
        Cell(one.name, float(one.begin)),
        count(one.right),
        count(one.hits),
        rate(one.hits, one.right),
        count(one.chosen),
        count(one.answers),
        rate(one.chosen, one.answers),
    ]


def rate(part: int, whole: int) -> Cell:
    if not whole:
        return Cell("-")
    return Cell(number(part / whole) + interval(wilson(part, whole)), part / whole)


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the 95% interval of a share (Wilson, "Probable inference, the law of succession, and statistical
    inference", JASA, 1927)."""
    share, square = part / whole, Z**2 / whole
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * ((share * (1 - share) / whole + square / (4 * whole)) ** 0.5)
    return max(0.0, middle - half), min(1.0, middle + half)
