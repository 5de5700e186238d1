"""A study as typed: its lines with the user's choices in place of their own, and the folders they find."""

from pathlib import Path

import pytest

from llmrec.ahead import look
from llmrec.commands.composing import composed
from llmrec.commands.listing import options
from llmrec.commands.studying import Asked, planned, study_of, swept
from llmrec.commands.words import parsed, values
from llmrec.errors import ConfigError
from llmrec.estimate import table
from llmrec.progress import Silent
from llmrec.report.curves import Curves
from llmrec.report.page import left_out

CURVES = ("cross_domain", "size", "sparsity")
STUDIES = (*CURVES, "audit", "injection", "literature_beauty", "paper", "prompt_ablation")
OWN = """# @package _global_
defaults: [size]
description: my own
study:
  runs:
    - model=popularity dataset=demo limit=3
    - model=random dataset=demo
    - model=random dataset=demo limit=3
"""


def asked(*argv: str) -> Asked:
    found = study_of(argv)
    assert found is not None
    return found


def words(found: Asked) -> list[list[str]]:
    return [sweep.words for sweep in planned(found)]


def test_the_experiments_of_several_runs_say_so():
    assert {name for name, text in options("experiment") if text.startswith("several runs")} == set(STUDIES)


def test_of_the_papers_runs_chatgpts_is_told_with_its_price_or_left_out(monkeypatch, tmp_path):
    places = [f"cache_dir={tmp_path}/cache", f"output_dir={tmp_path}"]
    study = asked("experiment=paper", "dataset=demo", "task=direct", "limit=300", *places)
    runs = [run for sweep in planned(study) for run in sweep.runs]
    runs = [run for run in runs if run.choices["model"]["name"] in ("chatgpt", "llama")]
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    [line] = left_out([cell.run for cell in look(runs, Silent())])
    assert line.startswith("left out, 1 of 4 runs (task=direct dataset=demo model=chatgpt ")
    assert "the environment has no OPENAI_API_KEY; export it" in line
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key")
    header, rows = table(look(runs, Silent()))
    costs = {row[2]: row[header.index("cost")] for row in rows}
    assert float(costs["chatgpt"]) > 0.01
    assert (costs[""], costs["llama"]) == (costs["chatgpt"], "-")


@pytest.mark.parametrize("name", CURVES)
def test_the_curves_compose_run_by_run(name):
    found = asked(f"experiment={name}", "output_dir=/out")
    assert isinstance(found.study, Curves)
    assert found.to == Path(f"/out/studies/{name}")
    runs = [run for sweep in planned(found) for run in sweep.runs]
    assert len({run.folder for run in runs}) == len(runs) > 2
    assert all(run.choices["task"]["name"] == "sequential" and "study" not in run.choices for run in runs)


def test_the_papers_models_are_all_in_the_zoo_and_run_by_the_tasks_that_they_have():
    lines = [parsed(line.split()) for line in asked("experiment=paper").study.runs]
    chosen = [{word.key_or_group: values(word) for word in line} for line in lines]
    known = {option.name for option in options("model")}
    assert {model for line in chosen for model in line["model"]} <= known
    first = chosen[0]
    assert first["task"] == ["rating", "sequential", "direct", "explanation", "summarization"]
    families = ("chatglm", "chatglm2", "llama", "alpaca")
    assert first["model"] == [f"{name}{how}" for name in families for how in ("", "-lora", "-ptuning")]
    assert {*first["dataset"]} == {"beauty"}
    (sweep,) = planned(asked("experiment=paper", "model=hgn", "task=sequential"))
    assert [run.choices["model"]["name"] for run in sweep.runs] == ["hgn"]


def test_what_the_user_gives_takes_the_place_of_the_lines_own():
    given = ["dataset.sample.users=0.5", "model=random,popularity", "limit=5"]
    found = asked("experiment=size", *given, "study.log=false", "hydra.run.dir=/here")
    assert words(found) == [["task=sequential", "dataset=beauty", *given]]
    assert (found.to, found.study.log) == (Path("/here"), False)


def test_a_run_has_the_folder_that_its_line_typed_by_hand_has():
    (sweep,) = planned(asked("experiment=size", "model=popularity", "limit=5", "dataset.sample.users=0.5"))
    by_hand = composed([*sweep.words], with_hydra=True).hydra.run.dir
    assert [run.folder for run in sweep.runs] == [Path(by_hand).absolute()]


def test_the_whole_data_set_of_a_study_is_the_run_without_a_sample():
    (sweep,) = planned(asked("experiment=size", "model=popularity", "output_dir=/out"))
    words = ["task=sequential", "dataset=beauty", "model=popularity", "output_dir=/out"]
    assert sweep.runs[-1].folder == Path(composed(words, with_hydra=True).hydra.run.dir)


def test_a_study_of_ones_own_is_found_and_a_line_that_is_there_already_is_run_once(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(OWN)
    found = asked("--config-dir", str(tmp_path), "experiment=mine", "model=random", "-m")
    assert found.flags == ["--config-dir", str(tmp_path)]
    assert words(found) == [["dataset=demo", "limit=3", "model=random"], ["dataset=demo", "model=random"]]


@pytest.mark.parametrize(
    "argv",
    [
        ["task=rating", "limit=3"],
        ["experiment=smoke"],
        ["-m", "experiment=smoke,cpu"],
        ["experiment=nowhere"],
        ["experiment=size", "--cfg", "job"],
        ["experiment=size", "--info"],
    ],
    ids=" ".join,
)
def test_anything_else_is_left_to_hydra(argv):
    assert study_of(argv) is None


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (
            ["experiment=size,smoke"],
            "experiment=size,smoke: size is several runs already; give it a command alone",
        ),
        (
            ["experiment=size", "study.x=user"],
            "study.x: 'user' is no column of the points; did you mean 'users'?",
        ),
        (["experiment=size", "study.y=1"], "study.y: no such setting; did you mean 'study.x'?"),
        (["experiment=size", "limitt=3"], "limitt: no such setting; did you mean 'limit'?"),
        (
            ["experiment=size", "model=random,populrity"],
            "model=populrity: no such model; did you mean 'popularity'?",
        ),
        (["experiment=size", "limit=[3"], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_before_anything_runs(argv, told):
    with pytest.raises(ConfigError) as caught:
        list(planned(asked(*argv)))
    assert "\n" not in str(caught.value)
    assert told in (None, str(caught.value))


def test_a_glob_stands_for_every_choice_of_its_group(tmp_path, capsys):
    cells = swept(
        ["-m", "task=glob(*)", "dataset=demo", "model=popularity", "limit=5", f"output_dir={tmp_path}"]
    )
    assert [cell.run.choices["task"]["name"] for cell in cells] == [option.name for option in options("task")]
    assert "before the start" in capsys.readouterr().err
