"""Our rows beside published ones: what is held against what, and what is said of it."""

from pathlib import Path

import pytest

from llmrec.report.literature import (
    Pair,
    below_a_floor,
    methods,
    nearest,
    outcome,
    paired,
    why,
    worth_of_file_order,
)
from llmrec.report.literature_page import comparisons, page
from llmrec.report.literature_plot import points, svg
from llmrec.report.plot import can_plot
from llmrec.report.published import Published
from llmrec.report.seeds import rows
from llmrec.report.study import Ran

from .made import floor, hit, made

HIT = "hr@5/full"


def published(value, defects=(), ours=("mine",), method="Theirs"):
    return Published("sequential", method, HIT, value, "paper, table 1", "checked", defects, ours)


def ours(value=0.5, ties="seeded", model="mine", floors=()):
    return {"ties": ties, "model": {}}, made(model=model, metrics=[hit(value)], floors=list(floors))


def said(figure, *runs):
    [pair] = paired(methods([figure]), rows(runs))
    return why(pair, HIT)


def test_a_figure_inside_our_interval_is_reproduced():
    assert said(published(0.55), ours()) == (
        "Theirs and our mine: 0.5500 lies inside our [0.4000, 0.6000]: reproduced."
    )


def test_a_better_figure_is_explained_by_what_flatters_it():
    told = said(published(0.75, ("leaky_ids", "quoted")), ours())
    assert told.startswith("Theirs and our mine: the published figure is better than ours by 0.2500 (50%), ")
    assert "beyond our interval. That is to be expected: item ids are numbered along" in told
    assert "Also may come of this: quoted at second hand" in told


def test_a_worse_figure_is_explained_by_what_harms_it_and_not_by_what_flatters_it():
    told = said(published(0.25, ("under_trained", "leaky_ids")), ours())
    assert "worse than ours by 0.2500" in told
    assert "That is to be expected: the model was stopped long before" in told
    assert "Against it stands: item ids are numbered along" in told


def test_what_no_defect_explains_is_said_to_be_unexplained():
    assert "No known defect explains it" in said(published(0.75), ours())
    assert "No known defect explains it" in said(published(0.75, ("under_trained",)), ours())


def test_of_errors_the_smaller_is_the_better():
    figure = Published("rating", "MF", "rmse", 0.7, "paper", "checked", (), ("mf",))
    run = made(task="rating", model="mf", metrics=[hit(0.5, "rmse", up=False)])
    [pair] = paired(methods([figure]), rows([({"ties": "seeded", "model": {}}, run)]))
    assert "the published figure is worse than ours by 0.2000" in why(pair, "rmse")


def test_a_row_is_held_against_ours_of_the_same_ties_if_there_is_one():
    [method] = methods([published(0.5, ("file_order_ties",))])
    fair, filed = rows([ours(), ours(0.7, "file_order")])
    assert nearest(method, "mine", [fair, filed]) is filed
    assert nearest(method, "mine", [fair]) is fair
    assert nearest(method, "other", [fair, filed]) is None


def test_a_defect_that_ours_shares_explains_nothing():
    told = said(published(0.9, ("file_order_ties",)), ours(0.5, "file_order"))
    assert "No known defect explains it" in told
    assert "stand in file order" in said(published(0.9, ("file_order_ties",)), ours())


def test_a_weak_loss_explains_a_worse_figure_unless_ours_learned_by_it_too():
    figure = published(0.2, ("binary_loss",))
    choices, metrics = ours()
    assert "against one drawn item" in said(figure, (choices, metrics))
    same = {**choices, "model": {"loss": "binary_cross_entropy"}}
    assert "No known defect explains it" in said(figure, (same, metrics))


def test_a_model_that_was_not_run_is_told():
    [method] = methods([published(0.5)])
    assert why(Pair(method, "mine", None), HIT) == "Theirs and our mine: not run, so nothing can be said."


