"""Real small runs, exported and verified; then tampered with, one file after the other."""

import importlib.util
import json
import shutil

import msgspec
import pytest
from capsules import edited, files_of, repacked

from llmrec.artifacts import from_lines
from llmrec.cli import dispatch
from llmrec.finished import Finished
from llmrec.records import Completion, Example
from llmrec.scoring import fingerprint

FEW = ("limit=3", "task.num_negatives=9", "task.answer_tokens=8")
RUNS = {
    "rating": ("task=rating",),
    "direct": ("task=direct", *FEW),
    "explanation": ("task=explanation", "limit=4", "task.answer_tokens=8"),
    "reasks": ("task=rating", "task.answer_tokens=4", "max_reasks=2"),
    "orders": ("task=direct", *FEW, "limit=2", "task.candidate_orders=3"),
    "candidates": ("task=direct", *FEW, "decoding=candidates"),
    "numbers": ("task=direct", *FEW, "prompt=random_id"),
    "popularity": ("model=popularity", "task=direct"),
    "sasrec": ("model=sasrec", "task=sequential"),
    "train_mean": ("model=train_mean", "task=rating"),
}
CHEAP = RUNS["train_mean"]


@pytest.fixture
def verify(capsys):
    """Return what verifies a capsule and gives the status, what was printed and what was told as wrong."""

    def call(capsule, *words):
        capsys.readouterr()
        status = dispatch(["verify", str(capsule), *words])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out, [line for line in printed.err.splitlines() if line.startswith("error: ")]

    return call


@pytest.mark.parametrize("name", RUNS)
def test_a_run_verifies_without_a_model_and_says_what_takes_the_data(capsule, verify, name):
    status, told, wrong = verify(capsule(*RUNS[name]))
    assert (status, wrong) == (0, [])
    assert "read again from the completions, are the same" in told
    assert "NOT verified without the data" in told
    assert "NOT verified by anything here: that the model gave these answers" in told


def test_a_capsule_of_before_whose_predictions_hold_likelihoods_verifies(capsule, verify, tmp_path):
    files = files_of(capsule(*RUNS["popularity"]))
    told = [json.loads(line) for line in files["predictions.jsonl"].splitlines()]
    given = [json.loads(line)["answer"] for line in files["completions.jsonl"].splitlines()]
    assert [row["answer"] for row in told] != given
    rows = [row | {"answer": answer} for row, answer in zip(told, given, strict=True)]
    older = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    again = repacked(files | {"predictions.jsonl": older}, tmp_path / "older.zip", honest=True)
    for words in ([], ["--data-dir", str(tmp_path)]):
        status, _, wrong = verify(again, *words)
        assert (status, wrong) == (0, [])


def test_every_score_of_texts_is_computed_again_from_the_training_answers_that_the_capsule_has(
    capsule, verify
):
    _, told, _ = verify(capsule(*RUNS["explanation"]))
    assert "42 scores of them, computed again, are the same" in told
    assert "file or checkpoint" not in told


def test_second_asks_and_orders_of_candidates_are_in_the_runs_that_verify(made):
    asks = from_lines(made(*RUNS["reasks"]) / "completions.jsonl", Completion)
    assert max(done.ask for done in asks) > 0
    orders = from_lines(made(*RUNS["orders"]) / "completions.jsonl", Completion)
    assert {done.example_id.partition(":")[2] for done in orders} == {"", "1", "2"}


@pytest.mark.parametrize("name", ["direct", "train_mean"])
def test_with_the_data_rows_prompts_floors_and_leaks_are_made_again(capsule, verify, tmp_path, name):
    status, told, wrong = verify(capsule(*RUNS[name]), "--data-dir", str(tmp_path))
    assert (status, wrong) == (0, [])
    assert "rows, prompts, leaks and floors, made again" in told
    assert "without the data" not in told


def test_an_unpacked_capsule_is_a_run_folder(capsule, made, tmp_path):
    shutil.unpack_archive(capsule(*RUNS["popularity"]), tmp_path, "zip")
    assert dispatch(["report", str(tmp_path)]) == 0
    unpacked, run = Finished.at(tmp_path), Finished.at(made(*RUNS["popularity"]))
    assert unpacked.rows == run.rows
    assert unpacked.choices["dataset"] == run.choices["dataset"]


def test_scores_of_a_package_that_is_not_here_are_told_as_not_verified(capsule, verify, monkeypatch):
    known = importlib.util.find_spec
    whole = capsule(*RUNS["explanation"])
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "wordllama" else known(name)
    )
    status, told, wrong = verify(whole)
    assert (status, wrong) == (0, [])
    assert "40 scores" in told
    assert "file or checkpoint: meaning/wordllama-256, meaning/wordllama-256:valid" in told


@pytest.mark.parametrize("honest", [False, True], ids=["old manifest", "new manifest"])
def test_a_changed_completion_is_named_by_its_row(capsule, verify, tmp_path, honest):
    files = files_of(capsule(*RUNS["train_mean"]))
    name = "completions.jsonl"
    files[name] = edited(files[name], 2, lambda row: row["answer"].update(stars=1.5))
    row = json.loads(files[name].splitlines()[2])["example_id"]
    status, _, wrong = verify(repacked(files, tmp_path / "a.zip", honest))
    assert status == 1
    assert any(line.startswith(f"error: {name}: not as the manifest says") for line in wrong) is not honest
    first = next(line for line in wrong if "predictions.jsonl" in line)
    assert first.startswith(f"error: predictions.jsonl: example '{row}': answer.stars: claimed 4.")
    assert first.endswith("found 1.5")
    assert any(line.startswith("error: metrics.json: metrics[rmse].value: claimed ") for line in wrong)


