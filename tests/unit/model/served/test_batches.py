"""Runs by a Batch API: the same answers at the lower price, and no batch made twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from batched import Desk
from hostile import Act, good, refused, said, serving

from llmrec.artifacts import PREDICTIONS, RunDir
from llmrec.commands.composing import composed
from llmrec.errors import BackendError, ConfigError
from llmrec.model.served.batches import files, lines_of
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent

ROWS, PROMPTS = 24, 23  # two rows ask the same
WORDS = [
    "dataset=demo", "task=rating", "model=chatgpt", f"limit={ROWS}", "resamples=20", "max_reasks=0",
    "model.timeout=5", "model.in_flight=4",
]  # fmt: skip


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key")


class Telling(Silent):
    def __init__(self):
        self.lines = []

    def tell(self, line):
        self.lines.append(line)


def asked(address, to, *more, name="run", progress=None):
    words = [*WORDS, f"model.base_url={address}", f"cache_dir={to}/cache", *more]
    return run(plan(composed(words)), RunDir(to / name), progress or Silent())


def batched(server, to, *more, progress=None):
    return asked(server.address, to, "model.batch=true", *more, progress=progress)


@pytest.fixture
def direct(tmp_path_factory):
    to = tmp_path_factory.mktemp("direct")
    with serving() as server:
        asked(server.address, to)
    return (to / "run" / PREDICTIONS).read_bytes()


def test_a_run_by_batch_gives_what_a_direct_one_does_and_its_progress_is_told(direct, tmp_path):
    desk, told = Desk(polls=3), Telling()
    with serving(other=desk) as server:
        batched(server, tmp_path, progress=told)
        again = asked(server.address, tmp_path, name="one by one")
    assert (tmp_path / "run" / PREDICTIONS).read_bytes() == direct
    assert again.coverage.valid == ROWS
    assert server.bodies == []
    assert len(desk.batches) == 1
    assert len(desk.files["file-0"].splitlines()) == PROMPTS
    assert told.lines[0].startswith("23 calls to gpt-4o-mini by batch: at most ")
    assert told.lines[1:-1] == [
        "batch batch-0 in_progress: 1 of 23 requests",
        "batch batch-0 in_progress: 2 of 23 requests",
        "batch batch-0 completed: 23 of 23 requests answered",
    ]
    assert told.lines[-1].startswith("asked of the server by this command: 230 + 46 tokens for ")


def test_likelihoods_and_drawn_texts_go_by_batch_too(tmp_path):
    top = [{"token": str(star), "logprob": -star} for star in range(1, 6)]
    desk = Desk(act=lambda number, body: said("1", logprobs={"content": [{"top_logprobs": top}]}))
    with serving(other=desk) as server:
        assert batched(server, tmp_path / "one", "decoding=digits").coverage.valid == ROWS
        assert batched(server, tmp_path / "two", "decoding=sample").coverage.valid == ROWS
    assert server.bodies == []
    files = [desk.files[batch["input_file_id"]] for batch in desk.batches.values()]
    lines = [json.loads(content.splitlines()[0])["body"] for content in files]
    assert [("logprobs" in body, "seed" in body) for body in lines] == [(True, False), (False, True)]


def test_second_asks_make_a_further_batch(tmp_path):
    def act(number, body):
        return good(number, body) if len(body["messages"]) > 1 or number >= 3 else said("no idea")

    desk = Desk(act=act)
    with serving(other=desk) as server:
        metrics = batched(server, tmp_path, "max_reasks=1")
    assert metrics.coverage.valid == ROWS
    assert [batch["request_counts"]["total"] for batch in desk.batches.values()] == [PROMPTS, 3]
    assert server.bodies == []


def test_what_fails_inside_a_batch_is_asked_one_by_one(direct, tmp_path):
    bad = {1: refused(500, "The server had an error"), 4: refused(429), 7: said("4", count=2)}
    desk, told = Desk(bad=bad), Telling()
    with serving(other=desk) as server:
        batched(server, tmp_path, progress=told)
    assert (tmp_path / "run" / PREDICTIONS).read_bytes() == direct
    assert len(server.bodies) == 3
    assert len(desk.batches) == 1
    words = "20 of 23 requests answered (The server had an error); the others are asked one by one"
    assert f"batch batch-0 completed: {words}" in told.lines


def test_of_an_expired_batch_the_half_that_came_back_is_kept(direct, tmp_path):
    desk, told = Desk(ends="expired", answers=ROWS // 2), Telling()
    with serving(other=desk) as server:
        batched(server, tmp_path, progress=told)
    assert (tmp_path / "run" / PREDICTIONS).read_bytes() == direct
    assert len(server.bodies) == PROMPTS - ROWS // 2
    assert [
        line for line in told.lines if line.startswith("batch batch-0 expired: 12 of 23 requests answered (")
    ]


@pytest.mark.parametrize(("ends", "answers"), [("failed", 0), ("cancelled", 5)])
def test_a_batch_that_failed_is_told_and_the_same_command_makes_another_of_the_rest(ends, answers, tmp_path):
    desk = Desk(ends=ends, answers=answers, words="Enqueued token limit\nreached: sk-a-key")
    with serving(other=desk) as server:
        with pytest.raises(
            BackendError, match=rf"batch batch-0 {ends}: {answers} of 23 .*token limit"
        ) as told:
            batched(server, tmp_path)
        assert "\n" not in str(told.value)
        assert "sk-a-key" not in str(told.value)
        desk.ends, desk.answers, desk.words = "completed", None, ""
        assert batched(server, tmp_path).coverage.valid == ROWS
    assert [batch["request_counts"]["total"] for batch in desk.batches.values()] == [
        PROMPTS,
        PROMPTS - answers,
    ]
    assert server.bodies == []


@pytest.mark.parametrize("lost", [refused(500), Act(b"{}" * 100, resets=True), Act(b"<html>")])
def test_a_batch_whose_making_was_not_confirmed_is_found_again(lost, tmp_path):
    desk = Desk(first_create=lost)
    with serving(other=desk) as server:
        assert batched(server, tmp_path).coverage.valid == ROWS
    assert len(desk.batches) == 1


def test_a_server_without_a_batch_api_is_told(tmp_path):
    with serving() as server:
        with pytest.raises(BackendError, match=r"has no Batch API \(404\); set model.batch=false") as told:
            batched(server, tmp_path)
        assert "\n" not in str(told.value)
        assert server.bodies == []
        assert asked(server.address, tmp_path, name="direct").coverage.valid == ROWS


def test_a_batch_of_another_key_is_told(tmp_path):
    desk = Desk(polls=1_000_000)
    with serving(other=desk) as server:
        desk.looked = lambda name: 1 / 0  # hangs up
        with pytest.raises(BackendError, match=r"model\.patience=1"):
            batched(server, tmp_path, "model.patience=1")
        desk.batches.clear()
        with pytest.raises(BackendError, match=r"has no batch batch-0, .* model.batch=false to ask one"):
            batched(server, tmp_path)


def test_money_is_halved_and_its_ceilings_hold(tmp_path):
    """At 5000 for a million tokens 24 rows take some 40 at most, and 0.69 by what the server says."""
    dear = "model.price={prompt: 5000, completion: 5000}"
    desk, told = Desk(), Telling()
    with serving(other=desk) as server:
        with pytest.raises(BackendError, match=r"by batch: at most .* above model.confirm_above=1;"):
            batched(server, tmp_path, dear)
        much = "model.confirm_above=1000"
        with pytest.raises(BackendError, match=r"model.max_cost: .* of 2 is spent"):
            batched(server, tmp_path, dear, much, "model.max_cost=2")
        with pytest.raises(BackendError, match=r"model.max_tokens: .* of 900 is spent"):
            batched(server, tmp_path, dear, much, "model.max_tokens=900")
        assert desk.files == {}
        batched(server, tmp_path, dear, much, progress=told)
    assert told.lines[-1].endswith(f"230 + 46 tokens for {276 * 5000 / 1e6 / 2:.2f} by model.price")
    model = plan(composed([*WORDS, "model.batch=true", dear])).model
    assert model.cost(100, 100) == 0.5


def started(address, to, name="run"):
    places = [f"cache_dir={to}/cache", f"output_dir={to}", f"hydra.run.dir={to}/{name}"]
    command = [sys.executable, "-m", "llmrec", "run", *WORDS, f"model.base_url={address}", "model.batch=true"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*command, *places], env=env, stdout=quiet, stderr=quiet)


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment_exactly_one_batch_is_made(kills, direct, tmp_path):
    """The first time between the making of the batch and the server's word that it is made."""
    chance, desk = random.Random(kills), Desk(polls=1_000_000, first_create=Act(b"{}", stalls=30))
    with serving(other=desk) as server:
        process = started(server.address, tmp_path)
        while not desk.batches:
            time.sleep(0.001)
        killed(process)
        for _ in range(kills - 1):
            process = started(server.address, tmp_path)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=chance.uniform(1.0, 6.0))
            killed(process)
        desk.polls = 0
        assert started(server.address, tmp_path).wait() == 0
    assert len(desk.batches) == 1
    assert server.bodies == []
    assert (tmp_path / "run" / PREDICTIONS).read_bytes() == direct


