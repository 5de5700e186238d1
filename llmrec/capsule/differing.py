"""The first place at which what is claimed and what was found are not the same."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from llmrec.artifacts import METRICS
from llmrec.results import Metrics

# Numbers of other processors and libraries differ in their last digits.
TOLERANCE = 1e-6
_NAMED_BY = ("id", "model")  # parts of lists that have a name are held against each other by it
_LONGEST = 160
NOTHING = object()


class Difference(NamedTuple):
    """Where a capsule is not what it claims: a file, the id of the example ("" where it is about none), the
    field; and what was said of it."""

    file: str
    row: str
    field: str
    told: str

    def __str__(self) -> str:
        row = f"example {shown(self.row)}: " if self.row else ""
        return f"{self.file}: {row}{self.field}: {self.told}"


def shown(value: Any) -> str:
    """Return a value on one line, shortened."""
    if value is NOTHING:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def leaves(
    claimed: Any, found: Any, place: str = "", tolerance: float = 0.0
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (place, claimed, found) of every leaf of plain data at which they differ, in order; numbers that
    lie within the tolerance, absolute or relative, do not."""
    if isinstance(claimed, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys((*claimed, *found)):
            inner = f"{place}.{key}" if place else str(key)
            yield from leaves(claimed.get(key, NOTHING), found.get(key, NOTHING), inner, tolerance)
    elif isinstance(claimed, list) and isinstance(found, list):
        names = by_name(claimed), by_name(found)
        if names[0] is not None and names[1] is not None:
            for key in dict.fromkeys((*names[0], *names[1])):
                given = names[0].get(key, NOTHING), names[1].get(key, NOTHING)
                yield from leaves(*given, f"{place}[{key}]", tolerance)
        else:
            for number, given in enumerate(zip_longest(claimed, found, fillvalue=NOTHING)):
                yield from leaves(*given, f"{place}[{number}]", tolerance)
    elif not alike(claimed, found, tolerance):
        yield place, claimed, found


def by_name(parts: Sequence[Any]) -> dict[str, Any] | None:
    """Return the parts of a list by their names, None where they have none of their own."""
    for key in _NAMED_BY:
        named = {str(part[key]): part for part in parts if isinstance(part, Mapping) and key in part}
        if parts and len(named) == len(parts):
            return named
    return None


def alike(one: Any, other: Any, tolerance: float) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    if tolerance and numbers:
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return type(one) is type(other) and bool(one == other)


def plain(record: Struct) -> Any:
    """Return a record as plain data: what its JSON says."""
    return msgspec.json.decode(msgspec.json.encode(record))


def first_row(file: str, claimed: Sequence[Struct], found: Sequence[Struct]) -> Difference | None:
    """Return the first of two files' rows that differs, by its place; None where all are the same."""
    for one, other in zip_longest(claimed, found):
        if one != other:
            row = id_of(one if one is not None else other)
            if one is None or other is None:
                told = "is not there" if one is None else "is there, and no row should be"
                return Difference(file, row, "row", told)
            for place, said, read in leaves(plain(one), plain(other)):
                return Difference(file, row, place, between(said, read))
    return None


def first_score(claimed: Metrics, found: Metrics, but: Collection[str], partial: bool) -> Difference | None:
    """Return the first difference of two metrics.json, the fields `but` aside.

    `partial` says that not all scores were found: those claimed beyond them are none. Nor is a note beyond
    those found: they tell what a reader must know.
    """
    unsaid = [note for note in found.notes if note not in claimed.notes]
    if unsaid:
        return Difference(METRICS, "", "notes", f"does not say {shown(unsaid[0])}")
    said, read = (
        {name: value for name, value in plain(one).items() if name not in (*but, "notes")}
        for one in (claimed, found)
    )
    for place, one, other in leaves(said, read, tolerance=TOLERANCE):
        if not (partial and other is NOTHING and "metrics[" in place):
            return Difference(METRICS, "", place, between(one, other))
    return None


def between(claimed: Any, found: Any) -> str:
    return f"claimed {shown(claimed)}, found {shown(found)}"


def id_of(record: Any) -> str:
    """Return the id of the example that a record is about."""
    return str(getattr(record, "example_id", None) or record.id)
