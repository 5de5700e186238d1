"""A user's own interactions and items: JSON lines or CSV, with columns of any names."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrec.dataset.assemble import Reading
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
    shown,
    tidy,
)
from llmrec.errors import DataError
from llmrec.progress import Progress
from llmrec.records import Interaction, Item

DELIMITERS = {".csv": ",", ".tsv": "\t"}
OWN_FILE = (
    "give a file of interactions by dataset.interactions=PATH, and what it calls them by dataset.columns"
)
LONGEST_FIELD = 100_000_000


@dataclass(kw_only=True)  # not frozen: OmegaConf cannot fill a frozen class inside another
class ItemColumns:
    """What an items file calls its fields; one that it does not have is None. Categories are a list,
    or a text with "|" between them."""

    item: str
    title: str | None
    brand: str | None
    categories: str | None


@dataclass(frozen=True, kw_only=True)
class CustomDataset(FileDataset):
    """Paths are absolute, or relative to `data_dir/name`; `.csv` and `.tsv` (also `.gz`) are tables
    with a header, anything else is JSON lines."""

    interactions: str
    items: str | None
    timestamp_unit: TimeUnit
    columns: Columns
    item_columns: ItemColumns

    def fetch(self, folder: Path, cache_dir: Path, progress: Progress) -> list[Path]:
        named = {"interactions": self.interactions, "items": self.items}
        paths = {key: folder / name for key, name in named.items() if name is not None}
        for key, path in paths.items():
            if not path.is_file():
                raise DataError(f"dataset.{key}: no file {path}; put it there, or set dataset.{key}=PATH")
        return list(paths.values())

    def read(self, paths: Sequence[Path], progress: Progress) -> Reading:
        path, *described = paths
        bad = BadLines()
        rows = gather(path.name, _lines(path, progress), self._interaction, bad, OWN_FILE)
        items: dict[str, Item] = {}
        for path in described:
            for number, line in _lines(path, progress):
                try:
                    item = self._item(_row(line))
                except BadRow as error:
                    bad.add(f"{path.name}:{number}", str(error))
                else:
                    items[item.id] = item
        notes = [] if described else ["no items file: every item is shown as 'item <id>'"]
        return Reading(rows, items, bad, notes)

    def _interaction(self, line: bytes | Mapping[str, Any]) -> Interaction:
        row = _row(line)
        for column in (self.columns.user, self.columns.item):
            row[column] = _identifier(row.get(column))
        for column in (self.columns.rating, self.columns.timestamp):
            row[column] = _number(row.get(column))
        return interaction(row, self.columns, self.timestamp_unit)

    def _item(self, row: Mapping[str, Any]) -> Item:
        names = self.item_columns
        identifier = _identifier(row.get(names.item))
        if not isinstance(identifier, str) or not identifier.strip():
            raise BadRow(f"{names.item} {shown(identifier)} is not an id")
        categories = row.get(names.categories) if names.categories else None
        path = categories.split("|") if isinstance(categories, str) else categories or []
        return Item(
            id=identifier,
            title=tidy(row.get(names.title)) if names.title else "",
            brand=tidy(row.get(names.brand)) if names.brand else "",
            categories=tuple(name for name in map(tidy, path) if name) if isinstance(path, list) else (),
        )


def _row(line: bytes | Mapping[str, Any]) -> dict[str, Any]:
    return json_object(line) if isinstance(line, bytes) else dict(line)


def _identifier(value: Any) -> Any:
    """Return whole numbers as text, for ids often are numbers in one's own files."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _number(value: Any) -> Any:
    """Return the number in a table's cell, None for an empty one, anything else as it is."""
    if not isinstance(value, str):
        return value
    for parse in (int, float):
        try:
            return parse(value)
        except ValueError:
            continue
    return value or None


def _lines(path: Path, progress: Progress) -> Iterator[tuple[int, bytes | Mapping[str, Any]]]:
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix in DELIMITERS:
        return _table(path, DELIMITERS[suffix], progress)
    return numbered_lines(path, progress)


def _table(path: Path, delimiter: str, progress: Progress) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (number of the row's last line, row) of a table; a quoted cell may hold line ends."""
    csv.field_size_limit(LONGEST_FIELD)  # the default refuses reviews that JSON lines would carry
    texts = (
        line.decode("utf-8-sig" if n == 1 else "utf-8", "replace")
        for n, line in numbered_lines(path, progress)
    )
    table = csv.DictReader(texts, delimiter=delimiter)
    try:
        for row in table:
            yield table.line_num, row
    except csv.Error as error:
        raise DataError(
            f"{path.name}:{table.line_num}: {error}; write the table anew as UTF-8 CSV"
        ) from error
