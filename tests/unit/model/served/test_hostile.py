"""Runs against servers that misbehave: each ends complete, or stops with one line and goes on later."""

import json
import re
import shutil
import ssl
import subprocess
import time

import pytest
from asking import KEY, ROWS, asked
from hostile import Act, good, refused, said, serving

from llmrec.artifacts import COMPLETIONS, from_lines
from llmrec.errors import BackendError
from llmrec.records import Completion
from llmrec.report.table import grids


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def first(bad, times=3):
    """Do the bad thing that often, and good ones from then on."""
    return lambda number, body: bad if number < times else good(number, body)


PASSING = {
    "too many, with a time to wait": refused(429, retry_after="0.3"),
    "too many, with none": refused(429),
    "an error of its own": refused(500),
    "a gateway": Act(b"<html>bad gateway</html>", 502, {"Content-Type": "text/html"}),
    "unavailable": refused(503, retry_after="0.1"),
    "a reset midway": Act(said("4").content, resets=True),
    "a stall": Act(said("4").content, stalls=1.5),
    "a byte now and then": Act(said("4").content, drips=0.2),
    "a byte of the headers now and then": Act(drips=0.2, drips_early=True),
    "half a JSON": Act(said("4").content[:-20]),
    "a message that is none": Act(b'{"choices": [{"message": "4"}], "usage": [1]}'),
    "no JSON object": Act(b"[]"),
    "two choices": said("4", count=2),
    "no choice": said("4", count=0),
    "a choice without a text": Act(b'{"choices": [{"finish_reason": "stop"}]}'),
}


@pytest.mark.parametrize("bad", PASSING.values(), ids=PASSING)
def test_what_passes_is_waited_out_and_every_row_gets_its_own_answer(bad, tmp_path):
    with serving(first(bad)) as server:
        metrics = asked(server.address, tmp_path)
    assert metrics.coverage.valid == ROWS
    assert len(server.bodies) == len(server.asked) + 3
    done = from_lines(tmp_path / "run" / COMPLETIONS, Completion)
    assert len({one.example_id for one in done}) == ROWS
    with serving() as calm:
        again = asked(calm.address, tmp_path / "calm")
    assert [m.value for m in again.metrics] == [m.value for m in metrics.metrics]


def test_a_time_to_wait_is_kept_to_by_all(tmp_path):
    with serving(first(refused(429, retry_after="1.2"), times=1)) as server:
        asked(server.address, tmp_path, "model.in_flight=1")
    assert server.moments[1] - server.moments[0] >= 1.2


FATAL = {
    "an expired key": (
        refused(401, f"Incorrect API key provided: {KEY}"),
        "refuses the key in OPENAI_API_KEY",
    ),
    "no such model": (refused(404, "The model does not exist"), "knows no such model or path"),
    "a spent quota": (refused(429, "You exceeded", code="insufficient_quota"), "the quota is spent"),
    "a guide that it does not know": (
        refused(400, "Unsupported: response_format"),
        r"does not take the request \(.*response_format.*\); see model.api, guided",
    ),
    "a field that it does not know": (refused(400, "Unsupported parameter: max_tokens"), "see model.api"),
}


@pytest.mark.parametrize(("bad", "words"), FATAL.values(), ids=FATAL)
def test_what_does_not_pass_stops_at_once_and_the_same_command_goes_on(bad, words, tmp_path):
    with serving(lambda number, body: good(number, body) if number < 5 else bad) as server:
        with pytest.raises(BackendError, match=words) as told:
            asked(server.address, tmp_path, "model.in_flight=1")
        assert "\n" not in str(told.value)
        assert KEY not in str(told.value)
        assert len(server.bodies) == 6
        server.act = good
        assert asked(server.address, tmp_path, "model.in_flight=1").coverage.valid == ROWS
    assert len(server.bodies) == len(server.asked) + 1


def test_patience_ends_and_what_was_answered_is_kept(tmp_path):
    with serving(lambda number, body: good(number, body) if number < 10 else refused(500)) as server:
        with pytest.raises(BackendError, match=r"patience=1 .*what was answered is kept"):
            asked(server.address, tmp_path, "model.patience=1", "model.in_flight=2")
        server.act = good
        before = len(server.bodies)
        asked(server.address, tmp_path, "model.patience=1", "model.in_flight=2")
    assert len(server.bodies) - before == len(server.asked) - 10


