"""A tiny model, pairs for it, and trainings of a few steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.commands.composing import composed
from llmrec.decoding.beam import Beam
from llmrec.decoding.greedy import Greedy
from llmrec.finetune.base import Lessons, Place
from llmrec.finetune.sft import Sft
from llmrec.model.local.model import LocalModel
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Message, Pair, Part, Prompt, Question, Request, Training

GREEDY = Greedy(name="greedy", max_new_tokens=6, lines=None)
BEAM = Beam(
    name="beam", max_new_tokens=6, lines=None, num_beams=3, num_return_sequences=3, length_penalty=0.0
)
SHORT = ["finetune.batch_size=4", "finetune.micro_batch=2", "finetune.epochs=2", "finetune.evaluations=2"]


def pair(name: str, question: str, answer: str) -> Pair:
    return Pair(Prompt(name, 0, (Message("user", (Part(None, question),)),), 0, ()), answer)


def lessons_of(train: list[Pair], valid: list[Pair] | None = None, validate: Any = None) -> Lessons:
    return Lessons(
        tasks=["rating"],
        train=train,
        valid=train[:4] if valid is None else valid,
        left_out={},
        validate=validate or (lambda session: None),
        judged_by="greedy",
    )


PAIRS = [
    pair(f"p{n}", f"How many stars for item {n}?" + " Really?" * (n % 3), str(1 + n % 5)) for n in range(16)
]


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that all tests share, so that a tiny model is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def tiny() -> Callable[..., LocalModel]:
    def model(*overrides: str) -> LocalModel:
        made = plan(composed(["model=tiny", "model.dtype=float32", "model.device=cpu", *overrides])).model
        assert isinstance(made, LocalModel)
        return made

    return model


@pytest.fixture(scope="session")
def method() -> Callable[..., Sft]:
    def finetune(name: str, *overrides: str) -> Sft:
        made = plan(composed([f"finetune={name}", *SHORT, *overrides])).finetune
        assert isinstance(made, Sft)
        return made

    return finetune


@pytest.fixture
def place(cache_dir: Path, tmp_path: Path) -> Place:
    """Where one test trains: the shared models, adapters of its own."""
    own = tmp_path / "cache"
    own.mkdir()
    (cache_dir / "models").mkdir(exist_ok=True)
    (own / "models").symlink_to(cache_dir / "models")
    return Place(Training([], {}, []), 0, own, Silent())


def requests():
    blank = {
        "user": "u",
        "time": 1,
        "history": (),
        "item": None,
        "rating": None,
        "review": None,
        "candidates": (),
    }
    return [Request(Question(id=pair.prompt.example_id, **blank), pair.prompt) for pair in PAIRS[:6]]


def answers(session, decoding):
    batches = session.batches(requests(), decoding)
    return {done.example_id: done.texts for batch in batches for done in session.complete(batch, decoding)}


def adapters(place) -> list[Path]:
    return [path for path in (place.cache_dir / "adapter").iterdir() if path.is_dir()]
