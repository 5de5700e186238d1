"""What every split is: a rule that gives each row of a corpus its role."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from llmrec.records import Corpus
from llmrec.split.ledger import Ledger, Ties


@dataclass(frozen=True, kw_only=True)
class Split(ABC):
    """A split by name."""

    name: str

    @abstractmethod
    def assign(self, corpus: Corpus, ties: Ties, seed: int) -> Ledger:
        """Return the ledger; depends on the corpus, the rule for ties and the seed alone."""
