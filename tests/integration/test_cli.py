"""The command as a user types it: in a process of its own, errors in one line, help at once."""

import csv
import gzip
import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from builders import real_data

from llmrec.commands import doctor
from llmrec.commands.listing import options

LLMREC = [sys.executable, "-m", "llmrec"]
SMOKE = ["experiment=smoke", "limit=3", "resamples=10"]
QUICK = [*SMOKE, "model=random", "task=rating"]  # where no language model need be opened


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def llmrec(home):
    """Run the command in a folder of its own and return what came out."""

    def call(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "160", **environ}
        return subprocess.run(
            [*LLMREC, *words], cwd=home, env=environment, capture_output=True, text=True, check=False
        )

    return call


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the error's only line, and make sure that there is no traceback."""
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr
    assert len(errors) == 1, done.stderr
    return errors[0]


def test_a_run_prints_its_table_and_where_it_lies(llmrec, home):
    done = llmrec("run", *SMOKE, "task=rating")
    assert done.returncode == 0, done.stderr
    assert "rating on demo, split=paper" in done.stdout
    assert all(word in done.stdout for word in ("rmse", "train_mean", "random", "of 3"))
    folder = done.stderr.split("-> ")[1].split()[0]
    assert json.loads((home / folder / "metrics.json").read_text())["task"] == "rating"
    assert "rows:" in (home / folder / "run.log").read_text()


def test_the_same_choices_find_the_same_folder_in_a_sweep_too(llmrec, home):
    first = llmrec("run", *QUICK).stderr.split("-> ")[1].split()[0]
    swept = llmrec("run", "-m", *QUICK, "task=rating,sequential")
    assert swept.returncode == 0, swept.stderr
    folders = [line.split("-> ")[1] for line in swept.stderr.splitlines() if "-> " in line]
    assert folders[0] == first
    assert "sequential on demo" in swept.stdout


def test_odd_folders_are_one_line_or_work(llmrec, home):
    words = ["run", *QUICK]
    assert "/proc/nowhere" in one_line(llmrec(*words, "hydra.run.dir=/proc/nowhere"))
    assert llmrec(*words, f"hydra.run.dir='{home}/a [/b] c'").returncode == 0


def test_the_same_run_from_other_places_is_the_same_run(llmrec, home, tmp_path):
    folder = home / "moved"
    for cache in ("one", "two"):
        done = llmrec("run", *QUICK, f"hydra.run.dir={folder}", f"cache_dir={tmp_path / cache}")
        assert done.returncode == 0, done.stderr


def test_the_other_jobs_of_a_sweep_finish_when_one_fails(llmrec):
    done = llmrec("run", "-m", *SMOKE, "model=popularity", "task=rating,sequential")
    assert "model=popularity: answers a ranking, task=rating asks for a rating" in one_line(done)
    assert "sequential on demo" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "task=ratng"], "task=ratng: no such task; did you mean 'rating'?"),
        (["run", "model=smolm2"], "model=smolm2: no such model; did you mean 'smollm2'?"),
        (["run", "limitt=3"], "limitt: no such setting; did you mean 'limit'?"),
        (["run", "task.num_negativ=3", "task=direct"], "did you mean 'task.num_negatives'?"),
        (["run", "task=direct", "task.num_negatives=ten"], "task.num_negatives: Value 'ten'"),
        (["run", "limit=0"], "limit: 0 is below 1"),
        (["run", "limit=many"], "limit: Value 'many'"),
        (["run", "ties=file"], "ties: Invalid value 'file', expected one of [seeded, file_order]"),
        (["run", "model=hf"], "model.path"),
        (["run", "model.config={sliding_window:4}"], "are added one by one: +model.config.KEY=VALUE"),
        (["run", "model.config.sliding_window=4"], "one by one: +model.config.KEY=VALUE"),
        (["run", *SMOKE, "+model.config.slidng_window=4"], "model.config.slidng_window: no such setting"),
        (["run", "model=hf", "model.path=./nowhere"], "nowhere"),
        (["run", "task=direct", "task.num_negatives=5000"], "task.num_negatives: 5000"),
        (
            ["run", "dataset=beauty", "data_dir=nowhere", "dataset.reviews.address=http://127.0.0.1:9/x"],
            "127.0.0.1:9",
        ),
        (["list", "modle"], "llmrec list modle: no such group; did you mean 'model'?"),
        (["show", "task=ratng"], "did you mean 'rating'?"),
        (["show", "prompts", "n=few"], "n: 'few' is not a number of prompts"),
        (["report", "nowhere"], "nowhere: no metrics.json"),
        (["score", "nowhere"], "nowhere/config.yaml: cannot be read"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_users_mistake_is_one_line_with_a_way_out(llmrec, words, told):
    assert told in one_line(llmrec(*words))


def test_show_prints_the_whole_config(llmrec):
    done = llmrec("show", "task=direct")
    assert "num_negatives: 99" in done.stdout
    assert "${" not in done.stdout


def test_show_prompts_marks_the_modules(llmrec):
    done = llmrec("show", "prompts", "task=direct", "n=2")
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.count("[task]") == done.stdout.count("[behavior]") == done.stdout.count("[format]") == 2
    )


