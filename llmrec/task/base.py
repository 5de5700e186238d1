"""What every task is: a question that a held-out row can be asked, in data terms."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from llmrec.errors import ConfigError, UnfitError
from llmrec.records import Answer, Corpus, Event, Example, Interaction, Question, Training
from llmrec.seeded import hash64
from llmrec.split.ledger import Ledger, Role, Scheme

Refer = Callable[[Interaction], Answer | None]
Reveal = Callable[[Question, Interaction], Question]


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A task by name. `answer_tokens` is the room an answer needs, `answer_lines` after how many
    lines it is complete; `floors` are the models whose
    scores on the same rows stand beside every result; `headline` are the metrics of short tables.
    """

    scheme: ClassVar[Scheme]
    answer: ClassVar[type[Answer]]
    needs: ClassVar[tuple[str, ...]] = ()
    shows_candidates: ClassVar[bool] = False

    name: str
    answer_tokens: int
    answer_lines: int | None
    floors: list[str]
    headline: list[str]

    def __post_init__(self) -> None:
        if self.answer_tokens < 1:
            raise ConfigError(f"answer_tokens: {self.answer_tokens} leaves no room for an answer; give 1")
        if self.answer_lines is not None and self.answer_lines < 1:
            raise ConfigError(
                f"answer_lines: {self.answer_lines} is no number of lines; give 1 or more, or null"
            )

    @abstractmethod
    def references(self, ledger: Ledger) -> Refer:
        """Return the rule that gives a row's right answer, or None where the row has none."""

    @abstractmethod
    def reveals(self, ledger: Ledger, seed: int) -> Reveal:
        """Return the rule that adds to a bare question (id, user, time, history) what the task shows
        of the row: never what it asks for."""

    def notes(self) -> list[str]:
        """Return what a reader of the scores must know about the references."""
        return []

    def check(self, corpus: Corpus) -> None:
        """Raise UnfitError when the corpus lacks what the task needs."""
        for field in self.needs:
            if not any(getattr(interaction, field) for interaction in corpus.interactions):
                raise UnfitError(
                    f"dataset={corpus.name}: no interaction has a {field} and task={self.name} needs it; "
                    f"choose a data set with texts (demo, gift_cards) or another task"
                )

    def examples(
        self, ledger: Ledger, refer: Refer, role: Role, limit: int | None, seed: int
    ) -> tuple[list[Example], int]:
        """Return the role's examples in file order, and how many there are without the limit.

        A limit keeps the rows of lowest hash, so a larger limit keeps what a smaller one drew. Rows
        without a reference are no examples.
        """
        interactions = ledger.corpus.interactions
        candidates = ((row, refer(interactions[row])) for row in self.rows(ledger, role))
        answers = {row: answer for row, answer in candidates if answer is not None}
        rows = list(answers)
        if limit is not None and limit < len(rows):
            rows = sorted(sorted(rows, key=lambda row: hash64(seed, "limit", ledger.row_id(row)))[:limit])
        reveal = self.reveals(ledger, seed)
        found = [
            Example(reveal(self.bare(ledger, row), interactions[row]), interactions[row], answers[row])
            for row in rows
        ]
        return found, len(answers)

    def asked(self, examples: Sequence[Example]) -> list[Example]:
        """Return the examples as they are asked: each once, unless the task asks several times."""
        return list(examples)

    def rows(self, ledger: Ledger, role: Role) -> list[int]:
        """Return the rows that can be asked about in this role."""
        return ledger.rows(self.scheme, role)

    def bare(self, ledger: Ledger, row: int) -> Question:
        """Return who is asked when, and what the user did before, oldest first."""
        target = ledger.corpus.interactions[row]
        past = (ledger.corpus.interactions[earlier] for earlier in ledger.earlier(self.scheme, row))
        return Question(
            id=ledger.row_id(row),
            user=target.user,
            time=target.timestamp,
            history=tuple(Event(it.item, it.rating, it.timestamp, it.summary) for it in past),
            item=None,
            rating=None,
            review=None,
            candidates=(),
        )

    def training(self, ledger: Ledger, refer: Refer, seed: int) -> Training:
        """Return what a recommender may learn from: rows of the train role, their answers, and a draw of
        validation examples."""
        interactions, roles = ledger.corpus.interactions, ledger.roles[self.scheme]
        answers = (
            (row, refer(row)) for row in map(interactions.__getitem__, ledger.rows(self.scheme, Role.TRAIN))
        )
        return Training(
            interactions=[
                interactions[row]
                for timeline in ledger.timelines.values()
                for row in timeline
                if roles[row] == Role.TRAIN
            ],
            items=ledger.corpus.items,
            answered=[(row, answer) for row, answer in answers if answer is not None],
            validation=lambda limit: self.examples(ledger, refer, Role.VALID, limit, seed)[0],
        )
