"""Whole commands against a server: kills of either at random moments."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import hostile
import pytest
from hostile import Act, good, serving

from llmrec.artifacts import COMPLETIONS, METRICS, PREDICTIONS

ROWS = 40


def started(address: str, to: Path, rows: int = ROWS) -> subprocess.Popen:
    words = [
        "dataset=demo", "task=rating", "model=chatgpt", f"model.base_url={address}", f"limit={rows}",
        "resamples=20", "model.in_flight=4", "max_reasks=0", f"cache_dir={to}/cache", f"output_dir={to}",
        f"hydra.run.dir={to}/run",
    ]  # fmt: skip
    env = os.environ | {"OPENAI_API_KEY": "sk-a-key", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "llmrec", "run", *words]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def slow(number, body):
    return Act(good(number, body).content, stalls=0.1)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_goes_on_to_the_same_table_and_asks_little_twice(kills, tmp_path):
    chance = random.Random(kills)
    with serving(slow) as calm:
        assert started(calm.address, tmp_path / "calm").wait() == 0
    done = 0
    with serving(slow) as server:
        while done < kills:
            process = started(server.address, tmp_path / "killed")
            try:
                process.wait(timeout=chance.uniform(1.0, 3.5))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            else:  # it was through: begin anew
                (tmp_path / "killed").rename(tmp_path / f"through-{done}-{time.monotonic()}")
                continue
            process.communicate()
            done += 1
        assert started(server.address, tmp_path / "killed").wait() == 0
    killed, undisturbed = (tmp_path / name / "run" / PREDICTIONS for name in ("killed", "calm"))
    assert killed.read_bytes() == undisturbed.read_bytes()
    assert scores(tmp_path / "killed") == scores(tmp_path / "calm")


@pytest.mark.parametrize(("kills", "rows"), [(3, 100), pytest.param(20, 353, marks=pytest.mark.slow)])
def test_a_server_killed_at_any_moment_changes_no_answer(kills, rows, tmp_path):
    chance, done = random.Random(kills), 0
    with serving() as calm:
        assert started(calm.address, tmp_path / "calm", rows).wait() == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = standing(port)
    process = started(f"http://127.0.0.1:{port}/v1", tmp_path / "shaken", rows)
    try:
        answers = tmp_path / "shaken/run" / COMPLETIONS
        while process.poll() is None and not answers.is_file():
            time.sleep(0.05)
        while process.poll() is None and done < kills:
            time.sleep(chance.uniform(0.1, 0.6))
            server.kill()
            server.wait()
            done += 1
            time.sleep(chance.uniform(0.0, 0.3))
            server = standing(port)
        assert process.wait() == 0
    finally:
        process.kill()
        server.kill()
        server.wait()
    assert done == kills
    shaken, calmly = (tmp_path / name / "run" / PREDICTIONS for name in ("shaken", "calm"))
    assert shaken.read_bytes() == calmly.read_bytes()
    assert scores(tmp_path / "shaken") == scores(tmp_path / "calm")


def standing(port: int) -> subprocess.Popen:
    """Start a server in a process of its own, and wait until it answers."""
    server = subprocess.Popen([sys.executable, hostile.__file__, str(port), "0.15"])
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        assert server.poll() is None
        time.sleep(0.02)


def scores(to: Path) -> str:
    """Return the metrics but for what tells of the time and of the server."""
    return (to / "run" / METRICS).read_text().partition('"seconds"')[0]
