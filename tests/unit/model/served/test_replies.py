"""Replies that no sound server gives, as fuzzing found them: each is taken for what it is, or refused."""

import json
import math

import pytest
from fuzzed_models import REQUEST, choice, ways

from llmrec.artifacts import to_lines
from llmrec.errors import BackendError
from llmrec.model.served.batches import lines_of
from llmrec.model.served.budget import used
from llmrec.model.served.fleet import body_of
from llmrec.model.served.guiding import unguided
from llmrec.model.served.trouble import Passing, retry_after
from llmrec.model.served.ways import likelihoods_of, next_tokens

WRITER, GUIDED, _, _, _, BY_PROMPT = range(6)


def test_half_a_sign_is_replaced_before_it_is_kept():
    cut = "3 stars \ud83d"
    done = ways()[WRITER].completion(REQUEST, [json.loads(choice(text=cut))])
    assert done.texts == ("3 stars �",)
    told = json.dumps({"answer": cut})
    done = ways()[GUIDED].completion(REQUEST, [json.loads(choice(text=told))])
    assert done.texts == ("3 stars �",)
    assert to_lines([done])


def test_a_reply_that_nests_without_end_is_no_json():
    with pytest.raises(Passing, match="200,000 bytes that are no JSON"):
        body_of(b"[" * 200_000, "host")
    deep = '{"answer": ' + "[" * 100_000
    assert unguided(deep) == deep


@pytest.mark.parametrize("told", [-1, 2**64, True, None, "7", 1.5])
def test_tokens_that_are_no_number_of_tokens_are_not_counted(told):
    found = used({"usage": {"prompt_tokens": told, "completion_tokens": 3}})
    assert found in ((0, 3), (1, 3))


@pytest.mark.parametrize("told", [math.nan, math.inf, 2.0, 10**400, "-1", None, [1]])
def test_what_is_no_log_probability_is_refused(told):
    with pytest.raises(BackendError, match="no log-probabilities"):
        likelihoods_of({"prompt_logprobs": [{"5": {"logprob": told}}]}, 0)
    with pytest.raises(BackendError, match="no log-probabilities"):
        next_tokens({"choices": [{"logprobs": {"top_logprobs": [{"1": told}]}}]})


def test_choices_without_any_chance_are_no_answer():
    reply = json.loads(choice(text="x")) | {"prompt_logprobs": [None, {"5": {"logprob": -math.inf}}]}
    way = ways()[BY_PROMPT]
    done = way.completion(REQUEST, [reply] * len(way.bodies(REQUEST)))
    assert (done.answer, done.finish_reason) == (None, "none_of_the_choices")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"custom_id": "ff", "response": -1, "error": {"code": "late"}}, "late"),
        ({"custom_id": "ff", "error": "no"}, "no reply"),
        ({"custom_id": "ff", "response": {"status_code": 500, "body": [1]}}, "no reply"),
        ({"custom_id": "ff", "response": {"status_code": 500, "body": {"error": {"message": "m"}}}}, "m"),
        ({"custom_id": 5}, "a line that is no JSON of a request"),
        ([1], "a line that is no JSON of a request"),
    ],
)
def test_a_line_of_a_batch_that_answers_nothing_says_why(line, words):
    [(_, reply, told)] = lines_of(json.dumps(line).encode())
    assert (reply, told) == (None, words)


def test_a_line_of_a_batch_that_nests_without_end_is_none():
    assert list(lines_of(b"[" * 200_000)) == [(b"", None, "a line that is no JSON of a request")]


def test_a_date_beyond_all_calendars_asks_for_no_rest():
    assert retry_after({"retry-after": "Wed, 2147483648 Oct 2026 07:28:00 GMT"}) is None
