"""Conventional recommenders as whole runs on the invented shop, beside language models."""

from io import StringIO

import pytest
from rich.console import Console

from llmrec.artifacts import FIT, RunDir, read_metrics
from llmrec.commands.composing import composed
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.report.flat import flat
from llmrec.report.table import drawn, grids
from llmrec.rows import draw

pytestmark = pytest.mark.integration

QUICK = ["dataset=demo", "resamples=50"]
EPOCHS = ["model.epochs=2", "model.evaluate_every=1", "model.dim=8"]
LEARNED = ("bpr_mf", "simplex", "hgn", "gru4rec", "bert4rec", "sasrec", "sasrec_bce")
COUNTED = ("recent_popularity", "last_item", "item_knn")


@pytest.fixture
def done(tmp_path):
    """Return the metrics of a run of these choices; runs share a cache."""

    def make(name, *overrides):
        made = plan(composed([*QUICK, f"cache_dir={tmp_path / 'cache'}", *overrides]))
        return run(made, RunDir(tmp_path / name), Silent())

    return make


@pytest.mark.parametrize("model", [*LEARNED, *COUNTED])
def test_one_fit_answers_over_the_catalogue_and_among_candidates(done, tmp_path, model):
    quick = [f"model={model}", *(EPOCHS if model in LEARNED else [])]
    sequential = done("sequential", "task=sequential", *quick)
    direct = done("direct", "task=direct", *quick)
    assert (sequential.n, sequential.coverage.valid) == (sequential.n_total, sequential.n)
    assert (direct.n, direct.coverage.valid, direct.leaks.status) == (sequential.n, direct.n, "clean")
    assert sequential.prompt == ""
    if model not in ("recent_popularity", "last_item"):
        assert sequential.fit == direct.fit
        assert sequential.fit.parameters > 0
        assert (tmp_path / "direct" / FIT).is_file()


def test_what_a_fit_took_stands_in_the_result_the_table_and_the_csv(done, tmp_path):
    metrics = done("run", "task=sequential", "model=sasrec", *EPOCHS)
    fit = metrics.fit
    assert read_metrics(tmp_path / "run" / "metrics.json").fit == fit
    assert (fit.epochs, len(fit.curve), fit.library.split()[0]) == (2, 2, "torch")
    [table] = grids([metrics])
    assert f"sasrec: {fit.parameters:,} numbers learned from {fit.rows:,} rows" in " ".join(table.notes)
    row = next(flat(tmp_path / "run", metrics))
    assert (row["trainable"], row["training_pairs"], row["training_seconds"]) == (
        fit.parameters, fit.rows, fit.seconds,
    )  # fmt: skip


def test_a_conventional_row_and_a_language_models_stand_in_one_table_with_their_verdicts(done):
    few = ["task=sequential", "limit=8"]
    tiny = done("tiny", *few, "model=tiny", "max_reasks=0", "prompt.history_tokens=16")
    counted = done("knn", *few, "model=item_knn")
    assert tiny.rows == counted.rows
    [table] = grids([tiny, counted])
    assert [row[0].split("\n")[0] for row in table.rows] == [
        "tiny", "item_knn", "random", "popularity", "last_item",
    ]  # fmt: skip
    assert "beats\npopularity?" in table.header
    console = Console(width=80, record=True, file=StringIO())
    console.print(drawn(table))
    shown = console.export_text()
    assert all(f"{model} beats popularity? " in shown for model in ("tiny", "item_knn"))
    assert "│ popularity " in shown  # its name is not folded where there is room for 80 letters


def test_recommenders_are_given_training_rows_in_order_and_no_other():
    made = plan(composed([*QUICK, "task=sequential", "model=popularity"]))
    rows = draw(made, Silent())
    held_out = {(e.target.user, e.target.item) for e in [*rows.examples, *rows.training.validation(None)]}
    learned = rows.training.interactions
    assert not held_out & {(row.user, row.item) for row in learned}
    by_user: dict[str, list[int]] = {}
    for row in learned:
        by_user.setdefault(row.user, []).append(row.timestamp)
    assert len(by_user) == len({row.user for row in learned})
    assert all(times == sorted(times) for times in by_user.values())
    assert [row.user for row in learned] == [user for user, times in by_user.items() for _ in times]
    assert len(rows.training.validation(7)) == 7


def test_a_table_of_models_that_read_no_prompt_has_no_column_for_one(done):
    [table] = grids([done("counted", "task=sequential", "limit=8", "model=last_item")])
    assert table.header[:2] == ["model", "valid"]
    assert [len(row) for row in table.rows] == [len(table.header)] * len(table.rows)
