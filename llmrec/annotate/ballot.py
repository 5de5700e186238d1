"""The pages that raters get, and the key that alone says who wrote what."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from llmrec.annotate.design import drawn, orders, sequence
from llmrec.annotate.material import Asked, Item, Material, System
from llmrec.annotate.rubric import Criterion, Rubric
from llmrec.errors import ConfigError, DataError
from llmrec.files import UNREADABLE
from llmrec.seeded import hash64

KEY_SCHEMA = "llmrec/rating-key/1"


class Showing(Struct, frozen=True, forbid_unknown_fields=True):
    """A row as a page shows it: `order` holds the systems behind A, B, C, ... by their number in the key;
    `again` where the same page showed the row before."""

    id: str
    row: str
    order: tuple[int, ...]
    again: bool


class Sheet(Struct, frozen=True, forbid_unknown_fields=True):
    """A rater's page: its id, its file and what it shows, in that order."""

    id: str
    file: str
    showings: tuple[Showing, ...]


class Key(Struct, frozen=True, forbid_unknown_fields=True):
    """What key.json holds. Who sees it is blind no more. `resamples` are those of the bootstrap."""

    schema: str
    task: str
    dataset: str
    split: str
    seed: int
    resamples: int
    systems: tuple[System, ...]
    rubric: Rubric
    sheets: tuple[Sheet, ...]


class Shown(Struct, frozen=True):
    """An item of a page: nothing here tells a system from another but the texts themselves."""

    id: str
    asked: Asked
    texts: tuple[str, ...]


class Page(Struct, frozen=True):
    """All that a page knows."""

    id: str
    criteria: tuple[Criterion, ...]
    items: tuple[Shown, ...]


class Draw(NamedTuple):
    """How many rows are drawn, for how many raters, how many rows each sees twice, and by which seed."""

    items: int
    raters: int
    repeat: int
    seed: int


def pages(material: Material, rubric: Rubric, draw: Draw) -> list[tuple[Sheet, Page]]:
    """Return each rater's page with its entry of the key. Raises ConfigError for more rows than there are."""
    check(draw, len(material.items))
    by_id = {item.id: item for item in material.items}
    items = [by_id[id] for id in drawn(list(by_id), draw.items, draw.seed)]
    return [page(material, items, rubric, draw, rater) for rater in range(draw.raters)]


def check(draw: Draw, shared: int) -> None:
    """Raise ConfigError for numbers that no page can have."""
    if not 1 <= draw.items <= shared:
        raise ConfigError(f"--items {draw.items}: {shared:,} rows are shared by all runs; give 1 to {shared}")
    if draw.raters < 1:
        raise ConfigError(f"--raters {draw.raters}: no page would be made; give 1 or more")
    if not 0 <= draw.repeat <= draw.items:
        raise ConfigError(
            f"--repeat {draw.repeat}: {draw.items} rows are shown; give 0 to {draw.items}, or more --items"
        )


def page(
    material: Material, items: Sequence[Item], rubric: Rubric, draw: Draw, rater: int
) -> tuple[Sheet, Page]:
    """Return the page of a rater, numbered from 0, with its entry of the key."""
    size = len(material.systems)
    once, twice = (orders(draw.items, size, rater, draw.seed, again) for again in (False, True))
    first, repeated = sequence(draw.items, draw.repeat, rater, draw.seed)
    shown = [(items[i], once[i], False) for i in first] + [(items[i], twice[i], True) for i in repeated]
    content = [(item.id, item.asked, item.texts, order) for item, order, _ in shown]
    id = f"{hash64(draw.seed, rater, rubric, content):016x}"
    names = [f"{hash64(id, place):016x}" for place in range(len(shown))]
    sheet = Sheet(
        id=id,
        file=f"rate-{rater + 1}.html",
        showings=tuple(
            Showing(id=name, row=item.id, order=order, again=again)
            for name, (item, order, again) in zip(names, shown, strict=True)
        ),
    )
    made = Page(
        id=id,
        criteria=rubric.criteria,
        items=tuple(
            Shown(id=name, asked=item.asked, texts=tuple(item.texts[system] for system in order))
            for name, (item, order, _) in zip(names, shown, strict=True)
        ),
    )
    return sheet, made


def read_key(path: Path) -> Key:
    """Return a key.json. Raises DataError where it is none."""
    try:
        key = msgspec.json.decode(path.read_bytes(), type=Key)
    except (OSError, *UNREADABLE) as error:
        raise DataError(f"{path}: no key of `llmrec annotate make` ({error}); give its key.json") from error
    systems = set(range(len(key.systems)))
    orders = (showing.order for sheet in key.sheets for showing in sheet.showings)
    if key.schema != KEY_SCHEMA or any(sorted(order) != sorted(systems) for order in orders):
        raise DataError(
            f"{path}: schema {key.schema} or its orders are not {KEY_SCHEMA}'s; make the pages anew"
        )
    return key
