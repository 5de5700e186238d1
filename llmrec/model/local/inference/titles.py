"""All titles of a catalogue in the order of their tokens: a sorted list is a trie."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOTHING = -1


class Span(NamedTuple):
    """A beginning of titles: those from `low` to below `high` share their first `depth` tokens."""

    low: int
    high: int
    depth: int


class Branch(NamedTuple):
    """A token that may come next, and where it leads."""

    token: int
    span: Span


class Found(NamedTuple):
    """A title by its number, and the log-likelihood of it and its end."""

    title: int
    score: float


class Titles:
    """Titles by their tokens, each once, with the numbers of all items called so: `items[title]`.

    A title without tokens has no place: nothing can be written for it.
    """

    def __init__(self, texts: Sequence[Sequence[int]]) -> None:
        by_title: dict[tuple[int, ...], list[int]] = {}
        for number, text in enumerate(texts):
            if text:
                by_title.setdefault(tuple(text), []).append(number)
        ordered = sorted(by_title)
        self.items = [by_title[title] for title in ordered]
        self.longest = max(map(len, ordered), default=0)
        self._tokens = np.full((len(ordered), self.longest + 1), NOTHING, dtype=np.int64)
        for row, title in enumerate(ordered):
            self._tokens[row, : len(title)] = title

    def __len__(self) -> int:
        return len(self.items)

    @property
    def root(self) -> Span:
        return Span(0, len(self), 0)

    @cached_property
    def _first(self) -> list[Branch]:
        return list(self._branches(self.root))

    def branches(self, span: Span) -> list[Branch]:
        """Return what may come next, by token."""
        return self._first if span == self.root else list(self._branches(span))

    def _branches(self, span: Span) -> Iterator[Branch]:
        column = self._tokens[span.low : span.high, span.depth]
        tokens, starts = np.unique(column, return_index=True)
        ends = [*starts[1:], len(column)][: len(tokens)]
        for token, start, end in zip(tokens.tolist(), starts.tolist(), ends, strict=True):
            if token != NOTHING:
                yield Branch(token, Span(span.low + start, span.low + int(end), span.depth + 1))

    def length(self, found: Found) -> int:
        """Return the tokens of a title, its end included."""
        return int((self._tokens[found.title] != NOTHING).sum()) + 1

    def whole(self, span: Span) -> int | None:
        """Return the title that is complete here, None where there is none."""
        complete = span.low < span.high and span.depth and self._tokens[span.low, span.depth] == NOTHING
        return span.low if complete else None

    def chain(self, span: Span) -> list[int]:
        """Return the tokens that must come next, one after the other, up to where titles part or one ends."""
        tokens: list[int] = []
        first, last = self._tokens[span.low], self._tokens[span.high - 1]
        for place in range(span.depth, self.longest):
            # In a sorted span what is alike in the first and the last title is so in all.
            if first[place] == NOTHING or first[place] != last[place]:
                break
            tokens.append(int(first[place]))
        return tokens

    def allowed(self, refused: Sequence[int]) -> "AllowedTitles":
        """Return the ways through the titles that have an item other than those refused, by number."""
        return AllowedTitles(self, frozenset(refused))


class AllowedTitles:
    """The ways that lead to titles with an item not refused."""

    def __init__(self, titles: Titles, refused: frozenset[int]) -> None:
        self.titles = titles
        allowed = (
            [not refused.issuperset(items) for items in titles.items] if refused else [True] * len(titles)
        )
        # How many titles before each are allowed.
        self._before: NDArray[np.int64] = np.concatenate([[0], np.cumsum(allowed)])

    def ways(self, span: Span) -> Iterator[Branch | None]:
        """Return what may come next; None is the end."""
        title = self.titles.whole(span)
        if title is not None and self._leads(title, title + 1):
            yield None
        for branch in self.titles.branches(span):
            if self._leads(branch.span.low, branch.span.high):
                yield branch

    def _leads(self, low: int, high: int) -> bool:
        return bool(self._before[high] > self._before[low])

    def next_tokens(self, tokens: Sequence[int], end: int) -> list[int]:
        """Return the tokens that may come after those of a title's beginning; after all else, the end."""
        span = self._reached(tokens)
        ways = [] if span is None else [end if way is None else way.token for way in self.ways(span)]
        return ways or [end]

    def title(self, tokens: Sequence[int]) -> int | None:
        """Return the title of these tokens."""
        span = self._reached(tokens)
        return None if span is None else self.titles.whole(span)

    def _reached(self, tokens: Sequence[int]) -> Span | None:
        span = self.titles.root
        for token in tokens:
            onward = [branch.span for branch in self.titles.branches(span) if branch.token == token]
            if not onward:
                return None
            span = onward[0]
        return span
