"""The audit over real runs of small models on invented data."""

import csv
import io

import pytest

from llmrec.artifacts import RunDir
from llmrec.audit.findings import findings, pairs
from llmrec.audit.opened import opened
from llmrec.audit.study import Audit, apart, to_csv
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.report.study import Ran

LINES = (
    ["task=rating", "model=random", "limit=60"],
    ["task=summarization", "model=random"],
    ["task=sequential", "model=popularity", "limit=60"],
    ["task=sequential", "model=popularity", "limit=60", "ties=file_order"],
    ["task=direct", "model=popularity", "limit=60", "task.num_negatives=9"],
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    to = tmp_path_factory.mktemp("audit")
    found = []
    for number, line in enumerate(LINES):
        made = plan(composed(["dataset=demo", "resamples=50", f"cache_dir={to}/cache", *line]))
        folder = to / str(number)
        found.append(Ran(folder, made.stored, run(made, RunDir(folder), Silent())))
    return found


@pytest.fixture(scope="module")
def found(ran):
    return list(findings(opened(ran)))


def test_every_defect_is_weighed_that_the_runs_can_show(found):
    assert {(finding.defect, finding.model) for finding in found} == {
        ("fives_dropped", "random"),
        ("first_rows", "random"),
        ("ties_favourable", "popularity"),
        ("ties_unfavourable", "popularity"),
        ("ties_by_file", "popularity"),
        ("file_order", "popularity"),
        ("sampled", "popularity"),
        ("sequential_ids", "next id"),
    }


def test_ours_is_what_the_runs_themselves_say(ran, found):
    told = [
        (each.metrics.task, each.metrics.model, result.id, result.value)
        for each in ran
        for result in each.metrics.metrics
    ]
    for finding in found:
        if finding.model != "next id":
            key = (finding.task, finding.model, finding.effect.metric)
            values = [value for *of, value in told if tuple(of) == key]
            assert any(finding.effect.ours == pytest.approx(value) for value in values)


def test_favourable_ties_are_never_worse_than_unfavourable_ones(found):
    by_defect = {}
    for finding in found:
        by_defect.setdefault(finding.defect, []).append(finding.effect)
    ties = zip(by_defect["ties_favourable"], by_defect["ties_unfavourable"], strict=True)
    assert all(best.theirs >= best.ours >= worst.theirs for best, worst in ties)


def test_runs_are_paired_that_differ_in_one_thing(ran):
    numbers = [(one.folder.name, other.folder.name, told[0]) for one, other, told in pairs(opened(ran))]
    assert numbers == [("2", "3", "file_order"), ("2", "4", "sampled")]


def test_the_page_and_the_csv_hold_every_finding_and_name_what_did_not_finish(ran, found, tmp_path):
    lost = Ran(tmp_path / "lost", ran[0].choices, None)
    table, page = Audit(title="Defects", runs=["-"]).write([*ran, lost], tmp_path)
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert len(rows) == len(found)
    text = page.read_text()
    assert text.startswith("# Defects\n")
    assert "from 5 of 6 runs" in text
    assert "Not finished: rating by random." in text
    assert text.count("\n| popularity | ") == sum(row["model"] == "popularity" for row in rows)
    assert to_csv([]).decode().startswith("defect,what,")


def test_a_difference_is_bold_where_its_interval_leaves_out_zero():
    assert apart(0.5, (0.25, 0.75)) == "**+0.5000 [+0.2500, +0.7500]**"
    assert apart(-0.5, (-1.0, 0.0)) == "-0.5000 [-1.0000, +0.0000]"
    assert apart(0.5, None) == "+0.5000"
    assert apart(None, None) == "no row is left"
