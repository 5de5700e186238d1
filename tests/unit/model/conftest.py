"""Requests, and models of every kind without their YAML."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.model.local.model import LocalModel
from llmrec.model.local.settings import Attention, Cache, Dtype, Template, Weights
from llmrec.progress import Silent
from llmrec.records import Event, Message, Part, Prompt, Question, Request, Training

LOCAL: dict[str, Any] = {
    "weights": Weights.pretrained,
    "dtype": Dtype.float32,
    "device": "cpu",
    "device_map": None,
    "attention": Attention.auto,
    "batch_tokens": 16384,
    "share_prefixes": True,
    "max_batch": 64,
    "cache": Cache.dynamic,
    "template": Template.auto,
    "max_length": None,
    "trust_remote_code": False,
    "pad_token": None,
    "end_tokens": [],
    "padding_side": None,
    "chat_template": None,
    "template_options": {},
    "add_bos": None,
    "config": {},
    "path": ".",
    "revision": None,
    "gguf": None,
    "package": None,
    "architecture": None,
    "shape": {},
}
TINY: dict[str, Any] = {
    "name": "tiny",
    "weights": Weights.random_tiny,
    "architecture": "llama",
    "shape": {"num_key_value_heads": 16},
}
NO_TRAINING = Training([], {}, [])


def request_for(
    name: str,
    text: str = "",
    ask: int = 0,
    system: str = "",
    history: tuple[str, ...] = (),
    candidates: tuple[str, ...] = (),
    item: str | None = None,
) -> Request:
    """Return a request with one user turn; `history` are item ids."""
    question = Question(
        id=name,
        user="u",
        time=100,
        history=tuple(Event(seen, 5.0, 1, "") for seen in history),
        item=item,
        rating=None,
        review=None,
        candidates=candidates,
    )
    turns = [("system", system)] * bool(system) + [("user", text)]
    messages = tuple(Message(role, (Part(None, words),)) for role, words in turns)
    return Request(question, Prompt(name, ask, messages, 0, ()))


@pytest.fixture
def ask() -> Callable[..., Request]:
    return request_for


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that all tests share, so that the tiny model is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tiny() -> Callable[..., LocalModel]:
    return lambda **changes: LocalModel(**(LOCAL | TINY | changes))


@pytest.fixture
def pretrained() -> Callable[..., LocalModel]:
    return lambda path, **changes: LocalModel(**(LOCAL | {"name": "hf", "path": path} | changes))


@pytest.fixture
def open_session(cache_dir: Path) -> Callable[..., Any]:
    return lambda model, seed=0: model.open(NO_TRAINING, seed, cache_dir, Silent())
