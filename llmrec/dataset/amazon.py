"""Amazon reviews as McAuley's group publishes them: one reader for 2014, 2018 and 2023."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrec.dataset.assemble import Reading
from llmrec.dataset.download import RawFile, obtain
from llmrec.dataset.files import FileDataset
from llmrec.dataset.raw import numbered_lines
from llmrec.dataset.rows import (
    BadLines,
    BadRow,
    Columns,
    TimeUnit,
    gather,
    interaction,
    json_object,
    quick,
    shown,
    tidy,
)
from llmrec.progress import Progress
from llmrec.records import Interaction, Item

UNTIL_2018 = Columns(
    user="reviewerID",
    item="asin",
    rating="overall",
    timestamp="unixReviewTime",
    review="reviewText",
    summary="summary",
)
SINCE_2023 = Columns(
    user="user_id",
    item="parent_asin",
    rating="rating",
    timestamp="timestamp",
    review="text",
    summary="title",
)
_until_2018 = quick(UNTIL_2018, TimeUnit.seconds)
_since_2023 = quick(SINCE_2023, TimeUnit.milliseconds)
ITEM_ID = re.compile(rb"""['"](?:parent_)?asin['"]\s*:\s*['"](\w+)['"]""")
LONGEST_LITERAL = 1 << 20  # bytes; reading one as Python takes hundreds of times its size
LONGEST_TITLE = 2000  # real titles of over 600 characters exist; scraped pages run to many thousands


@dataclass(frozen=True, kw_only=True)
class AmazonReviews(FileDataset):
    """One category of Amazon reviews; without a metadata file every item is untitled."""

    reviews: RawFile
    metadata: RawFile | None

    def fetch(self, folder: Path, cache_dir: Path, progress: Progress) -> list[Path]:
        wanted = [self.reviews] if self.metadata is None else [self.reviews, self.metadata]
        return [obtain(raw, folder, cache_dir, progress) for raw in wanted]

    def read(self, paths: Sequence[Path], progress: Progress) -> Reading:
        return read_amazon(paths, progress)


def read_amazon(paths: Sequence[Path], progress: Progress) -> Reading:
    """Read a file of reviews and, if it is given, one of metadata."""
    reviews, *metadata = paths
    bad = BadLines()
    rows = gather(reviews.name, numbered_lines(reviews, progress), review, bad)
    wanted = {row.item for row in rows}
    items: dict[str, Item] = {}
    for path in metadata:
        items |= _read_metadata(path, wanted, bad, progress)
    notes = [] if metadata else ["no metadata file: every item is shown as 'item <id>'"]
    return Reading(rows, items, bad, notes)


def review(line: bytes) -> Interaction:
    """Return a line of reviews as an interaction; its generation shows in the names of its fields."""
    quickly = _since_2023 if b'"user_id"' in line or b'"parent_asin"' in line else _until_2018
    return quickly(line) or careful_review(line)


def careful_review(line: bytes) -> Interaction:
    """Return the same of any line that can be mended; raises BadRow for one that cannot."""
    row = json_object(line)
    if "user_id" not in row and "parent_asin" not in row:
        return interaction(row, UNTIL_2018, TimeUnit.seconds)
    row.setdefault("parent_asin", row.get("asin"))
    return interaction(row, SINCE_2023, TimeUnit.milliseconds)


def _read_metadata(path: Path, wanted: set[str], bad: BadLines, progress: Progress) -> dict[str, Item]:
    """Read the items that were reviewed; of several lines on one item, the first with a title counts."""
    items: dict[str, Item] = {}
    for number, line in numbered_lines(path, progress):
        named = ITEM_ID.findall(line)
        if named and not any(name.decode("utf-8", "replace") in wanted for name in named):
            continue  # literals are slow to parse, and most lines are of items that nobody reviewed
        try:
            item = described(line)
        except BadRow as error:
            bad.add(f"{path.name}:{number}", str(error))
            continue
        if item.id in wanted and not (item.id in items and items[item.id].title):
            items[item.id] = item
    return items


def described(line: bytes) -> Item:
    """Return a line of metadata, JSON or a Python literal, as an item; raises BadRow if it is neither."""
    row = _mapping(line)
    item = row.get("parent_asin") or row.get("asin")
    if not isinstance(item, str):
        raise BadRow(f"asin {shown(item)} is not an id")
    brand = tidy(row.get("store") if "parent_asin" in row else row.get("brand"))
    return Item(item, _title(row), "" if brand == "Unknown" else brand, _categories(row))


def _mapping(line: bytes) -> Mapping[str, Any]:
    # A literal without double quotes and backslashes in its texts is JSON but for its quotes, read sooner.
    quoted = line if b'"' in line or b"\\" in line else line.replace(b"'", b'"')
    try:
        return json_object(quoted)
    except BadRow:
        if len(line) > LONGEST_LITERAL:
            raise BadRow(f"line of {len(line):,} bytes is no JSON, and too long for a Python dict") from None
        try:
            row = ast.literal_eval(line.decode("utf-8", "replace").strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            row = None
    if not isinstance(row, dict):
        text = line.decode("utf-8", "replace")
        raise BadRow(f"line {shown(text)} is neither a JSON object nor a Python dict")
    return row


def _title(row: Mapping[str, Any]) -> str:
    """Return the title, or "" for pages scraped in place of one: over-long, or holding a script."""
    title = tidy(row.get("title"))
    junk = len(title) > LONGEST_TITLE or "<script" in title or "getTime" in title
    return "" if junk else title


def _categories(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the path from general to special: the first of 2014's paths, 2018's only one, and 2023's
    beneath its main category; a name that repeats is kept once."""
    path = row.get("categories") or row.get("category") or []
    if isinstance(path, list) and path and isinstance(path[0], list):
        path = path[0]
    names = [tidy(name) for name in path] if isinstance(path, list) else []
    main = tidy(row.get("main_category"))
    if main not in names:
        names.insert(0, main)
    return tuple(dict.fromkeys(name for name in names if name))
