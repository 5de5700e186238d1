"""Every reply of every server, kept the moment it comes."""

import hashlib
import json
import sqlite3
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from llmrec.errors import DataError
from llmrec.locks import alone

FILE, TURN = "replies.sqlite", ".turn.lock"
TABLES = (
    "CREATE TABLE IF NOT EXISTS replies (asked BLOB PRIMARY KEY, reply TEXT)",
    "CREATE TABLE IF NOT EXISTS waiting (asked BLOB PRIMARY KEY, token TEXT, batch TEXT)",
)


class Handed(NamedTuple):
    """A batch that a server was handed: our token for it, the server's id, None where the process ended
    before it was known, and what is asked in it."""

    token: str
    batch: str | None
    asked: frozenset[bytes]


class Replies:
    """Replies by what was asked of whom, in one file that several processes may share.

    A reply is on the disk before `keep` returns, and survives the process. Raises DataError where the file
    cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode=WAL")
            for table in TABLES:
                self._file.execute(table)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def _do(self, words: str, rows: Iterable[Sequence[Any]]) -> None:
        """Change rows, all of them or none."""
        try:
            with self._lock, self._file:
                self._file.execute("BEGIN IMMEDIATE")
                self._file.executemany(words, rows)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _select(self, words: str, given: Sequence[Any] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._file.execute(words, given).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def get(self, asked: bytes) -> dict[str, Any] | None:
        """Return the reply to what was asked, None where there is none yet."""
        found = self._select("SELECT reply FROM replies WHERE asked = ?", (asked,))
        try:
            return json.loads(found[0][0]) if found else None
        except ValueError as error:
            raise self._unusable(error) from error

    def keep(self, replies: Mapping[bytes, dict[str, Any]]) -> None:
        rows = [(asked, json.dumps(reply)) for asked, reply in replies.items()]
        self._do("INSERT OR REPLACE INTO replies VALUES (?, ?)", rows)

    def hand_in(self, token: str, asked: Iterable[bytes]) -> None:
        """Note what a batch of that token asks, before there is one."""
        self._do("INSERT OR REPLACE INTO waiting VALUES (?, ?, NULL)", ((name, token) for name in asked))

    def handed_in(self, token: str, batch: str) -> None:
        self._do("UPDATE waiting SET batch = ? WHERE token = ?", [(batch, token)])

    def forget(self, token: str) -> None:
        self._do("DELETE FROM waiting WHERE token = ?", [(token,)])

    def waiting(self, asked: Container[bytes]) -> list[Handed]:
        """Return the batches that some of these wait in."""
        found: dict[tuple[str, str | None], set[bytes]] = {}
        for name, *batch in self._select("SELECT asked, token, batch FROM waiting"):
            found.setdefault((batch[0], batch[1]), set()).add(name)
        return [
            Handed(*batch, frozenset(names))
            for batch, names in found.items()
            if any(name in asked for name in names)
        ]

    def turn(self) -> AbstractContextManager[None]:
        """Let one process at a time hand in batches."""
        return alone(self.path.with_name(TURN), lambda owner: None)

    def _unusable(self, error: Exception) -> DataError:
        return DataError(
            f"{self.path}: replies cannot be kept there ({error}); make room, or move the file away: what it "
            "holds would be asked for again"
        )


def fingerprint(addresses: Sequence[str], path: str, body: dict[str, Any]) -> bytes:
    """Return a hash of what is asked of whom: of a fleet, the same whichever of it answers."""
    whole = json.dumps([sorted(addresses), path, body], sort_keys=True).encode()
    return hashlib.blake2b(whole, digest_size=16).digest()
