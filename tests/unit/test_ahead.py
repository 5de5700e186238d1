"""Runs looked at before they start: what is left out and why, how much the rest ask, what it may cost."""

import dataclasses
from functools import cache

import pytest
from msgspec.structs import replace
from reported import finished

from llmrec import estimate
from llmrec.ahead import NOTHING, Size, look
from llmrec.artifacts import CONFIG, METRICS, pretty, read_metrics
from llmrec.commands.composing import composed
from llmrec.config import to_yaml
from llmrec.pipeline import word
from llmrec.plan import resolved
from llmrec.progress import Silent
from llmrec.report.page import left_out
from llmrec.report.study import Ran
from llmrec.results import Tokens
from llmrec.rows import draw


@cache
def choices(line: str) -> dict[str, object]:
    return resolved(composed(["dataset=demo", "model=tiny", *line.split()]))


@pytest.fixture
def runs(tmp_path):
    """Return what makes runs, not yet started, of lines of choices."""

    def made(*lines: str) -> list[Ran]:
        places = {"cache_dir": str(tmp_path / "cache"), "output_dir": str(tmp_path)}
        configs = [choices(line) | places for line in lines]
        return [Ran(tmp_path / f"run-{at}", config, None) for at, config in enumerate(configs)]

    return made


def test_what_cannot_be_asked_or_asks_the_same_is_left_out_and_told(runs):
    lines = [
        "task=rating limit=3 prompt=no_behavior",
        "task=rating limit=3",
        "task=direct limit=3 prompt=no_behavior",
        "task=direct limit=3",
        "task=rating limit=3 decoding=digits prompt=cot",
        "task=direct limit=3 task.num_negatives=900",
        "task=rating limit=3 prompt=no_behavior seed=1",
    ]
    why = [cell.run.left_out for cell in look(runs(*lines), Silent())]
    assert why[0] == "prompt=no_behavior: asks task=rating as prompt=zero_shot does"
    assert why[1:4] == ["", "", ""]
    assert "prompt=cot wants thoughts before the answer" in why[4]
    assert why[5].startswith("task.num_negatives: 900 items were asked for")
    assert why[6] == ""


def test_a_recommender_reads_no_prompt_so_that_one_run_of_it_is_enough(runs):
    cells = look(runs("model=popularity limit=3", "model=popularity limit=3 prompt=few_shot"), Silent())
    assert [bool(cell.run.left_out) for cell in cells] == [False, True]
    assert [cell.size for cell in cells] == [NOTHING, NOTHING]


def test_reasons_are_told_once_for_all_runs_that_they_hold_for(runs):
    lines = "task=rating limit=30 prompt=cot", "task=direct limit=3", "task=rating limit=3"
    *out, asked = runs(*lines)
    assert left_out([*(run._replace(left_out="why") for run in out), asked]) == [
        "left out, 2 of 3 runs (task=rating,direct dataset=demo model=tiny prompt=cot,zero_shot): why"
    ]


def test_the_size_of_a_run_is_that_of_its_prompts_and_its_longest_answers(runs):
    [few, every, thinking] = look(
        runs("task=rating limit=30", "task=rating", "task=rating limit=30 prompt=cot"), Silent()
    )
    prompts = word(few.plan, draw(few.plan, Silent()), Silent())
    parts = [part for prompt in prompts for message in prompt.messages for part in message.parts]
    expected = sum(-(-len(part.text.encode()) // 4) for part in parts)
    most = few.plan.task.answer_tokens
    assert few.size == Size(30, pytest.approx(expected), 30 * most)
    assert thinking.size.answer_tokens == 30 * (most + 192)
    # Of many rows a sample is worded, and scaled.
    assert every.size.rows == 353
    assert every.size.prompt_tokens == pytest.approx(353 * expected / 30, rel=0.1)


def test_time_goes_by_the_speed_of_finished_runs_of_the_same_model(runs, tmp_path):
    [one] = look(runs("task=rating limit=30"), Silent())
    model = {**one.plan.stored["model"], "max_batch": 8}
    other = one._replace(plan=dataclasses.replace(one.plan, stored=one.plan.stored | {"model": model}))
    assert estimate.cost([one], {}).seconds is None
    before = finished(tmp_path / "runs", "before", "task=rating limit=5 model=random")
    done = read_metrics(before / METRICS)
    done = replace(done, model="tiny", prompt="zero_shot", decoding={"name": "greedy"})
    done = replace(done, tokens=Tokens(150, 50), seconds={"inference": 10.0})
    (before / METRICS).write_bytes(pretty(done))
    (before / CONFIG).write_bytes(to_yaml(one.plan.stored))
    taken = one.size.prompt_tokens + one.size.answer_tokens
    assert estimate.cost([one], {}).seconds == pytest.approx(taken * 10 / 200)
    assert estimate.cost([other], {}).seconds is None  # another model, as it is set up
    assert estimate.cost([one, other], {}).seconds is None


def test_money_goes_by_the_price_of_a_million_tokens(runs):
    paid = "task=rating limit=30 model=chatgpt model.price.prompt=2 model.price.completion=5"
    local, whole, half = look(runs("task=rating limit=30", paid, f"{paid} model.batch=true"), Silent())
    cost = (2 * whole.size.prompt_tokens + 5 * whole.size.answer_tokens) / 1e6
    found = [estimate.cost(cells, {}).money for cells in ([local], [whole], [half], [local, whole])]
    assert found == pytest.approx([0.0, cost, cost / 2, cost])


def test_what_has_finished_counts_as_done_and_its_data_are_not_read(runs, monkeypatch):
    made = runs("task=rating limit=3", "task=rating limit=30")
    for run in made:
        run.folder.mkdir()
        (run.folder / METRICS).write_text("{}")
    monkeypatch.setattr("llmrec.ahead.draw", None)
    cells = look(made, Silent())
    assert [(cell.finished, cell.size) for cell in cells] == [(True, NOTHING), (True, NOTHING)]
    header, rows = estimate.table(cells)
    assert (header, rows) == (
        ["task", "dataset", "model", "runs", "finished"],
        [["rating", "demo", "tiny", "2", "2"]],
    )


def test_the_table_has_a_line_for_each_task_and_model_and_one_for_all(runs):
    header, rows = estimate.table(
        look(runs("task=rating limit=3", "task=direct limit=3", "task=rating limit=30"), Silent())
    )
    assert header == ["task", "dataset", "model", "runs", "rows", "prompt tokens", "answer tokens"]
    assert [row[:5] for row in rows] == [
        ["rating", "demo", "tiny", "2", "33"],
        ["direct", "demo", "tiny", "1", "3"],
        ["all", "", "", "3", "36"],
    ]
