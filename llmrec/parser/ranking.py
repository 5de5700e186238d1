"""A ranked list of items, from whatever a model wrote to name them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from llmrec import records
from llmrec.errors import ConfigError
from llmrec.parser.base import Parser, Reader
from llmrec.parser.entries import Entries, listings, shortened, unmarked
from llmrec.parser.titles import Shown, TitleIndex
from llmrec.parser.unwrap import unwrap
from llmrec.records import Answer, Item, Question, Reading
from llmrec.seeded import hash64
from llmrec.text import normalise

_ID = re.compile(r"[\w-]{6,}")
_DIGIT = re.compile(r"\d")
_QUOTES = re.compile(r"[\"“”«»]")
_SEPARATORS = (_QUOTES, re.compile(r"[;;]"), re.compile(r"[,,،]\s+|[,,،]$"))


class _Named(NamedTuple):
    """An item that the text names, or None for words that name none."""

    item: str | None
    repairs: tuple[str, ...] = ()


_UNKNOWN = _Named(None, ("unknown_title",))


@dataclass(frozen=True, kw_only=True)
class Ranking(Parser):
    """Reads up to `size` items by title or id.

    `fuzzy` is the least rapidfuzz score (0-100) of a nearly right title, 0 takes exact ones alone;
    `fill` completes a short list with the candidates it did not name.
    """

    answer: ClassVar[type[Answer]] = records.Ranking
    size: int
    fuzzy: int
    fill: bool

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(f"size: {self.size} is not a length of a list; ask for 1 or more")
        if not 0 <= self.fuzzy <= 100:
            raise ConfigError(f"fuzzy: {self.fuzzy} is not a score from 0 to 100; 0 turns it off")

    def bind(self, items: Mapping[str, Item]) -> Reader:
        shown = {id: Shown(item.id, normalise(item.title)) for id, item in items.items()}
        return RankingReader(self, TitleIndex(shown))


class RankingReader(Reader):
    """Resolves the entries of a list, then drops what no answer may hold; every drop is named."""

    def __init__(self, rules: Ranking, catalogue: TitleIndex) -> None:
        self._rules = rules
        self._catalogue = catalogue

    def read(self, text: str, question: Question) -> Reading:
        body, repairs = unwrap(text)
        if not body:
            return Reading(None, "empty", repairs)
        finder = _Finder(self._catalogue, question, self._rules.fuzzy)
        named: list[_Named] = []
        for entries in listings(body):
            named = list(finder.resolve(entries))
            if any(found.item is not None for found in named):
                repairs += entries.repairs
                break
        items, drops = self._allowed(named, question)
        repairs += drops
        if not items:
            return Reading(None, _why_none(drops), repairs)
        filling = self._filling(items, question)
        repairs += ("filled",) * len(filling)
        return Reading(records.Ranking((*items, *filling)), None, repairs)

    def read_all(self, texts: Sequence[str], question: Question) -> Reading:
        """Read on in the next best text until the list is full; a text that names nothing adds nothing."""
        first = self.read(texts[0], question)
        items = dict.fromkeys(_items(first.answer))
        repairs, read_on = list(first.repairs), iter(texts[1:])
        while len(items) < self._rules.size and (text := next(read_on, None)) is not None:
            reading = self.read(text, question)
            more = _items(reading.answer)
            repairs += reading.repairs + ("duplicate",) * sum(item in items for item in more)
            items |= dict.fromkeys(more)
        if not items:
            return first
        return Reading(records.Ranking(tuple(items)[: self._rules.size]), None, tuple(repairs))

    def reason(self, failure: str) -> str:
        return {
            "empty": f"Your answer was empty; list {self._rules.size} titles, one a line.",
            "no_match": "Your answer named no item that can be recommended here; "
            f"list {self._rules.size} titles exactly as they are written, one a line.",
            "only_history": "The user already has every item that you named; "
            f"list {self._rules.size} titles of other items, one a line.",
            "only_outside": "None of the items that you named is a candidate; "
            f"list {self._rules.size} titles of candidates, one a line.",
        }[failure]

    def _allowed(self, named: list[_Named], question: Question) -> tuple[list[str], tuple[str, ...]]:
        """Return the items that may be answered, in order, and all repairs, one an occurrence."""
        candidates = frozenset(question.candidates)
        seen = frozenset() if candidates else frozenset(event.item for event in question.history)
        items: dict[str, None] = {}
        repairs: list[str] = []
        for item, notes in named:
            repairs.extend(notes)
            if item is None:
                continue
            if candidates and item not in candidates:
                repairs.append("outside_candidates")
            elif item in seen:
                repairs.append("in_history")
            elif item in items:
                repairs.append("duplicate")
            elif len(items) == self._rules.size:
                repairs.append("surplus")
            else:
                items[item] = None
        return list(items), tuple(repairs)

    def _filling(self, items: list[str], question: Question) -> list[str]:
        if not self._rules.fill:
            return []
        unnamed = [item for item in dict.fromkeys(question.candidates) if item not in items]
        unnamed.sort(key=lambda item: hash64("fill", question.id, item))
        return unnamed[: max(self._rules.size - len(items), 0)]


def _items(answer: Answer | None) -> tuple[str, ...]:
    return answer.items if isinstance(answer, records.Ranking) else ()


def _why_none(drops: tuple[str, ...]) -> str:
    """Name the failure of an answer without an allowed item: what it named instead, if anything."""
    if "in_history" in drops:
        return "only_history"
    return "only_outside" if "outside_candidates" in drops else "no_match"


class _Finder:
    """Looks titles and ids up for one question: among its candidates where it has some, so that a
    title shared with an item that was not shown is no riddle, else in the whole catalogue."""

    def __init__(self, catalogue: TitleIndex, question: Question, fuzzy: int) -> None:
        self._question = question
        self._fuzzy = fuzzy
        self._seen = frozenset(event.item for event in question.history)
        self._shown = catalogue.among(question.candidates) if question.candidates else catalogue
        self._indexes = [self._shown] if self._shown is catalogue else [self._shown, catalogue]

    def resolve(self, entries: Entries) -> Iterator[_Named]:
        for entry in entries.texts:
            found = self._whole(entry)
            if found is not None:
                yield found
                continue
            parts = list(self._parts(entry))
            known = [part for part in parts if part.item is not None]
            if not known:
                yield _UNKNOWN
            else:
                yield from known[:1] if entries.is_list else parts

    def _whole(self, entry: str) -> _Named | None:
        """Find the one item that an entry names as a whole, with or without what stands around it.

        Exact titles come before ids, and an id is never what is left of a shortened entry: the film
        "10 (1979)" is not item 10.
        """
        stages = unmarked(entry)
        bare = [stages[-1], *shortened(stages[-1])]
        words = {word for word in _ID.findall(entry) if _DIGIT.search(word)}
        words.add(stages[-1].strip(" \"'()[]"))
        for index in self._indexes:
            for text in (*stages[:-1], *bare):
                if items := index.titled(text):
                    return self._choose(items)
            ids = index.identified(words)
            if len(ids) == 1:
                return _Named(ids[0], ("by_id",))
        if not self._fuzzy:
            return None
        for text in bare:
            if items := self._shown.nearest(text, self._fuzzy):
                return self._choose(items, "fuzzy_title")
        for text in bare:
            if items := self._shown.begun_by(text):
                return self._choose(items, "title_prefix")
        return None

    def _parts(self, line: str) -> Iterator[_Named]:
        """Find every item named inside a line; a part between two commas that names none is unknown."""
        pieces = list(self._shown.split(line))
        for at, piece in enumerate(pieces):
            if isinstance(piece, list):
                yield self._choose(piece)
                continue
            separator = next((mark for mark in _SEPARATORS if mark.search(piece)), None)
            texts = separator.split(piece) if separator else [piece] * (len(pieces) > 1)
            for number, text in enumerate(texts):
                touches = (number == 0 and at > 0) or (number == len(texts) - 1 and at < len(pieces) - 1)
                found = self._whole(text) if normalise(text) else None
                if found is not None:
                    yield found
                elif normalise(text) and separator is not _QUOTES and not touches:
                    yield _UNKNOWN

    def _choose(self, items: list[str], *repairs: str) -> _Named:
        """Choose among items of one title: one that is new to the user, then by hash; never by label."""
        if len(items) == 1:
            return _Named(items[0], repairs)
        new = [item for item in items if item not in self._seen] or items
        chosen = min(new, key=lambda item: hash64("title", self._question.id, item))
        return _Named(chosen, (*repairs, "ambiguous_title"))
