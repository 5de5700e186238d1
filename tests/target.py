"""What a target of fuzzing is, and what several of them need."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llmrec.commands.composing import composed
from llmrec.plan import Plan, plan

Seeds = tuple[bytes, ...]


@dataclass(frozen=True)
class Target:
    """A reader of bytes, given a folder for them, and sound inputs to begin from, or what makes them.

    `heads` are what an input may begin with where that says how the rest is read; `examples` of the short
    test are fewer where each takes long.
    """

    read: Callable[[bytes, Path], None]
    sound: Seeds | Callable[[], Seeds]
    heads: Seeds = (b"",)
    examples: int = 60

    @property
    def seeds(self) -> Seeds:
        return self.sound() if callable(self.sound) else self.sound


@cache
def planned(*words: str) -> Plan:
    return plan(composed(words))


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
