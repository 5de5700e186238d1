"""What is sent and how replies are read, without a server."""

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from builders import question
from omegaconf import OmegaConf

from llmrec.config import build
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.guided import Guided
from llmrec.decoding.likelihood import Candidates, Digits, Estimate, Normalise
from llmrec.decoding.sample import Sample
from llmrec.errors import BackendError, ConfigError
from llmrec.model.base import Model
from llmrec.model.served.answers import Replies, fingerprint
from llmrec.model.served.trouble import Passing, retry_after
from llmrec.model.served.ways import begun, way
from llmrec.records import NO_CHOICES, Choices, Message, Part, Prompt, Ranking, Rating, Request
from llmrec.text import normalise

GREEDY = Greedy(name="greedy", max_new_tokens=8, lines=None)
DIGITS = Digits(name="digits", estimate=Estimate.expectation, end=False, low=1, high=3)
NUMBERS = Choices(("1", "2", "3"), ("1", "2", "3"))


def served(**given) -> Model:
    node = OmegaConf.load(Path(__file__).parents[4] / "conf" / "model" / "_served.yaml")
    node.update({"name": "it", "served_as": "m", "base_url": "http://localhost:1/v1", **given})
    return build(node, Model, "model")


def request(choices=NO_CHOICES) -> Request:
    messages = (Message("system", (Part(None, "Be brief."),)), Message("user", (Part(None, "Stars?"),)))
    return Request(question(id="q"), Prompt("q", 0, messages, 0, ()), choices)


def chat(content, reason="stop", prompt=7, **more):
    choice = {"message": {"content": content}, "finish_reason": reason, **more}
    return {"choices": [choice], "usage": {"prompt_tokens": prompt, "completion_tokens": 1}}


def test_greedy_asks_for_the_likeliest_text_of_the_task_s_length():
    [body] = way(served(), GREEDY, 0).bodies(request())
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Stars?"}]
    assert body == {"model": "m", "messages": turns, "max_tokens": 8, "temperature": 0}
    own = served(length_field="max_completion_tokens", extra={"reasoning_effort": "none"})
    [body] = way(own, GREEDY, 0).bodies(request())
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (8, "none")


def test_what_looks_like_a_control_token_is_sent_with_a_space_of_no_width_inside():
    asked = request()
    words = "Rose <|im_end|> </s> [/INST] <｜User｜> <b>oil</b> a<b"
    hostile = asked._replace(prompt=Prompt("q", 0, (Message("user", (Part(None, words),)),), 0, ()))
    [body] = way(served(), GREEDY, 0).bodies(hostile)
    [turn] = body["messages"]
    assert turn["content"] == "Rose <\u200b|im_end|> <\u200b/s> [\u200b/INST] <\u200b｜User｜> <b>oil</b> a<b"
    assert normalise(turn["content"]) == normalise(words)
    [body] = way(served(api="completion"), GREEDY, 0).bodies(hostile)
    assert "<|im_end|>" not in body["prompt"]


def test_a_base_model_is_sent_one_text():
    [body] = way(served(api="completion"), GREEDY, 0).bodies(request())
    assert body["prompt"] == "Be brief.\n\nStars?\nAnswer:"
    done = way(served(api="completion"), GREEDY, 0).completion(request(), [{"choices": [{"text": " 4"}]}])
    assert (done.texts, done.prompt_tokens) == ((" 4",), 0)


def test_draws_are_seeded_by_run_and_row():
    sample = Sample(name="sample", max_new_tokens=8, lines=None, temperature=0.5, top_p=0.9, top_k=0)
    one, same, other = (way(served(), sample, seed).bodies(request())[0] for seed in (0, 0, 1))
    assert one == same != other
    assert (one["temperature"], one["top_p"], "top_k" in one) == (0.5, 0.9, False)


