from pathlib import Path

import msgspec
import pytest

from llmrec.artifacts import to_lines
from llmrec.decoding.greedy import Greedy
from llmrec.errors import BackendError, DataError
from llmrec.model.replay import Replay
from llmrec.progress import Silent
from llmrec.records import Completion, Training

GREEDY = Greedy(name="greedy", max_new_tokens=1, lines=None)


def recording(folder: Path, *rows: tuple[str, int, str]) -> Path:
    """Write completions (example, ask, text) as a run does."""
    lines = [
        msgspec.json.encode(Completion(name, ask, (text,), None, "stop", 7, 2)) for name, ask, text in rows
    ]
    (folder / "completions.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


def replay(path: Path):
    return Replay(name="replay", path=str(path)).open(Training([], {}, []), 0, Path("unused"), Silent())


def test_replay_answers_by_example_and_ask(tmp_path, ask):
    session = replay(recording(tmp_path, ("a", 0, "first"), ("b", 0, "other"), ("a", 1, "second")))
    requests = [ask("a", ask=1), ask("b"), ask("a")]
    [batch] = session.batches(requests, GREEDY)
    assert [row.texts for row in session.complete(batch, GREEDY)] == [("second",), ("other",), ("first",)]


def test_replay_takes_the_file_itself_too(tmp_path, ask):
    file = recording(tmp_path, ("a", 0, "first")) / "completions.jsonl"
    assert replay(file).complete([ask("a")], GREEDY)[0].prompt_tokens == 7


def test_replay_counts_what_is_not_recorded_before_anything_is_answered(tmp_path, ask):
    session = replay(recording(tmp_path, ("a", 0, "first")))
    with pytest.raises(BackendError, match=r"2 of 3 prompts .* example b, ask 0"):
        session.batches([ask("a"), ask("b"), ask("a", ask=1)], GREEDY)


def test_replay_refuses_a_recording_of_other_prompts(tmp_path, ask):
    recording(tmp_path, ("a", 0, "first"))
    (tmp_path / "prompts.jsonl").write_bytes(to_lines([ask("a", "How many?").prompt]))
    session = replay(tmp_path)
    assert len(session.batches([ask("a", "How many?")], GREEDY)) == 1
    with pytest.raises(BackendError, match="1 of 1 prompts are worded otherwise in the recording"):
        session.batches([ask("a", "Which one?")], GREEDY)


def test_replay_of_a_missing_recording_names_the_way_out(tmp_path):
    with pytest.raises(BackendError, match=r"give a run folder or a completions\.jsonl"):
        replay(tmp_path)


def test_replay_of_a_broken_line_names_file_and_line(tmp_path):
    recording(tmp_path, ("a", 0, "first"))
    with (tmp_path / "completions.jsonl").open("a") as stream:
        stream.write('{"example_id": "b", "as')
    with pytest.raises(DataError, match=r"completions.jsonl:2: no Completion"):
        replay(tmp_path)


def test_replay_is_told_by_the_bytes_of_its_recording(tmp_path):
    first = replay(recording(tmp_path, ("a", 0, "x"))).environment
    assert replay(recording(tmp_path, ("a", 0, "y"))).environment != first
