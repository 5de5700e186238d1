"""The published figures, as a typed reader gives them."""

import csv
import re
from pathlib import Path

import pytest
from builders import CHECKOUT

from llmrec.errors import DataError
from llmrec.report.published import BEAUTY, COLUMNS, DEFECTS, read, told

GOOD = 'direct,SimpleX,hr@5/sampled-100,0.2247,"P5, table 7",checked,other_candidates,simplex bpr_mf\n'


def file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "published.csv"
    path.write_text(",".join(COLUMNS) + "\n" + "".join(lines))
    return path


def test_a_figure_is_read_with_its_defects_and_ours(tmp_path):
    [figure] = read(file(tmp_path, GOOD))
    assert (figure.method, figure.metric, figure.value) == ("SimpleX", "hr@5/sampled-100", 0.2247)
    assert (figure.source, figure.defects) == ("P5, table 7", ("other_candidates",))
    assert figure.ours == ("simplex", "bpr_mf")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (GOOD.replace("0.2247", "high"), r"published.csv:3: 'high' is no number"),
        (GOOD.replace("other_candidates", "bad_luck"), r"published.csv:3: 'bad_luck' is no known defect"),
        ("direct,SimpleX\n", r"published.csv:3: 2 cells, not 8"),
    ],
)
def test_a_line_that_is_no_figure_is_named(tmp_path, line, message):
    with pytest.raises(DataError, match=message):
        read(file(tmp_path, GOOD, line))


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("task,method\n")
    with pytest.raises(DataError, match=r"published.csv:1: no columns task,method,metric"):
        read(path)


def test_the_package_holds_the_figures_of_74_rows_on_beauty():
    figures = read()
    assert len({(f.task, f.method, f.source) for f in figures}) == 74
    assert len(figures) == 284
    [rmse] = [f for f in figures if (f.method, f.metric) == ("MF", "rmse")]
    assert (rmse.value, rmse.ours) == (1.1973, ("mf",))
    leaking = {f.method for f in figures if "leaky_ids" in f.defects and f.task == "sequential"}
    assert leaking == {"P5-S(2-3)", "P5-B(2-3)", "P5-S(2-13)", "P5-B(2-13)"}


def test_no_figure_has_a_source_that_a_reader_cannot_look_up():
    assert not re.search(r"\d{8,}|\bids? \d", BEAUTY.read_text())
    assert all(figure.source and figure.status for figure in read())


def test_every_known_defect_has_a_figure_that_has_it():
    assert {name for figure in read() for name in figure.defects} == set(DEFECTS)


def test_the_figures_are_those_that_were_collected():
    collected = CHECKOUT.parent / "shared" / "reference_beauty.csv"
    if not collected.is_file():
        pytest.skip("no ../shared/reference_beauty.csv to compare with")
    with collected.open(newline="") as lines:
        values = [float(value) for row in csv.DictReader(lines) for value in row["values"].split(";")]
    assert [figure.value for figure in read()] == values


def test_defects_are_told_as_words():
    assert told(["leaky_ids", "quoted"]) == "leaky ids, quoted"
    assert told([]) == "-"
