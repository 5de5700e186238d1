"""A JSON-lines file of a run, too large to hold: records by the id of their example, read when asked for."""

import mmap
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from llmrec.artifacts import unreadable
from llmrec.files import UNREADABLE
from llmrec.records import Completion, Prompt

T = TypeVar("T", Prompt, Completion)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


class Lines(Generic[T]):
    """Where each record of the file stands. Raises DataError with the line that is none."""

    def __init__(self, path: Path, cls: type[T]) -> None:
        self._path = path
        self._decode: Callable[[bytes], T] = msgspec.json.Decoder(cls).decode
        self._places: dict[str, list[slice]] = {}
        at = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    id = self._decode(line).example_id
                except UNREADABLE as error:
                    raise unreadable(path, number, cls, error) from error
                self._places.setdefault(id, []).append(slice(at, at + len(line)))
                at += len(line)

    def of(self, id: str) -> list[T]:
        """Return the records of an example, in file order."""
        return [self._decode(line) for _, line in self._lines([id])]

    def holding(self, words: str, known: Collection[str]) -> set[str]:
        """Return the ids of the examples, beside those known already, of which a text has the words, given in
        lower case."""
        signs = signs_of(words)
        return {
            id
            for id, line in self._lines(self._places.keys() - known)
            if (lowered := line.lower())
            and any(sign in lowered for sign in signs)
            and any(words in text.lower() for text in texts(self._decode(line)))
        }

    def _lines(self, ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        if not self._places:
            return
        with self._path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield from ((id, content[place]) for id in ids for place in self._places.get(id, ()))


def signs_of(words: str) -> list[bytes]:
    """Return bytes of which a line must have one, its ASCII letters in lower case, to hold the words: telling
    so takes a fraction of what reading the line's texts does."""
    written = msgspec.json.encode(words).decode()[1:-1]  # as a string of a line has them
    longest = max(_NOT_ASCII.split(written), key=len)
    if longest or not written:
        return [longest.encode()]
    first = written[0]
    return [sign.encode() for sign in (first, first.upper(), first.title())]


def texts(record: Prompt | Completion) -> Iterator[str]:
    if isinstance(record, Completion):
        yield from record.texts
    else:
        yield from (part.text for message in record.messages for part in message.parts)
