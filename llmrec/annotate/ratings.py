"""What raters sent back, checked against the key and laid out as arrays."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from llmrec.annotate.ballot import Key, Sheet, Showing
from llmrec.annotate.rubric import SCALE
from llmrec.errors import DataError
from llmrec.files import UNREADABLE
from llmrec.metric.base import Array

SCHEMA = "llmrec/ratings/1"
LONGEST_NAME = 40

Given = tuple[int | None, ...]


class Rated(Struct, frozen=True, forbid_unknown_fields=True):
    """A showing as it was rated, every tuple in the order A, B, C, ...; None where nothing was said.

    `ranks` are places from 1, the best, equal where texts are; `scores` those of SCALE by criterion.
    """

    item: str
    ranks: Given
    scores: dict[str, Given]
    comment: str


class Export(Struct, frozen=True, forbid_unknown_fields=True):
    """What a page exports, and what a judge that is no person gives in the same form."""

    schema: str
    page: str
    rater: str
    answers: tuple[Rated, ...]


class Votes(NamedTuple):
    """Arrays by rater R, row I and system M, NaN where nothing was said.

    `ranks` [R, I, M] are mid-ranks, 1 the best: equal texts share the mean of their places. `scores` is
    [C, R, I, M] by criterion; `positions` [R, I, M] tell where a text stood, 0 for A.
    """

    ranks: Array
    scores: Array
    positions: Array


class Ratings(NamedTuple):
    """Who rated which rows: the first time, and again where a page showed a row twice. `shown` counts what
    their pages have shown."""

    raters: list[str]
    rows: list[str]
    first: Votes
    again: Votes
    shown: int


def read_export(path: Path, key: Key) -> Export:
    """Return an exported file. Raises DataError where it is none, or not one of the key's pages."""
    try:
        export = msgspec.json.decode(path.read_bytes(), type=Export)
    except (OSError, *UNREADABLE) as error:
        raise DataError(f"{path}: no exported ratings ({error}); give a file that a page exported") from error
    if export.schema != SCHEMA:
        raise DataError(f"{path}: schema '{export.schema}' is not {SCHEMA}; export the page again")
    name = export.rater
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise DataError(
            f"{path}: rater {name[:LONGEST_NAME]!r} is no name of 1 to {LONGEST_NAME} printable characters; "
            "write it on the page and export again"
        )
    sheets = [sheet for sheet in key.sheets if sheet.id == export.page]
    if not sheets:
        raise DataError(f"{path}: page {export.page} is not in the key; give the key it was made with")
    check(path, export, sheets[0], key)
    return export


def check(path: Path, export: Export, sheet: Sheet, key: Key) -> None:
    """Raise DataError for an item that the page does not have, or has rated twice, or a value that the
    page does not offer."""
    known = {showing.id for showing in sheet.showings}
    criteria = {criterion.id for criterion in key.rubric.criteria}
    size = len(key.systems)
    seen: set[str] = set()
    for rated in export.answers:
        place = f"{path}: item {rated.item}"
        if rated.item not in known or rated.item in seen:
            fault = "stands there twice" if rated.item in seen else f"is not on page {sheet.id}"
            raise DataError(f"{place} {fault}; export the page again")
        seen.add(rated.item)
        if set(rated.scores) != criteria:
            raise DataError(
                f"{place} is scored by {', '.join(sorted(rated.scores)) or 'nothing'}, the key's rubric has "
                f"{', '.join(sorted(criteria))}; give the key it was made with"
            )
        for what, given, most in [("ranks", rated.ranks, size)] + [
            (id, scores, SCALE[-1]) for id, scores in rated.scores.items()
        ]:
            if len(given) != size or any(value is not None and not 1 <= value <= most for value in given):
                raise DataError(
                    f"{place} has {what} {list(given)}; a page gives {size} of 1 to {most}, or null"
                )


def ratings(files: Sequence[Path], key: Key) -> Ratings:
    """Return what the files say. Raises DataError as `read_export` does, and for a rater given twice."""
    exports = [read_export(path, key) for path in files]
    raters = [export.rater for export in exports]
    for path, name in zip(files, raters, strict=True):
        if raters.count(name) > 1:
            raise DataError(f"{path}: rater '{name}' is in {raters.count(name)} files; give each rater once")
    rows = list(dict.fromkeys(showing.row for sheet in key.sheets for showing in sheet.showings))
    shown = sum(len(sheet_of(export, key).showings) for export in exports)
    return Ratings(raters, rows, votes(exports, rows, key, False), votes(exports, rows, key, True), shown)


def votes(exports: Sequence[Export], rows: Sequence[str], key: Key, again: bool) -> Votes:
    """Return the votes on the showings that were the first of their row, or its second."""
    shape = len(exports), len(rows), len(key.systems)
    criteria = [criterion.id for criterion in key.rubric.criteria]
    made = Votes(
        ranks=np.full(shape, np.nan),
        scores=np.full((len(criteria), *shape), np.nan),
        positions=np.full(shape, np.nan),
    )
    for rater, export in enumerate(exports):
        for rated, showing in matched(export, key, again):
            at = rater, rows.index(showing.row), list(showing.order)
            made.positions[at] = np.arange(len(key.systems))
            made.ranks[at] = mid_ranks(numbers(rated.ranks))
            for column, criterion in enumerate(criteria):
                made.scores[(column, *at)] = numbers(rated.scores[criterion])
    return made


def matched(export: Export, key: Key, again: bool) -> Iterator[tuple[Rated, Showing]]:
    """Yield what was rated with how it was shown."""
    rated = {one.item: one for one in export.answers}
    for showing in sheet_of(export, key).showings:
        if showing.again is again and showing.id in rated:
            yield rated[showing.id], showing


def sheet_of(export: Export, key: Key) -> Sheet:
    return next(sheet for sheet in key.sheets if sheet.id == export.page)


def numbers(given: Given) -> Array:
    return np.array([np.nan if value is None else float(value) for value in given])


def mid_ranks(ranks: Array) -> Array:
    """Return places [M] with equal ones at the mean of those that they take up; all NaN where a text has
    none, for what stands before what is then unknown."""
    if np.isnan(ranks).any():
        return np.full_like(ranks, np.nan)
    before = (ranks[None, :] < ranks[:, None]).sum(axis=1)
    equal = (ranks[None, :] == ranks[:, None]).sum(axis=1)
    return np.asarray(before + (equal + 1) / 2, dtype=np.float64)
