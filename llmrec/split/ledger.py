"""Which row may be used for what: one ledger of (user, item) -> role over all tasks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum, auto

from llmrec.errors import DataError
from llmrec.records import Corpus
from llmrec.seeded import hash64


class Role(IntEnum):
    """What a row is for. UNUSED rows are neither learned from nor asked about."""

    UNUSED = 0
    TRAIN = 1
    VALID = 2
    TEST = 3


class Scheme(StrEnum):
    """What a task holds out: a user's NEXT item after a history, or ANY single interaction."""

    NEXT = "next"
    ANY = "any"


class Ties(StrEnum):
    """Who comes first among a user's interactions of one second."""

    seeded = auto()
    file_order = auto()


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Roles of a corpus's rows under both schemes, and each user's rows in time.

    `timelines` maps a user to row numbers, oldest first. `roles[scheme][row]` is a Role.
    `hides_held_out` says that under ANY only training rows may stand in a history: with a random
    split the rows before a test row may be test rows themselves. `hidden` rows stand in no history.
    """

    corpus: Corpus
    timelines: dict[str, list[int]]
    roles: dict[Scheme, Sequence[int]]
    hides_held_out: bool
    hidden: frozenset[int] = frozenset()

    def row_id(self, row: int) -> str:
        """Return the opaque id of a row, a hash of the user and the row's place in the user's timeline:
        nobody who knows the user and the catalogue can find the item by it."""
        user = self.corpus.interactions[row].user
        return f"{hash64('row', user, self.timelines[user].index(row)):016x}"

    def rows(self, scheme: Scheme, role: Role) -> list[int]:
        """Return the row numbers of a role, in file order."""
        return [row for row, given in enumerate(self.roles[scheme]) if given == role]

    def sequences(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each user's items in time, held-out ones too; users in order of the file."""
        for user, rows in self.timelines.items():
            yield user, [self.corpus.interactions[row].item for row in rows]

    def earlier(self, scheme: Scheme, row: int) -> list[int]:
        """Return the user's rows that may be shown when `row` is asked about, oldest first."""
        timeline = self.timelines[self.corpus.interactions[row].user]
        past = [other for other in timeline[: timeline.index(row)] if other not in self.hidden]
        if scheme is Scheme.NEXT or not self.hides_held_out:
            return past
        return [other for other in past if self.roles[scheme][other] == Role.TRAIN]

    def to_learn(self, schemes: Iterable[Scheme]) -> "Ledger":
        """Return the ledger for learning tasks of these schemes together: what is a test row under one of
        them is learned, validated on and shown under none, and no validation row is learned."""
        by_scheme = [self.roles[scheme] for scheme in sorted(set(schemes))]
        if len(by_scheme) < 2:
            return self
        strictest = [max(roles) for roles in zip(*by_scheme, strict=True)]
        roles: dict[Scheme, Sequence[int]] = {
            scheme: bytes(
                role if role == most or most < Role.VALID else Role.UNUSED
                for role, most in zip(own, strictest, strict=True)
            )
            for scheme, own in self.roles.items()
        }
        hidden = frozenset(row for row, most in enumerate(strictest) if most == Role.TEST)
        return replace(self, roles=roles, hidden=self.hidden | hidden)

    def refuse_overlap(self, rows: Sequence[int], schemes: Sequence[Scheme]) -> None:
        """Raise DataError when a row to be trained on is a test row under any of the schemes."""
        held_out = [row for row in rows if any(self.roles[s][row] == Role.TEST for s in schemes)]
        if held_out:
            first = self.corpus.interactions[held_out[0]]
            raise DataError(
                f"training rows: {len(held_out):,} of {len(rows):,} are test rows of a task trained on "
                f"together, the first ({first.user}, {first.item}); leave them out of the training rows"
            )


def timelines(corpus: Corpus, ties: Ties, seed: int) -> dict[str, list[int]]:
    """Return each user's row numbers by time; ties by a seeded hash of (user, item), or file order."""
    by_user: dict[str, list[int]] = {}
    for row, interaction in enumerate(corpus.interactions):
        by_user.setdefault(interaction.user, []).append(row)

    def seeded(row: int) -> tuple[int, int]:
        it = corpus.interactions[row]
        return it.timestamp, hash64(seed, "tie", it.user, it.item)

    def by_file(row: int) -> tuple[int, int]:
        return corpus.interactions[row].timestamp, row

    key = seeded if ties is Ties.seeded else by_file
    for rows in by_user.values():
        rows.sort(key=key)
    return by_user