def test_two_commands_at_once_wait_for_one_batch(direct, tmp_path):
    desk = Desk(polls=4)
    with serving(other=desk) as server:
        both = [started(server.address, tmp_path, name) for name in ("one", "other")]
        assert [process.wait() for process in both] == [0, 0]
    assert len(desk.batches) == 1
    assert server.bodies == []
    for name in ("one", "other"):
        assert (tmp_path / name / PREDICTIONS).read_bytes() == direct


def test_files_keep_to_the_limits():
    calls = {bytes([number]): {"n": number} for number in range(10)}
    parts = list(files("/chat/completions", calls, 4, 10**6))
    assert [len(names) for names, _ in parts] == [4, 4, 2]
    line = len(parts[0][1].splitlines()[0]) + 1
    parts = list(files("/chat/completions", calls, 100, 3 * line + 1))
    assert [len(content) for _, content in parts] == [3 * line, 3 * line, 3 * line, line]
    assert {name for names, _ in parts for name in names} == set(calls)


def test_lines_that_are_none_answer_nothing():
    bad = [b"no JSON", b"[]", b"{}", b'{"custom_id": "zz"}', b'{"custom_id": "00", "response": null}']
    assert [reply for _, reply, _ in lines_of(b"\n".join(bad))] == [None] * 5


def test_a_fleet_answers_no_batch():
    with pytest.raises(ConfigError, match="batch: one server answers a batch"):
        plan(composed([*WORDS, "model.batch=true", "model.base_url=[http://a/v1,http://b/v1]"]))
