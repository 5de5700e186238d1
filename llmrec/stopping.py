"""Signals that end a command: the first lets what is at hand be finished and kept, the second ends at once.

SIGINT is what Ctrl-C sends, SIGTERM what a cluster does before it kills.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FINISHING = b"\nfinishing what is at hand; once more, and it ends at once\n"
CURSOR = b"\x1b[?25h"  # shown again: a progress bar hides it
STANDARD_ERROR = 2


@dataclass
class _Heard:
    """The signal that asked for an end, 0 before; and how many blocks want to be finished first."""

    asked: int = 0
    blocks: int = 0


_heard = _Heard()


def listen() -> None:
    """Have the signals ask for an end from now on; to be called in the main thread."""
    for number in SIGNALS:
        signal.signal(number, _hear)


def is_asked() -> bool:
    """Say whether an end is asked for."""
    return _heard.asked > 0


def leave() -> None:
    """Raise KeyboardInterrupt if an end is asked for."""
    if is_asked():
        raise KeyboardInterrupt


def status() -> int:
    """Return what an interrupted command exits with: 128 and the signal's number, as shells have it."""
    return 128 + (_heard.asked or signal.SIGINT)


@contextmanager
def finishing() -> Iterator[Callable[[], None]]:
    """Keep a first signal from breaking into the block, which calls what is yielded where it may be left."""
    _heard.blocks += 1
    try:
        yield leave
    finally:
        _heard.blocks -= 1
    leave()


def _hear(number: int, frame: object) -> None:
    if is_asked():
        if os.isatty(STANDARD_ERROR):
            os.write(STANDARD_ERROR, CURSOR)
        os._exit(128 + number)  # as kill -9, which loses nothing: threads may wait for servers still
    _heard.asked = number
    if not _heard.blocks:
        raise KeyboardInterrupt
    os.write(STANDARD_ERROR, FINISHING)  # print may be at work, and takes no call from within
