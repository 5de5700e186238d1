from hypothesis import given
from hypothesis import strategies as st

from llmrec.model.local.inference.titles import Span, Titles

END = 99
CATALOGUE = st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=1, max_size=10)


def spelled(titles, refused=(), beginning=()):
    """Return all titles that can be spelled out token by token."""
    allowed = titles.allowed(refused)
    found = []
    for token in allowed.next_tokens(beginning, END):
        if token == END:
            found += [tuple(beginning)] if beginning else []
        else:
            found += spelled(titles, refused, (*beginning, token))
    return found


@given(CATALOGUE)
def test_what_can_be_spelled_is_every_title_that_has_tokens_and_nothing_else(texts):
    assert spelled(Titles(texts)) == sorted({tuple(text) for text in texts if text})


@given(CATALOGUE, st.sets(st.integers(0, 9)))
def test_a_title_all_of_whose_items_are_refused_cannot_be_reached(texts, refused):
    kept = {tuple(text) for number, text in enumerate(texts) if text and number not in refused}
    assert spelled(Titles(texts), sorted(refused)) == sorted(kept)


def test_items_of_one_title_share_it():
    titles = Titles([[1, 2], [3], [1, 2]])
    assert titles.items == [[0, 2], [1]]
    assert titles.allowed([0]).title([1, 2]) == 0
    assert spelled(titles, [0, 2]) == [(3,)]


def test_a_chain_ends_where_titles_part_or_one_of_them_ends():
    titles = Titles([[1, 2, 3, 4], [1, 2, 3], [5, 6], [5, 7]])
    assert titles.chain(Span(0, 2, 1)) == [2, 3]
    assert titles.chain(Span(2, 4, 1)) == []
    assert titles.chain(Span(2, 3, 1)) == [6]


def test_a_catalogue_of_empty_titles_offers_the_end_alone():
    titles = Titles([[], []])
    assert len(titles) == 0
    assert titles.allowed([]).next_tokens([], END) == [END]
