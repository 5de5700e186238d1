"""Rows are drawn by hash, and every text stands everywhere equally often."""

from collections import Counter
from itertools import pairwise

import pytest

from llmrec.annotate.design import drawn, orders, sequence, squares


def test_a_larger_draw_contains_a_smaller_one_whatever_the_order_of_the_rows():
    ids = [f"row{number}" for number in range(50)]
    small = drawn(ids, 10, seed=3)
    assert len(set(small)) == 10
    assert drawn(ids[::-1], 20, seed=3)[:10] == small
    assert drawn(ids, 10, seed=4) != small


def test_a_square_of_two_and_one_of_four():
    assert squares(2) == [[(0, 1), (1, 0)]]
    # 0, 1, -1, 2 and what comes by adding 1, modulo 4
    assert squares(4) == [[(0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1)]]


@pytest.mark.parametrize("size", range(2, 10))
def test_every_text_stands_once_in_each_row_and_each_column(size):
    for square in squares(size):
        for line in [*square, *zip(*square, strict=True)]:
            assert sorted(line) == list(range(size))


@pytest.mark.parametrize("size", range(2, 10))
def test_every_text_stands_equally_often_directly_after_each_other(size):
    follows = Counter(pair for square in squares(size) for row in square for pair in pairwise(row))
    assert len(follows) == size * (size - 1)
    assert set(follows.values()) == {len(squares(size))}


@pytest.mark.parametrize("size", range(2, 10))
@pytest.mark.parametrize("rater", [0, 1, 11])
def test_over_items_positions_are_equal_and_at_most_one_apart_over_the_rest(size, rater):
    found = orders(3 * size + 1, size, rater, seed=5, again=False)
    for place in range(size):
        whole = Counter(order[place] for order in found[: 3 * size])
        assert whole == dict.fromkeys(range(size), 3)
        assert max(Counter(order[place] for order in found).values()) <= 4


def test_over_raters_too_each_item_has_every_text_in_every_position():
    by_rater = [orders(7, 4, rater, seed=1, again=False) for rater in range(4)]
    for shown in zip(*by_rater, strict=True):
        for place in range(4):
            assert {order[place] for order in shown} == {0, 1, 2, 3}


@pytest.mark.parametrize("rater", range(5))
def test_the_second_time_a_row_has_another_order(rater):
    once, twice = (orders(9, 2, rater, seed=0, again=again) for again in (False, True))
    assert all(first != second for first, second in zip(once, twice, strict=True))


def test_orders_and_sequences_follow_seed_and_rater_alone():
    assert orders(8, 3, 0, 1, False) == orders(8, 3, 0, 1, False)
    assert orders(8, 3, 0, 1, False) != orders(8, 3, 0, 2, False)
    assert sequence(8, 2, 0, 1) == sequence(8, 2, 0, 1)
    assert sequence(8, 2, 0, 1) != sequence(8, 2, 1, 1)


def test_rows_shown_again_are_of_the_first_half():
    for rater in range(20):
        first, again = sequence(10, 3, rater, seed=0)
        assert sorted(first) == list(range(10))
        assert set(again) <= set(first[:5])
        assert len(set(again)) == 3
    first, again = sequence(4, 4, 0, seed=0)
    assert sorted(again) == sorted(first)
