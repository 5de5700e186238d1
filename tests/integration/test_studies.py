"""A study as a user gives it: all runs by one command, their folders shared with runs given by hand."""

import os
import re
import subprocess
import sys

import pytest

from llmrec.comparison.contributions import contributions, grids
from llmrec.finished import Finished
from llmrec.report.table import markdown

WORDS = ["dataset=demo", "dataset.sample.users=0.5,1.0", "limit=20", "resamples=20"]
PROMPTS = "no_behavior,cot,zero_shot,no_format"


def llmrec(home, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "COLUMNS": "160", "LLMREC_OUTPUT": "out", "LLMREC_CACHE": "cache"}
    command = [sys.executable, "-m", "llmrec", *words]
    return subprocess.run(command, cwd=home, env=environ, capture_output=True, text=True, check=False)


def folders(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [
        line.partition("-> ")[2] for line in done.stderr.splitlines() if "task=" in line and "-> " in line
    ]


def test_a_study_finds_what_was_run_by_hand_leaves_out_what_cannot_be_and_survives_a_failure(tmp_path):
    by_hand = llmrec(tmp_path, "run", "-m", "task=sequential", "model=popularity", *WORDS)
    assert by_hand.returncode == 0, by_hand.stderr
    assert "run 2 of 2 done in" in by_hand.stderr
    answered = [tmp_path / folder / "completions.jsonl" for folder in folders(by_hand)]
    before = [path.stat().st_mtime_ns for path in answered]
    answered[0].with_name("config.yaml").write_text("task: another\n")

    done = llmrec(tmp_path, "run", "experiment=size", "model=popularity,train_mean", *WORDS)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert folders(done) == folders(by_hand)
    assert [path.stat().st_mtime_ns for path in answered] == before
    assert "run 1 of 2: task=sequential dataset=demo model=popularity" in done.stderr
    runs = "task=sequential dataset=demo model=train_mean prompt=zero_shot"
    lost = f"left out, 2 of 4 runs ({runs}): model=train_mean"
    assert lost in done.stderr
    assert done.stderr.count("error: ") == 1
    assert "run 1 of 2 failed after 0 s, 1 failed\n" in done.stderr
    assert "1 of 4 runs did not finish (errors above)" in done.stderr
    assert "before the start" not in done.stderr  # all was there already
    assert done.stdout.count("sequential on demo") == 1
    written = [line[3:] for line in done.stderr.splitlines() if line.startswith("-> ")]
    assert written == [f"out/studies/size/{name}" for name in ("points.csv", "page.md", "plot.svg")]
    page = (tmp_path / written[1]).read_text()
    assert "1 of 4 runs did not finish: " in page
    assert f"- {lost}: answers a rating" in page


def test_an_ablation_asks_what_can_be_asked_and_tells_what_each_part_contributes(tmp_path):
    # By the probabilities of digits: no text is written, so that cot cannot be asked.
    words = ["model=tiny", "dataset=demo", "task=rating", "decoding=digits", "limit=8", "resamples=20"]
    done = llmrec(tmp_path, "run", "experiment=prompt_ablation", *words, f"prompt={PROMPTS}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("left out, ") == 2
    assert "before the start" in done.stderr
    assert "run 1 of 2 done in" in done.stderr
    assert ", 1 left, about " in done.stderr
    assert "run 2 of 2 done in" in done.stderr
    [page] = tmp_path.glob("out/studies/prompt_ablation/page.md")
    text = page.read_text()
    assert "| task | score | zero_shot | no_format |" in text
    assert "| rating, n = 8 of 353 | valid | 8 of 8 | 8 of 8 |" in text
    assert "prompt=cot wants thoughts" in text
    assert "prompt=no_behavior: asks task=rating as prompt=zero_shot does" in text
    runs = [Finished.at(tmp_path / folder) for folder in folders(done)]
    found = contributions(runs)
    assert [one.of for one in found] == ["format", "format"]
    [grid] = grids(found)
    assert markdown(grid).rstrip() in text
    assert (page.parent / "plot.svg").is_file()


def test_without_a_key_the_papers_other_runs_are_whole(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    words = ["limit=2", "dataset=demo", "task=direct", "resamples=20"]
    done = llmrec(tmp_path, "run", "experiment=paper", *words, "model=popularity,chatgpt")
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "OPENAI_API_KEY" in line]
    start = "left out, 1 of 2 runs (task=direct dataset=demo model=chatgpt prompt=zero_shot): model.key: "
    assert [line.startswith(start) for line in told] == [True]
    assert "popularity" in (tmp_path / "out/studies/paper/page.md").read_text()


def test_the_papers_table_is_rehearsed_with_random_weights(tmp_path):
    words = [
        "weights=random_tiny",
        "limit=2",
        "dataset=demo",
        "task=rating",
        "decoding=digits",
        "resamples=20",
    ]
    done = llmrec(tmp_path, "run", "experiment=paper", *words, "model=alpaca,gru4rec")
    assert done.returncode == 0, done.stderr
    assert "left out, 1 of 2 runs (task=rating dataset=demo model=gru4rec prompt=zero_shot)" in done.stderr
    page = (tmp_path / "out/studies/paper/page.md").read_text()
    assert "alpaca" in page
    assert "- left out, 1 of 2 runs (task=rating dataset=demo model=gru4rec" in page


def test_a_study_of_injections_tells_what_the_items_that_carry_them_gain(tmp_path):
    words = ["model=tiny", "dataset=demo", "limit=12", "resamples=20", "task=direct", "task.num_negatives=7"]
    done = llmrec(tmp_path, "run", "experiment=injection", *words, "decoding=candidates")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out/studies/injection/page.md").read_text()
    assert "| direct | injected |" in page
    assert re.search(
        r"\| direct \| an injected item is first \| \d+ \| 0\.\d{4} \| \S+ \| [+-]0\.\d{4} \[", page
    )
    assert "| direct | mean place of injected items |" in page
    metrics = [path.read_text() for path in tmp_path.glob("out/runs/*/*/metrics.json")]
    assert sorted('"prompts_with_orders"' in one for one in metrics) == [False, True]


@pytest.mark.slow
def test_a_study_of_injections_tells_reviews_that_carry_one_from_others(tmp_path):
    words = ["model=tiny", "dataset=demo", "limit=24", "resamples=20", "task=summarization"]
    done = llmrec(tmp_path, "run", "experiment=injection", *words)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out/studies/injection/page.md").read_text()
    found = dict(re.findall(r"\| summarization \| (only excellent, [^|]+) \| (\d+) \|", page))
    assert {"only excellent, asked about one", "only excellent, one elsewhere in the prompt"} <= set(found)
    assert sum(map(int, found.values())) == 24
