"""Points, page and plot of several runs, from metrics written by hand."""

import csv
import io
import sys
from pathlib import Path

import pytest

from llmrec.errors import BackendError, ConfigError
from llmrec.report.curves import PAGE, PLOT, POINTS, Curves
from llmrec.report.plot import COLOURS, Axes, marks
from llmrec.report.points import points
from llmrec.report.study import Ran
from llmrec.results import Coverage, Environment, Floor, Leaks, MetricResult, Metrics, Tokens

SETTINGS = {"share": "dataset.sample.users", "k": "dataset.k_core"}
SIZE = Axes(title="Size", x="users", log=True, shape=None)


def score(value: float | None, name: str = "hr@5/full") -> MetricResult:
    return MetricResult(name, value, 10, None if value is None else (value / 2, value * 2), True)


def metrics(model: str, value: float | None, users: int = 100, **other: object) -> Metrics:
    """Return the metrics of a run with a floor of .01, on data of 50 items, four interactions a user."""
    covered = Coverage(10, 10, {}, {}, 0)
    floor = Floor("random", [score(0.01), score(0.01, "hr@5/full:valid")], covered)
    given: dict[str, object] = {
        "schema": "",
        "task": "sequential",
        "dataset": "beauty",
        "split": "paper",
        "model": model,
        "prompt": "zero_shot",
        "finetune": None,
        "decoding": {},
        "seed": 0,
        "rows": str(users),
        "n": 10,
        "n_total": users,
        "metrics": [score(value), score(value, "hr@5/full:valid")],
        "coverage": covered,
        "leaks": Leaks("clean", {}),
        "floors": [floor],
        "tokens": Tokens(0, 0),
        "seconds": {},
        "environment": Environment({}, None, "", "", "", {}),
        "headline": ["hr@5"],
        "counts": {"users": users, "items": 50, "interactions": 4 * users},
        "notes": [],
    }
    return Metrics(**(given | other))  # type: ignore[arg-type]


def ran(found: Metrics | None, share: float = 1.0, **choices: object) -> Ran:
    dataset = {"sample": {"users": share}, "k_core": 0}
    name = f"{found.model}-{share}-{found.seed}-{choices}" if found else "stopped"
    return Ran(Path("runs") / name, {"dataset": dataset, **choices}, found)


def curves(**other: object) -> Curves:
    given = {"runs": ["task=sequential"], "title": "Size", "x": "users", "log": True, "metric": None}
    return Curves(**(given | {"shape": None, "settings": SETTINGS} | other))  # type: ignore[arg-type]


def test_a_point_knows_the_data_and_the_settings_it_was_had_with():
    (own, valid, *floors) = points([ran(metrics("sasrec", 0.03), share=0.5)], SETTINGS)
    assert own.data == {
        "dataset": "beauty",
        "users": 100,
        "items": 50,
        "interactions": 400,
        "density": 400 / (100 * 50),
    }
    assert (own.at("share"), own.at("k"), own.at("density")) == (0.5, 0, 0.08)
    assert (own.model, own.floor_of, own.result.id, valid.result.id[-5:]) == (
        "sasrec",
        "",
        "hr@5/full",
        "valid",
    )
    assert {(floor.model, floor.floor_of) for floor in floors} == {("random", "sasrec")}


def test_models_that_differ_in_a_choice_alone_are_told_apart_by_it():
    prompts = [
        ran(metrics("llama", 0.1, prompt=prompt), prompt={"name": prompt, "demonstrations": shots})
        for prompt, shots in (("zero_shot", 0), ("few_shot", 3))
    ]
    adapters = [
        ran(metrics("qwen", 0.1), finetune={"adapter": adapter})
        for adapter in (None, "cache/0123456789abcdefXYZ")
    ]
    lone = [ran(metrics("sasrec", 0.1), prompt={"name": "zero_shot"})]
    names = dict.fromkeys(
        point.model for point in points(prompts + adapters + lone, SETTINGS) if not point.floor_of
    )
    assert list(names) == [
        "llama, zero_shot",
        "llama, few_shot",
        "qwen, adapter=null",
        "qwen, adapter=0123456789abcdef",
        "sasrec",
    ]


def test_what_differs_from_place_to_place_tells_no_models_apart():
    runs = [ran(metrics("sasrec", 0.1, users=n), share=n / 100, limit=n) for n in (50, 100)]
    assert {point.model for point in points(runs, SETTINGS)} == {"sasrec", "random"}


def test_runs_of_several_seeds_are_one_mark_at_their_mean_over_all_intervals():
    runs = [ran(metrics("sasrec", value, seed=seed)) for seed, value in ((0, 0.02), (1, 0.04))]
    strict = [point for point in points(runs, SETTINGS) if ":" not in point.result.id]
    own, floor = marks(strict, SIZE)
    assert (own["value"], own["low"], own["high"]) == (0.03, 0.01, 0.08)
    assert (own["model"], own["x"], own["seeds"], own["floor"]) == ("sasrec", 100, 2, False)
    assert (floor["model"], floor["value"], floor["floor"]) == ("random", 0.01, True)


