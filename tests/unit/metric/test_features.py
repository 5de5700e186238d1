"""Features of products that texts mention, by hand."""

import numpy as np
import pytest
from builders import question

from llmrec.errors import ConfigError
from llmrec.metric.base import Context, Metric, Row
from llmrec.metric.features import FeatureDiversity, FeatureMatch
from llmrec.metric.score import score
from llmrec.records import Text


def rows_of(*texts: tuple[str, str | None]) -> list[Row]:
    return [
        Row(question=question(), reference=Text(own), answer=None if said is None else Text(said))
        for own, said in texts
    ]


def of_features(metric: type[Metric], **changes: object) -> Metric:
    return metric(**({"file": None, "min_reviews": 2, "min_share": 0.0} | changes))


TRAINING = Context(
    training=[Text(f"I like the {one} and the {other}.") for one, other in
              (("scent", "price"), ("scent", "bottle"), ("price", "bottle"), ("colour", "scent"))]
)  # fmt: skip
SAID = rows_of(
    ("The scent is good.", "A scent, and the BOTTLE."),
    ("What a price!", "The scent again."),
    ("Nothing of note.", "the price"),
    ("The bottle leaks.", None),
)


def of(metric: Metric, rows: list[Row], context: Context = TRAINING) -> dict[str, float | None]:
    return {result.id: result.value for result in score([metric], rows, context, 0, 20)}


def test_features_that_are_asked_for_and_all_that_there_are():
    # Features are scent, price, bottle (colour stands in one text alone); three references mention one.
    found = of(of_features(FeatureMatch), SAID)
    assert found["fmr"] == pytest.approx(1 / 3)
    assert found["fcr"] == pytest.approx(3 / 3)
    fewer = of(of_features(FeatureMatch), SAID[:2])
    assert fewer["fmr"] == pytest.approx(1 / 2)
    assert fewer["fcr"] == pytest.approx(2 / 3)


def test_features_that_two_answers_have_in_common():
    # {scent, bottle}, {scent}, {price}, {}: one of six pairs has one in common.
    assert of(of_features(FeatureDiversity), SAID)["div"] == pytest.approx(1 / 6)
    same = rows_of(*[("x", "scent and price")] * 3)
    assert of(of_features(FeatureDiversity), same)["div"] == pytest.approx(2.0)
    silent = rows_of(("x", None), ("x", None))
    assert of(of_features(FeatureDiversity), silent)["div"] == 0.0


def test_without_features_there_is_no_score_of_them():
    for metric in (FeatureMatch, FeatureDiversity):
        assert set(of(of_features(metric), SAID, Context(training=[])).values()) == {None}


def test_features_from_a_file(tmp_path):
    path = tmp_path / "features.txt"
    path.write_text("Leaks\n\nnote\n")
    found = of(
        of_features(FeatureMatch, file=str(path)),
        rows_of(("The bottle leaks.", "It leaks"), ("Of note.", "no")),
    )
    assert found["fmr"] == pytest.approx(1 / 2)
    with pytest.raises(ConfigError, match="give a word a line"):
        of(of_features(FeatureMatch, file=str(tmp_path / "none")), SAID)


def test_a_feature_is_new_but_once_and_blank_lines_are_none(tmp_path):
    again = rows_of(("x", "the scent"), ("x", "a price"), ("x", "this scent"))
    assert of(of_features(FeatureMatch), again)["fcr"] == pytest.approx(2 / 3)
    path = tmp_path / "features.txt"
    path.write_text("\nscent\n\nDéjà\n", encoding="utf-8")
    assert of(of_features(FeatureMatch, file=str(path)), again)["fcr"] == pytest.approx(1 / 2)


def test_where_nothing_can_be_divided_a_score_has_no_value_and_nothing_is_divided():
    with np.errstate(all="raise"):
        assert of(of_features(FeatureMatch), rows_of(("x", "the scent")))["fmr"] is None
        assert of(of_features(FeatureDiversity), rows_of(("x", "the scent")))["div"] is None


def test_a_resample_s_shares_stay_shares():
    covered = of_features(FeatureMatch).values(np.array([1.0, 0.5, 1.2]))
    assert list(covered) == [0.5, 1.0]
    assert list(of_features(FeatureDiversity).values(np.array([4.0, 0.125]))) == [0.0]


def test_diversity_is_counted_by_the_features_that_are_mentioned():
    counted = of_features(FeatureDiversity).statistics(SAID, TRAINING)
    assert counted.tolist() == [[4, 1, 0, 1], [4, 0, 0, 1], [4, 0, 1, 0], [4, 0, 0, 0]]
