"""How items and users are named in prompts and answers: as the data name them, or by numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from itertools import chain
from typing import NamedTuple

from msgspec.structs import replace

from llmrec.records import Item, Question
from llmrec.seeded import hash64


class Naming(Enum):
    """By title; by a number drawn by seed; or numbered in the order in which items first appear when the
    users' sequences are read one after the other, as P5 did: "id + 1" is then often the next item.

    No StrEnum: a member would stand in the way of str.title.
    """

    title = auto()
    random_id = auto()
    sequential_id = auto()


def as_written(question: Question) -> Question:
    return question


class Names(NamedTuple):
    """What stands for items and users, by their ids in the data; all that prompts, answers and the
    reading of answers know of them.

    An item's name is the title of what is shown of it. Where names are numbers the shown id is that name
    too, so that neither title nor id of the data is told. `users` is None where users keep their ids.
    `told` gives a question with the texts of users as prompts show them.
    """

    items: Mapping[str, Item]
    users: Mapping[str, str] | None
    told: Callable[[Question], Question] = as_written

    def user_id(self, user: str) -> str:
        return user if self.users is None else self.users[user]

    def user(self, user: str) -> str:
        """Return what names a user in running words."""
        return f"user {user}" if self.users is None else self.users[user]

    def item(self, item: str) -> str:
        """Return what names an item in running words: all that is known by, once."""
        shown = self.items[item]
        return shown.title if self.users is not None else f"item {shown.id}, {shown.title}"


def named(
    naming: Naming, items: Mapping[str, Item], sequences: Iterable[tuple[str, Sequence[str]]], seed: int
) -> Names:
    """Return the names of a data set's items and users; `sequences` are users with their items in time,
    in the order of the data. They depend on nothing else, so all tasks and runs of a seed share them."""
    if naming is Naming.title:
        return Names(items, None)
    by_user = dict(sequences)
    users, order = list(by_user), list(dict.fromkeys(chain(*by_user.values(), items)))
    if naming is Naming.random_id:
        users.sort(key=lambda user: hash64(seed, "user", user))
        order.sort(key=lambda item: hash64(seed, "item", item))
    return Names(
        items={item: numbered(items[item], place) for place, item in enumerate(order, 1)},
        users={user: f"user_{place}" for place, user in enumerate(users, 1)},
    )


def numbered(item: Item, number: int) -> Item:
    """Return what is shown of an item under a number: what is known of it beside its name."""
    name = f"item_{number}"
    return replace(item, id=name, title=name)
