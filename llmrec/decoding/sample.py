"""Texts drawn at random; the seed is the run's."""

from dataclasses import dataclass

from llmrec.decoding.base import Writing
from llmrec.decoding.limits import at_least
from llmrec.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Sample(Writing):
    """Draw every token by its probability, sharpened by `temperature`, from the `top_k` likeliest
    tokens (0: all) and the smallest set that holds `top_p` of the probability (1: all)."""

    temperature: float
    top_p: float
    top_k: int

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("top_k", self.top_k, 0)
        if not self.temperature > 0:
            raise ConfigError(f"temperature: {self.temperature} is not above 0; use decoding=greedy for 0")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p: {self.top_p} is not above 0 and at most 1; give 1 for all tokens")