def test_the_first_of_several_changed_predictions_is_named(capsule, verify, tmp_path):
    files = files_of(capsule(*RUNS["direct"]))
    name = "predictions.jsonl"
    for line in (2, 1):
        files[name] = edited(files[name], line, lambda row: row.update(asks=7))
    row = json.loads(files[name].splitlines()[1])["example_id"]
    status, _, wrong = verify(repacked(files, tmp_path / "a.zip", honest=True))
    assert status == 1
    assert [line[: line.rindex(",")] for line in wrong] == [
        f"error: {name}: example '{row}': asks: claimed 7"
    ]


def test_a_row_left_out_of_predictions_or_completions_is_named(capsule, verify, tmp_path):
    for name in ("predictions.jsonl", "completions.jsonl"):
        files = files_of(capsule(*CHEAP))
        row = json.loads(files[name].splitlines()[-1])["example_id"]
        files[name] = b"\n".join(files[name].splitlines()[:-1]) + b"\n"
        status, _, wrong = verify(repacked(files, tmp_path / "a.zip", honest=True))
        assert (status, wrong) == (1, [f"error: {name}: example '{row}': row: is not there"])


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("metrics[mae].value", lambda told: told["metrics"][2].update(value=0.1)),
        ("metrics[rmse].ci95[0]", lambda told: told["metrics"][0].update(ci95=[0.1, 9.0])),
        ("metrics[ndcg@10]", lambda told: told["metrics"].append({**told["metrics"][0], "id": "ndcg@10"})),
        ("coverage.valid", lambda told: told["coverage"].update(valid=7)),
        ("rows", lambda told: told.update(rows="f" * 16)),
        ("model", lambda told: told.update(model="gpt")),
        ("environment.device", lambda told: told["environment"].update(device="cuda")),
    ],
)
def test_a_changed_score_is_named(capsule, verify, tmp_path, place, change):
    files = files_of(capsule(*CHEAP))
    told = json.loads(files["metrics.json"])
    change(told)
    files["metrics.json"] = json.dumps(told).encode()
    status, _, wrong = verify(repacked(files, tmp_path / "a.zip", honest=True))
    assert status == 1
    assert [line.partition(": claimed")[0] for line in wrong] == [f"error: metrics.json: {place}"]


def test_a_caveat_that_was_taken_out_is_missed(capsule, verify, tmp_path):
    files = files_of(capsule(*RUNS["rating"]))
    told = json.loads(files["metrics.json"])
    told["notes"] = [note for note in told["notes"] if "random weights" not in note]
    files["metrics.json"] = json.dumps(told).encode()
    status, _, [wrong] = verify(repacked(files, tmp_path / "a.zip", honest=True))
    assert status == 1
    assert wrong.startswith("error: metrics.json: notes: does not say ")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("examples.jsonl", lambda row: row["target"].update(rating=1.0), "target.rating: claimed 1.0, found"),
        ("prompts.jsonl", lambda row: row.update(cut=3), "cut: claimed 3, found 0"),
    ],
)
def test_what_only_the_data_can_tell_is_told_with_them(capsule, verify, tmp_path, name, change, told):
    files = files_of(capsule(*CHEAP))
    files[name] = edited(files[name], 3, change)
    if name == "examples.jsonl":  # and the hash of them, so that the capsule agrees with itself
        metrics = json.loads(files["metrics.json"])
        metrics["rows"] = fingerprint_of(files[name])
        files["metrics.json"] = json.dumps(metrics).encode()
    bent = repacked(files, tmp_path / "a.zip", honest=True)
    assert verify(bent)[0] == 0
    status, _, [wrong] = verify(bent, "--data-dir", str(tmp_path))
    assert status == 1
    assert wrong.startswith(f"error: {name}: example '")
    assert told in wrong


def fingerprint_of(content: bytes) -> str:
    return fingerprint([msgspec.json.decode(line, type=Example) for line in content.splitlines()])


@pytest.mark.parametrize("field", ["floors", "leaks", "n_total"])
def test_floors_leaks_and_counts_are_held_against_the_data(capsule, verify, tmp_path, field):
    files = files_of(capsule(*CHEAP))
    told = json.loads(files["metrics.json"])
    other = {
        "n_total": 9,
        "leaks": {"status": "clean", "checks": {}},
        "floors": [{**told["floors"][0], "metrics": []}, *told["floors"][1:]],
    }
    told[field] = other[field]
    files["metrics.json"] = json.dumps(told).encode()
    bent = repacked(files, tmp_path / "a.zip", honest=True)
    assert verify(bent)[0] == 0
    status, _, [wrong] = verify(bent, "--data-dir", str(tmp_path))
    assert status == 1
    assert wrong.startswith(f"error: metrics.json: {field}")


def test_a_manifest_that_names_other_files_is_told_by_file(capsule, verify, tmp_path):
    files = files_of(capsule(*CHEAP))
    told = json.loads(files["manifest.json"])
    told["files"]["fit.json"] = told["files"].pop("items.json")
    files["manifest.json"] = json.dumps(told).encode()
    status, _, wrong = verify(repacked(files, tmp_path / "a.zip"))
    assert status == 1
    assert wrong == ["error: 'fit.json': only in the manifest", "error: 'items.json': not in the manifest"]
