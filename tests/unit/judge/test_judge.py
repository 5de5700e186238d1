"""A judge's answers by hand, and real models as judges of real runs on invented data."""

import json
import math

import numpy as np
import pytest
from fuzzed_shared import Chooser

from llmrec.annotate.ballot import Sheet, Showing
from llmrec.annotate.material import Asked, Item, Material, System
from llmrec.annotate.rubric import Criterion, Rubric
from llmrec.annotate.scores import Chance
from llmrec.artifacts import COMPLETIONS, RunDir
from llmrec.commands import judge as command
from llmrec.commands.composing import composed
from llmrec.errors import ConfigError, DataError
from llmrec.judge.asking import Judged, judged, one_by_one, share_of_first, stars, two_by_two
from llmrec.judge.verdicts import export, verdicts
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Prediction, Ranking, Rating

RUBRIC = Rubric(criteria=(Criterion("clarity", "Is it clear?", "not at all", "wholly"),))
TEXTS = {"r1": ("good", "better"), "r2": ("poor", ""), "r3": ("a", "b")}
MATERIAL = Material(
    (System("one", "/one"), System("two", "/two")),
    [Item(id, Asked("", f"asked of {id}"), texts) for id, texts in TEXTS.items()],
)
# (row, first shown, second shown): how likely the first is the better.
WINS = {
    ("r1", 0, 1): 0.9, ("r1", 1, 0): 0.8,  # the one shown first, both times
    ("r2", 0, 1): 0.7, ("r2", 1, 0): 0.1,  # one, both times
    ("r3", 0, 1): None, ("r3", 1, 0): 0.5,
}  # fmt: skip
SCORES = {(row, system, "clarity"): 2.0 + system for row in TEXTS for system in (0, 1)} | {
    ("r3", 1, "clarity"): None
}
FOUND = Judged(SCORES, WINS)


def test_what_a_judge_says_comes_to_means_and_doubts():
    made = verdicts("me", MATERIAL, RUBRIC, FOUND, Chance(0, 200))
    assert (made.scores["one"]["clarity"].value, made.scores["one"]["clarity"].n) == (2.0, 3)
    assert (made.scores["two"]["clarity"].value, made.scores["two"]["clarity"].n) == (3.0, 2)
    [preferred] = made.preferences
    # (.9 + 1 - .8) / 2 and (.7 + 1 - .1) / 2.
    assert preferred.share.value == pytest.approx((0.55 + 0.8) / 2)
    assert made.first.value == pytest.approx((0.9 + 0.8 + 0.7 + 0.1 + 0.5) / 5)
    assert made.same_winner.value == pytest.approx(1 / 2)
    assert (made.asked, made.unanswered) == (12, 2)


def test_a_judge_fills_a_page_as_a_rater_does():
    showings = (
        Showing("a", "r1", (1, 0), False),
        Showing("b", "r2", (0, 1), True),
        Showing("c", "r3", (0, 1), False),
    )
    made = export("me", Sheet("page", "rate-1.html", showings), RUBRIC, FOUND)
    assert [answer.ranks for answer in made.answers] == [(2, 1), (1, 2), (None, None)]
    assert [answer.scores["clarity"] for answer in made.answers] == [(3, 2), (2, 3), (2, None)]


def test_every_text_is_asked_about_alone_and_every_two_in_both_orders():
    alone = dict(one_by_one(MATERIAL, RUBRIC))
    assert len(alone) == 6
    words = alone["r2", 1, "clarity"].prompt.messages[0].content
    assert words.startswith("asked of r2\n\nText:\n(no text)")
    assert words.endswith("Is it clear? Answer with one number from 1 (not at all) to 5 (wholly).")
    beside = dict(two_by_two(MATERIAL, RUBRIC))
    assert set(beside) == set(WINS)
    forth, back = (beside[key].prompt.messages[0].content for key in (("r1", 0, 1), ("r1", 1, 0)))
    assert "Text 1:\ngood\n\nText 2:\nbetter" in forth
    assert "Text 1:\nbetter\n\nText 2:\ngood" in back
    assert not {"one", "two", "/one"} & set(forth.split()), "the judge learns who wrote what"


@pytest.mark.parametrize(
    ("items", "scores", "share"),
    [(("first", "second"), (0.0, -9999.0), 1.0), (("second", "first"), (0.0, -9999.0), 0.0),
     (("first",), (-3.0,), 1.0), (("second",), (-3.0,), 0.0), ((), (), None)],
)  # fmt: skip
def test_the_share_of_what_has_hardly_any_chance_is_none_at_all(items, scores, share):
    found = share_of_first(Prediction("q", Ranking(items, scores), None, (), 1))
    assert found == (share if share is None else pytest.approx(share))