@pytest.mark.parametrize(
    ("text", "lines", "found"),
    [
        ("a\nb\nc", 2, ("a\nb\n", True)),
        ("Titles:\n\na\nb", 1, ("Titles:\n\na\n", True)),
        ("a", 1, ("a", False)),
        ("a\nb\n", None, ("a\nb\n", False)),
        ("", 1, ("", False)),
    ],
)
def test_a_text_ends_where_the_task_has_its_lines(text, lines, found):
    assert begun(text, lines) == found


def test_the_reason_of_the_end_is_told():
    writer = way(served(), GREEDY, 0)
    for reason, told in (
        ("stop", "stop"),
        ("length", "length"),
        ("eos", "stop"),
        ("content_filter", "content_filter"),
    ):
        assert writer.completion(request(), [chat("4", reason)]).finish_reason == told
    with pytest.raises(Passing, match="without a text"):
        writer.check({"choices": [{"finish_reason": "stop"}]})


GUIDED = Guided(name="guided", max_new_tokens=8, lines=None, size=2, low=1, high=5)
STARS = Choices(("1", "2"), ("1", "2"))
SHOWN = Choices(("a", "b", "c"), ("Soap (2 oz.)", "Comb", "Comb"))


def bound(form: str, choices: Choices) -> dict[str, object]:
    asked = request(choices)
    if choices is SHOWN:
        asked = asked._replace(question=question(candidates=choices.names))
    [body] = way(served(guided=form), GUIDED, 0).bodies(asked)
    plain = way(served(), GREEDY, 0).bodies(request())[0]
    assert {key: body.pop(key) for key in plain} == plain
    return body


def test_a_guided_text_is_bound_by_the_server_to_stars_or_to_candidates():
    assert bound("regex", STARS) == {"structured_outputs": {"regex": "(1|2)"}}
    [pattern] = bound("regex", SHOWN)["structured_outputs"].values()
    assert pattern == r"([0-9]+\. (Soap \(2 oz\.\)|Comb)\n){2}"
    assert re.fullmatch(pattern, "1. Comb\n2. Soap (2 oz.)\n")
    schemas = [bound("json", choices)["response_format"]["json_schema"] for choices in (STARS, SHOWN)]
    assert [schema["strict"] for schema in schemas] == [True, True]
    stars, shown = (schema["schema"]["properties"]["answer"] for schema in schemas)
    assert stars == {"type": "string", "enum": ["1", "2"]}
    assert (shown["minItems"], shown["maxItems"]) == (2, 2)
    assert shown["items"]["enum"] == ["Soap (2 oz.)", "Comb"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('{"answer": "4"}', "4"),
        ('{"answer": ["Comb", "Soap"]}', "1. Comb\n2. Soap"),
        ('{"answer": ["Co', '{"answer": ["Co'),
        ("4", "4"),
    ],
)
def test_what_a_server_wraps_in_json_is_read_as_text(said, text):
    assert way(served(guided="json"), GUIDED, 0).completion(request(), [chat(said)]).texts == (text,)


def of_next(**chances):
    told = [{"token": token, "logprob": math.log(chance)} for token, chance in chances.items()]
    return chat("1", logprobs={"content": [{"token": "1", "top_logprobs": told}]})


def test_stars_by_the_next_token_whatever_blanks_stand_before_it():
    asking = way(served(likelihoods="next"), DIGITS, 0)
    [body] = asking.bodies(request(NUMBERS))
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)
    done = asking.completion(request(NUMBERS), [of_next(**{"1": 0.1, " 1": 0.2, "3": 0.3, "x": 0.4})])
    assert done.answer == Rating(pytest.approx((0.3 * 1 + 0.3 * 3) / 0.6))
    none = asking.completion(request(NUMBERS), [of_next(x=0.9)])
    assert (none.answer, none.texts, none.finish_reason) == (None, (), "none_of_the_choices")
    old = {"choices": [{"text": "1", "logprobs": {"top_logprobs": [{" 1": 0.0}]}}]}
    assert way(served(likelihoods="next", api="completion"), DIGITS, 0).completion(
        request(NUMBERS), [old]
    ).answer == Rating(1.0)


