"""What parts of a prompt contribute: by hand, and against the comparison of the same folders."""

import numpy as np
import pytest
from reported import finished

from llmrec.artifacts import EXAMPLES, METRICS, from_lines, read_metrics, to_lines
from llmrec.commands import report
from llmrec.comparison.contributions import HEADER, ablated, contributions, grids
from llmrec.comparison.differences import Outcome, differences, measures
from llmrec.comparison.pairs import paired
from llmrec.finished import Finished
from llmrec.records import Completion, Example
from llmrec.report.latex import latex
from llmrec.report.table import markdown

LINE = "task=rating limit=40 seed=3 max_reasks=0"
# What the model says, in turn, to each prompt; few_shot tells no module's worth.
SAYS = {"zero_shot": ["4"], "no_format": ["1", "well"], "no_task_description": ["4", "5"], "few_shot": ["5"]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Runs that differ in their prompt alone: one recording, its content changed from run to run."""
    to = tmp_path_factory.mktemp("ablated")
    rows = from_lines(finished(to, "asked", f"{LINE} model=random") / EXAMPLES, Example)
    recorded = to / "recorded.jsonl"
    for prompt, texts in SAYS.items():
        recorded.write_bytes(
            to_lines(
                Completion(row.id, 0, (texts[at % len(texts)],), None, "stop", 10, 2)
                for at, row in enumerate(rows)
            )
        )
        finished(to, prompt, f"{LINE} prompt={prompt} model=replay model.path={recorded}")
    return to


@pytest.fixture(scope="module")
def found(folders):
    return contributions([Finished.at(folders / name) for name in ("few_shot", *SAYS)][1:])


def of(found, part, score):
    [one] = [one for one in found if (one.of, one.difference.metric) == (part, score)]
    return one


def test_a_module_is_worth_the_full_prompt_minus_the_one_without_it(found, folders):
    stars = np.array([row.reference.stars for row in Finished.at(folders / "zero_shot").rows])
    without = np.array([1.0, np.nan] * 20)
    [mean] = Finished.at(folders / "no_format").context.training
    without[np.isnan(without)] = mean.stars
    expected = np.abs(4 - stars).mean() - np.abs(without - stars).mean()
    one = of(found, "format", "mae")
    assert one.difference.difference == pytest.approx(expected)
    assert one.difference.scores == pytest.approx((np.abs(without - stars).mean(), np.abs(4 - stars).mean()))
    assert (one.verdict, one.difference.n) == ("helps", 40)  # an error that falls


def test_any_other_prompt_is_worth_itself_minus_the_full_one(found, folders):
    stars = np.array([row.reference.stars for row in Finished.at(folders / "zero_shot").rows])
    one = of(found, "few_shot", "mae")
    assert one.difference.difference == pytest.approx(np.abs(5 - stars).mean() - np.abs(4 - stars).mean())


def test_it_is_the_comparison_of_the_same_folders_corrected_over_all(found, folders):
    held = [("few_shot", "zero_shot", "few_shot"), ("format", "no_format", "zero_shot")]
    held.append(("task description", "no_task_description", "zero_shot"))
    measured = []
    for _, *names in held:
        pair = paired(tuple(names), *(Finished.at(folders / name) for name in names))
        measured += measures(pair, [])
    assert len(found) == 6
    by_names = {(one.one, one.other, one.metric): one for one in differences(measured)}
    for one in found:
        theirs = by_names[one.difference.one, one.difference.other, one.difference.metric]
        assert one.difference == theirs
        assert (one.verdict == "unclear") is (theirs.outcome is Outcome.unclear)


def test_runs_that_differ_in_more_than_their_prompt_are_not_held_against_each_other(folders, tmp_path):
    other = finished(tmp_path, "other", f"{LINE} prompt=no_format model=random")
    runs = [folders / "zero_shot", other]
    assert ablated({folder: read_metrics(folder / METRICS) for folder in runs}) == []
    assert contributions([Finished.at(folder) for folder in runs]) == []


def test_the_full_prompt_of_the_same_length_is_the_one_that_counts(folders, tmp_path):
    recorded = folders / "recorded.jsonl"
    line = f"{LINE} model=replay model.path={recorded} cache_dir={folders}/cache prompt.history_tokens=64"
    for name in ("zero_shot", "no_format"):
        finished(tmp_path, name, f"{line} prompt={name}")
    runs = [folders / "zero_shot", tmp_path / "zero_shot", tmp_path / "no_format"]
    found = contributions([Finished.at(folder) for folder in runs])
    assert {one.with_it.folder for one in found if one.of == "format"} == {tmp_path / "zero_shot"}


def test_every_form_of_the_report_tells_the_same(folders, found, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    [grid] = grids(found)
    assert grid.header == list(HEADER)
    names = [str(folders / name) for name in SAYS]
    worth = of(found, "format", "mae").difference
    for form, table in (("markdown", markdown(grid)), ("latex", latex(grid)), ("table", "what each part of")):
        assert report.main([*names, "--format", form]) == 0
        out = capsys.readouterr().out
        assert table.splitlines()[0] in out
        assert f"{worth.difference:+.4f}" in out
        assert "helps" in out
        assert "(20 valid)" in out  # of no_format: every other answer is none
    assert report.main([*names, "--format", "json"]) == 0
    assert "helps" not in capsys.readouterr().out


def test_a_folder_of_metrics_alone_is_reported_as_before(folders, tmp_path, capsys):
    for name in ("zero_shot", "no_format"):
        (tmp_path / name).mkdir()
        (tmp_path / name / METRICS).write_bytes((folders / name / METRICS).read_bytes())
    assert report.main([str(tmp_path), "--format", "markdown"]) == 0
    told = capsys.readouterr()
    assert "| replay | zero_shot |" in told.out
    assert told.err.startswith("no contributions of prompts: ")
