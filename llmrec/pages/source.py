"""Every row of the runs, told when asked for: what a page that is served does not hold."""

from collections.abc import Sequence

from llmrec.pages.browser import RANKED, Details
from llmrec.pages.collector import listed, samples
from llmrec.pages.details import Telling, worded
from llmrec.pages.groups import Entry, Group
from llmrec.records import Answer, Example, Ranking


class Source:
    """Of groups of runs; `samples` lists all, whose details are had below an `address`."""

    def __init__(self, groups: Sequence[Group], address: str) -> None:
        listing = listed(groups)
        self.samples = samples(groups, listing, source=address)
        self._groups = groups
        self._places = listing.places
        self._of_row: list[list[int]] = [[] for _ in listing.rows]
        for number, sample in enumerate(listing.samples):
            self._of_row[sample.row].append(number)

    def row(self, number: int) -> Details:
        """Return a row and all answers to it. Raises LookupError for a number that is none, DataError where
        a run's folder has lost what it held."""
        telling = Telling()
        for sample in self._of_row[number]:
            telling.tell(sample, number, self._places[sample])
        return telling.made

    def holding(self, text: str) -> list[int]:
        """Return the numbers of the samples that a text stands in, in small or capital letters: in an id, a
        title, a review, a prompt, a completion or what was read of it. Raises DataError as `row` does."""
        words = text.lower()
        found = [holding(group, words) for group in self._groups]
        return [
            number
            for number, (group, one, run) in enumerate(self._places)
            if one.row in found[group.number][run]
        ]


def holding(group: Group, words: str) -> list[set[int]]:
    """Return, for each run of a group, the rows that words in small letters stand in."""
    titles = group.titles
    items = {id for id in group.items if words in id.lower() or words in titles.get(id, "").lower()}
    rows = {row for row, example in enumerate(group.examples) if asking(example, words, items)}
    return [rows | answering(entry, group, words, items, rows) for entry in group.entries]


def asking(example: Example, words: str, items: set[str]) -> bool:
    return (
        words in example.id.lower()
        or words in (example.question.review or "").lower()
        or example.question.item in items
        or not items.isdisjoint(example.question.candidates)
        or saying(example.reference, words, items)
    )


def answering(entry: Entry, group: Group, words: str, items: set[str], known: set[int]) -> set[int]:
    """Return the rows, beside those known already, in whose answer, completions or prompt the words stand."""
    ids = {group.examples[row].id for row in known}
    answers = zip(group.examples, entry.predictions, strict=True)
    ids |= {example.id for example, prediction in answers if saying(prediction.answer, words, items)}
    ids |= entry.completions.holding(words, ids)
    ids |= entry.prompts.holding(words, ids)
    return {row for row, example in enumerate(group.examples) if example.id in ids} - known


def saying(answer: Answer | None, words: str, items: set[str]) -> bool:
    if isinstance(answer, Ranking):
        return not items.isdisjoint(answer.items[:RANKED])
    return answer is not None and words in worded(answer).lower()
