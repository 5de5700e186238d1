"""What a training is given, and what it reads."""

from dataclasses import dataclass
from typing import NamedTuple

from llmrec.finetune.base import Lessons, Place
from llmrec.finetune.encoding import Encoded
from llmrec.finetune.settings import SftSettings
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.model.local.settings import LocalSettings


class Course(NamedTuple):
    """All that a training needs; `base` names the checkpoint's contents."""

    method: SftSettings
    model: LocalSettings
    checkpoint: Checkpoint
    base: str
    lessons: Lessons
    place: Place


@dataclass(frozen=True, kw_only=True)
class Encodings:
    """Pairs as token ids, and training rows that are not among them, by reason."""

    train: list[Encoded]
    valid: list[Encoded]
    left_out: dict[str, int]