@pytest.mark.parametrize("early", [False, True])
def test_a_server_that_drips_for_ever_ends_with_the_patience(early, tmp_path):
    endless = Act(said("4" * 1000).content, drips=0.2, drips_early=early)
    with serving(lambda number, body: endless) as server:
        start = time.monotonic()
        words = r"no whole answer in 1.5 s; asked \d times, .*patience=2 "
        with pytest.raises(BackendError, match=words) as told:
            asked(server.address, tmp_path, "model.patience=2")
        assert "\n" not in str(told.value)
    assert time.monotonic() - start < 15


def test_a_redirect_is_told_and_neither_key_nor_prompt_follows_it(tmp_path):
    with serving() as other:
        away = Act(status=307, headers={"Location": f"{other.address}/chat/completions"})
        with (
            serving(lambda number, body: away) as server,
            pytest.raises(BackendError, match="sends its callers on"),
        ):
            asked(server.address, tmp_path)
    assert other.bodies == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
def test_a_wrong_certificate_is_told(tmp_path):
    names = ["-subj", "/CN=elsewhere.invalid", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with (
        serving(context=context) as server,
        pytest.raises(BackendError, match="its certificate does not hold"),
    ):
        asked(server.address, tmp_path)
    assert server.bodies == []


def test_filtered_empty_and_overlong_rows_count_as_failures_and_stop_nothing(tmp_path):
    bad = [
        said(None, reason="content_filter"),
        refused(400, "flagged", code="content_filter"),
        said(""),
        refused(400, "This model's maximum context length is 10 tokens", code="context_length_exceeded"),
    ]
    with serving(lambda number, body: bad[number] if number < 4 else good(number, body)) as server:
        metrics = asked(server.address, tmp_path, "model.in_flight=1")
    assert metrics.coverage.valid == ROWS - 4
    assert metrics.coverage.failures == {"content_filter": 2, "empty": 1, "too_long": 1}


@pytest.mark.parametrize("task", ["rating", "direct"])
@pytest.mark.parametrize("form", ["regex", "json"])
def test_guided_answers_stand_beside_the_strict_ones_under_their_name(form, task, tmp_path):
    words = [f"task={task}", f"model.guided={form}"]
    with serving(lambda number, body: said(obeying(body))) as server:
        strict = asked(server.address, tmp_path / "strict", *words)
        guided = asked(server.address, tmp_path / "guided", *words, "decoding=guided")
    assert (strict.coverage.valid, guided.coverage.valid) == (0, ROWS)
    assert guided.coverage.repairs == {}
    [grid] = grids([strict, guided])
    at = grid.header.index("decoding")
    assert [row[at] for row in grid.rows[:2]] == ["greedy", "guided"]


def obeying(body):
    """Return an answer that is bound to what the request says, and none where it says nothing."""
    if "structured_outputs" in body:
        pattern = body["structured_outputs"]["regex"]
        is_list = pattern.endswith("{10}")
        items = re.split(r"(?<!\\)[()]", pattern)[-3 if is_list else 1].replace("\\", "").split("|")
        listed = "".join(f"{place}. {item}\n" for place, item in enumerate(items[:10], 1))
        text = listed if is_list else items[0]
        assert re.fullmatch(pattern, text)
        return text
    if "response_format" in body:
        answer = body["response_format"]["json_schema"]["schema"]["properties"]["answer"]
        told = answer["items"]["enum"][:10] if "items" in answer else answer["enum"][0]
        return json.dumps({"answer": told})
    return "I would rather not say."


def test_another_run_with_the_same_prompts_asks_nothing(tmp_path):
    with serving() as server:
        once = asked(server.address, tmp_path)
        again = asked(server.address, tmp_path, "resamples=21", name="another")
    assert max(server.asked.values()) == 1
    assert [m.value for m in again.metrics] == [m.value for m in once.metrics]


def test_the_same_prompt_twice_at_once_is_asked_once(tmp_path):
    slow = Act(said("4").content, stalls=0.05)
    with serving(lambda number, body: slow) as server:
        asked(
            server.address,
            tmp_path,
            "prompt=no_behavior",
            "task.wording.input=''",
            "task.wording.task=Guess.",
        )
    assert max(server.asked.values()) == 1
    assert len(server.bodies) < ROWS
