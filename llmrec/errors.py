"""Mistakes a user can mend. Each message is one line: place, value, rule, way out."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class LlmrecError(Exception):
    """Base of every error that is shown as one line, without a traceback; line ends in it become blanks.
    `status` is what the command exits with."""

    status: ClassVar[int] = 1

    def __str__(self) -> str:
        return " ".join(super().__str__().splitlines())


class UsageError(LlmrecError):
    """Words that a command does not take."""

    status = 2


class ConfigError(LlmrecError):
    """A choice that does not exist, does not fit its type, or does not go with another choice."""


class DataError(LlmrecError):
    """Raw input or a stored artifact that cannot be read as what it should be."""


class UnfitError(DataError):
    """Data that lack what a task needs."""


class BackendError(LlmrecError):
    """A model, device or server that cannot do what was asked of it."""


class DelegatedError(Exception):
    """No mistake: one of several processes has done its share, and the first goes on alone."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def one_line(error: BaseException) -> str:
    """Return what an error says, on one line that changes nothing about a terminal."""
    return printable(str(error)) or type(error).__name__


def printable(text: str) -> str:
    """Return a stranger's words on one line, with nothing in them that a terminal would obey."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