def test_the_worth_of_file_order_is_that_of_the_same_model():
    both = rows([ours(0.5), ours(0.6, "file_order"), ours(0.1, model="alone")])
    assert worth_of_file_order(both, HIT) == ["mine: +0.1000 (+20%) hr@5 under file-order ties"]


def test_published_figures_below_our_strongest_floor_are_counted():
    found = rows([ours(floors=[floor("random", 0.9), floor("popularity", 0.3)])])
    figures = methods([published(0.2, method="Low"), published(0.4, method="High")])
    assert below_a_floor(figures, found, HIT) == (
        "1 of 2 published figures do not reach our popularity of the same ties by hr@5 "
        "(0.3000 under seeded ties): Low."
    )


def test_figures_are_held_against_the_floor_of_the_same_ties():
    filed = ours(0.5, "file_order", floors=[floor("popularity", 0.1)])
    found = rows([ours(floors=[floor("popularity", 0.3)]), filed])
    told = below_a_floor(methods([published(0.2, ("file_order_ties",))]), found, HIT)
    assert told.startswith("0 of 1 published figures do not reach our popularity of the same ties")
    assert "(0.1000 under file-order ties)" in told


def test_the_outcome_counts_what_is_reproduced_and_which_way_the_rest_lies():
    figures = [published(0.55), published(0.9, method="B"), published(0.1, method="C")]
    pairs = paired(methods([*figures, published(0.2, (), ("no",), "D")]), rows([ours()]))
    assert outcome(pairs, HIT) == (
        "3 of 4 comparisons were run. By hr@5, 1 published figures lie inside our interval, 1 are worse than "
        "ours, 1 better."
    )


def test_a_picture_has_a_point_for_each_figure_and_an_interval_where_ours_was_run():
    pairs = paired(methods([published(0.55), published(0.2, (), ("no",), "D")]), rows([ours()]))
    drawn = points(pairs, HIT)
    assert [(point["row"], point["value"]) for point in drawn] == [
        ("Theirs | mine, seeded", 0.55), ("Theirs | mine, seeded", 0.5), ("D | no, not run", 0.2),
    ]  # fmt: skip
    assert (drawn[1]["low"], drawn[1]["high"]) == (0.4, 0.6)


def test_the_picture_is_drawn_where_what_draws_is_installed():
    if not can_plot():
        pytest.skip("no altair and vl-convert-python: pip install 'llmrec[plots]'")
    drawn = points(paired(methods([published(0.55)]), rows([ours()])), HIT)
    image = svg("Beauty", {"sequential: hr@5": drawn, "empty": []}).decode()
    assert image.startswith("<svg")
    assert "Theirs | mine, seeded" in image
    assert "empty" not in image


def test_the_page_shows_what_was_run_what_was_not_and_what_has_nothing_of_ours(tmp_path):
    def ran(model, metrics):
        choices = {"ties": "seeded", "model": {"name": model}, "task": {"name": "sequential"}}
        return Ran(Path(model), choices, metrics)

    runs = [ran("mine", made()), ran("broken", None)]
    figures = [
        published(0.55),
        published(0.9, ("leaky_ids",), ("absent",), "Others"),
        published(0.8, (), (), "P5"),
    ]
    lines = page("Beauty", runs, comparisons(runs, figures), "2026-01-01", None).splitlines()
    assert "1 of 2 runs" in lines[2]
    assert "| mine | seeded | 0 | 0.5000 [0.4000, 0.6000] | - | - | - |" in lines
    assert "| broken | not run | - | - | - | - | - |" in lines
    assert "| absent | not run | - | - | - | - | - |" in lines
    assert "| Theirs | paper, table 1 | - | mine | seeded | 0.5500 / 0.5000 (-0.0500) |" in lines
    assert "| Others | paper, table 1 | leaky ids | absent | - | 0.9000 / not run |" in lines
    assert "| P5 | paper, table 1 | checked | - | 0.8000 |" in lines
