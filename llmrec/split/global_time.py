"""One point in time for everyone: learn from before it, be asked about after it."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmrec.errors import ConfigError
from llmrec.records import Corpus
from llmrec.split.base import Split
from llmrec.split.ledger import Ledger, Role, Scheme, Ties, timelines


@dataclass(frozen=True, kw_only=True)
class GlobalTime(Split):
    """The last `held_out` share of all interactions by time = test, as much before it = validation.

    Under NEXT a user is asked once a period, for the first item in it, if something came before.
    """

    held_out: float

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 0.5:
            raise ConfigError(f"held_out: {self.held_out} is no share; give one above 0 and below 0.5")

    def assign(self, corpus: Corpus, ties: Ties, seed: int) -> Ledger:
        by_user = timelines(corpus, ties, seed)
        period = self._periods(corpus)
        first = bytearray(role if role == Role.TRAIN else Role.UNUSED for role in period)
        for rows in by_user.values():
            for role in (Role.VALID, Role.TEST):
                place = next((i for i, row in enumerate(rows) if period[row] == role), 0)
                if place > 0:
                    first[rows[place]] = role
        roles: dict[Scheme, Sequence[int]] = {Scheme.NEXT: first, Scheme.ANY: period}
        return Ledger(corpus=corpus, timelines=by_user, roles=roles, hides_held_out=False)

    def _periods(self, corpus: Corpus) -> bytearray:
        """Return each row's role by its time alone; rows of one second share a role."""
        times = sorted(it.timestamp for it in corpus.interactions)
        held_out = round(self.held_out * len(times))
        if not held_out:
            return bytearray([Role.TRAIN]) * len(times)
        test, valid = times[-held_out], times[-2 * held_out]
        return bytearray(
            Role.TEST if it.timestamp >= test else Role.VALID if it.timestamp >= valid else Role.TRAIN
            for it in corpus.interactions
        )