@pytest.mark.parametrize("answer", [Ranking(("first", "x"), (0.0, -1.0)), Ranking(("first",)), Rating(3.0)])
def test_answers_to_other_questions_are_refused(answer):
    with pytest.raises(ValueError, match="'q' is answered by"):
        share_of_first(Prediction("q", answer, None, (), 1))


@pytest.mark.parametrize("answer", [Ranking(("first",), (0.0,)), Rating(1e300), Rating(0.0)])
def test_scores_beyond_the_scale_are_refused(answer):
    with pytest.raises(ValueError, match="'q' is answered by"):
        stars(Prediction("q", answer, None, (), 1))


def test_a_folder_of_other_answers_is_refused_in_one_line(tmp_path):
    line = {
        "example_id": "r1|0|1", "ask": 0, "texts": [], "answer": {"type": "ranking", "items": ["a", "b"]},
        "finish_reason": "answered", "prompt_tokens": 1, "completion_tokens": 0,
    }  # fmt: skip
    (tmp_path / COMPLETIONS).write_text(json.dumps(line) + "\n")
    with pytest.raises(DataError, match=r"completions\.jsonl: 'r1\|0\|1' is answered by .* judge anew"):
        judged(MATERIAL, RUBRIC, Chooser, RunDir(tmp_path), Silent())


def test_the_share_of_the_first_is_by_the_odds():
    told = Prediction("q", Ranking(("second", "first"), (math.log(3.0), 0.0)), None, (), 1)
    assert share_of_first(told) == pytest.approx(0.25)
    assert share_of_first(Prediction("q", None, "too_long", (), 1)) is None


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    to = tmp_path_factory.mktemp("judged")
    for model in ("lead_words", "nearest_review"):
        words = [
            "dataset=demo",
            "task=summarization",
            f"model={model}",
            "limit=6",
            "resamples=50",
            f"cache_dir={to}/cache",
        ]
        run(plan(composed(words)), RunDir(to / model), Silent())
    return to


def judging(runs, out, *words):
    folders = [str(runs / model) for model in ("lead_words", "nearest_review")]
    return [*folders, *words, f"cache_dir={runs}/cache", "--items", "4", "--out", str(out)]


def test_a_model_judges_runs_and_what_it_said_is_not_asked_again(runs, tmp_path, capsys):
    words = judging(runs, tmp_path, "judge=tiny", "model.dtype=float32", "--format", "json")
    assert command.main(words) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["asked"] == 4 * 2 * 4 + 4 * 2
    assert made["unanswered"] == 0
    for scores in made["scores"].values():
        assert all(1 <= mean["value"] <= 5 for mean in scores.values())
    written = (tmp_path / COMPLETIONS).read_bytes()
    assert command.main(words) == 0
    assert json.loads(capsys.readouterr().out) == made
    assert (tmp_path / COMPLETIONS).read_bytes() == written


def test_a_folder_holds_the_answers_of_one_judge(runs, tmp_path):
    assert command.main(judging(runs, tmp_path, "judge=tiny")) == 0
    with pytest.raises(DataError, match="holds another run"):
        command.main(judging(runs, tmp_path, "judge=tiny", "model.max_batch=1"))


def test_a_judge_must_be_named_and_two_runs_given(runs, tmp_path):
    with pytest.raises(ConfigError, match="add judge=smollm2"):
        command.main(judging(runs, tmp_path))
    for none in ("judge=random", "judge=frequent_text"):
        with pytest.raises(ConfigError, match="choose a language model"):
            command.main(judging(runs, tmp_path, none))
    with pytest.raises(ConfigError, match="give two or more"):
        command.main([str(runs / "lead_words"), "judge=tiny", "--out", str(tmp_path)])


@pytest.mark.integration
def test_smollm2_judges_offline_and_its_doubts_are_told(runs, smollm2_cache, tmp_path, capsys):
    words = judging(runs, tmp_path, "judge=smollm2", "model.dtype=float32")
    words = [f"cache_dir={smollm2_cache}" if word.startswith("cache_dir=") else word for word in words]
    assert command.main(words) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for told in (
        "n = 4 rows",
        "the text shown first is the better to it in",
        "the same text wins in both orders",
    ):
        assert told in shown
    made = json.loads((tmp_path / "verdicts.json").read_text())
    assert not np.isnan(made["first"]["value"])
