"""Titles to items: exact, nearly right, cut short, or named inside running text."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

from llmrec.text import normalise

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")

# A shorter title or beginning is too common a phrase to count as named in passing; an id is none.
_PROSE_WORDS, _PROSE_LETTERS = 2, 8
_PREFIX_WORDS, _PREFIX_LETTERS = 3, 15
_NEAREST = 5


class Shown(NamedTuple):
    """What a model knows of an item: an id, and the title as `llmrec.text.normalise` gives it."""

    id: str
    title: str


class TitleIndex:
    """The items of a catalogue or of a list of candidates, by normalised title.

    A title is no key: it leads to every item that bears it. Untitled items carry the title `item <id>`
    and are found by it as well as by id. Where the title is but the id it is found whole or not at all.
    """

    def __init__(self, items: Mapping[str, Shown]) -> None:
        """`items` are as shown, by the data's ids; those are what is found."""
        self._items = items
        self._by_title: dict[str, list[str]] = {}
        for item, shown in items.items():
            if shown.title:
                self._by_title.setdefault(shown.title, []).append(item)
        # Models repeat themselves, within an answer and between them.
        self._nearest_title = lru_cache(maxsize=65_536)(self._find_nearest)

    def among(self, items: Iterable[str]) -> "TitleIndex":
        """Return the index of these items alone."""
        return TitleIndex({item: self._items[item] for item in items if item in self._items})

    def titled(self, title: str) -> list[str]:
        """Return the items of exactly this title, or none."""
        return self._by_title.get(normalise(title), [])

    def identified(self, words: Iterable[str]) -> list[str]:
        """Return the items that are shown under one of these words as their id."""
        return [self._by_id[word] for word in words if word in self._by_id]

    def nearest(self, title: str, least: float) -> list[str]:
        """Return the items of the nearest title that scores at least `least` of 100 (rapidfuzz ratio).

        A title whose numbers differ is another size, shade or volume and never counts as near.
        """
        found = self._nearest_title(normalise(title), least)
        return self._by_title[found] if found else []

    def begun_by(self, title: str) -> list[str]:
        """Return the items of the only title that begins in these words, or none.

        A few words are enough where only a number is missing, such as a film's year; a number that is
        itself cut short is another number.
        """
        name = normalise(title)
        if not name:
            return []
        at = bisect_left(self._titles, name)
        found = [known for known in self._titles[at : at + 2] if known.startswith(name)]
        if len(found) != 1:
            return []
        rest = found[0][len(name) :]
        if name[-1].isdigit() and rest[:1].isdigit():
            return []
        is_long = len(name) >= _PREFIX_LETTERS and name.count(" ") + 1 >= _PREFIX_WORDS
        return self._by_title[found[0]] if is_long or rest.strip().isdigit() else []

    def split(self, line: str) -> Iterator[str | list[str]]:
        """Cut running text at the titles it names: texts between them, and each one's items.

        The longest title wins; titles of one word are left to quotes and commas.
        """
        text = unicodedata.normalize("NFKC", line)
        spans = [match.span() for match in _WORD.finditer(text)]
        words = [text[start:end].casefold() for start, end in spans]
        done, at = 0, 0
        while at < len(words):
            length = self._title_at(words, at)
            if length:
                yield text[done : spans[at][0]]
                yield self._by_title[" ".join(words[at : at + length])]
                done = spans[at + length - 1][1]
            at += length or 1
        yield text[done:]

    def _find_nearest(self, name: str, least: float) -> str | None:
        numbers = _NUMBER.findall(name)
        near = process.extract(name, self._titles, scorer=fuzz.ratio, score_cutoff=least, limit=_NEAREST)
        return next((found for found, _, _ in near if _NUMBER.findall(found) == numbers), None)

    def _title_at(self, words: list[str], at: int) -> int:
        longest = min(self._longest.get(words[at], 0), len(words) - at)
        for length in range(longest, _PROSE_WORDS - 1, -1):
            name = " ".join(words[at : at + length])
            if name in self._by_title and (len(name) >= _PROSE_LETTERS or name in self._id_titles):
                return length
        return 0

    @cached_property
    def _by_id(self) -> dict[str, str]:
        return {shown.id: item for item, shown in self._items.items()}

    @cached_property
    def _titles(self) -> list[str]:
        """Those that may be written nearly right: an id is right or wrong."""
        return sorted(self._by_title.keys() - self._id_titles)

    @cached_property
    def _id_titles(self) -> frozenset[str]:
        return frozenset(self._by_title.keys() & map(normalise, self._by_id))

    @cached_property
    def _longest(self) -> dict[str, int]:
        """The number of words of the longest title that begins with a word."""
        longest: dict[str, int] = {}
        for name in self._by_title:
            first = name.partition(" ")[0]
            longest[first] = max(longest.get(first, 0), name.count(" ") + 1)
        return longest
