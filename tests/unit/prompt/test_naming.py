"""Names of items and users: what they depend on, and that nothing else is told of who they are."""

import pytest
from builders import event, question

from llmrec.prompt.naming import Naming, named
from llmrec.prompt.rendering import Budget, Rendering, answer_text
from llmrec.prompt.wording import Wording
from llmrec.records import Item, Ranking

ITEMS = {
    "B1": Item("B1", "Rose Cream", "Maren", ("Beauty", "Hands")),
    "B2": Item("B2", "Clay Mask", "Tidal", ()),
    "B3": Item("B3", "Beard Oil", "", ()),
    "B4": Item("B4", "Loofah", "", ()),
}
SEQUENCES = (("uz", ("B3", "B1")), ("ua", ("B1", "B4", "B3")))
EVERYTHING = Wording(
    task="{user} {user_id} {item} {item_id} {title} {brand} {category} {candidates}",
    input="", behavior="{history}", no_history="", format="", brief="",
    event="{item_id} {title}", candidate="{item_id} {title}", needs_behavior=True, ordered=True,
)  # fmt: skip
ASKED = question(user="ua", item="B1", history=(event("B3"),), candidates=("B2", "B4"))


def called(names):
    return {id: (item.id, item.title) for id, item in names.items.items()}


def told(naming):
    names = named(naming, ITEMS, SEQUENCES, seed=0)
    return Rendering(ASKED, names, EVERYTHING, Budget(100, 100)).values


def test_titles_are_what_the_data_say():
    assert named(Naming.title, ITEMS, SEQUENCES, 0).items is ITEMS
    values = told(Naming.title)
    assert (values["user"], values["item"]) == ("user ua", "item B1, Rose Cream")
    assert (values["user_id"], values["item_id"]) == ("ua", "B1")


def test_sequential_ids_count_first_appearances_and_then_what_nobody_has():
    names = named(Naming.sequential_id, ITEMS, SEQUENCES, 0)
    numbers = {"B3": 1, "B1": 2, "B4": 3, "B2": 4}
    assert called(names) == {id: (f"item_{n}", f"item_{n}") for id, n in numbers.items()}
    assert names.users == {"uz": "user_1", "ua": "user_2"}


@pytest.mark.parametrize("naming", [Naming.random_id, Naming.sequential_id])
def test_numbers_run_from_one_and_name_everything_once(naming):
    names = named(naming, ITEMS, SEQUENCES, 0)
    assert {item.title for item in names.items.values()} == {f"item_{n}" for n in (1, 2, 3, 4)}
    assert set(names.users.values()) == {"user_1", "user_2"}


def test_random_ids_depend_on_the_seed_and_not_on_any_order():
    many = {f"B{n}": Item(f"B{n}", "", "", ()) for n in range(100)}
    turned = dict(reversed(many.items()))
    one, same, other = (
        called(named(Naming.random_id, items, SEQUENCES[::step], seed))
        for items, step, seed in ((many, 1, 0), (turned, -1, 0), (many, 1, 1))
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize("naming", [Naming.random_id, Naming.sequential_id])
def test_where_names_are_ids_neither_title_nor_id_of_the_data_is_told(naming):
    words = " ".join(told(naming).values())
    hidden = [*ITEMS, *(item.title for item in ITEMS.values()), "ua", "user user"]
    assert [text for text in hidden if text in words] == []
    assert "Beauty > Hands" in words


def test_an_answer_is_worded_by_the_name():
    names = named(Naming.sequential_id, ITEMS, SEQUENCES, 0)
    assert answer_text(Ranking(("B4",)), names.items) == "item_3"
