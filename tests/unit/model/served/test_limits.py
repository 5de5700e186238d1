"""How many requests, how fast, how many tokens, how much money: what bounds a run, and what a fleet bears."""

import pytest
from asking import KEY, ROWS, asked
from hostile import Act, good, refused, said, serving, star

from llmrec.artifacts import RunDir
from llmrec.commands.composing import composed
from llmrec.errors import BackendError
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_a_dead_server_is_left_out_and_the_others_share_the_work(tmp_path):
    def slow(number, body):
        return Act(good(number, body).content, stalls=0.02)

    with serving(slow) as one, serving(slow) as other:
        metrics = asked([one.address, "http://127.0.0.1:9/v1", other.address], tmp_path)
    assert metrics.coverage.valid == ROWS
    assert max((one.asked + other.asked).values()) == 1
    assert min(len(one.bodies), len(other.bodies)) >= ROWS // 4


@pytest.mark.parametrize("rows", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_requests_at_64_in_flight_lose_none_and_repeat_none(rows, tmp_path):
    """With every twentieth going wrong."""
    bad = [refused(500), refused(429, retry_after="0.05"), Act(said("4").content, resets=True)]

    def act(number, body):
        if number % 20 == 7:
            return bad[number // 20 % 3]
        return Act(said(star(body)).content, stalls=0.4)

    with serving(act) as server:
        made = plan(
            composed(
                [
                    "dataset=demo",
                    "task=rating",
                    "prompt=random_id",  # no two rows ask the same
                    "model=chatgpt",
                    f"limit={rows}",
                    f"model.base_url={server.address}",
                    "model.in_flight=64",
                    "max_reasks=0",
                    "resamples=2",
                    f"cache_dir={tmp_path}/cache",
                    "model.confirm_above=100",
                    *(["subset=test", "dataset.users=13000"] if rows > 300 else []),
                ]
            )
        )
        metrics = run(made, RunDir(tmp_path / "run"), Silent())
        failed = sum(number % 20 == 7 for number in range(len(server.bodies)))
    assert metrics.coverage.valid == metrics.n == rows
    assert len(server.bodies) == len(server.asked) + failed
    assert len(server.asked) == rows
    assert 32 < server.most <= 64


def test_a_rate_is_kept_to(tmp_path):
    with serving() as server:
        asked(server.address, tmp_path, "model.requests_per_minute=1200")
    apart = [later - earlier for earlier, later in zip(server.moments, server.moments[1:], strict=False)]
    assert sum(apart) / len(apart) >= 0.049
    whole = server.moments[-1] - server.moments[0]
    assert whole < 0.05 * ROWS * 2


def test_a_ceiling_on_tokens_stops_before_it_is_passed(tmp_path):
    with serving() as server:
        with pytest.raises(BackendError, match=r"model.max_tokens: .* is spent"):
            asked(server.address, tmp_path, "model.max_tokens=900")
        assert 0 < len(server.bodies) * 12 <= 900
        asked(server.address, tmp_path, name="with more")
    assert max(server.asked.values()) == 1


def test_much_money_is_not_spent_unasked(tmp_path):
    dear = "model.price={prompt: 5000, completion: 5000}"
    with serving() as server:
        with pytest.raises(
            BackendError, match=r"23 calls to gpt-4o-mini: at most .* above model.confirm_above=1;"
        ):
            asked(server.address, tmp_path, dear)
        assert server.bodies == []
        with pytest.raises(BackendError, match=r"model.max_cost: .* of 2 is spent"):
            asked(server.address, tmp_path, dear, "model.confirm_above=1000", "model.max_cost=2")
        assert 0 < len(server.bodies) < ROWS
