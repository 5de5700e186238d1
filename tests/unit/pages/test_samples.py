"""Which rows are shown: worked by hand, and on real runs."""

import numpy as np
import pytest
from reported import answering, finished

from llmrec.pages.groups import groups
from llmrec.pages.samples import FILE, Extent, Why, choose, drawn, in_turn, most_changed


def test_queues_are_taken_in_turn():
    assert list(in_turn([[1, 4, 6], [2], [3, 5]])) == [1, 2, 3, 4, 5, 6]
    assert list(in_turn([])) == []


def test_rows_that_changed_most_between_every_two_runs_come_in_turn():
    """Runs 0 and 1 differ by 3 in row 2 and by 1 in row 0; 0 and 2 by 2 in row 1; 1 and 2 in all of these."""
    by_row = np.array([[0.0, 0.0, 0.0, 5.0], [1.0, 0.0, 3.0, 5.0], [0.0, 2.0, 0.0, 5.0]])
    order = [3, 2, 1, 0]
    assert most_changed(by_row, order, 10) == [2, 1, 0]
    assert most_changed(by_row, order, 2) == [2, 1]


def test_of_equal_changes_the_first_drawn_is_taken():
    by_row = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    assert most_changed(by_row, [1, 2, 0], 2) == [1, 2]


def test_a_row_that_has_no_score_by_itself_did_not_change():
    by_row = np.array([[np.nan, 0.0], [1.0, 0.5]])
    assert most_changed(by_row, [0, 1], 2) == [1]


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    to = tmp_path_factory.mktemp("sampled")
    runs = [
        finished(to, "mean", "task=rating model=train_mean limit=60"),
        answering(to, "replayed", "task=rating limit=60", ["4", "no idea", "1", "", "2 or 3"]),
    ]
    return groups(runs)[0]


def test_the_same_rows_are_drawn_whatever_the_order_of_the_runs(group):
    again = groups([entry.run.folder for entry in reversed(group.entries)])[0]
    assert drawn(group) == drawn(again)


def test_every_kind_of_failure_and_the_shared_rows_are_shown(group):
    few = Extent(shared=5, changed=4, of_a_kind=3, bytes=10**6)
    chosen = choose(group, few)
    by_why = {why: [one for one in chosen if one.why is why] for why in Why}
    pairs = {(one.row, run) for one in chosen for run in one.runs}
    assert {(row, run) for row in drawn(group)[:5] for run in (0, 1)} <= pairs
    kinds = set(group.entries[1].metrics.coverage.failures)
    shown = [group.entries[1].predictions[one.row].failure for one in chosen if 1 in one.runs]
    assert {kind for kind in kinds if shown.count(kind) < few.of_a_kind} == set()
    assert {one.runs for one in by_why[Why.failure]} <= {(1,)}


def test_no_run_of_a_row_is_shown_twice(group):
    pairs = [(one.row, run) for one in choose(group, FILE) for run in one.runs]
    assert len(pairs) == len(set(pairs))


def test_all_rows_are_shown_where_there_is_room(group):
    pairs = {(one.row, run) for one in choose(group, FILE) for run in one.runs}
    assert len(pairs) == len(group.examples) * len(group.entries)
    assert "100 rows, drawn by a hash" in FILE.rule
