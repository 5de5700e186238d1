"""Runs of several seeds as one row."""

from llmrec.report.seeds import rows, spread
from llmrec.results import MetricResult

from .made import floor, hit, made


def test_a_row_has_the_mean_the_range_and_the_outermost_limits():
    found = spread([hit(0.2), hit(0.4), hit(0.6)])
    assert found is not None
    assert (round(found.mean, 9), found.least, found.most) == (0.4, 0.2, 0.6)
    assert (round(found.low, 9), found.high) == (0.1, 0.7)
    assert found.holds(0.1)
    assert not found.holds(0.71)


def test_one_seed_without_an_interval_leaves_the_row_without():
    found = spread([hit(0.2), MetricResult("hr@5/full", 0.4, 1, None, True)])
    assert found is not None
    assert (found.low, found.holds(0.3)) == (None, False)
    assert spread([MetricResult("hr@5/full", None, 0, None, True)]) is None


def test_runs_that_differ_in_their_seed_alone_are_one_row():
    finished = [
        (
            {"ties": ties, "model": {}},
            made(seed=seed, metrics=[hit(value)], floors=[floor("popularity", 0.1)]),
        )
        for ties, seed, value in (("seeded", 1, 0.3), ("file_order", 0, 0.9), ("seeded", 0, 0.1))
    ]
    fair, filed = rows(finished)
    assert (fair.ties, fair.seeds, fair.score("hr@5").mean) == ("seeded", [0, 1], 0.2)
    assert (filed.ties, filed.score("hr@5/full").mean) == ("file_order", 0.9)
    assert fair.score("rmse") is None
    assert fair.floor("popularity", "hr@5").mean == 0.1
