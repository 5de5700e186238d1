"""Amazon Beauty, the paper's data set: known scores of the floors, and the literature's own targets."""

import gzip
import json
import time

import pytest
from builders import real_data

from llmrec.artifacts import RunDir
from llmrec.audit.numbering import along
from llmrec.audit.opened import opened
from llmrec.audit.readings import ties_by
from llmrec.commands.composing import composed
from llmrec.errors import DataError
from llmrec.leak import IN_ORDER, check_names, follows, numbered_along
from llmrec.metric.base import Context
from llmrec.metric.ranking import NDCG, HitRate
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Corpus, Event, Example, Interaction, Item, Ranking
from llmrec.report.published import read
from llmrec.report.study import Ran
from llmrec.results import Metrics
from llmrec.rows import draw
from llmrec.split.ledger import Role, Scheme

pytestmark = pytest.mark.integration

NOTHING = Context(training=[])


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("beauty")


@pytest.fixture(scope="session")
def planned(cache):
    data = real_data("beauty")

    def make(*overrides):
        places = [f"data_dir={data}", f"cache_dir={cache}"]
        return plan(composed(["dataset=beauty", "resamples=200", *places, *overrides]))

    return make


def values(metrics: Metrics) -> dict[str, float]:
    return {result.id.partition("/")[0]: result.value for result in metrics.metrics if ":" not in result.id}


@pytest.fixture(scope="session")
def in_file_order(planned, tmp_path_factory) -> Ran:
    made = planned("model=popularity", "task=sequential", "ties=file_order")
    folder = tmp_path_factory.mktemp("in_file_order")
    start = time.monotonic()
    metrics = run(made, RunDir(folder), Silent())
    assert time.monotonic() - start < 60
    return Ran(folder, made.stored, metrics)


def test_popularity_scores_what_is_known_of_it_within_a_minute(in_file_order):
    metrics = in_file_order.metrics
    assert (metrics.n, metrics.n_total, metrics.leaks.status) == (22_363, 22_363, "clean")
    found = values(metrics)
    assert [round(found[name], 4) for name in ("hr@5", "hr@10", "ndcg@10")] == [0.0081, 0.0120, 0.0056]
    assert metrics.notes == ["interactions of one second in file order, as in the literature: no fair split"]


def test_published_popularity_is_ours_with_equal_scores_in_the_order_of_their_ids_too(in_file_order):
    [opened_run] = opened([in_file_order])
    rows = ties_by(opened_run.places)(opened_run.rows)
    metrics = [HitRate(k=[5, 10]), NDCG(k=[5, 10])]
    ours = {
        name: round(float(value), 4)
        for metric in metrics
        for name, value in zip(
            metric.ids(rows, NOTHING), metric.statistics(rows, NOTHING).mean(axis=0), strict=True
        )
    }
    assert ours == {figure.metric: figure.value for figure in read() if figure.method == "Popularity"}


def test_ids_numbered_along_the_sequences_are_those_of_the_literature(in_file_order):
    [opened_run] = opened([in_file_order])
    folder = real_data("beauty") / "beauty"
    with gzip.open(folder / "literature_id_maps.json.gz", "rt") as file:
        maps = json.load(file)
    number = {user: int(given) for given, user in maps["id2user"].items()}
    rows = sorted(opened_run.rows, key=lambda row: number[row.question.user])
    assert along(rows) == {item: int(given) for given, item in maps["id2item"].items()}


def test_ties_in_file_order_make_the_targets_harder_for_popularity(planned, tmp_path):
    metrics = run(planned("model=popularity", "task=sequential"), RunDir(tmp_path), Silent())
    assert values(metrics)["hr@10"] > 0.0140  # .0120 in file order


def test_chance_finds_one_of_a_hundred_as_often_as_it_must(planned, tmp_path):
    metrics = run(
        planned("model=random", "task=direct", "resamples=1000", "task.floors=[]"), RunDir(tmp_path), Silent()
    )
    bounds = {result.id: result.ci95 for result in metrics.metrics}
    for id, share in (("hr@5/sampled-100", 0.05), ("hr@10/sampled-100", 0.10)):
        low, high = bounds[id]
        assert low <= share <= high
    assert metrics.n == 22_363