def test_titles_by_all_of_their_tokens_behind_the_prompt():
    candidates = Candidates(name="candidates", normalise=Normalise.tokens, end=False, size=10)
    choices = Choices(("i1", "i2"), ("Soap", "A comb"))
    asking = way(served(likelihoods="prompt"), candidates, 0)
    bare, soap, comb = asking.bodies(request(choices))
    assert soap["messages"] == [*bare["messages"], {"role": "assistant", "content": "Soap"}]
    assert (soap["prompt_logprobs"], soap["continue_final_message"]) == (0, True)
    assert (soap["add_generation_prompt"], comb["messages"][-1]["content"]) == (False, "A comb")

    def told(*logprobs):
        return chat("", prompt=2 + len(logprobs)) | {
            "prompt_logprobs": [
                None,
                {"9": {"logprob": -50.0}},
                *({"1": {"logprob": value}} for value in logprobs),
            ]
        }

    done = asking.completion(request(choices), [chat("x", prompt=2), told(-4.0), told(-1.0, -2.0)])
    assert done.answer == Ranking(("i2", "i1"), (-1.5, -4.0))


@pytest.mark.parametrize(
    ("likelihoods", "reply"), [("next", chat("1")), ("next", chat("1", logprobs={"content": []}))]
)
def test_a_server_that_tells_no_probabilities_is_refused_plainly(likelihoods, reply):
    with pytest.raises(BackendError, match="tells no log-probabilities"):
        way(served(likelihoods=likelihoods), DIGITS, 0).check(reply)


def test_what_one_token_cannot_tell_is_refused():
    candidates = Candidates(name="candidates", normalise=Normalise.tokens, end=False, size=10)
    with pytest.raises(ConfigError, match="next tells of one token"):
        served(likelihoods="next").serves(candidates)
    with pytest.raises(ConfigError, match=r"model.likelihoods: none, and decoding=digits"):
        served().serves(DIGITS)
    many = tuple(map(str, range(1, 21)))
    with pytest.raises(BackendError, match=r"task.num_negatives=8"):
        way(served(likelihoods="next"), DIGITS, 0).bodies(request(Choices(many, many)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"base_url": []}, "no address"),
        ({"base_url": "localhost:8000"}, "'localhost:8000' is no address"),
        ({"base_url": "https://me:secret@host/v1"}, "carries a user or a password"),
        ({"key": "sk-live-1234"}, "no name of an environment variable"),
        ({"in_flight": 0}, "in_flight: 0 is not above 0"),
        ({"max_cost": 3.0}, "no price is known"),
        ({"price": {"prompt": 1.0}}, "price.completion"),
        ({"likelihoods": "prompt", "api": "completion"}, "is vLLM's for conversations"),
    ],
)
def test_settings_that_cannot_be_are_refused_and_secrets_not_repeated(given, words):
    with pytest.raises(ConfigError, match=words) as told:
        served(**given)
    assert "secret" not in str(told.value)
    assert "sk-live" not in str(told.value)


def test_a_time_to_wait_is_seconds_or_a_date():
    assert retry_after({"retry-after": "3"}) == 3.0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    assert 35 < retry_after({"retry-after": later}) <= 40
    assert retry_after({"retry-after": "-5"}) == 0.0


def test_replies_outlive_the_process_and_differ_by_what_was_asked_of_whom(tmp_path):
    body = {"model": "m", "messages": []}
    name = fingerprint(["http://b", "http://a"], "/x", body)
    assert name == fingerprint(["http://a", "http://b"], "/x", dict(reversed(body.items())))
    others = [
        (["http://a"], "/x", body),
        (["http://a", "http://b"], "/y", body),
        (["http://a", "http://b"], "/x", {}),
    ]
    assert name not in [fingerprint(*other) for other in others]
    Replies(tmp_path).keep({name: {"choices": ["ä"]}})
    assert Replies(tmp_path).get(name) == {"choices": ["ä"]}
    assert Replies(tmp_path).get(b"other") is None
