"""From decodings to what an engine does: texts written, given ones scored, a catalogue searched."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from llmrec.decoding.base import Decoding, Writing
from llmrec.decoding.beam import Beam
from llmrec.decoding.catalogue import Catalogue
from llmrec.decoding.likelihood import Likelihood, Scoring, ranking
from llmrec.model.local.inference.engine import Engine, Row
from llmrec.model.local.inference.titles import Found, Titles
from llmrec.records import NO_CHOICES, Answer, Completion, Request

Encode = Callable[[Sequence[str]], list[list[int]]]
"""From texts to their token ids as answers."""


class Answering(ABC):
    """A decoding over an engine."""

    engine: Engine

    @abstractmethod
    def row(self, request: Request, ids: list[int]) -> Row:
        """Return what the engine needs of a request with these token ids."""

    @abstractmethod
    def longest(self, request: Request) -> int:
        """Return the tokens that the longest answer may have."""

    @abstractmethod
    def tokens(self, request: Request, prompt: int) -> int:
        """Return the tokens that a row takes with a prompt of so many, over all beams or choices."""

    @abstractmethod
    def complete(self, rows: Sequence[Row]) -> list[Completion]:
        """Return a completion a row, in order."""


class Writer(Answering):
    """Texts for the parser to read."""

    def __init__(self, engine: Engine, decoding: Writing) -> None:
        self.engine, self._decoding = engine, decoding
        self._width = decoding.num_beams if isinstance(decoding, Beam) else 1

    def row(self, request: Request, ids: list[int]) -> Row:
        return Row(request.prompt.example_id, request.prompt.ask, ids)

    def longest(self, request: Request) -> int:
        return self._decoding.max_new_tokens

    def tokens(self, request: Request, prompt: int) -> int:
        return self._width * (prompt + self._decoding.max_new_tokens)

    def complete(self, rows: Sequence[Row]) -> list[Completion]:
        return [
            Completion(
                example_id=row.example_id,
                ask=row.ask,
                texts=written.texts,
                answer=None,
                finish_reason="stop" if written.ended else "length",
                prompt_tokens=len(row.ids),
                completion_tokens=written.tokens,
            )
            for row, written in zip(rows, self.engine.write(rows, self._decoding), strict=True)
        ]


class Scorer(Answering):
    """Answers by the likelihood of every choice."""

    def __init__(self, engine: Engine, decoding: Scoring, encode: Encode, end: int) -> None:
        self.engine, self._decoding, self._encode = engine, decoding, encode
        self._end = [end] if decoding.end else []

    def row(self, request: Request, ids: list[int]) -> Row:
        prompt = request.prompt
        return Row(prompt.example_id, prompt.ask, ids, request.choices, texts=self._texts(request))

    def _texts(self, request: Request) -> list[list[int]]:
        return [ids + self._end for ids in self._encode(request.choices.texts)]

    def longest(self, request: Request) -> int:
        return max(map(len, self._texts(request)), default=0)

    def tokens(self, request: Request, prompt: int) -> int:
        return prompt + sum(map(len, self._texts(request)))

    def complete(self, rows: Sequence[Row]) -> list[Completion]:
        return [
            _answered(row, self._decoding.decide(row.choices, likelihoods), sum(map(len, row.texts)))
            for row, totals in zip(rows, self.engine.score(rows), strict=True)
            for likelihoods in [list(map(Likelihood, totals, map(len, row.texts)))]
        ]


class Searcher(Answering):
    """The likeliest titles of a catalogue."""

    def __init__(self, engine: Engine, decoding: Catalogue, encode: Encode) -> None:
        self.engine, self._beams, self._encode = engine, decoding.num_beams, encode
        self._choices, self._titles, self._numbers = NO_CHOICES, Titles([]), dict[str, int]()

    def _take(self, request: Request) -> Titles:
        """Keep the titles of the catalogue, which is one object for all requests."""
        if self._choices is not request.choices:
            self._choices = request.choices
            self._titles = Titles(self._encode(request.choices.texts))
            self._numbers = {name: number for number, name in enumerate(request.choices.names)}
        return self._titles

    def row(self, request: Request, ids: list[int]) -> Row:
        self._take(request)
        seen = (self._numbers.get(event.item) for event in request.question.history)
        owned = [number for number in seen if number is not None]
        return Row(request.prompt.example_id, request.prompt.ask, ids, request.choices, refused=owned)

    def longest(self, request: Request) -> int:
        return self._take(request).longest + 1

    def tokens(self, request: Request, prompt: int) -> int:
        return prompt + self._beams * self.longest(request)

    def complete(self, rows: Sequence[Row]) -> list[Completion]:
        return [
            _answered(row, self._answer(row, found), sum(map(self._titles.length, found)))
            for row, found in zip(rows, self.engine.search(rows, self._titles, self._beams), strict=True)
        ]

    def _answer(self, row: Row, found: Sequence[Found]) -> Answer:
        """Return all items of the titles found but those refused; items of one title are tied."""
        scored = [
            (row.choices.names[number], title.score)
            for title in found
            for number in self._titles.items[title.title]
            if number not in row.refused
        ]
        return ranking([name for name, _ in scored], [score for _, score in scored], len(scored))


def answering(decoding: Decoding, engines: tuple[Engine, Engine], encode: Encode, end: int) -> Answering:
    """Return a decoding over the engines, the quick and the plain one; `end` is the token of an end."""
    quick, plain = engines
    if isinstance(decoding, Scoring):
        return Scorer(quick, decoding, encode, end)
    if isinstance(decoding, Catalogue):
        return Searcher(quick, decoding, encode)
    assert isinstance(decoding, Writing)
    # Beams of free texts are transformers' own.
    return Writer(plain if isinstance(decoding, Beam) else quick, decoding)


def _answered(row: Row, answer: Answer, tokens: int) -> Completion:
    return Completion(
        example_id=row.example_id,
        ask=row.ask,
        texts=(),
        answer=answer,
        finish_reason="answered",
        prompt_tokens=len(row.ids),
        completion_tokens=tokens,
    )