def test_a_floor_that_is_a_model_too_is_drawn_as_a_model_alone():
    runs = [ran(metrics("sasrec", 0.03)), ran(metrics("random", 0.01))]
    strict = [point for point in points(runs, SETTINGS) if ":" not in point.result.id]
    assert [(mark["model"], mark["floor"]) for mark in marks(strict, SIZE)] == [
        ("sasrec", False),
        ("random", False),
    ]


def test_a_score_without_a_value_is_no_mark():
    found = [point for point in points([ran(metrics("sasrec", None))], SETTINGS) if not point.floor_of]
    assert marks(found, SIZE) == []


def test_csv_page_and_plot_are_written_and_tell_the_same(tmp_path):
    runs = [ran(metrics("sasrec", 0.03, users=n), share=n / 100) for n in (50, 100)] + [ran(None)]
    written = list(curves().write(runs, tmp_path))
    assert [path.name for path in written] == [POINTS, PAGE, PLOT]
    rows = list(csv.DictReader(io.StringIO((tmp_path / POINTS).read_text())))
    assert list(rows[0])[:8] == [
        "dataset",
        "share",
        "k",
        "users",
        "items",
        "interactions",
        "density",
        "model",
    ]
    own = [row for row in rows if row["metric"] == "hr@5/full" and not row["floor_of"]]
    assert [(row["users"], row["share"], row["value"], row["low"], row["high"], row["n"]) for row in own] == [
        ("50", "0.5", "0.03", "0.015", "0.06", "10"),
        ("100", "1.0", "0.03", "0.015", "0.06", "10"),
    ]
    page = (tmp_path / PAGE).read_text()
    assert (
        "| dataset | share | users | items | interactions | density | model | valid | rows | hr@5 ↑ |" in page
    )
    assert (
        "| beauty | 0.5 | 50 | 50 | 200 | 8.000% | sasrec | 10 of 10 | 10 of 50 | 0.0300 [0.0150, 0.0600] |"
        in page
    )
    assert "*random*" in page
    assert "1 of 3 runs did not finish: runs/stopped" in page
    drawing = (tmp_path / PLOT).read_text()
    assert drawing.startswith("<svg")
    assert all(
        word in drawing for word in (COLOURS[0], "stroke-dasharray", "sasrec", "random", "hr@5", "users")
    )


def test_the_page_warns_where_points_were_asked_about_other_rows(tmp_path):
    for users, warned in ((100, False), (50, True)):
        runs = [ran(metrics("sasrec", 0.03)), ran(metrics("llama", 0.03, users=users))]
        *_, page, _ = curves().write(runs, tmp_path / str(users))
        assert ("not all were asked the same rows" in page.read_text()) is warned


def test_names_are_drawn_side_by_side_and_one_point_is_enough(tmp_path):
    domains = [ran(metrics("sasrec", 0.03, dataset=name)) for name in ("beauty", "toys")]
    *_, plot = curves(x="dataset").write(domains, tmp_path / "names")
    assert all(word in plot.read_text() for word in ("beauty", "toys", "stroke-dasharray"))
    *_, plot = curves(shape="k").write(domains[:1], tmp_path / "one")
    assert "sasrec" in plot.read_text()


def test_without_what_draws_the_tables_are_written_and_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    writing = curves().write([ran(metrics("sasrec", 0.03))], tmp_path)
    assert [next(writing).name, next(writing).name] == [POINTS, PAGE]
    with pytest.raises(
        BackendError, match=r"^no plot without altair .*; pip install 'llmrec\[plots\]' and give"
    ):
        next(writing)
    assert PLOT not in (tmp_path / PAGE).read_text()


def test_a_score_that_the_task_has_not_is_refused_after_the_tables(tmp_path):
    writing = curves(metric="rmse").write([ran(metrics("sasrec", 0.03))], tmp_path)
    assert [next(writing).name, next(writing).name] == [POINTS, PAGE]
    with pytest.raises(
        ConfigError, match=r"^study\.metric: 'rmse' is no score of task=sequential; known are hr@5"
    ):
        next(writing)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"x": "user"}, "x: 'user' is no column of the points; did you mean 'users'?"),
        ({"shape": "kk"}, "shape: 'kk' is no column of the points; did you mean 'k'?"),
        ({"runs": []}, "runs: no line; give one such as 'task=rating dataset=beauty,gift_cards'"),
    ],
)
def test_a_study_that_cannot_be_is_refused(wrong, told):
    with pytest.raises(ConfigError) as caught:
        curves(**wrong)
    assert str(caught.value) == told
