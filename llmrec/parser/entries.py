"""The entries of a list that a model wrote: JSON, numbered, bulleted or plain lines."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import json_repair
import msgspec

from llmrec.parser.unwrap import plain

_JSON_START = re.compile(r"[\[{]\s*(?:[\"'{]|\[\s*[\"'{\d]|\d+\s*[,:])")
_NAME_KEYS = ("id", "item_id", "asin", "item", "title", "name", "product", "movie")
_NUMBERED = re.compile(
    r"^[\s>|*_-]*(?:\(?\d{1,3}[.):](?!\d)\s*|\[\d{1,3}\][.:]?\s*|#\d{1,3}[.:)]?\s+|\d{1,3}\s+[-–—]\s+)"
)
_BULLET = re.compile(r"^\s*[-*•·‣▪◦–—+>]\s+")
_ANNOTATION = re.compile(r"\s+[-–—|]+\s+|:\s+|\s*[(\[]|\s*\|\s*")
_WORD = re.compile(r"[^\W_]")

# Mending takes time quadratic in the length of garbage; ten items never take as much.
_LONGEST_JSON = 8_000
_MOST_CUTS = 8


class Entries(NamedTuple):
    """What a text lists. In a list one entry names one item; a line of prose may name several."""

    texts: list[str]
    is_list: bool
    repairs: tuple[str, ...]


def listings(body: str) -> Iterator[Entries]:
    """Yield the ways to read a text as entries, the likeliest first and all its lines last."""
    parsed = _json_entries(body)
    if parsed is not None:
        yield parsed
    lines = [line.strip() for line in plain(body).splitlines() if _WORD.search(line)]
    for mark in (_NUMBERED, _BULLET):
        marked = [line for line in lines if mark.match(line)]
        if len(marked) > 1:
            yield Entries(marked, True, ())
    yield Entries([line for line in lines if not line.endswith((":", ":"))], False, ())


def unmarked(entry: str) -> list[str]:
    """Return an entry as it stands and, one after the other, without its list marks."""
    stages = [entry.strip()]
    while (mark := _NUMBERED.match(stages[-1]) or _BULLET.match(stages[-1])) and mark.end() < len(stages[-1]):
        stages.append(stages[-1][mark.end() :].strip())
    return stages


def shortened(entry: str) -> list[str]:
    """Return what stands before each dash, colon or bracket of an entry, the longest first."""
    cuts = [match.start() for match in _ANNOTATION.finditer(entry) if match.start()]
    return [entry[:cut] for cut in reversed(cuts[-_MOST_CUTS:])]


def _json_entries(body: str) -> Entries | None:
    start = _JSON_START.search(body)
    if start is None:
        return None
    text = body[start.start() :]
    try:
        entries = Entries(list(_names(msgspec.json.decode(text))), True, ())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        entries = Entries(_mended(text[:_LONGEST_JSON]), True, ("json_repaired",))
    return entries if entries.texts else None


def _mended(text: str) -> list[str]:
    try:
        lines = [line.strip().rstrip(",") for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines):
            return [name for line in lines for name in _names(json_repair.loads(line))]
        return list(_names(json_repair.loads(text)))
    except RecursionError:
        return []


def _names(node: object) -> Iterator[str]:
    """Walk parsed JSON for what names an item: a string, an id, an object's title, an object's values."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, int) and not isinstance(node, bool):
        yield str(node)
    elif isinstance(node, list):
        for child in node:
            yield from _names(child)
    elif isinstance(node, dict):
        yield from _names_of_object({str(key).casefold(): value for key, value in node.items()})


def _names_of_object(fields: dict[str, object]) -> Iterator[str]:
    named = [fields[key] for key in _NAME_KEYS if isinstance(fields.get(key), str | int)]
    lists = [value for value in fields.values() if isinstance(value, list)]
    if named:
        yield from _names(named[0])
    elif lists:
        yield from _names(lists[0])
    else:
        yield from (name for value in fields.values() for name in _names(value))
