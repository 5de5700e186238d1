"""Which prompts are read behind one beginning."""

import random

import pytest

from llmrec.model.local.inference.prefix import common_beginning, families


def test_families_are_parted_where_that_spares_enough():
    many, few = [1] * 50, [2] * 50
    prompts = [[*many, 3], [*few, 4], [*many, 5], [*few, 6], [7], [*many, 8]]
    assert sorted(families(prompts, worth=100)) == [[0, 2, 5], [1, 3, 4]]
    assert sorted(families(prompts, worth=50)) == [[0, 2, 5], [1, 3], [4]]
    assert families(prompts, worth=101) == [[0, 1, 2, 3, 4, 5]]


def test_families_stand_within_families():
    inner, outer = [1] * 100, [1] * 50
    prompts = [*([*inner, n] for n in (2, 3, 4)), *([*outer, n] for n in (5, 6, 7)), [8], [9]]
    assert families(prompts, worth=60) == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_equal_prompts_are_of_one_family():
    assert families([[1, 2, 3]] * 4, worth=5) == [[0, 1, 2, 3]]
    assert families([[1, 2]], worth=5) == [[0]]


@pytest.mark.parametrize("seed", range(20))
def test_every_prompt_stands_in_one_family_and_all_but_the_last_spare_what_they_must(seed):
    chance = random.Random(seed)
    prompts = [[chance.randrange(2) for _ in range(chance.randrange(1, 12))] for _ in range(40)]
    found = families(prompts, worth=6)
    assert sorted(number for family in found for number in family) == list(range(40))
    for family in found[:-1]:
        own = [prompts[number] for number in family]
        assert (len(own) - 1) * len(common_beginning([[*prompt, 9] for prompt in own])) >= 6
