"""The samples of a page: the chosen ones with their details, until its bytes are spent; or a list of all."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite

from llmrec.pages.browser import Details, Listed, Sample, Samples, Scored, Shown
from llmrec.pages.details import Place, Telling, size
from llmrec.pages.groups import Group
from llmrec.pages.samples import Chosen, Extent, Why, choose, drawn
from llmrec.records import Ranking


class Listing:
    """The rows and samples listed so far; `places` are those of the samples."""

    def __init__(self) -> None:
        self.rows: list[Listed] = []
        self.samples: list[Sample] = []
        self.places: list[Place] = []
        self._numbers: dict[tuple[int, int], int] = {}

    def add(self, place: Place) -> int:
        """Add a sample, and its row where that is new; return the sample's number."""
        group, one, run = place
        key = group.number, one.row
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            question = group.examples[one.row].question
            self.rows.append(Listed(question.id, group.number, question.user))
        entry = group.entries[run]
        prediction, score = entry.predictions[one.row], finite(group.by_row[run, one.row])
        repairs = list(prediction.repairs)
        self.samples.append(Sample(entry.number, self._numbers[key], prediction.failure, repairs, score))
        self.places.append(place)
        return len(self.samples) - 1


def listed(groups: Sequence[Group]) -> Listing:
    """Return all rows of all runs, those of a group in the order in which a page chooses them."""
    made = Listing()
    for group in groups:
        every = tuple(range(len(group.entries)))
        for one in [Chosen(row, Why.shared, every) for row in drawn(group)]:
            for run in every:
                made.add(Place(group, one, run))
    return made


def collect(groups: Sequence[Group], extent: Extent) -> Samples:
    """Return the samples of a page, each group with an equal share of the bytes that those before it left."""
    made, telling = Listing(), Telling()
    left = spent = 0
    for at, group in enumerate(groups):
        end = spent + (extent.bytes - spent) // (len(groups) - at)
        for place in [Place(group, one, run) for one in choose(group, extent) for run in one.runs]:
            if spent > end:
                left += 1
                continue
            rows, told = len(made.rows), telling.bytes
            number = made.add(place)
            telling.tell(number, made.samples[number].row, place)
            spent += telling.bytes - told + sum(map(size, [made.samples[number], *made.rows[rows:]]))
    return samples(groups, made, left=left, details=telling.made)


def samples(
    groups: Sequence[Group], made: Listing, left: int = 0, details: Details | None = None, source: str = ""
) -> Samples:
    """Return what a page is given of listed samples."""
    shown = Counter(sample.run for sample in made.samples)
    return Samples(
        groups=[scored(group) for group in groups],
        runs=[
            Shown(
                entry.name,
                entry.run.folder.name,
                group.number,
                shown[entry.number],
                entry.metrics.coverage.all,
            )
            for group in groups
            for entry in group.entries
        ],
        rows=made.rows,
        samples=made.samples,
        left=left,
        details=details,
        source=source,
    )


def scored(group: Group) -> Scored:
    score = group.scores[0]
    is_ranked = isinstance(group.examples[0].reference, Ranking)
    return Scored(group.title, score.short, score.metric.higher_is_better, is_ranked)


def finite(value: float) -> float | None:
    return round(float(value), 6) if isfinite(value) else None
