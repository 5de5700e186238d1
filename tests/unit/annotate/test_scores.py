"""Scores of a small key that is worked by hand: two raters, four rows, three systems, two criteria."""

import json
import re

import msgspec
import numpy as np
import pytest

from llmrec.annotate.ballot import KEY_SCHEMA, Key, Sheet, Showing
from llmrec.annotate.material import System
from llmrec.annotate.ratings import SCHEMA, Export, Rated, mid_ranks, ratings
from llmrec.annotate.rubric import Criterion, Rubric
from llmrec.annotate.scores import Chance, estimate, firsts, scores
from llmrec.artifacts import pretty
from llmrec.cli import dispatch
from llmrec.commands import annotate
from llmrec.errors import DataError

NONE = np.nan
ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1))
CHANCE = Chance(seed=0, resamples=400)


def sheet(name):
    """Rows r0 .. r3, and r0 again with its texts the other way round."""
    shown = [Showing(f"{name}{at}", f"r{at}", order, False) for at, order in enumerate(ORDERS)]
    return Sheet(name, f"{name}.html", (*shown, Showing(f"{name}4", "r0", (2, 1, 0), True)))


KEY = Key(
    schema=KEY_SCHEMA,
    task="explanation",
    dataset="demo",
    split="paper",
    seed=0,
    resamples=400,
    systems=(System("small", "runs/small"), System("large", "runs/large"), System("reference", None)),
    rubric=Rubric((Criterion("tone", "?", "-", "+"), Criterion("truth", "?", "-", "+"))),
    sheets=(sheet("p"), sheet("q")),
)
# Places in the order A, B, C of each showing.
ANN = [(1, 2, 3), (1, 2, 3), (1, 1, 2), (3, 2, 1), (3, 2, 1)]
BOB = [(1, 1, 1), (1, 3, 2), (2, 3, 1), None, (1, 2, 2)]


def rated(name, given, tone=3):
    """Return what a rater says: places, the same tone of every text, truth of the first showing alone."""
    nothing = (None, None, None)
    return tuple(
        Rated(f"{name}{at}", ranks, {"tone": (tone,) * 3, "truth": (5, 1, None) if at == 0 else nothing}, "")
        for at, ranks in enumerate(given)
        if ranks is not None
    )


def write(path, export):
    path.write_bytes(pretty(export))
    return path


@pytest.fixture
def files(tmp_path):
    return [
        write(tmp_path / "ann.json", Export(SCHEMA, "p", "Ann", rated("p", ANN))),
        write(tmp_path / "bob.json", Export(SCHEMA, "q", "Bob", rated("q", BOB))),
    ]


@pytest.fixture
def key(tmp_path):
    return write(tmp_path / "key.json", KEY)


@pytest.fixture
def found(files):
    return scores(KEY, ratings(files, KEY), [])


def test_equal_places_share_the_mean_of_those_they_take_up():
    assert mid_ranks(np.array([1.0, 1, 2])).tolist() == [1.5, 1.5, 3]
    assert mid_ranks(np.array([2.0, 1, 2])).tolist() == [2.5, 1, 2.5]
    assert mid_ranks(np.array([3.0, 3, 3])).tolist() == [2, 2, 2]
    assert np.isnan(mid_ranks(np.array([1.0, NONE, 2]))).all()


def test_ranks_are_laid_out_by_system_and_second_showings_apart(files):
    made = ratings(files, KEY)
    # Ann's row 1 shows systems 1, 2, 0 at places 1, 2, 3; her row 2 shows 2, 0, 1 at 1.5, 1.5, 3
    assert made.first.ranks[0].tolist() == [[1, 2, 3], [3, 1, 2], [1.5, 3, 1.5], [3, 1, 2]]
    np.testing.assert_array_equal(made.first.ranks[1, :3], [[2, 2, 2], [2, 1, 3], [3, 1, 2]])
    assert np.isnan(made.first.ranks[1, 3]).all()
    assert made.first.positions[0, 1].tolist() == [2, 0, 1]
    # Ann's second showing of r0: systems 2, 1, 0 at 3, 2, 1, as the first time
    assert made.again.ranks[0, 0].tolist() == [1, 2, 3]
    assert np.isnan(made.again.ranks[:, 1:]).all()
    assert made.shown == 10


def test_systems_stand_by_their_mean_ranks_over_all_ratings(found):
    by_name = {system.name: system for system in found.systems}
    # small: 1 + 3 + 1.5 + 3 + 2 + 2 + 3 of seven ratings; large: 2 + 1 + 3 + 1 + 2 + 1 + 1
    assert by_name["small"].rank.value == pytest.approx(15.5 / 7)
    assert by_name["large"].rank.value == pytest.approx(11 / 7)
    assert by_name["reference"].rank.value == pytest.approx(15.5 / 7)
    assert found.systems[0].name == "large"
    for system in found.systems:
        assert (system.rows, system.raters, system.rank.n, system.rank.rows) == (4, 2, 7, 4)
        assert system.rank.ci95[0] <= system.rank.value <= system.rank.ci95[1]
    assert (found.shown, found.ranked) == (10, 9)


