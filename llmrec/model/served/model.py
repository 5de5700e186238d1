"""A model that a server answers for: any endpoint that speaks OpenAI's protocol (extra `served`)."""

import importlib.util
import os
import re
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llmrec.decoding.base import Decoding
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.guided import Guided
from llmrec.decoding.likelihood import CandidateLabels, Digits, Scoring
from llmrec.decoding.sample import Sample
from llmrec.errors import BackendError, ConfigError
from llmrec.model.base import Model, Session
from llmrec.progress import Progress
from llmrec.records import Training

MILLION = 1_000_000
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class Api(StrEnum):
    """What the server is sent: turns of a conversation, or one text to go on with."""

    chat = auto()
    completion = auto()


class Likelihoods(StrEnum):
    """What a server tells of probabilities: nothing; the likeliest next tokens (OpenAI); those of the tokens
    of a prompt (vLLM)."""

    none = auto()
    next = auto()
    prompt = auto()


class Guides(StrEnum):
    """How a server binds a text: not at all; to a pattern (vLLM); to a JSON schema (OpenAI)."""

    none = auto()
    regex = auto()
    json = auto()


@dataclass(kw_only=True)  # not frozen: OmegaConf cannot fill a frozen class inside another
class Price:
    """What a million tokens cost, in any one currency."""

    prompt: float
    completion: float


@dataclass(frozen=True, kw_only=True)
class ServedSettings(Model):
    """How the server is reached and asked; `conf/model/served.yaml` says what each setting does."""

    base_url: Any  # an address or a list of them
    served_as: str
    api: Api
    key: str | None
    likelihoods: Likelihoods
    guided: Guides
    length_field: str
    extra: dict[str, Any]
    batch: bool
    in_flight: int
    requests_per_minute: float | None
    timeout: float
    patience: float
    price: Price | None
    batch_discount: float
    max_cost: float | None
    max_tokens: int | None
    confirm_above: float

    def __post_init__(self) -> None:
        check_addresses(self.addresses)
        if self.key is not None and not _VARIABLE.fullmatch(self.key):
            raise ConfigError(
                "key: no name of an environment variable (what it is is not shown, for it may be a key); "
                "export the key and give the variable's name, as model.key=OPENAI_API_KEY"
            )
        for name in ("in_flight", "timeout", "patience", "requests_per_minute", "max_cost", "max_tokens"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"{name}: {value} is not above 0; give more")
        if self.max_cost is not None and self.price is None:
            raise ConfigError("max_cost: no price is known to hold it against; set model.price too")
        if not 0 <= self.batch_discount <= 1:
            raise ConfigError(f"batch_discount: {self.batch_discount} is no share; give 0.5 for half")
        if self.batch and len(self.addresses) > 1:
            raise ConfigError("batch: one server answers a batch; give one address in model.base_url")
        if self.likelihoods is Likelihoods.prompt and self.api is not Api.chat:
            raise ConfigError("likelihoods: prompt is vLLM's for conversations; use model.api=chat")

    @property
    def addresses(self) -> list[str]:
        return [self.base_url] if isinstance(self.base_url, str) else list(self.base_url)

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        return self.money(prompt_tokens, completion_tokens, self.batch)

    def money(self, prompt_tokens: float, completion_tokens: float, batched: bool) -> float:
        """Return the price of tokens asked for in a batch or not, 0 where none is known."""
        if self.price is None:
            return 0.0
        whole = (prompt_tokens * self.price.prompt + completion_tokens * self.price.completion) / MILLION
        return whole * (1 - self.batch_discount) if batched else whole


@dataclass(frozen=True, kw_only=True)
class Served(ServedSettings):
    """A served model. What comes back is kept in the cache, and never asked, or paid, for twice."""

    def serves(self, decoding: Decoding) -> bool:
        if isinstance(decoding, Guided):
            if self.guided is Guides.none:
                raise ConfigError(
                    f"model.guided: none, and decoding={decoding.name} needs it; set regex (vLLM) or json "
                    "(OpenAI), if the server binds texts, or use decoding=greedy"
                )
            return True
        if not isinstance(decoding, Scoring):
            return isinstance(decoding, (Greedy, Sample))
        if self.likelihoods is Likelihoods.none:
            raise ConfigError(
                f"model.likelihoods: none, and decoding={decoding.name} needs them; set next (the likeliest "
                "next tokens) or prompt (vLLM), if the server gives them, or use decoding=greedy"
            )
        if self.likelihoods is Likelihoods.next and not isinstance(decoding, (Digits, CandidateLabels)):
            raise ConfigError(
                f"model.likelihoods: next tells of one token, and decoding={decoding.name} scores longer "
                "texts; use decoding=digits or candidates_label, or a server that gives likelihoods=prompt"
            )
        return True

    def lacks(self) -> str:
        if importlib.util.find_spec("openai") is None:
            return f"model={self.name}: takes the openai client; pip install 'llmrec[served]'"
        key = self._key()
        if not key:
            return (
                f"model.key: the environment has no {self.key}; export it, or set model.key=null for a "
                "server that wants none"
            )
        if not (key.isascii() and key.isprintable() and " " not in key):
            return f"model.key: {self.key} has blanks, or signs beyond ASCII, as no key has; export it anew"
        return ""

    def _key(self) -> str:
        """Return the key from the environment, or a word that stands for none."""
        return "none" if self.key is None else os.environ.get(self.key, "").strip()

    def open(self, training: Training, seed: int, cache_dir: Path, progress: Progress) -> Session:
        lack = self.lacks()
        if lack:
            raise BackendError(lack)
        # The client takes a second to import.
        from llmrec.model.served.session import ServedSession

        return ServedSession(self, self._key(), seed, cache_dir, progress)


def check_addresses(addresses: list[str]) -> None:
    """Raise ConfigError for an address that is none, or that carries a password."""
    if not addresses:
        raise ConfigError("base_url: no address; give one such as [http://localhost:8000/v1]")
    for address in addresses:
        try:
            parts = urlsplit(address)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if sound and (parts.username or parts.password):
            raise ConfigError("base_url: carries a user or a password, which would be stored; use model.key")
        if not sound:
            raise ConfigError(
                f"base_url: '{address}' is no address; give one such as http://localhost:8000/v1"
            )
