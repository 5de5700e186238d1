"""Takes the chosen samples out of run folders, until the bytes of a page are spent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite

import msgspec

from llmrec.artifacts import COMPLETIONS, PROMPTS
from llmrec.metric.ranking import position
from llmrec.onefile import embedded
from llmrec.pages.browser import (
    LONGEST,
    RANKED,
    Asked,
    Asking,
    Sample,
    Samples,
    Scored,
    Shown,
    Turn,
    visible,
)
from llmrec.pages.groups import Entry, Group
from llmrec.pages.samples import Chosen, Extent, choose
from llmrec.records import Answer, Completion, Example, Message, Prompt, Ranking, Rating, Text

Stored = tuple[Prompt | None, list[Completion]]


class Collector:
    """What was taken so far; `bytes` is what it comes to as JSON."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.texts: list[str] = []
        self.lengths: dict[int, int] = {}
        self.prompts: dict[str, int] = {}
        self.turns: list[list[Turn]] = []
        self.rows: list[Asking] = []
        self.samples: list[Sample] = []
        self.left = 0
        self.bytes = 0

    def take(self, group: Group, extent: Extent, allowed: int) -> None:
        """Take the chosen samples of a group, as many as `allowed` bytes hold."""
        chosen = choose(group, extent)
        stored = [answers(entry, group, chosen, place) for place, entry in enumerate(group.entries)]
        numbers: dict[int, int] = {}
        end = self.bytes + allowed
        for one, place in [(row, run) for row in chosen for run in row.runs]:
            if self.bytes > end:
                self.left += 1
                continue
            if one.row not in numbers:
                numbers[one.row] = len(self.rows)
                self._row(group, one.row)
            self._sample(group, place, one, numbers[one.row], stored[place])

    def _row(self, group: Group, row: int) -> None:
        example = group.examples[row]
        question, right = example.question, " ".join(parsed(example.reference))
        review = self._text(question.review) if question.review else None
        asked = Asking(question.id, group.number, question.user, right, list(question.candidates), review)
        self.rows.append(asked)
        self._spend(asked)

    def _sample(self, group: Group, place: int, one: Chosen, row: int, stored: Mapping[str, Stored]) -> None:
        entry, example = group.entries[place], group.examples[one.row]
        prompt, completions = stored[example.id]
        prediction = entry.predictions[one.row]
        answer = prediction.answer
        sample = Sample(
            run=entry.number,
            row=row,
            why=one.why,
            prompt=self._prompt(prompt.messages) if prompt is not None and prompt.messages else None,
            cut=prompt.cut if prompt is not None else 0,
            completions=[self._asked(done) for done in completions],
            parsed=[] if answer is None else parsed(answer),
            ranked=len(answer.items) if isinstance(answer, Ranking) else 0,
            place=place_of(example, answer),
            failure=prediction.failure,
            repairs=list(prediction.repairs),
            asks=prediction.asks,
            score=finite(group.by_row[place, one.row]),
        )
        self.samples.append(sample)
        self._spend(sample)

    def _prompt(self, messages: Sequence[Message]) -> int:
        turns = [
            Turn(message.role, [(part.module or "", self._text(part.text)) for part in message.parts])
            for message in messages
        ]
        key = msgspec.json.encode(turns).decode()
        if key not in self.prompts:
            self.prompts[key] = len(self.turns)
            self.turns.append(turns)
            self._spend(turns)
        return self.prompts[key]

    def _asked(self, done: Completion) -> Asked:
        texts = [self._text(text) for text in done.texts]
        return Asked(done.ask, done.finish_reason, texts, done.prompt_tokens, done.completion_tokens)

    def _text(self, whole: str) -> int:
        if whole not in self.numbers:
            number = self.numbers[whole] = len(self.texts)
            self.texts.append(visible(whole))
            self._spend(self.texts[-1])
            if len(whole) > LONGEST:
                self.lengths[number] = len(whole)
        return self.numbers[whole]

    def _spend(self, record: object) -> None:
        self.bytes += len(embedded(record).encode()) + 1


def collect(groups: Sequence[Group], extent: Extent) -> Samples:
    """Return the samples of a page, each group with an equal share of the bytes that those before it left."""
    taken = Collector()
    for at, group in enumerate(groups):
        taken.take(group, extent, (extent.bytes - taken.bytes) // (len(groups) - at))
    shown: dict[int, int] = defaultdict(int)
    for sample in taken.samples:
        shown[sample.run] += 1
    return Samples(
        texts=taken.texts,
        lengths=taken.lengths,
        prompts=taken.turns,
        groups=[scored(group) for group in groups],
        runs=[
            Shown(entry.name, entry.run.folder.name, group.number, shown[entry.number], entry.metrics.n)
            for group in groups
            for entry in group.entries
        ],
        rows=taken.rows,
        samples=taken.samples,
        left=taken.left,
    )


def scored(group: Group) -> Scored:
    score = group.scores[0]
    is_ranked = isinstance(group.examples[0].reference, Ranking)
    return Scored(group.title, score.short, score.metric.higher_is_better, is_ranked)


def answers(entry: Entry, group: Group, chosen: Sequence[Chosen], place: int) -> dict[str, Stored]:
    """Return the prompt and the completions of each row that is chosen of a run, by the row's id."""
    wanted = {group.examples[one.row].id for one in chosen if place in one.runs}
    prompts = {
        prompt.example_id: prompt
        for prompt in entry.run.records(PROMPTS, Prompt)
        if prompt.example_id in wanted
    }
    completions: dict[str, list[Completion]] = defaultdict(list)
    for done in entry.run.records(COMPLETIONS, Completion):
        if done.example_id in wanted:
            completions[done.example_id].append(done)
    return {
        id: (prompts.get(id), sorted(completions[id], key=lambda done: done.ask)) for id in sorted(wanted)
    }


def finite(value: float) -> float | None:
    return round(float(value), 6) if isfinite(value) else None


def parsed(answer: Answer) -> list[str]:
    """Return an answer as texts; of a ranking, the first items."""
    if isinstance(answer, Rating):
        return [f"{answer.stars:g}"]
    if isinstance(answer, Text):
        return [visible(answer.text)]
    return list(answer.items[:RANKED])


def place_of(example: Example, answer: Answer | None) -> int:
    """Return where the right item stands in a ranking, from 1; 0 where it does not, or nothing is ranked."""
    if not isinstance(answer, Ranking) or not isinstance(example.reference, Ranking):
        return 0
    found = position(example.reference, answer)
    return int(found) if found < float("inf") else 0