def test_first_places_are_shared_by_equals_and_sum_to_one(found):
    by_name = {system.name: system.first.value for system in found.systems}
    # small: Ann's r0, half of her r2, a third of Bob's r0
    assert by_name["small"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 7)
    assert by_name["large"] == pytest.approx((1 + 1 + 1 / 3 + 1 + 1) / 7)
    assert sum(by_name.values()) == pytest.approx(1.0)
    np.testing.assert_array_equal(firsts(np.array([[1.5, 1.5, 3], [NONE] * 3])), [[0.5, 0.5, 0], [NONE] * 3])


def test_criteria_are_means_of_what_was_said(found):
    by_name = {system.name: system.criteria for system in found.systems}
    assert by_name["small"]["tone"].value == 3
    assert (by_name["small"]["truth"].value, by_name["small"]["truth"].n) == (5, 2)
    assert by_name["large"]["truth"].value == 1
    assert by_name["large"]["truth"].ci95 is None  # one row alone
    assert by_name["reference"]["truth"].value is None
    assert by_name["reference"]["truth"].n == 0


def test_positions_get_their_share_of_first_places(found):
    # Ann: A, A, half of A and of B, C; Bob: a third of each, A, C
    assert [one.letter for one in found.positions] == ["A", "B", "C"]
    shares = [one.first.value * 7 for one in found.positions]
    assert shares == pytest.approx([1 + 1 + 1 / 2 + 1 / 3 + 1, 1 / 2 + 1 / 3, 1 + 1 / 3 + 1])


def test_raters_are_held_against_themselves_on_rows_shown_twice(found):
    ann, bob = found.consistency
    assert (ann.rater, ann.same.value, ann.same.n, ann.same.rows) == ("Ann", 1.0, 3, 1)
    # Bob held all for equal, then the third text of the first time for best: only one pair is alike, 0 and 1
    assert (bob.same.value, bob.same.n) == (pytest.approx(1 / 3), 3)
    assert (ann.distance.value, ann.distance.n) == (0.0, 3)


def test_agreement_is_over_texts_that_two_rated(found):
    of = {one.what: one for one in found.agreement}
    assert (of["rank"].units, of["rank"].n) == (9, 18)
    assert -1 <= of["rank"].alpha < 1
    assert of["tone"].alpha is None  # all said 3
    assert of["truth"].alpha == pytest.approx(1.0)
    low, high = of["rank"].ci95
    assert low <= of["rank"].alpha <= high
    assert of["tone"].ci95 is of["truth"].ci95 is None  # nothing differs; one row alone


def test_a_judge_is_held_against_the_people_as_they_are_against_each_other(files, tmp_path):
    judge = write(tmp_path / "judge.json", Export(SCHEMA, "q", "model", rated("q", [(1, 2, 3), (1, 2, 3)])))
    [found] = scores(KEY, ratings(files, KEY), [ratings([judge], KEY)]).judges
    # r0: Ann's three preferences are held, Bob has none. r1: Ann's 1 > 2 > 0 are the judge's; of Bob's
    # 1 > 0 > 2 two are.
    assert (found.pairs.value, found.pairs.n, found.pairs.rows) == (pytest.approx(8 / 9), 9, 2)
    # Ann and Bob on these. r0: Ann's three preferences meet equals, half each. r1: two of three, both ways.
    assert (found.people.value, found.people.n) == (pytest.approx((1.5 + 4) / 9), 9)
    # Mean ranks: r0 1.5, 2, 2.5 as the judge, 1; r1 2.5, 1, 2.5 by the judge's 3, 1, 2: 2 / sqrt(2 * 3)
    assert found.tau.value == pytest.approx((1 + 2 / np.sqrt(6)) / 2)
    assert [one.first.value for one in found.positions] == [1.0, 0.0, 0.0]


def test_intervals_take_all_ratings_of_a_row_together():
    # One rating a row or the same rating by five raters tells as much of the rows.
    values = np.random.default_rng(0).integers(1, 6, size=(1, 40)).astype(float)
    alone, many = (estimate(given, (1, 5), CHANCE) for given in (values, np.repeat(values, 5, axis=0)))
    assert (alone.n, many.n) == (40, 200)
    assert alone.ci95 == pytest.approx(many.ci95)
    spread = values.std() / np.sqrt(40)
    assert alone.ci95 == pytest.approx(
        (values.mean() - 1.96 * spread, values.mean() + 1.96 * spread), abs=0.1
    )


def test_an_interval_without_width_keeps_what_unseen_rows_could_do():
    # Ten rows that all say 5: a share of at most 1 - .025^(1/10) of rows could say 1.
    unseen = 1 - 0.025**0.1
    found = estimate(np.full((2, 10), 5.0), (1, 5), CHANCE)
    assert found.ci95 == pytest.approx((5 - 4 * unseen, 5))
    assert estimate(np.full((2, 10), NONE), (1, 5), CHANCE).value is None
    assert estimate(np.array([[4.0]]), (1, 5), CHANCE).ci95 is None


