"""Which item comes next, out of the whole catalogue?"""

from dataclasses import dataclass

from llmrec.records import Ranking
from llmrec.split.ledger import Ledger, Role, Scheme
from llmrec.task.base import Refer, Reveal, Task


@dataclass(frozen=True, kw_only=True)
class Sequential(Task):
    """The next item after a history in time order."""

    scheme = Scheme.NEXT
    answer = Ranking

    def references(self, ledger: Ledger) -> Refer:
        return lambda target: Ranking((target.item,))

    def reveals(self, ledger: Ledger, seed: int) -> Reveal:
        return lambda bare, target: bare

    def rows(self, ledger: Ledger, role: Role) -> list[int]:
        """Leave out each user's first row: nothing came before it."""
        first = {timeline[0] for timeline in ledger.timelines.values()}
        return [row for row in super().rows(ledger, role) if row not in first]
