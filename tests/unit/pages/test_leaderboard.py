"""What is bold: worked by hand on runs whose errors are known."""

import pytest
from reported import answering, finished

from llmrec.artifacts import EXAMPLES, from_lines
from llmrec.pages.groups import groups
from llmrec.pages.leaderboard import leaderboard, leading, rivals, significantly_best
from llmrec.records import Example

LINE = "task=rating limit=40"


@pytest.fixture(scope="module")
def to(tmp_path_factory):
    return tmp_path_factory.mktemp("board")


@pytest.fixture(scope="module")
def folders(to):
    rows = from_lines(finished(to, "rows", f"{LINE} model=random") / EXAMPLES, Example)
    right = [f"{row.reference.stars:g}" for row in rows]
    off_once = [*right[:-1], "1" if right[-1] != "1" else "2"]
    opposite = [f"{6 - row.reference.stars:g}" for row in rows]
    texts = {"right": right, "off_once": off_once, "opposite": opposite, "ones": ["1"]}
    return {name: answering(to, name, LINE, said) for name, said in texts.items()}


def best(*folders):
    [group] = groups(folders)
    return significantly_best(group, rivals(group)), group


def test_the_only_run_without_errors_is_best_by_every_score(folders):
    found, group = best(folders["ones"], folders["right"], folders["opposite"])
    assert found == {"rmse": 1, "mae": 1}
    assert {rival.best.run.folder.name for rival in rivals(group)} == {"right"}


def test_one_row_of_forty_is_no_significant_difference(folders):
    found, _ = best(folders["right"], folders["off_once"], folders["ones"])
    assert found == {}


def test_two_runs_of_the_same_answers_are_neither_best(folders):
    assert best(folders["right"], folders["right"])[0] == {}


def test_a_run_without_a_rival_is_not_called_best(folders):
    assert best(folders["right"])[0] == {}


def test_what_no_floor_lets_pass_is_not_best_though_its_rival_is_worse(folders):
    """Always 1 star is far from the shop's mean, so a mean of training ratings beats it."""
    found, group = best(folders["ones"], folders["opposite"])
    rmse = [rival for rival in rivals(group) if rival.score.id == "rmse"]
    assert found.get("rmse") is None
    assert len(rmse) == 1


def test_p_values_are_corrected_over_all_scores_and_rivals(folders):
    _, group = best(folders["right"], folders["ones"], folders["opposite"])
    made = rivals(group)
    assert len(made) == 4
    for rival in made:
        assert rival.p == pytest.approx(0.0001)
        assert rival.p_corrected == pytest.approx(0.0004)  # four of one p-value: the smallest times four


def test_a_table_has_the_grid_s_cells_sorts_by_their_numbers_and_marks_the_best(folders):
    [group] = groups([folders["right"], folders["ones"]])
    board, compared = leaderboard([group]).tables
    assert board.header[:3] == ["model", "prompt", "valid"]
    rmse = board.header.index("rmse ↓")
    assert [row[rmse].best for row in board.rows] == [True, *[False] * (len(board.rows) - 1)]
    assert board.rows[0][rmse].key == 0.0
    assert board.own == 2
    assert board.rows[2][0].text == "random"
    assert len(compared.rows) == 2


def test_a_cell_sorts_by_the_number_it_begins_with():
    assert leading("0.5000\n[0.1000, 0.9000]") == 0.5
    assert leading("1,024\nof 2,000") == 1024
    assert leading("-") is None
