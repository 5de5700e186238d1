"""Several processes of one run: equal shares, and who goes on."""

import random

import pytest
from builders import question

from llmrec.errors import DelegatedError
from llmrec.processes import ALONE, Processes
from llmrec.records import Prompt, Request


@pytest.fixture
def requests():
    return [Request(question(id=f"q{n}"), Prompt(f"q{n}", 0, (), 0, ())) for n in range(101)]


def test_shares_are_equal_whole_and_of_no_order(requests):
    shares = [Processes(rank, 4).share(requests) for rank in range(4)]
    assert sorted(map(len, shares)) == [25, 25, 25, 26]
    asked = [request.question.id for share in shares for request in share]
    assert sorted(asked) == sorted(request.question.id for request in requests)
    shuffled = random.Random(0).sample(requests, len(requests))
    assert [Processes(rank, 4).share(shuffled) for rank in range(4)] == shares
    assert ALONE.share(requests) == requests


def test_what_does_not_spread_is_the_first_s_alone(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in (0, 1):
        monkeypatch.setenv("RANK", str(rank))
        assert Processes.of_run(spreads=True) == (rank, 2)
    with pytest.raises(DelegatedError):
        Processes.of_run(spreads=False)
    monkeypatch.setenv("RANK", "0")
    assert Processes.of_run(spreads=False) == ALONE


@pytest.mark.parametrize("rank", [0, 1])
def test_all_wait_for_each_other_also_after_a_failure_which_is_told(rank, monkeypatch):
    waited = []
    monkeypatch.setattr(Processes, "_wait", lambda self: waited.append(self))
    own = Processes(rank, 2)
    for together in (own.first_before_the_rest, own.all_before_the_first):
        with pytest.raises(ValueError, match="broken"), together():
            raise ValueError("broken")
    assert waited == [own, own]


def test_the_first_alone_goes_on(monkeypatch):
    monkeypatch.setattr(Processes, "_wait", lambda _: None)
    with Processes(0, 2).all_before_the_first():
        pass
    with pytest.raises(DelegatedError), Processes(1, 2).all_before_the_first():
        pass
