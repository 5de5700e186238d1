"""In which order pairs are learned."""

from llmrec.finetune.order import Steps

LENGTHS = [5, 1, 4, 2, 8, 3, 9, 7]


def steps(epoch: int = 0, seed: int = 0, by_length: bool = False) -> list[list[int]]:
    sampler = Steps(LENGTHS, 4, seed, by_length)
    sampler.set_epoch(epoch)
    order = list(sampler)
    assert len(order) == len(sampler)
    return [order[:4], order[4:]]


def test_every_pair_comes_once_an_epoch_in_another_order():
    orders = [[place for step in steps(epoch) for place in step] for epoch in range(3)]
    assert all(sorted(order) == list(range(8)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_seed_and_epoch_alone_decide_the_order():
    assert steps(2) == steps(2)
    assert steps(2) != steps(2, seed=7)


def test_by_length_the_steps_stay_and_their_pairs_are_sorted():
    for plain, grouped in zip(steps(), steps(by_length=True), strict=True):
        assert set(plain) == set(grouped)
        assert [LENGTHS[place] for place in grouped] == sorted(LENGTHS[place] for place in plain)
