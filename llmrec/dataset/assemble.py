"""From rows as read to a `Corpus`: duplicates, a sample, k-core, titles, and a count of everything done."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import count
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llmrec.dataset.rows import BadLines
from llmrec.dataset.sample import SHARES, Sample
from llmrec.errors import DataError
from llmrec.records import Corpus, Interaction, Item

Numbers = NDArray[np.int64]  # one for each row
USER, ITEM, SECOND = attrgetter("user"), attrgetter("item"), attrgetter("timestamp")


@dataclass(kw_only=True)  # not frozen: OmegaConf cannot fill a frozen class inside another
class Expected:
    """Counts as published, of the file before anything is dropped; None where none are known."""

    users: int | None
    items: int | None
    interactions: int | None


class Reading(NamedTuple):
    """What a reader found: rows in file order, what is known of items by id, and refused lines."""

    interactions: list[Interaction]
    items: dict[str, Item]
    bad: BadLines
    notes: list[str]


class Rules(NamedTuple):
    """What a data set is cut down to, in this order, and what was published of the whole."""

    sample: Sample
    k_core: int
    expected: Expected


def assemble(name: str, fingerprint: str, reading: Reading, rules: Rules) -> Corpus:
    """Return the corpus. Raises DataError when the sample or the k-core is empty."""
    rows = reading.interactions
    users, items = _numbers(map(USER, rows)), _numbers(map(ITEM, rows))
    seconds = np.fromiter(map(SECOND, rows), np.int64, len(rows))
    unique = _earliest(users, items, seconds)
    drawn = unique[rules.sample.drawn([rows[at] for at in unique])]
    cored = _core(users, items, drawn, rules.k_core)
    if not len(cored):
        raise DataError(f"dataset.k_core: {rules.k_core} leaves none of {len(drawn)} interactions; lower it")
    kept = [rows[at] for at in cored]
    shown = {item: _shown(item, reading.items) for item in dict.fromkeys(map(ITEM, kept))}
    moments = _times(users[cored], seconds[cored])
    counts = {
        "interactions": len(kept),
        "users": _distinct(users[cored]),
        "items": len(shown),
        "rows": len(rows),
        "bad_lines": reading.bad.count,
        "duplicates": len(rows) - len(unique),
        # Of a sample alone, so that a corpus cached before there were samples is the same corpus.
        **({} if rules.sample.is_whole else {"sample_dropped": len(unique) - len(drawn)}),
        "k_core_dropped": len(drawn) - len(cored),
        "untitled": sum(1 for item in shown if not _title(item, reading.items)),
        "without_review": sum(1 for row in kept if not row.review),
        "without_summary": sum(1 for row in kept if not row.summary),
        "tied": int(moments[moments > 1].sum()),
    }
    whole, before, after = (_sizes(users[at], items[at]) for at in (slice(None), unique, drawn))
    notes = [
        *reading.notes,
        *_differences(name, whole, rules.expected),
        *rules.sample.notes(before, after),
    ]
    return Corpus(name, fingerprint, kept, shown, counts, notes)


def _numbers(names: Iterable[str]) -> Numbers:
    """Return a number from 0 for each name, the same for the same name."""
    seen: dict[str, int] = defaultdict(count().__next__)
    return np.fromiter(map(seen.__getitem__, names), np.int64)


def _earliest(users: Numbers, items: Numbers, seconds: Numbers) -> Numbers:
    """Return where each user's earliest interaction with an item is (the first in the file of equally early
    ones): from then on the user knows the item, and a repeat would be no recommendation."""
    order = np.lexsort((seconds, items, users))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(users[order]) != 0) | (np.diff(items[order]) != 0)
    return np.sort(order[first])


def _core(users: Numbers, items: Numbers, kept: Numbers, k: int) -> Numbers:
    """Drop users and items of fewer than k rows until none is left; 0 and 1 drop nothing."""
    while len(kept):
        often = [np.bincount(numbers)[numbers] >= k for numbers in (users[kept], items[kept])]
        if (stays := often[0] & often[1]).all():
            break
        kept = kept[stays]
    return kept


def _times(left: Numbers, right: Numbers) -> Numbers:
    """Return how often each pair of numbers from 0 is there."""
    # With counts, np.unique sorts; without them it hashes, which takes twenty times as long.
    times: Numbers = np.unique(left * (right.max() + 1) + right, return_counts=True)[1]
    return times


def _distinct(numbers: Numbers) -> int:
    return int(np.count_nonzero(np.bincount(numbers)))


def _sizes(users: Numbers, items: Numbers) -> dict[str, int]:
    return dict(zip(SHARES, (_distinct(users), _distinct(items), len(users)), strict=True))


def _title(item: str, known: dict[str, Item]) -> str:
    return known[item].title if item in known else ""


def _shown(item: str, known: dict[str, Item]) -> Item:
    """Return the item under a title that can be shown and parsed: `item <id>` where it has none."""
    if _title(item, known):
        return known[item]
    found = known.get(item, Item(item, "", "", ()))
    return Item(item, f"item {item}", found.brand, found.categories)


def _differences(name: str, found: dict[str, int], expected: Expected) -> list[str]:
    wanted = {field.name: getattr(expected, field.name) for field in fields(expected)}
    return [
        f"dataset={name}: {wanted[what]:,} {what} expected, {count:,} found"
        for what, count in found.items()
        if wanted[what] not in (None, count)
    ]
