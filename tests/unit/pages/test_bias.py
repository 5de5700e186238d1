"""Position bias: counts worked by hand."""

import pytest
from builders import interaction, question
from reported import finished

from llmrec.finished import Finished
from llmrec.pages.bias import Bin, bias, bins, wilson
from llmrec.pages.groups import Entry, Group
from llmrec.records import Example, Prediction, Ranking


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Finished.at(finished(tmp_path_factory.mktemp("bias"), "run", "task=direct model=random limit=4"))


def group_of(run, size, asked):
    """Return a group of rows with candidates 0 to size - 1; `asked` are pairs of the right one and the
    ranking that was answered, or None."""
    shown = tuple(str(item) for item in range(size))
    examples, predictions = [], []
    for at, (right, answer) in enumerate(asked):
        asking = question(id=str(at), candidates=shown)
        examples.append(Example(asking, interaction("u", str(right), 1), Ranking((str(right),))))
        ranking = None if answer is None else Ranking(tuple(map(str, answer)))
        predictions.append(Prediction(str(at), ranking, "empty" if answer is None else None, (), 1))
    entry = Entry(0, "run", run, predictions)
    return Group(0, "rows", [entry], examples), entry


def test_hits_and_first_choices_are_counted_where_they_stand(run):
    group, entry = group_of(run, 3, [(0, [0, 1]), (0, [1, 0]), (1, [0, 1]), (2, None), (2, [2])])
    assert bins(group, entry) == [Bin(1, 1, 2, 1, 2, 4), Bin(2, 2, 1, 0, 1, 4), Bin(3, 3, 2, 1, 1, 4)]


def test_long_lists_are_binned_to_ten(run):
    group, entry = group_of(run, 100, [(0, [0]), (9, [0]), (10, [10]), (99, [98])])
    found = bins(group, entry)
    assert [(one.begin, one.end) for one in found] == [(10 * at + 1, 10 * at + 10) for at in range(10)]
    assert found[0] == Bin(1, 10, 2, 1, 2, 4)
    assert found[1] == Bin(11, 20, 1, 1, 1, 4)
    assert found[9] == Bin(91, 100, 1, 0, 1, 4)


def test_bins_of_a_length_that_ten_does_not_divide_hold_every_position_once(run):
    group, entry = group_of(run, 13, [(item, [item]) for item in range(13)])
    found = bins(group, entry)
    assert len(found) == 10
    assert [one.begin for one in found[1:]] == [one.end + 1 for one in found[:-1]]
    assert [one.right for one in found] == [one.end - one.begin + 1 for one in found]
    assert found[-1].end == 13


def test_without_candidates_or_with_lists_of_several_lengths_there_is_no_position(run):
    group, entry = group_of(run, 0, [(0, [0])])
    assert bins(group, entry) == []


def test_a_model_that_reads_no_prompt_is_left_out(run):
    group, _ = group_of(run, 3, [(0, [0])])
    assert bias([group]).figures == []


def test_wilson_s_interval_is_that_of_the_tables():
    """Agresti and Coull (1998): 0 of 10 gives (0, .278), 5 of 10 (.237, .763)."""
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=5e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=5e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=5e-4)
