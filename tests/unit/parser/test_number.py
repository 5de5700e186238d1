"""Rules of the number parser that hold for every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.errors import ConfigError
from llmrec.parser.number import Number
from llmrec.records import Question, Rating

QUESTION = Question(id="q", user="u", time=0, history=(), item="i", rating=None, review=None, candidates=())
READER = Number(name="number", low=1.0, high=5.0).bind({})
PIECES = st.sampled_from(
    [
        "4",
        "5",
        "1",
        "-",
        "/",
        " out of ",
        ".",
        ",",
        "stars",
        "★",
        "☆",
        " ",
        "\n",
        "five",
        "Answer:",
        "½",
        "**",
        "I rate ",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_gives_stars_in_range_or_one_failure(text: str) -> None:
    reading = READER.read(text, QUESTION)
    assert (reading.answer is None) != (reading.failure is None)
    if reading.failure is None:
        assert isinstance(reading.answer, Rating)
        assert 1.0 <= reading.answer.stars <= 5.0
    else:
        assert READER.reason(reading.failure).endswith(".")


@given(st.floats(1.0, 5.0).map(lambda stars: round(stars, 2)))
def test_a_bare_number_is_read_exactly_and_without_repair(stars: float) -> None:
    assert READER.read(f"{stars}", QUESTION) == (Rating(stars), None, ())


def test_another_scale_moves_the_bounds() -> None:
    ten = Number(name="number", low=1.0, high=10.0).bind({})
    assert ten.read("8/10", QUESTION).answer == Rating(8.0)
    assert ten.read("On a scale of 1-10, I'd rate it 7", QUESTION).answer == Rating(7.0)


def test_a_scale_upside_down_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"high: 1\.0 is not above low=5\.0"):
        Number(name="number", low=5.0, high=1.0)


@pytest.mark.parametrize(
    "text", ["4" + " " * 100_000 + "x", "\n" * 100_000 + "4", "rate " * 20_000, "1.\n" * 30_000]
)
@pytest.mark.timeout(10)
def test_a_long_text_takes_no_quadratic_time(text: str) -> None:
    READER.read(text, QUESTION)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Your answer was empty; reply with one number from 1 to 4.5."),
        ("fine", "Your answer held no rating; reply with one number from 1 to 4.5."),
        ("5", "Your rating was outside the scale; reply with one number from 1 to 4.5."),
        (
            "2\n3",
            "Your answer held several different numbers; reply with one number from 1 to 4.5 "
            "and nothing else.",
        ),
    ],
)
def test_a_model_is_told_why_its_number_was_refused(text: str, told: str) -> None:
    reader = Number(name="number", low=1.0, high=4.5).bind({})
    assert reader.reason(reader.read(text, QUESTION).failure or "") == told
