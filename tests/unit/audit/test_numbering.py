"""Ids numbered along the sequences give the next item away; dealt out at random they do not."""

from builders import event, question

from llmrec.audit.numbering import along, next_ids, shuffled
from llmrec.metric.base import Row
from llmrec.records import Ranking


def row(items):
    *seen, target = items
    history = tuple(event(item) for item in seen)
    return Row(question=question(history=history), reference=Ranking((target,)), answer=None)


ROWS = [row("abc"), row("dbe"), row("ad")]


def test_items_are_numbered_as_the_sequences_name_them_targets_too():
    assert along(ROWS) == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def test_the_ids_after_the_last_one_are_the_answer_but_for_items_of_the_history():
    first, second, third = next_ids(ROWS, along(ROWS))
    assert first.answer == Ranking(("c", "d", "e"))
    assert second.answer == Ranking(("c", "e"))
    assert third.answer == Ranking(("b", "c", "d", "e"))


def test_ten_items_are_named_at_most_and_none_without_a_history():
    many = [row([f"i{number}" for number in range(40)])]
    numbers = {f"i{number}": 1000 - number for number in range(40)}
    assert next_ids(many, numbers)[0].answer == Ranking(())
    numbers = {**numbers, **{f"j{number}": 2000 + number for number in range(20)}, "i38": 1999}
    assert next_ids(many, numbers)[0].answer == Ranking(tuple(f"j{number}" for number in range(10)))
    assert next_ids([row("a")], {"a": 1})[0].answer is None


def test_dealing_out_anew_keeps_the_numbers():
    numbers = {f"i{number}": number + 1 for number in range(30)}
    dealt = shuffled(numbers, 0)
    assert sorted(dealt.values()) == sorted(numbers.values())
    assert dealt == shuffled(numbers, 0)
    assert dealt != numbers
