"""The rubric is a YAML of criteria, and nothing else."""

import pytest

from llmrec.annotate.rubric import Criterion, default_path, read_rubric
from llmrec.errors import ConfigError

ONE = "criteria:\n  - {id: tone, question: Is it kind?, low: rude, high: kind}\n"


def test_the_package_s_own_has_four_criteria():
    found = read_rubric(default_path())
    assert [one.id for one in found.criteria] == ["clarity", "faithfulness", "personalisation", "usefulness"]
    assert all(one.question and one.low and one.high for one in found.criteria)


def test_one_s_own_is_read(tmp_path):
    (tmp_path / "own.yaml").write_text(ONE)
    assert read_rubric(tmp_path / "own.yaml").criteria == (Criterion("tone", "Is it kind?", "rude", "kind"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("criteria: []", "0 criteria; give 1 to 9"),
        (ONE + ONE.partition("\n")[2], "criterion tone stands there 2 times"),
        (ONE.replace("tone", "Tone!"), "'Tone!' is no id of a criterion"),
        (ONE.replace("low: rude, ", ""), "missing required field `low`"),
        (ONE.replace("low:", "lowest:"), "unknown field `lowest`"),
        (ONE.replace("tone", "4"), "Expected `str`, got `int`"),
        ("criteria: [", "no rubric"),
        ("- just a list", "no rubric"),
        ("\ufffe", "no rubric"),
    ],
)
def test_any_other_is_refused_in_one_line(tmp_path, text, told):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_rubric(path)
    assert told in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="no rubric"):
        read_rubric(tmp_path / "none.yaml")
