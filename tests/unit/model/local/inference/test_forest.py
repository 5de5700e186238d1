import torch
from hypothesis import given
from hypothesis import strategies as st

from llmrec.model.local.inference.forest import plant, shared

TEXTS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=1, max_size=12)


def test_texts_that_begin_alike_share_their_first_nodes():
    forest = plant([[5, 6, 7], [5, 6, 8], [9]], width=10)
    assert forest.ids.tolist() == [[5, 6, 7, 8, 9]]
    assert forest.depths.tolist() == [[0, 1, 2, 2, 0]]
    assert [place.nodes for place in forest.places] == [[0, 1, 2], [0, 1, 3], [4]]
    assert forest.sees[0].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_rows_are_about_equally_full():
    texts = [[first, *range(100, 109)] for first in range(9)]
    assert [place.row for place in plant(texts, width=45).places] == [0] * 5 + [1] * 4
    assert plant(texts, width=90).ids.shape == (1, 90)


def test_a_text_wider_than_a_row_has_one_of_its_own_and_what_fills_the_others_up_sees_itself():
    forest = plant([[1, 2], [5, 6, 7, 8, 9, 10]], width=4)
    assert [place.row for place in forest.places] == [0, 1]
    assert forest.sees[0, 5].tolist() == [False] * 5 + [True]


def test_a_text_and_its_own_beginning_end_on_one_path():
    forest = plant([[1, 2, 3], [1, 2]], width=10)
    assert [place.nodes for place in forest.places] == [[0, 1, 2], [0, 1]]
    assert forest.ids.shape == (1, 3)


@given(TEXTS, st.integers(1, 12))
def test_every_path_spells_its_text_and_sees_nothing_else(texts, width):
    forest = plant(texts, width)
    for text, place in zip(texts, forest.places, strict=True):
        assert forest.ids[place.row, place.nodes].tolist() == text
        assert forest.depths[place.row, place.nodes].tolist() == list(range(len(text)))
        for at, node in enumerate(place.nodes):
            seen = torch.nonzero(forest.sees[place.row, node]).flatten()
            assert seen.tolist() == place.nodes[: at + 1]
    assert forest.ids.shape[1] <= width + 2 * max(map(len, texts))


def test_the_common_beginning_of_two_texts_ends_where_they_part_or_one_ends():
    assert (shared([1, 2, 3], [1, 2, 4]), shared([1], [1, 2]), shared([], [1])) == (2, 1, 0)
