"""Rules of the ranking parser that hold for every text."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.errors import ConfigError
from llmrec.parser.base import Reader
from llmrec.parser.ranking import Ranking
from llmrec.records import Event, Item, Question
from llmrec.records import Ranking as Ranked

TITLES = [
    "Red Apple Soap",
    "Green Pear Soap",
    "Blue Plum Balm",
    "Grey Fig Scrub, 2 Ounce",
    "Noora",
    "Red Apple Soap",
]
ITEMS = {f"ITEM{n:03}": Item(f"ITEM{n:03}", title, "", ()) for n, title in enumerate(TITLES)}
SHOWN = ("ITEM000", "ITEM002", "ITEM003")


def reader(size: int = 2, fuzzy: int = 90, fill: bool = False) -> Reader:
    return Ranking(name="ranking", size=size, fuzzy=fuzzy, fill=fill).bind(ITEMS)


def question(id: str = "q", history: tuple[str, ...] = (), candidates: tuple[str, ...] = ()) -> Question:
    events = tuple(Event(item, 5.0, 1, "") for item in history)
    return Question(
        id=id, user="u", time=9, history=events, item=None, rating=None, review=None, candidates=candidates
    )


WORDS = st.sampled_from(
    [*TITLES, *ITEMS, "\n", ", ", "; ", "1. ", "- ", '["', '", "', '"]', "{", ":", "Answer:", "pear"]
)
ANY_TEXT = st.one_of(st.text(), st.lists(WORDS).map("".join))
FILLING, PLAIN = reader(fill=True), reader()


@given(ANY_TEXT, st.sampled_from([(), SHOWN]), st.sampled_from([(), ("ITEM001",)]), st.booleans())
def test_any_text_gives_allowed_distinct_items_or_one_failure(
    text: str, candidates: tuple[str, ...], history: tuple[str, ...], fill: bool
) -> None:
    bound = FILLING if fill else PLAIN
    reading = bound.read(text, question(history=history, candidates=candidates))
    assert (reading.answer is None) != (reading.failure is None)
    if reading.failure is not None:
        assert bound.reason(reading.failure).endswith(".")
        return
    assert isinstance(reading.answer, Ranked)
    items = reading.answer.items
    assert 1 <= len(items) <= 2
    assert len(set(items)) == len(items)
    assert set(items) <= (set(candidates) or set(ITEMS) - set(history))


def test_a_short_list_is_filled_from_the_candidates_and_counted() -> None:
    answer, _, repairs = reader(size=3, fill=True).read("Blue Plum Balm", question(candidates=SHOWN))
    assert isinstance(answer, Ranked)
    assert answer.items[0] == "ITEM002"
    assert set(answer.items) == set(SHOWN)
    assert repairs == ("filled", "filled")


def test_filling_does_not_follow_the_shown_order() -> None:
    orders = {
        reader(size=3, fill=True).read("Blue Plum Balm", question(id=f"q{n}", candidates=SHOWN)).answer
        for n in range(20)
    }
    assert len(orders) == 2


def test_a_list_without_candidates_is_never_filled() -> None:
    assert reader(size=3, fill=True).read("Noora", question()).answer == Ranked(("ITEM004",))


def test_a_shared_title_prefers_what_the_user_does_not_have() -> None:
    answer, _, repairs = reader().read("Red Apple Soap", question(history=("ITEM000",)))
    assert answer == Ranked(("ITEM005",))
    assert repairs == ("ambiguous_title",)


def test_a_shared_title_is_no_riddle_among_candidates() -> None:
    assert reader().read("Red Apple Soap", question(candidates=SHOWN)) == (Ranked(("ITEM000",)), None, ())


def test_the_choice_among_a_shared_title_varies_with_the_question_alone() -> None:
    chosen = [reader().read("Red Apple Soap", question(id=f"q{n}")).answer for n in range(20)]
    assert set(chosen) == {Ranked(("ITEM000",)), Ranked(("ITEM005",))}
    assert chosen == [reader().read("Red Apple Soap", question(id=f"q{n}")).answer for n in range(20)]


def test_no_score_means_exact_titles_alone() -> None:
    assert reader(fuzzy=90).read("Green Pear Soup", question()).answer == Ranked(("ITEM001",))
    assert reader(fuzzy=0).read("Green Pear Soup", question()).failure == "no_match"


@pytest.mark.parametrize(
    ("written", "found"),
    [("Tin Moon", "film1"), ("Tin Moon (1951)", "film1"), ("Glass", None), ("Tin", None)],
)
def test_a_film_is_known_without_its_year_where_only_one_can_be_meant(
    written: str, found: str | None
) -> None:
    titles = {"film1": "Tin Moon (1951)", "film2": "Glass (1960)", "film3": "Glass (1988)"}
    items = {id: Item(id, title, "", ()) for id, title in titles.items()}
    parser = Ranking(name="ranking", size=10, fuzzy=90, fill=False)
    answer = parser.bind(items).read(written, question()).answer
    assert answer == (Ranked((found,)) if found else None)


@pytest.mark.parametrize(("size", "fuzzy", "message"), [(0, 90, "size: 0"), (2, 101, "fuzzy: 101")])
def test_impossible_rules_are_refused(size: int, fuzzy: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        reader(size=size, fuzzy=fuzzy)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '["' * 50_000, '[{"a":' * 20_000, "Red " * 25_000, "\n" * 100_000 + "x"]
)
@pytest.mark.timeout(20)
def test_a_long_text_is_refused_in_bounded_time(text: str) -> None:
    assert reader().read(text, question()).failure == "no_match"


def test_a_catalogue_of_beautys_size_is_bound_in_a_moment() -> None:
    titles = (f"Brand {n % 97} Product with a long title, {n} Ounce (Pack of {n % 7})" for n in range(12_101))
    items = {f"I{n}": Item(f"I{n}", title, "", ()) for n, title in enumerate(titles)}
    start = process_time()
    Ranking(name="ranking", size=10, fuzzy=90, fill=False).bind(items)
    assert process_time() - start < 0.5


def test_a_ranking_is_read_on_in_the_next_best_text_until_it_is_full():
    texts = ["Blue Plum Balm", "Noora\nBlue Plum Balm\nGreen Pear Soap", "Grey Fig Scrub, 2 Ounce"]
    reading = reader(size=3).read_all(texts, question())
    assert reading.answer == Ranked(("ITEM002", "ITEM004", "ITEM001"))
    assert reading.repairs == ("duplicate",)


def test_texts_that_name_nothing_add_nothing():
    reading = reader(size=3).read_all(["nonsense here", "Noora", "more of it"], question())
    assert reading.answer == Ranked(("ITEM004",))
    assert reading.repairs.count("unknown_title") == 2


def test_texts_that_all_name_nothing_fail_as_the_best_one_does():
    asked = question(history=("ITEM004",))
    assert reader().read_all(["Noora", "nonsense here"], asked).failure == "only_history"


def test_one_full_text_is_read_alone():
    texts = ["Blue Plum Balm\nNoora", "Noora\nnonsense here"]
    assert reader(size=2).read_all(texts, question()) == reader(size=2).read(texts[0], question())


NUMBERED = {f"B{n}": Item(f"item_{n}", f"item_{n}", "", ()) for n in (4, 12, 47, 482, 4821)}


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("item_4821", "B4821"),
        ("Item_4821.", "B4821"),
        ("1. item_482\n2. item_12", "B482"),
        ("I would take item_47 next", "B47"),
        ("item_4 item_12", "B4"),
        ("item_48", None),
        ("item_4822", None),
        ("item_04821", None),
        ("itm_4821", None),
        ("item_", None),
        ("item", None),
        ("4821", None),
        ("B4821", None),
        ("user_4821", None),
    ],
)
@pytest.mark.parametrize("shown", [(), ("B4821", "B482", "B47", "B12", "B4")])
def test_where_names_are_ids_they_are_read_exactly_or_not_at_all(
    written: str, found: str | None, shown: tuple[str, ...]
) -> None:
    parser = Ranking(name="ranking", size=10, fuzzy=90, fill=False)
    answer = parser.bind(NUMBERED).read(written, question(candidates=shown)).answer
    assert (answer.items[0] if isinstance(answer, Ranked) else None) == found


def test_ids_in_one_line_are_read_in_order() -> None:
    parser = Ranking(name="ranking", size=10, fuzzy=90, fill=False)
    for line in ("item_4 item_482 item_12", "item_4, item_482, item_12", "item_4 -> item_482 -> item_12"):
        assert parser.bind(NUMBERED).read(line, question()).answer == Ranked(("B4", "B482", "B12"))


def test_a_title_cut_short_inside_its_number_is_another_title() -> None:
    items = {"v12": Item("v12", "The Tale of the Fox Volume 12", "", ())}
    parser = Ranking(name="ranking", size=10, fuzzy=90, fill=False).bind(items)
    assert parser.read("The Tale of the Fox Volume 1", question()).failure == "no_match"
    assert parser.read("The Tale of the Fox Vol", question()).answer == Ranked(("v12",))


@pytest.mark.parametrize(
    ("text", "asked", "told"),
    [
        ("", question(), "Your answer was empty; list 2 titles, one a line."),
        (
            "Something else",
            question(),
            "Your answer named no item that can be recommended here; "
            "list 2 titles exactly as they are written, one a line.",
        ),
        (
            "Noora",
            question(history=("ITEM004",)),
            "The user already has every item that you named; list 2 titles of other items, one a line.",
        ),
        (
            "Noora",
            question(candidates=SHOWN),
            "None of the items that you named is a candidate; list 2 titles of candidates, one a line.",
        ),
    ],
)
def test_a_model_is_told_why_its_ranking_was_refused(text: str, asked: Question, told: str) -> None:
    assert PLAIN.reason(PLAIN.read(text, asked).failure or "") == told