def edited(files, tmp_path, *path_and_value):
    """Return Ann's file with one value changed."""
    *path, value = path_and_value
    content = json.loads(files[0].read_text())
    node = content
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(content))
    return changed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("page", "x"), "page x is not in the key"),
        (("schema", "llmrec/ratings/9"), "schema 'llmrec/ratings/9' is not"),
        (("rater", " "), "is no name of 1 to 40"),
        (("rater", "a\x1b[31m"), "is no name of 1 to 40"),
        (("rater", "a" * 41), "is no name of 1 to 40"),
        (("answers", 0, "item", "q0"), "item q0 is not on page p"),
        (("answers", 0, "item", "p1"), "item p1 stands there twice"),
        (("answers", 0, "ranks", [1, 2]), r"item p0 has ranks \[1, 2\]; a page gives 3 of 1 to 3"),
        (("answers", 0, "ranks", [1, 2, 4]), "ranks"),
        (("answers", 0, "ranks", [0, 2, 1]), "ranks"),
        (("answers", 0, "ranks", [1.5, 1.5, 3]), "Expected `int | null`, got `float`"),
        (("answers", 0, "scores", "tone", [1, 2, 6]), "tone .* a page gives 3 of 1 to 5"),
        (
            ("answers", 0, "scores", {"tone": [1, 1, 1]}),
            "is scored by tone, the key's rubric has tone, truth",
        ),
        (("answers", 0, "more", 1), "unknown field `more`"),
        (("answers", 0, "comment", None), "Expected `str`"),
    ],
)
def test_a_file_that_no_page_exported_is_refused_in_one_line(files, tmp_path, change, told):
    with pytest.raises(DataError, match=told) as refused:
        ratings([edited(files, tmp_path, *change)], KEY)
    assert "\n" not in str(refused.value)
    assert "changed.json" in str(refused.value)


def test_a_rater_given_twice_is_refused(files):
    with pytest.raises(DataError, match="rater 'Ann' is in 2 files"):
        ratings([files[0], files[1], files[0]], KEY)


def test_files_that_are_none_are_refused(files, tmp_path):
    for content in (b"", b"[]", b"\xff\xfe", b"{}"):
        (tmp_path / "none.json").write_bytes(content)
        with pytest.raises(DataError, match="no exported ratings"):
            ratings([tmp_path / "none.json"], KEY)
    with pytest.raises(DataError, match="no exported ratings"):
        ratings([tmp_path / "absent.json"], KEY)


def test_the_command_prints_tables_markdown_and_json(files, key, tmp_path, capsys):
    judge = write(tmp_path / "judge.json", Export(SCHEMA, "q", "a | b", rated("q", BOB)))
    words = ["score", *map(str, files), "--key", str(key), "--judge", str(judge)]
    assert annotate.main(words) == 0
    shown = capsys.readouterr().out
    for told in ("rated by 2, 9 of 10 showings ranked", "Krippendorff's alpha, ordinal", "judge a | b"):
        assert told in shown
    assert annotate.main([*words, "--format", "markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [system] = [line for line in lines if line.startswith("| large |")]
    assert system.startswith("| large | 4 | 2 | 1.57 [")
    for line in lines:
        if re.match(r"\| [a-z]+ \|", line):
            assert line.count("|") in {4, 5, 6, 8}
    assert annotate.main([*words, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["systems"][0]["name"] == "large"
    assert found["judges"][0]["judge"] == "a | b"
    [rank, *_] = found["agreement"]
    assert list(rank) == ["what", "alpha", "units", "n", "ci95"]
    told = "| rank | {:.2f} [{:.2f}, {:.2f}] |".format(rank["alpha"], *rank["ci95"])
    assert told in "\n".join(lines)


def test_ratings_that_rank_nothing_are_still_told(key, tmp_path, capsys):
    empty = write(tmp_path / "empty.json", Export(SCHEMA, "p", "Eve", ()))
    assert dispatch(["annotate", "score", str(empty), "--key", str(key)]) == 0
    assert "0 of 5 showings ranked" in " ".join(capsys.readouterr().out.split())


def test_a_wrong_key_is_one_line(files, tmp_path, capsys):
    assert dispatch(["annotate", "score", str(files[0]), "--key", str(files[1])]) == 1
    told = capsys.readouterr().err
    assert "no key of `llmrec annotate make`" in told
    assert told.count("\n") == 1
    broken = msgspec.to_builtins(KEY)
    broken["sheets"][0]["showings"][0]["order"] = [0, 0, 1]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    assert dispatch(["annotate", "score", str(files[0]), "--key", str(tmp_path / "broken.json")]) == 1
    assert "make the pages anew" in capsys.readouterr().err