def test_hydras_own_flags_pass_through(llmrec, home):
    assert "num_negatives: 99" in llmrec("run", "task=direct", "--cfg", "job").stdout
    assert "Config search path" in llmrec("run", "--info").stderr + llmrec("run", "--info").stdout
    (home / "mine" / "prompt").mkdir(parents=True, exist_ok=True)
    (home / "mine" / "prompt" / "terse.yaml").write_text(
        'defaults: [_modules]\nname: terse\nformat: "Short: {words}"\n'
    )
    shown = llmrec("run", "--config-dir", str(home / "mine"), "prompt=terse", *SMOKE, "task=rating")
    assert shown.returncode == 0, shown.stderr
    assert "terse" in shown.stdout


def test_a_further_method_of_peft_needs_a_yaml_alone_and_its_cost_is_reported(llmrec, home):
    (home / "mine" / "finetune").mkdir(parents=True)
    (home / "mine" / "finetune" / "ia3.yaml").write_text(
        "defaults: [_sft]\nname: ia3\nlearning_rate: 1.0e-2\n"
        "peft: {peft_type: IA3, target_modules: [v_proj, down_proj], feedforward_modules: [down_proj]}\n"
    )
    few = ["training_limit=32", "finetune.epochs=1", "finetune.validation_rows=0"]
    done = llmrec("run", "--config-dir", str(home / "mine"), *SMOKE, "task=rating", "finetune=ia3", *few)
    assert done.returncode == 0, done.stderr
    assert "smollm2 + ia3: " in done.stdout
    assert "weights learned from 32 pairs" in done.stdout
    rows = json.loads(llmrec("report", "outputs/runs", "--format", "json").stdout)
    own = next(row for row in rows if row["finetune"] == "ia3")
    assert (own["floor_of"], own["training_pairs"]) == ("", 32)
    assert own["training_seconds"] > 0
    assert {row["finetune"] for row in rows if row["floor_of"]} == {"none"}


SWEPT = ["task=rating", "finetune=lora,ptuning_v2", *SMOKE]


def test_a_setting_of_swept_choices_is_told_how_to_be_written(llmrec):
    done = llmrec("run", "-m", *SWEPT, "finetune.epochs=1")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: finetune.epochs: is not in every finetune; in a sweep over finetune=... write "
        "++finetune.epochs=VALUE"
    )


@pytest.mark.slow
def test_so_it_is_then_taken(llmrec):
    done = llmrec("run", "-m", *SWEPT, "++finetune.epochs=1", "++finetune.validation_rows=0")
    assert done.returncode == 0, done.stderr
    assert "smollm2 + ptuning_v2" in done.stdout


