"""Less of a data set: a share of its users, items or interactions, drawn by hash of their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmrec.errors import ConfigError, DataError
from llmrec.records import Interaction
from llmrec.seeded import hash64

SHARES = ("users", "items", "interactions")
HASHES = 2**64


@dataclass(kw_only=True)  # not frozen: OmegaConf cannot fill a frozen class inside another
class Sample:
    """Shares kept, above 0 and up to 1. A seeded hash of an id alone decides whether it stays, so that a
    larger share contains a smaller one; `seed` is the draw's own, the same for every run."""

    users: float
    items: float
    interactions: float
    seed: int

    @property
    def is_whole(self) -> bool:
        return all(getattr(self, name) == 1 for name in SHARES)

    def check(self) -> None:
        """Raise ConfigError for what is no share."""
        for name in SHARES:
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(
                    f"sample.{name}: {getattr(self, name)} is no share; give one above 0 and up to 1 (all)"
                )

    def drawn(self, rows: Sequence[Interaction]) -> list[bool]:
        """Return of each row whether its user, item and (user, item) were all drawn.

        Raises DataError when none was.
        """
        if self.is_whole:
            return [True] * len(rows)
        users = {user for user in {row.user for row in rows} if self._stays("users", user)}
        items = {item for item in {row.item for row in rows} if self._stays("items", item)}
        stays = [
            row.user in users and row.item in items and self._stays("interactions", row.user, row.item)
            for row in rows
        ]
        if not any(stays):
            raise DataError(f"dataset.sample: leaves none of {len(rows):,} interactions; take larger shares")
        return stays

    def notes(self, before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
        """Return what a reader of the scores must know: that, and how much, was left out of which counts."""
        if self.is_whole:
            return []
        shares = ", ".join(f"{getattr(self, n):g} of {n}" for n in SHARES if getattr(self, n) != 1)
        left = ", ".join(f"{after[name]:,} of {before[name]:,} {name}" for name in SHARES)
        return [f"a sample of the data set by hash of ids ({shares}, seed {self.seed}): {left} drawn"]

    def _stays(self, name: str, *ids: str) -> bool:
        share = float(getattr(self, name))
        return share == 1 or hash64("sample", name, self.seed, *ids) < share * HASHES
