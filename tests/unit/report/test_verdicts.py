"""Whether a result beats its floors, as tables say it."""

from llmrec.report.table import grid, markdown
from llmrec.report.verdicts import judges, strongest, verdict
from llmrec.results import Floor, Verdict

from .made import EVERY, floor, hit, made, margin

YES, NO, UNCLEAR = Verdict.yes, Verdict.no, Verdict.unclear


def test_the_strongest_floor_is_the_best_by_a_score_whichever_way_is_up():
    floors = [floor("random", 0.1), floor("popularity", 0.3), floor("last_item", 0.2)]
    assert strongest(floors, "hr@5").model == "popularity"
    errors = [Floor(name, [hit(value, "rmse", up=False)], EVERY) for name, value in (("a", 1.2), ("b", 0.9))]
    assert strongest(errors, "rmse").model == "b"
    assert strongest(floors, "rmse") is None


def test_results_are_held_against_the_usual_floor_and_the_strongest():
    random, popularity, last = floor("random", 0.1), floor("popularity", 0.2), floor("last_item", 0.3)
    assert judges([random, popularity, last], ["hr@5"]) == ["popularity", "last_item"]
    assert judges([random, popularity], ["hr@5"]) == ["popularity"]
    assert judges([floor("random", 0.4), popularity], ["hr@5"]) == ["popularity", "random"]
    assert judges([], ["hr@5"]) == []


def test_one_word_says_it_where_all_headline_scores_agree():
    run = made(floors=[floor("popularity", 0.2, margin(YES), margin(YES, "ndcg@10/full"))])
    assert verdict(run, "popularity") == "yes"


def test_where_they_differ_each_is_named():
    margins = [margin(YES), margin(UNCLEAR, "hr@10/full"), margin(UNCLEAR, "ndcg@10/full")]
    assert verdict(made(floors=[floor("popularity", 0.2, *margins)]), "popularity") == (
        "yes: hr@5;\nunclear: hr@10, ndcg@10"
    )


def test_a_floor_that_was_not_compared_gives_no_verdict():
    assert verdict(made(floors=[floor("popularity", 0.2)]), "popularity") == "-"
    assert verdict(made(), "popularity") == "-"


def test_the_table_tells_who_is_beaten_and_marks_the_strongest_floor():
    run = made(floors=[floor("popularity", 0.2, margin(YES)), floor("last_item", 0.3, margin(NO))])
    lines = markdown(grid([run])).splitlines()
    assert lines[2] == "| model | prompt | valid | hr@5 ↑ | beats popularity? | beats last_item? |"
    assert lines[3] == "| :-- | :-- | --: | --: | :-- | :-- |"
    assert lines[4].endswith("| yes | no |")
    assert lines[6].startswith("| *last_item (strongest floor)* |")
    assert any(line.startswith("- beats: yes or no where") for line in lines)


def test_metrics_of_before_have_a_table_without_verdicts():
    lines = markdown(grid([made(floors=[floor("popularity", 0.2)])])).splitlines()
    assert lines[2] == "| model | prompt | valid | hr@5 ↑ |"
    assert not any("beats" in line for line in lines)