def test_targets_in_file_order_are_those_of_the_literature_for_every_user(planned):
    made = planned("ties=file_order")
    corpus = made.dataset.load(made.data_dir, made.cache_dir, Silent())
    ledger = made.split.assign(corpus, made.settings.ties, made.settings.seed)
    ours = {
        corpus.interactions[row].user: corpus.interactions[row].item
        for row in ledger.rows(Scheme.NEXT, Role.TEST)
    }
    assert ours == literature_targets(made.data_dir / "beauty")


def literature_sequences(folder) -> list[list[str]]:
    with gzip.open(folder / "literature_sequences.txt.gz", "rt") as lines:
        return [line.split() for line in lines]


def literature_targets(folder) -> dict[str, str]:
    with gzip.open(folder / "literature_id_maps.json.gz", "rt") as file:
        maps = json.load(file)
    return {
        maps["id2user"][user]: maps["id2item"][items[-1]] for user, *items in literature_sequences(folder)
    }


def test_the_literatures_own_ids_are_found_to_be_numbered_along_the_sequences(planned):
    made = planned("ties=file_order", "task=sequential")
    sequences = literature_sequences(made.data_dir / "beauty")
    rows = [
        Interaction(user, item, 5.0, place, "", "")
        for user, *items in sequences
        for place, item in enumerate(items)
    ]
    corpus = Corpus("renumbered", "0" * 16, rows, {}, {}, [])
    ledger = made.split.assign(corpus, made.settings.ties, 0)
    task = made.task
    examples, total = task.examples(ledger, task.references(ledger), Role.TEST, None, 0)
    assert total == 22_363
    items = {row.item: Item(row.item, "", "", ()) for row in rows}
    assert len(numbered_along(examples, items)) > 0.01 * total


@pytest.mark.parametrize(("naming", "low", "high"), [("sequential_id", 0.015, 0.03), ("random_id", 0, 0.001)])
def test_where_items_are_numbered_as_by_p5_the_next_is_often_id_plus_one(planned, naming, low, high):
    rows = draw(planned("task=sequential", "model=tiny", f"prompt={naming}"), Silent())
    shown = rows.names.items
    pairs = [(ex.question.history[-1].item, ex.target.item) for ex in rows.examples]
    hits = sum(follows(shown[last].id, shown[target].id) for last, target in pairs)
    assert low <= hits / len(pairs) < high
    leaks = check_names(rows.examples, shown, rows.ledger.sequences())[IN_ORDER]
    found = (len(numbered_along(rows.examples, shown)), len(leaks))
    assert found == ((hits, 22_363) if low else (0, 0))


def test_asins_are_not_numbered_along_the_sequences(planned, tmp_path):
    made = planned("task=sequential")
    corpus = made.dataset.load(made.data_dir, made.cache_dir, Silent())
    ledger = made.split.assign(corpus, made.settings.ties, 0)
    examples, _ = made.task.examples(ledger, made.task.references(ledger), Role.TEST, None, 0)
    hits = sum(
        f"{int(e.question.history[-1].item[1:], 36) + 1}" == f"{int(e.target.item[1:], 36)}" for e in examples
    )
    assert numbered_along(examples, corpus.items) == []
    assert hits < 0.01 * len(examples)


@pytest.mark.parametrize("task", ["explanation", "summarization"])
def test_tasks_that_need_texts_end_in_one_line(planned, tmp_path, task):
    with pytest.raises(
        DataError, match=rf"dataset=beauty: no interaction has a review and task={task} needs it"
    ):
        run(planned(f"task={task}"), RunDir(tmp_path), Silent())


def test_every_prompt_of_the_data_set_is_free_of_leaks(planned, tmp_path):
    """All 22,363 users: a check that cries wolf on real titles would make the benchmark useless."""
    from llmrec.pipeline import look_for_leaks, word

    made = planned("task=sequential", "model=tiny", "prompt=few_shot")
    rows = draw(made, Silent())
    leaks = look_for_leaks(made, rows, word(made, rows, Silent()), Silent())
    assert leaks.status == "clean"
    assert isinstance(rows.examples[0], Example)
    assert isinstance(rows.examples[0].reference, Ranking)
    assert isinstance(rows.examples[0].question.history[0], Event)
