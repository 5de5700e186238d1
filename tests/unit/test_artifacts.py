"""Artifacts on disk: whole or absent, and never of two different runs."""

import pytest

from llmrec.artifacts import COMPLETIONS, EXAMPLES, METRICS, RunDir, from_lines, to_lines
from llmrec.errors import DataError
from llmrec.records import Completion, Prediction, Ranking, Rating, Text
from llmrec.results import Environment, MetricResult

ODD = "quotes \" and ' and\nnewlines [brackets] {braces} שלום 🙂 \u2028"


def done(id="q", text="4"):
    return Completion(id, 0, (text,), None, "stop", 1, 1)


@pytest.mark.parametrize("answer", [Rating(4.5), Ranking(("a", "b"), (2.0, 1.0)), Text(ODD), None])
def test_records_survive_the_round_trip(tmp_path, answer):
    record = Prediction("q", answer, None, ("repair",), 1)
    (tmp_path / "records.jsonl").write_bytes(to_lines([record]))
    assert from_lines(tmp_path / "records.jsonl", Prediction) == [record]


def test_a_line_that_is_no_record_is_named(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_bytes(to_lines([done()]) + b'{"nonsense": 1}\n')
    with pytest.raises(DataError, match=r"records.jsonl:2: no Completion"):
        from_lines(path, Completion)


def test_a_settled_artifact_may_change_until_something_was_completed_with_it(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.settle(EXAMPLES, b"one\n")
    run_dir.settle(EXAMPLES, b"two\n")
    run_dir.append([done()])
    run_dir.settle(EXAMPLES, b"two\n")
    with pytest.raises(DataError, match=r"examples.jsonl: holds another run .* hydra.run.dir=DIR"):
        run_dir.settle(EXAMPLES, b"three\n")
    assert (tmp_path / EXAMPLES).read_bytes() == b"two\n"


@pytest.mark.parametrize("left", [b"", b"one\nt", b"one\n"])
def test_a_settled_artifact_that_was_cut_off_is_written_anew(tmp_path, left):
    run_dir = RunDir(tmp_path)
    run_dir.settle(EXAMPLES, b"one\ntwo\n")
    run_dir.append([done()])
    (tmp_path / EXAMPLES).write_bytes(left)
    run_dir.settle(EXAMPLES, b"one\ntwo\n")
    assert (tmp_path / EXAMPLES).read_bytes() == b"one\ntwo\n"


def test_metrics_that_were_cut_off_tell_no_seconds(tmp_path):
    (tmp_path / METRICS).write_bytes(b'{"schema": "llmrec/')
    assert RunDir(tmp_path).seconds() == {}


def test_where_files_lie_is_no_other_run(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.settle(EXAMPLES, b"seed: 0\ncache_dir: /a\n")
    run_dir.append([done()])
    run_dir.settle(EXAMPLES, b"seed: 0\ncache_dir: /b\n", but=("cache_dir",))
    with pytest.raises(DataError, match="holds another run"):
        run_dir.settle(EXAMPLES, b"seed: 1\ncache_dir: /a\n", but=("cache_dir",))


def test_a_run_does_not_go_on_on_another_device(tmp_path):
    run_dir = RunDir(tmp_path)
    then = Environment({}, None, "cpu", "float32", "", {})
    run_dir.note_environment(then)
    run_dir.note_environment(Environment({}, None, "cuda:0", "bfloat16", "", {}))
    run_dir.note_environment(then)
    run_dir.append([done()])
    run_dir.note_environment(then)
    with pytest.raises(
        DataError, match=r"begun on cpu in float32, here it would go on on cuda:0 in bfloat16"
    ):
        run_dir.note_environment(Environment({}, None, "cuda:0", "bfloat16", "", {}))


def test_processes_write_a_file_each_and_the_first_gathers_them(tmp_path):
    first, second = RunDir(tmp_path), RunDir(tmp_path, rank=1)
    second.append([done("b"), done("c")])
    first.append([done("a")])
    whole = {(id, 0): done(id) for id in "abc"}
    assert first.completions() == second.completions() == whole
    first.gather()
    assert [path.name for path in tmp_path.iterdir()] == [COMPLETIONS]
    assert RunDir(tmp_path).completions() == whole


def test_a_line_that_another_process_is_writing_is_left_to_it(tmp_path):
    first, second = RunDir(tmp_path), RunDir(tmp_path, rank=1)
    second.append([done("a"), done("b")])
    path = tmp_path / "completions.1.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert set(first.completions()) == {("a", 0)}
    assert path.read_bytes() == whole[:-5]
    assert set(second.completions()) == {("a", 0)}
    second.append([done("c")])
    assert set(first.completions()) == {("a", 0), ("c", 0)}


def test_what_another_process_completed_is_paid_for(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.settle(EXAMPLES, b"one\n")
    RunDir(tmp_path, rank=1).append([done()])
    with pytest.raises(DataError, match="holds another run"):
        run_dir.settle(EXAMPLES, b"two\n")


def test_completions_are_found_again_by_example_and_ask(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.append([done("a"), done("b", ODD)])
    assert run_dir.completions() == {("a", 0): done("a"), ("b", 0): done("b", ODD)}


def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path):
    run_dir = RunDir(tmp_path)
    (tmp_path / COMPLETIONS).symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"completions.jsonl: cannot be written \(No space left on device\)"):
        run_dir.append([done()])


def test_metric_results_may_be_without_a_value(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(to_lines([MetricResult("rmse:valid", None, 0, None, False)]))
    assert from_lines(path, MetricResult)[0].value is None
