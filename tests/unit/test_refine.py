"""Asking, refusing, asking again and going on after a stop, with a session that is a plain table."""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from builders import question

from llmrec.artifacts import COMPLETIONS, RunDir
from llmrec.decoding.greedy import Greedy
from llmrec.errors import DataError
from llmrec.model.base import Session
from llmrec.parser.base import Reader
from llmrec.progress import Silent
from llmrec.records import Completion, Message, Part, Prompt, Rating, Reading, Request
from llmrec.refine import Asking

GREEDY = Greedy(name="greedy", max_new_tokens=8, lines=None)


class Digits(Reader):
    """Reads a text that is a number, refuses all others."""

    def read(self, text, question):
        return Reading(Rating(float(text)), None, ()) if text.isdigit() else Reading(None, "no_number", ())

    def reason(self, failure):
        return f"That was {failure}."


@dataclass
class Table(Session):
    """Says what the table has for (example id, ask), two rows a batch, and remembers what it was asked."""

    answers: dict
    asked: list = field(default_factory=list)
    environment: ClassVar = {"device": "none"}
    dies_after: int = 99

    def batches(self, requests, decoding):
        return [list(requests[start : start + 2]) for start in range(0, len(requests), 2)]

    def complete(self, batch, decoding):
        if len(self.asked) == self.dies_after:
            raise KeyboardInterrupt
        self.asked.append([(r.question.id, r.prompt.ask, r.prompt.messages[-1].content) for r in batch])
        return [self._completion(request.prompt) for request in batch]

    def _completion(self, prompt):
        text = self.answers.get((prompt.example_id, prompt.ask), "none")
        return Completion(prompt.example_id, prompt.ask, (text,), None, "stop", 3, 1)


def requests(count):
    asked = [Message("user", (Part(None, "How many?"),))]
    return [Request(question(id=f"q{n}"), Prompt(f"q{n}", 0, tuple(asked), 0, ())) for n in range(count)]


def asking(session, max_reasks=1, reasons=False):
    return Asking(
        session=(lambda: session) if session else None,
        decoding=GREEDY,
        reader=Digits(),
        reasons=reasons,
        max_reasks=max_reasks,
        progress=Silent(),
    )


def test_a_valid_answer_is_not_asked_again(tmp_path):
    table = Table({("q0", 0): "4"})
    predictions, completions = asking(table).predict(requests(1), RunDir(tmp_path))
    assert [(p.answer, p.failure, p.asks) for p in predictions] == [(Rating(4.0), None, 1)]
    assert len(completions) == 1


def test_a_refused_answer_is_asked_again_with_the_reason(tmp_path):
    table = Table({("q0", 0): "four", ("q0", 1): "4"})
    predictions, completions = asking(table).predict(requests(1), RunDir(tmp_path))
    assert table.asked[1] == [("q0", 1, "That was no_number.")]
    assert [(p.answer, p.asks) for p in predictions] == [(Rating(4.0), 2)]
    assert [done.ask for done in completions] == [0, 1]


def test_thoughts_without_a_final_answer_are_no_answer(tmp_path):
    table = Table({("q0", 0): "4", ("q0", 1): "Answer: 4"})
    predictions, _ = asking(table, max_reasks=0, reasons=True).predict(requests(1), RunDir(tmp_path / "a"))
    assert [(p.answer, p.failure) for p in predictions] == [(None, "no_final_answer")]
    asking(table, reasons=True).predict(requests(1), RunDir(tmp_path / "b"))
    assert "starts with" in table.asked[-1][0][2]


def test_a_text_ended_by_the_token_limit_is_counted(tmp_path):
    class Long(Table):
        def _completion(self, prompt):
            return Completion(prompt.example_id, prompt.ask, ("4",), None, "length", 3, 8)

    predictions, _ = asking(Long({})).predict(requests(1), RunDir(tmp_path))
    assert [(p.answer, p.repairs) for p in predictions] == [(Rating(4.0), ("cut_off",))]


def test_the_budget_of_reasks_ends_with_the_failure(tmp_path):
    table = Table({})
    predictions, _ = asking(table, max_reasks=2).predict(requests(1), RunDir(tmp_path))
    assert [(p.answer, p.failure, p.asks) for p in predictions] == [(None, "no_number", 3)]


def test_a_model_that_answers_nothing_gets_a_failure_a_row(tmp_path):
    class Mute(Table):
        def _completion(self, prompt):
            return Completion(prompt.example_id, prompt.ask, (), None, "too_long", 9, 0)

    predictions, _ = asking(Mute({})).predict(requests(3), RunDir(tmp_path))
    assert [p.failure for p in predictions] == ["too_long"] * 3


def test_a_run_killed_between_batches_goes_on_with_the_same_batches_and_ends_with_the_same_file(tmp_path):
    answers = {(f"q{n}", 0): str(n) for n in range(5)}
    whole = RunDir(tmp_path / "whole")
    asking(Table(answers)).predict(requests(5), whole)
    broken = RunDir(tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        asking(Table(answers, dies_after=2)).predict(requests(5), broken)
    rest = Table(answers)
    asking(rest).predict(requests(5), broken)
    assert [[id for id, _, _ in batch] for batch in rest.asked] == [["q4"]]
    assert (broken.path / COMPLETIONS).read_bytes() == (whole.path / COMPLETIONS).read_bytes()


def test_a_line_cut_off_by_a_kill_is_asked_again_in_its_own_batch(tmp_path):
    answers = {(f"q{n}", 0): str(n) for n in range(4)}
    run_dir = RunDir(tmp_path)
    asking(Table(answers)).predict(requests(4), run_dir)
    content = (tmp_path / COMPLETIONS).read_bytes()
    (tmp_path / COMPLETIONS).write_bytes(content[:-10])
    rest = Table(answers)
    asking(rest).predict(requests(4), run_dir)
    assert [[id for id, _, _ in batch] for batch in rest.asked] == [["q2", "q3"]]
    assert (tmp_path / COMPLETIONS).read_bytes() == content


def test_scoring_again_opens_nothing(tmp_path):
    run_dir = RunDir(tmp_path)
    first, _ = asking(Table({("q0", 0): "4"})).predict(requests(2), run_dir)
    again, _ = asking(None).predict(requests(2), run_dir)
    assert again == first


def test_scoring_again_refuses_rows_that_were_never_asked(tmp_path):
    run_dir = RunDir(tmp_path)
    asking(Table({})).predict(requests(1), run_dir)
    with pytest.raises(DataError, match="2 of 3 rows were never asked"):
        asking(None).predict(requests(3), run_dir)


def test_scoring_again_keeps_a_refusal_that_was_not_asked_again(tmp_path):
    run_dir = RunDir(tmp_path)
    asking(Table({}), max_reasks=0).predict(requests(1), run_dir)
    predictions, _ = asking(None, max_reasks=1).predict(requests(1), run_dir)
    assert [(p.failure, p.asks) for p in predictions] == [("no_number", 1)]
