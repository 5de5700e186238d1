"""Rules of the text parser that hold for every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.errors import ConfigError
from llmrec.parser.text import Words
from llmrec.records import Question, Text

QUESTION = Question(id="q", user="u", time=0, history=(), item="i", rating=5.0, review="r", candidates=())
READER = Words(name="text", max_words=3).bind({})


@given(st.text())
def test_any_text_gives_at_most_so_many_words_or_one_failure(text: str) -> None:
    reading = READER.read(text, QUESTION)
    assert (reading.answer is None) != (reading.failure is None)
    if reading.failure is None:
        assert isinstance(reading.answer, Text)
        assert 1 <= len(reading.answer.text.split()) <= 3
    else:
        assert READER.reason(reading.failure).endswith(".")


@given(st.lists(st.text(st.characters(categories=["Lo"]), min_size=1, max_size=5), min_size=1, max_size=3))
def test_words_of_any_script_come_through_unchanged(words: list[str]) -> None:
    assert READER.read(" ".join(words), QUESTION) == (Text(" ".join(words)), None, ())


def test_null_keeps_every_word() -> None:
    text = " ".join(f"w{n}" for n in range(500))
    assert Words(name="text", max_words=None).bind({}).read(text, QUESTION).answer == Text(text)


def test_no_words_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_words: 0 leaves no word"):
        Words(name="text", max_words=0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Your answer was empty; write the text that was asked for."),
        ("I cannot provide a summary.", "Your answer was no such text; write it without apology or comment."),
    ],
)
def test_a_model_is_told_why_its_text_was_refused(text: str, told: str) -> None:
    assert READER.reason(READER.read(text, QUESTION).failure or "") == told
