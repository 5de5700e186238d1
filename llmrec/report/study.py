"""An experiment that consists of several runs: which they are, and what is written from their results."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from llmrec.errors import ConfigError
from llmrec.results import Metrics


class Ran(NamedTuple):
    """One of the runs: its folder, its whole config, its metrics, None where it did not finish, and why it
    was left out, "" where it was not."""

    folder: Path
    choices: Mapping[str, Any]
    metrics: Metrics | None
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Study(ABC):
    """Runs by the line: each is what a user would type after `llmrec run -m`."""

    runs: list[str]

    def __post_init__(self) -> None:
        if not self.runs:
            raise ConfigError("runs: no line; give one such as 'task=rating dataset=beauty,gift_cards'")

    @abstractmethod
    def write(self, ran: Sequence[Ran], to: Path) -> Iterator[Path]:
        """Write what the runs, in their order, come to, and yield each file as soon as it stands.

        Raises LlmrecError for what cannot be written; what was yielded before is whole.
        """
