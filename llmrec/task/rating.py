"""How many stars will this user give this item?"""

from dataclasses import dataclass

from msgspec.structs import replace

from llmrec.records import Rating
from llmrec.split.ledger import Ledger, Scheme
from llmrec.task.base import Refer, Reveal, Task


@dataclass(frozen=True, kw_only=True)
class RatingPrediction(Task):
    """Stars, 1..5, for an item that the user has not rated before the moment of asking."""

    scheme = Scheme.ANY
    answer = Rating

    def references(self, ledger: Ledger) -> Refer:
        return lambda target: Rating(target.rating)

    def reveals(self, ledger: Ledger, seed: int) -> Reveal:
        return lambda bare, target: replace(bare, item=target.item)
