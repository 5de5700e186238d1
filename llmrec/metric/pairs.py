"""Reference and answer of each row, checked to be of the kind that a metric scores."""

from collections.abc import Sequence
from typing import TypeVar

from llmrec.errors import ConfigError
from llmrec.metric.base import Row
from llmrec.records import Ranking, Rating, Text

Kind = TypeVar("Kind", Rating, Ranking, Text)


def pairs(rows: Sequence[Row], kind: type[Kind]) -> list[tuple[Kind, Kind | None]]:
    """Return (reference, answer or None) of every row, in order.

    Raises ConfigError when the task's answers are of another kind than `kind`.
    """
    found: list[tuple[Kind, Kind | None]] = []
    for row in rows:
        reference, answer = row.reference, row.answer
        if not isinstance(reference, kind) or not (answer is None or isinstance(answer, kind)):
            given = type(answer or reference).__name__
            raise ConfigError(
                f"metric: {given} answers cannot be scored as {kind.__name__}; "
                "choose the metric group that fits the task"
            )
        found.append((reference, answer))
    return found


def texts(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return (reference, hypothesis) of every row, in order; the hypothesis is "" without an answer."""
    return [(reference.text, answer.text if answer else "") for reference, answer in pairs(rows, Text)]
