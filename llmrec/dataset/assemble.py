"""From rows as read to a `Corpus`: duplicates, a sample, k-core, titles, and a count of everything done."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import NamedTuple

from llmrec.dataset.rows import BadLines
from llmrec.dataset.sample import Sample, sizes
from llmrec.errors import DataError
from llmrec.records import Corpus, Interaction, Item

PAIR = attrgetter("user", "item")
MOMENT = attrgetter("user", "timestamp")


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
    unique = _without_duplicates(reading.interactions)
    drawn = rules.sample.drawn(unique)
    kept = _core(drawn, rules.k_core)
    if not kept:
        raise DataError(f"dataset.k_core: {rules.k_core} leaves none of {len(drawn)} interactions; lower it")
    items = {item: _shown(item, reading.items) for item in dict.fromkeys(row.item for row in kept)}
    moments = Counter(map(MOMENT, kept))
    counts = {
        "interactions": len(kept),
        "users": len({row.user for row in kept}),
        "items": len(items),
        "rows": len(reading.interactions),
        "bad_lines": reading.bad.count,
        "duplicates": len(reading.interactions) - len(unique),
        # Of a sample alone, so that a corpus cached before there were samples is the same corpus.
        **({} if rules.sample.is_whole else {"sample_dropped": len(unique) - len(drawn)}),
        "k_core_dropped": len(drawn) - len(kept),
        "untitled": sum(1 for item in items if not _title(item, reading.items)),
        "without_review": sum(1 for row in kept if not row.review),
        "without_summary": sum(1 for row in kept if not row.summary),
        "tied": sum(n for n in moments.values() if n > 1),
    }
    notes = [
        *reading.notes,
        *_differences(name, reading.interactions, rules.expected),
        *rules.sample.notes(unique, drawn),
    ]
    return Corpus(name, fingerprint, kept, items, counts, notes)


def _without_duplicates(rows: Sequence[Interaction]) -> list[Interaction]:
    """Keep a user's earliest interaction with an item (the first in the file of equally early ones):
    from then on the user knows the item, and a repeat would be no recommendation."""
    if len(set(map(PAIR, rows))) == len(rows):
        return list(rows)
    earliest: dict[tuple[str, str], Interaction] = {}
    for row in rows:
        if row.timestamp < earliest.setdefault((row.user, row.item), row).timestamp:
            earliest[row.user, row.item] = row
    return [row for row in rows if earliest[row.user, row.item] is row]


def _core(rows: list[Interaction], k: int) -> list[Interaction]:
    """Drop users and items of fewer than k rows until none is left; 0 and 1 drop nothing."""
    while k > 1:
        users = Counter(row.user for row in rows)
        items = Counter(row.item for row in rows)
        kept = [row for row in rows if users[row.user] >= k and items[row.item] >= k]
        if len(kept) == len(rows):
            break
        rows = kept
    return rows


def _title(item: str, known: dict[str, Item]) -> str:
    return known[item].title if item in known else ""


def _shown(item: str, known: dict[str, Item]) -> Item:
    """Return the item under a title that can be shown and parsed: `item <id>` where it has none."""
    if _title(item, known):
        return known[item]
    found = known.get(item, Item(item, "", "", ()))
    return Item(item, f"item {item}", found.brand, found.categories)


def _differences(name: str, rows: Sequence[Interaction], expected: Expected) -> list[str]:
    wanted = {field.name: getattr(expected, field.name) for field in fields(expected)}
    return [
        f"dataset={name}: {wanted[what]:,} {what} expected, {count:,} found"
        for what, count in sizes(rows).items()
        if wanted[what] not in (None, count)
    ]
