"""A study as a user gives it: all runs by one command, their folders shared with runs given by hand."""

import os
import subprocess
import sys

WORDS = ["dataset=demo", "dataset.sample.users=0.5,1.0", "limit=20", "resamples=20"]


def llmrec(home, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "COLUMNS": "160", "LLMREC_OUTPUT": "out", "LLMREC_CACHE": "cache"}
    command = [sys.executable, "-m", "llmrec", *words]
    return subprocess.run(command, cwd=home, env=environ, capture_output=True, text=True, check=False)


def folders(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [
        line.partition("-> ")[2] for line in done.stderr.splitlines() if "task=" in line and "-> " in line
    ]


def test_a_study_finds_what_was_run_by_hand_and_survives_a_run_that_fails(tmp_path):
    by_hand = llmrec(tmp_path, "run", "-m", "task=sequential", "model=popularity", *WORDS)
    assert by_hand.returncode == 0, by_hand.stderr
    answered = [tmp_path / folder / "completions.jsonl" for folder in folders(by_hand)]
    before = [path.stat().st_mtime_ns for path in answered]

    done = llmrec(tmp_path, "run", "experiment=size", "model=popularity,train_mean", *WORDS)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert folders(done) == folders(by_hand)
    assert [path.stat().st_mtime_ns for path in answered] == before
    assert "run 1 of 4: task=sequential dataset=demo model=popularity" in done.stderr
    assert done.stderr.count("error: model=train_mean: answers a rating") == 2
    assert "2 of 4 runs did not finish (errors above)" in done.stderr
    assert done.stdout.count("sequential on demo") == 2
    written = [line[3:] for line in done.stderr.splitlines() if line.startswith("-> ")]
    assert written == [f"out/studies/size/{name}" for name in ("points.csv", "page.md", "plot.svg")]
    assert "2 of 4 runs did not finish: " in (tmp_path / written[1]).read_text()