def test_tab_completion_completes_groups_after_the_subcommand(llmrec):
    line = "llmrec run task=s"
    done = llmrec("-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line)))
    assert {"task=sequential", "task=summarization"} <= set(done.stdout.split())


def test_report_tells_the_same_in_three_forms(llmrec, home):
    llmrec("run", *SMOKE, "task=rating")
    table = llmrec("report", "outputs/runs").stdout
    rows = json.loads(llmrec("report", "outputs/runs", "--format", "json").stdout)
    lines = list(csv.DictReader(io.StringIO(llmrec("report", "outputs/runs", "--format", "csv").stdout)))
    assert "rating on demo" in table
    assert len(rows) == len(lines) > 6
    mean = {"model": "train_mean", "metric": "rmse", "floor_of": "smollm2"}
    found = next(row for row in rows if mean.items() <= row.items())
    assert f"{found['value']:.4f}" in table


def test_score_needs_no_model(llmrec, home):
    folder = llmrec("run", *QUICK).stderr.split("-> ")[1].split()[0]
    path = home / folder / "metrics.json"
    before = json.loads(path.read_text())
    path.unlink()
    done = llmrec("score", folder)
    assert done.returncode == 0, done.stderr
    after = json.loads(path.read_text())
    assert {**after, "seconds": {}} == {**before, "seconds": {}}


def test_help_and_list_are_instant(llmrec):
    for words in (["--help"], ["list"], ["run", "--help"]):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert llmrec(*words).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert words[0] == "run" or spent < 0.35, f"{words}: {spent:.2f} s"


def test_doctor_finds_nothing_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "options", lambda group: options(group)[:1])
    assert doctor.main(["data_dir=nowhere", f"cache_dir={tmp_path}"]) == 0
    told = capsys.readouterr().out
    assert f"{len(doctor.GROUPS)} configs compose" in told
    assert "fault" not in told


@pytest.mark.slow
def test_doctor_finds_nothing_wrong_with_any_choice(llmrec):
    done = llmrec("doctor", "data_dir=nowhere")
    assert done.returncode == 0, done.stdout
    every = sum(len(options(group)) for group in doctor.GROUPS)
    assert f"{every} configs compose" in done.stdout
    assert "fault" not in done.stdout


def test_a_full_disk_is_one_line_and_the_run_goes_on_afterwards(llmrec, home):
    folder = home / "full"
    folder.mkdir()
    (folder / "completions.jsonl").symlink_to("/dev/full")
    words = ["run", *QUICK, f"hydra.run.dir={folder}"]
    assert "No space left on device" in one_line(llmrec(*words))
    (folder / "completions.jsonl").unlink()
    assert llmrec(*words).returncode == 0


def test_help_is_for_every_command(llmrec):
    for path in sorted((Path(__file__).parents[2] / "llmrec" / "commands").glob("*.py")):
        if "def main" in path.read_text():
            assert "usage: llmrec" in llmrec(path.stem, "--help").stdout, path.stem


@pytest.mark.integration
def test_doctor_tells_data_that_is_intact_from_data_that_is_not(tmp_path, monkeypatch, capsys):
    folder = real_data("musical_instruments") / "musical_instruments"
    whole = next(folder.glob("reviews_*.json.gz"))
    monkeypatch.setattr(doctor, "CHECKS", {"data sets": doctor.datasets})
    for kept, status in ((None, 0), (-1, 1)):
        place = tmp_path / str(status) / "musical_instruments"
        place.mkdir(parents=True)
        lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)[:kept]
        (place / whole.name).write_bytes(b"".join(lines))
        assert doctor.main([f"data_dir={place.parent}", f"cache_dir={tmp_path}/cache"]) == status
        told = capsys.readouterr().out
        assert ("10,261 interactions expected, 10,260 found" in told) == bool(status)
