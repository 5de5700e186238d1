"""Texts held against the length that was asked for."""

import pytest
from builders import question

from llmrec.errors import ConfigError
from llmrec.metric.base import Context, Row
from llmrec.metric.length import LengthGap
from llmrec.metric.score import score
from llmrec.records import Text


def test_the_mean_number_of_words_too_many_or_too_few_and_none_is_no_words():
    said = ["four words are here", "two  words", None, "one two three four five"]
    rows = [
        Row(question=question(), reference=Text("x"), answer=None if text is None else Text(text))
        for text in said
    ]
    strict, _ = score([LengthGap(asked=4)], rows, Context(training=[]), seed=0, resamples=20)
    assert (strict.id, strict.higher_is_better) == ("length-gap/asked=4", False)
    assert strict.value == pytest.approx((0 + 2 + 4 + 1) / 4)


def test_a_length_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="a text of 0 words"):
        LengthGap(asked=0)
    assert LengthGap(asked=1).asked == 1
