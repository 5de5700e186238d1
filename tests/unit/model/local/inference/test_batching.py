import random

import numpy as np

from llmrec.model.local.inference.batching import KIN, Sized, batched, ordered


def row(number, ids, answer=10):
    return Sized(number, (f"q{number}", 0), np.array(ids, dtype=np.int32), len(ids) + answer)


def test_prompts_of_one_family_are_neighbours_and_families_stand_by_their_longest():
    stem = [300] * 5
    one, other = [*stem, *range(KIN)], [*stem, *range(1000, 1000 + KIN)]
    rows = [row(0, [*one, 1]), row(1, [*other, 1] + [7] * 50), row(2, [*one, 2]), row(3, [*other, 2])]
    assert [sized.number for sized in ordered(rows)] == [1, 3, 0, 2]


def test_prompts_that_share_only_what_all_share_stand_by_length():
    rows = [row(number, [1, 2, 3, *[50 + number] * length]) for number, length in enumerate((4, 9, 6))]
    assert [sized.number for sized in ordered(rows)] == [1, 2, 0]


def test_the_order_of_the_arguments_does_not_show():
    chance = random.Random(0)
    rows = [row(n, [chance.randrange(3) for _ in range(chance.randrange(1, 60))]) for n in range(40)]
    shuffled = chance.sample(rows, len(rows))
    assert [sized.name for sized in ordered(rows)] == [sized.name for sized in ordered(shuffled)]


def test_a_batch_holds_no_more_than_the_budget_with_every_row_as_long_as_the_longest():
    rows = [row(n, [n] * length) for n, length in enumerate((30, 20, 20, 5, 90))]
    assert batched(rows, budget=100, most=64) == [[4], [0, 1], [2, 3]]
    assert batched(rows, budget=1000, most=2) == [[4, 0], [1, 2], [3]]
    assert batched([], budget=10, most=2) == []


def test_a_family_is_kept_together_whatever_the_bytes_of_its_numbers():
    rows = [row(0, [256, *range(KIN)]), row(1, [1, *range(KIN)]), row(2, [256, *range(KIN), 5])]
    assert [sized.number for sized in ordered(rows)] == [0, 2, 1]
