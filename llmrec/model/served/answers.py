"""Every reply of every server, kept the moment it comes."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from llmrec.errors import DataError

FILE = "replies.sqlite"


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
            self._file.execute("CREATE TABLE IF NOT EXISTS replies (asked BLOB PRIMARY KEY, reply TEXT)")
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def get(self, asked: bytes) -> dict[str, Any] | None:
        """Return the reply to what was asked, None where there is none yet."""
        try:
            with self._lock:
                row = self._file.execute("SELECT reply FROM replies WHERE asked = ?", (asked,)).fetchone()
            return json.loads(row[0]) if row else None
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(error) from error

    def keep(self, asked: bytes, reply: dict[str, Any]) -> None:
        try:
            with self._lock:
                self._file.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (asked, json.dumps(reply)))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> DataError:
        return DataError(
            f"{self.path}: replies cannot be kept there ({error}); make room, or move the file away: what it "
            "holds would be asked for again"
        )


def fingerprint(addresses: Sequence[str], path: str, body: dict[str, Any]) -> bytes:
    """Return a hash of what is asked of whom: of a fleet, the same whichever of it answers."""
    whole = json.dumps([sorted(addresses), path, body], sort_keys=True).encode()
    return hashlib.blake2b(whole, digest_size=16).digest()
