"""What stands around an answer, and what every reader does with several texts."""

import pytest
from builders import question

from llmrec.parser.base import Reader
from llmrec.parser.unwrap import has_final_answer
from llmrec.records import Question, Reading, Text


@pytest.mark.parametrize(
    ("text", "comes_to_one"),
    [
        ("Good reviews. Final answer: 4", True),
        ("Good reviews. Final answer:  ", False),
        ("Good reviews, so 4", False),
        ("<think>Final answer: 4</think>", False),
        ("<think>Perhaps 3.</think>Answer: 4", True),
        ("So far.\nUser: and the answer?\nAnswer: 4", False),
    ],
)
def test_a_final_answer_has_a_marker_and_something_behind_it(text: str, comes_to_one: bool) -> None:
    assert has_final_answer(text) is comes_to_one


class Echo(Reader):
    """Reads what was asked."""

    def read(self, text: str, question: Question) -> Reading:
        return Reading(Text(f"{question.id}: {text}"), None, ())

    def reason(self, failure: str) -> str:
        return failure


def test_of_several_texts_the_best_is_read() -> None:
    assert Echo().read_all(["best", "next"], question(id="q7")).answer == Text("q7: best")
