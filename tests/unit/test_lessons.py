"""Pairs come from training rows alone, worded as the questions are, with the answer alone as target."""

import dataclasses

import pytest
from msgspec.structs import replace

from llmrec.commands.composing import composed
from llmrec.errors import DataError
from llmrec.lessons import HELD_OUT, prepare
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Rating, Text
from llmrec.rows import draw
from llmrec.split.ledger import Role, Scheme

TASKS = ("rating", "sequential", "direct", "explanation", "summarization")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def drawn(cache):
    def made(*overrides):
        chosen = ["dataset=demo", "model=tiny", "finetune=lora", "training_limit=40", "limit=20", *overrides]
        planned = plan(composed([*chosen, f"cache_dir={cache}"]))
        return planned, draw(planned, Silent())

    return made


def of_role(planned, rows, role, *schemes):
    interactions = rows.corpus.interactions
    found = {row for scheme in schemes for row in rows.ledger.rows(scheme, role)}
    return {rows.ledger.row_id(row): interactions[row] for row in found}


@pytest.mark.parametrize("task", TASKS)
def test_pairs_are_training_rows_in_the_words_of_the_questions(drawn, task):
    planned, rows = drawn(f"task={task}")
    lessons = prepare(planned, rows, Silent())
    trained = of_role(planned, rows, Role.TRAIN, planned.task.scheme)
    valid = of_role(planned, rows, Role.VALID, planned.task.scheme)
    assert len(lessons.train) == 40
    assert {pair.prompt.example_id for pair in lessons.train} <= set(trained)
    assert {pair.prompt.example_id for pair in lessons.valid} <= set(valid)
    asked = {message.content for pair in lessons.train for message in pair.prompt.messages}
    assert all("{" not in words for words in asked)
    assert lessons.tasks == [task]
    assert lessons.left_out == {}


def test_the_target_is_the_answer_alone(drawn):
    planned, rows = drawn("task=rating")
    trained = of_role(planned, rows, Role.TRAIN, Scheme.ANY)
    for pair in prepare(planned, rows, Silent()).train:
        assert float(pair.target) == trained[pair.prompt.example_id].rating
    planned, rows = drawn("task=sequential")
    trained = of_role(planned, rows, Role.TRAIN, Scheme.NEXT)
    for pair in prepare(planned, rows, Silent()).train:
        assert pair.target == rows.corpus.items[trained[pair.prompt.example_id].item].title
        assert pair.target not in pair.prompt.messages[-1].content


def test_where_names_are_ids_pairs_of_every_task_name_the_same_items_by_them(drawn):
    planned, rows = drawn("task=sequential", "finetune.tasks=[rating,sequential]", "prompt=random_id")
    names, users = rows.names.items, rows.names.users
    lessons = prepare(planned, rows, Silent())
    trained = of_role(planned, rows, Role.TRAIN, Scheme.ANY, Scheme.NEXT)
    for pair in lessons.train[:40]:
        row = trained[pair.prompt.example_id]
        assert pair.prompt.messages[0].content == (
            f"How many stars will {users[row.user]} give {names[row.item].title}?"
        )
    for pair in lessons.train[40:]:
        assert pair.target == names[trained[pair.prompt.example_id].item].title
    assert drawn("task=rating", "prompt=random_id", "limit=5")[1].names == rows.names


def test_a_task_that_the_data_set_cannot_teach_is_refused(drawn):
    planned, rows = drawn("task=rating", "finetune.tasks=[rating,explanation]")
    silent = [replace(row, review="") for row in rows.corpus.interactions]
    with pytest.raises(DataError, match="no interaction has a review and task=explanation needs it"):
        prepare(
            planned, dataclasses.replace(rows, corpus=replace(rows.corpus, interactions=silent)), Silent()
        )


def test_other_labels_of_test_rows_change_no_pair(drawn):
    planned, rows = drawn("task=rating")
    before = prepare(planned, rows, Silent())
    tested = set(rows.ledger.rows(Scheme.ANY, Role.TEST))
    changed = [
        replace(it, rating=6 - it.rating, review="changed", summary="changed") if row in tested else it
        for row, it in enumerate(rows.corpus.interactions)
    ]
    corpus = replace(rows.corpus, interactions=changed)
    ledger = type(rows.ledger)(
        corpus=corpus,
        timelines=rows.ledger.timelines,
        roles=rows.ledger.roles,
        hides_held_out=rows.ledger.hides_held_out,
    )
    after = prepare(planned, dataclasses.replace(rows, corpus=corpus, ledger=ledger), Silent())
    assert (after.train, after.valid) == (before.train, before.valid)


def test_several_tasks_learn_no_test_row_of_one_another_and_count_what_they_leave_out(drawn):
    planned, rows = drawn(
        "task=rating", "finetune.tasks=[rating,sequential,summarization]", "training_limit=null"
    )
    lessons = prepare(planned, rows, Silent())
    tested = of_role(planned, rows, Role.TEST, Scheme.ANY, Scheme.NEXT)
    learned = {pair.prompt.example_id for pair in [*lessons.train, *lessons.valid]}
    assert not learned & set(tested)
    assert lessons.tasks == ["rating", "sequential", "summarization"]
    assert lessons.left_out[HELD_OUT] > 100
    kinds = {type(example.reference) for example in rows.examples}
    assert kinds == {Rating}
    assert Text not in kinds


def test_the_run_s_own_test_rows_are_not_learned_where_other_tasks_are(drawn):
    planned, rows = drawn("task=rating", "finetune.tasks=[sequential]", "training_limit=null")
    asked = {example.id for example in rows.examples}
    lessons = prepare(planned, rows, Silent())
    assert not asked & {pair.prompt.example_id for pair in lessons.train}
    assert lessons.tasks == ["sequential"]


def test_validation_rows_are_answered_and_scored(drawn):
    planned, rows = drawn("task=sequential", "finetune.validation_rows=5")
    lessons = prepare(planned, rows, Silent())
    popular = plan(composed(["model=popularity", "dataset=demo"])).model.open(
        rows.training, 0, None, Silent()
    )
    found = lessons.validate(popular)
    assert [result.id for result in found.results] == ["coverage", "hr@5/full", "hr@10/full", "ndcg@10/full"]
    assert found.results[0].value == 1.0
    assert {result.n for result in found.results} == {5}
    assert found.main.id == "hr@5/full"


def test_without_validation_rows_nothing_is_asked(drawn):
    planned, rows = drawn("task=sequential", "finetune.validation_rows=0")
    assert prepare(planned, rows, Silent()).validate(None) is None
