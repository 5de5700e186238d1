"""Locks between processes, for what one of them alone may do at a time.

They are the operating system's (flock): a lock is free once its owner is dead, however it died, so none is
ever stale. On a network share that holds as far as the share passes them on (NFS from version 4 does).
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from llmrec.files import unwritable

SECONDS_BETWEEN_TRIES = 0.2


@contextmanager
def alone(path: Path, meet: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a file, made for that and gone afterwards, while the body runs.

    Where another process holds it, `meet` is told which, once; unless that raises, its end is waited for.
    Raises DataError when the file cannot be made.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            meet(owner(path))
            lock.acquire(poll_interval=SECONDS_BETWEEN_TRIES)
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # who waits sees that, and makes it anew
        lock.release()


def lock_of(folder: Path) -> Path:
    """Return the file to lock while a folder is made that then appears whole."""
    return folder.with_name(f".{folder.name}.lock")


def owner(path: Path) -> str:
    """Return which process holds a lock, as it said itself; it may be about to."""
    try:
        return path.read_text().strip() or "another process"
    except OSError:
        return "another process"
