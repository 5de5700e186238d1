"""Signals: the first waits for what is to be finished, and ends at once what is not."""

import signal
import subprocess
import sys

import pytest

from llmrec import stopping

SECOND = """
import os, signal
from llmrec import stopping
stopping.listen()
with stopping.finishing():
    os.kill(os.getpid(), signal.SIGTERM)
    print("goes on", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("is not reached")
"""


@pytest.fixture
def heard(monkeypatch):
    """Listen for signals until the test ends."""
    monkeypatch.setattr(stopping, "_heard", stopping._Heard())
    before = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    stopping.listen()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_ends_at_once_what_needs_no_finishing(heard):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert stopping.status() == 130


def batches(done, number, asks=lambda between: between()):
    """Do three batches; a signal comes in the second."""
    with stopping.finishing() as between:
        for batch in range(3):
            if batch == 1:
                signal.raise_signal(number)
            done.append(batch)
            asks(between)


def test_a_signal_waits_until_the_block_may_be_left(heard, capfd):
    done = []
    with pytest.raises(KeyboardInterrupt):
        batches(done, signal.SIGTERM)
    assert done == [0, 1]
    assert stopping.status() == 143
    assert "once more, and it ends at once" in capfd.readouterr().err


def test_a_signal_is_not_forgotten_where_the_block_is_never_left_between(heard):
    done = []
    with pytest.raises(KeyboardInterrupt):
        batches(done, signal.SIGINT, asks=lambda between: None)
    assert done == [0, 1, 2]


def test_an_error_in_the_block_is_told_rather_than_the_signal(heard):
    def fails(between):
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        batches([], signal.SIGINT, asks=fails)


def test_a_second_signal_ends_the_process_there_and_then():
    done = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stdout == "goes on\n"
