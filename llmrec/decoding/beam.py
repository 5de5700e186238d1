"""A search for the likeliest whole text."""

from dataclasses import dataclass

from llmrec.decoding.base import Writing
from llmrec.decoding.limits import at_least
from llmrec.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Beam(Writing):
    """Keep the `num_beams` likeliest beginnings; return the `num_return_sequences` best texts, best
    first. A text's score is its log-likelihood / length ** `length_penalty`."""

    num_beams: int
    num_return_sequences: int
    length_penalty: float

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("num_beams", self.num_beams, 2)
        at_least("num_return_sequences", self.num_return_sequences, 1)
        if self.num_return_sequences > self.num_beams:
            raise ConfigError(
                f"num_return_sequences: {self.num_return_sequences} is more than num_beams="
                f"{self.num_beams} can hold; raise decoding.num_beams"
            )
